"""A regularization path: each group's norm, or the deviance explained, against strength."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spikesieve._arguments import is_word, shown
from spikesieve.plotting._style import (
    BLACK,
    DARK_GREY,
    GREY,
    label_above,
    label_line_ends,
    line_look,
    new_axes,
    open_frame,
    strength_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_QUANTITIES = ("group_norms", "deviance_explained")
MOST_LABELS = 12


def plot_path(
    path, quantity: str = "group_norms", ax: "Axes | None" = None, named: Sequence[str] | None = None
) -> "Axes":
    """Draw a path against strength; strength decreases to the right, so covariates enter from left to right.

    Triangles (or, for the deviance, dotted lines) mark the strength at which a group enters. Crosses
    mark solutions that did not converge. With more than twelve groups the twelve largest are
    coloured and named, and the others are grey.

    Parameters
    ----------
    path
        A `spikesieve.solver.Path`.
    quantity
        ``"group_norms"``: Euclidean norm of each group's coefficients. ``"deviance_explained"``: share
        of the null deviance that the model explains [%].
    ax
        Where to draw; None makes a new figure.
    named
        Labels of the groups to colour and name, in the order of the colours, so that several paths can be
        drawn alike. None: those that enter, the twelve largest.

    Raises
    ------
    ValueError
        If `quantity` is neither of the two.
    """
    if not is_word(quantity, _QUANTITIES):
        raise ValueError(f"quantity must be one of {', '.join(map(repr, _QUANTITIES))}; got {shown(quantity)}.")
    ax = new_axes() if ax is None else ax
    x = strength_axis(ax, path.strengths)
    open_frame(ax)
    if quantity == "group_norms":
        _draw_norms(ax, x, path, largest_groups([path]) if named is None else named)
    else:
        _draw_deviance(ax, x, path, _first_entered(path) if named is None else named)
    if getattr(path, "interrupted", False):
        ax.text(0.01, 0.98, "interrupted: not the whole path", transform=ax.transAxes, va="top", color=DARK_GREY)
    return ax


def largest_groups(paths) -> list[str]:
    """Labels of the groups to name, largest first; groups that never enter have nothing to show."""
    peak: dict[str, float] = {}
    for path in paths:
        for label, norm in path.group_norms.items():
            peak[label] = max(float(np.max(norm)), peak.get(label, 0.0))
    entered = [label for label, size in peak.items() if size > 0]
    return sorted(entered, key=lambda label: -peak[label])[:MOST_LABELS]


def _draw_norms(ax, x, path, named):
    norms = path.group_norms
    looks = _looks(norms, named)
    ends = []
    for label in (label for label in norms if label not in looks):
        ax.plot(x, norms[label], color=GREY, linewidth=0.8, zorder=1, label=f"_{label}", **_dot_if_alone(x))
    for label, look in looks.items():
        ax.plot(x, norms[label], linewidth=1.8, zorder=3, label=label, **look, **_dot_if_alone(x))
        ends.append((label, float(norms[label][-1]), look["color"]))
    _mark_entries(ax, x, path, looks)
    _mark_unconverged(ax, x, path, [norms[label] for label in looks] or list(norms.values()))
    ax.set_ylabel("norm of the group's coefficients")
    ax.set_ylim(bottom=0.0)
    label_line_ends(ax, x[-1], ends + _label_of_the_rest(norms, looks))


def _looks(norms: dict[str, np.ndarray], named: Sequence[str]) -> dict[str, dict]:
    """Colour and style of each of the named groups that enters."""
    looks = {label: line_look(index) for index, label in enumerate(named)}
    return {label: look for label, look in looks.items() if label in norms and norms[label].max() > 0}


def _label_of_the_rest(norms, named) -> list[tuple[str, float, str]]:
    others = [norm for label, norm in norms.items() if label not in named]
    entered = [float(norm[-1]) for norm in others if norm.max() > 0]
    labels = [(f"{len(entered)} more", float(np.median(entered)), DARK_GREY)] if entered else []
    never = len(others) - len(entered)
    return labels + ([(f"{never} never enter{'s' if never == 1 else ''}", 0.0, DARK_GREY)] if never else [])


def _mark_entries(ax, x, path, looks):
    for label, look in looks.items():
        at = _entry_position(x, path, label)
        marker = ax.plot(at, 0.0, marker="^", markersize=7, color=look["color"], linestyle="none")[0]
        marker.set(clip_on=False, zorder=4, label=f"_entry of {label}")


def _entry_position(x, path, label) -> float:
    strength = path.entry_strengths()[label]
    return float(x[int(np.flatnonzero(path.strengths == strength)[0])])


def _mark_unconverged(ax, x, path, curves, legend_at="upper left"):
    bad = ~np.asarray(path.converged)
    if not bad.any():
        return
    for index, curve in enumerate(curves):
        label = "not converged" if index == 0 else "_not converged"
        ax.plot(x[bad], curve[bad], "x", color=BLACK, markersize=6, zorder=5, label=label)
    handle = next(line for line in ax.lines if line.get_label() == "not converged")
    ax.legend(handles=[handle], loc=legend_at, frameon=False)


def _draw_deviance(ax, x, path, named):
    percent = 100.0 * path.deviance_explained
    ax.plot(x, percent, color=BLACK, linewidth=1.8, zorder=3, label="deviance explained", **_dot_if_alone(x))
    _mark_unconverged(ax, x, path, [percent], legend_at="lower right")
    ax.set_ylabel("deviance explained [%]")
    ax.set_ylim(bottom=min(0.0, float(np.nanmin(percent))))
    looks = _looks(path.group_norms, named)
    label_above(ax, [(label, _entry_position(x, path, label), look["color"]) for label, look in looks.items()])


def _first_entered(path) -> list[str]:
    norms, entry = path.group_norms, path.entry_strengths()
    entered = [label for label in norms if norms[label].max() > 0]
    return sorted(entered, key=lambda label: -entry[label])[:MOST_LABELS]


def _dot_if_alone(x) -> dict[str, str]:
    return {"marker": "o"} if len(x) == 1 else {}
