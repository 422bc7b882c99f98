"""Held-out score against strength, with the two strengths that the rules choose."""

from typing import TYPE_CHECKING

import numpy as np

from spikesieve._arguments import is_word, shown
from spikesieve.plotting._style import (
    BLUE,
    DARK_GREY,
    GREY,
    SMALL,
    VERMILLION,
    new_axes,
    open_frame,
    strength_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_AXIS_LABELS = {
    "deviance": "held-out deviance per bin",
    "bits_per_spike": "held-out information [bits per spike]",
}


def plot_cross_validation(cv, quantity: str = "deviance", ax: "Axes | None" = None) -> "Axes":
    """Draw mean and standard error over folds of a held-out score against strength.

    Folds are faint lines; vertical lines mark `strength_min` and `strength_1se`; the top axis tells how
    many groups are active in the fit to all data. Strength decreases to the right.

    Parameters
    ----------
    cv
        A `spikesieve.selection.CrossValidation`.
    quantity
        ``"deviance"`` per bin, which the rules minimise, or ``"bits_per_spike"`` above the training
        mean rate.
    ax
        Where to draw; None makes a new figure.

    Raises
    ------
    ValueError
        If `quantity` is neither of the two, or the family has no bits per spike.
    """
    if not is_word(quantity, _AXIS_LABELS):
        raise ValueError(f"quantity must be one of {', '.join(map(repr, _AXIS_LABELS))}; got {shown(quantity)}.")
    folds = getattr(cv, quantity)
    if folds is None:
        raise ValueError("Bits per spike are defined for counts of spikes only; plot quantity='deviance'.")
    ax = new_axes() if ax is None else ax
    x = strength_axis(ax, cv.strengths)
    open_frame(ax)
    mean, error = cv.mean_and_error(quantity)
    _draw_folds(ax, x, folds, mean, error)
    if quantity == "bits_per_spike":
        ax.axhline(0.0, color=DARK_GREY, linewidth=0.8, zorder=0, label="_mean rate")
    _focus(ax, folds, mean, error)
    _mark_choices(ax, x, cv)
    _count_groups(ax, x, cv)
    ax.set_ylabel(_AXIS_LABELS[quantity])
    return ax


def _draw_folds(ax, x, folds, mean, error):
    for index, fold in enumerate(folds):
        ax.plot(x, fold, color=GREY, linewidth=0.8, zorder=1, label=f"_fold {index}")
    ax.fill_between(x, mean - error, mean + error, color=BLUE, alpha=0.25, linewidth=0, zorder=2)
    ax.plot(x, mean, color=BLUE, linewidth=2, zorder=3, label="mean ± standard error")


def _focus(ax, folds, mean, error):
    """Show all of the mean and its band; folds may leave the frame where they differ by much more."""
    known = np.isfinite(mean) & np.isfinite(error)
    low, high = float(np.min((mean - error)[known])), float(np.max((mean + error)[known]))
    room = 0.6 * (high - low) if high > low else max(abs(high) * 0.05, 1e-9)
    finite = folds[np.isfinite(folds)]
    bottom, top = max(low - room, float(finite.min())), min(high + room, float(finite.max()))
    ax.set_ylim(min(bottom, low) - 0.05 * room, max(top, high) + 0.05 * room)


def _mark_choices(ax, x, cv):
    if cv.strength_min == cv.strength_1se:
        choices = [("min = 1 SE", cv.strength_min, VERMILLION, "-", "left", 5)]
    else:
        choices = [
            ("1 SE", cv.strength_1se, VERMILLION, "-", "right", -5),
            ("min", cv.strength_min, VERMILLION, (0, (4, 1.5)), "left", 5),
        ]
    for text, strength, colour, style, side, shift in choices:
        at = float(x[int(np.flatnonzero(cv.strengths == strength)[0])])
        ax.axvline(at, color=colour, linestyle=style, linewidth=1.2, zorder=2, label=f"_{text}")
        ax.annotate(
            text,
            xy=(at, 0.97),
            xycoords=("data", "axes fraction"),
            xytext=(shift, 0),
            textcoords="offset points",
            color=colour,
            fontsize=SMALL,
            ha=side,
            va="top",
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )


def _count_groups(ax, x, cv):
    top = ax.secondary_xaxis("top")
    ticks = np.unique(np.linspace(0, len(x) - 1, min(len(x), 9)).round().astype(int))
    top.set_xticks(x[ticks], [str(int(cv.n_active[i])) for i in ticks], fontsize=SMALL)
    top.minorticks_off()
    top.spines["top"].set_visible(False)
    top.tick_params(length=2, color=DARK_GREY, labelcolor=DARK_GREY)
    top.set_xlabel("groups active in the fit to all data", fontsize=SMALL, color=DARK_GREY)
