"""Tuning curves and place maps in Hz."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikesieve.plotting._style import DARK_GREY, SMALL, line_look, open_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_WIDTH, _PANEL_HEIGHT = 3.1, 2.7


def plot_tuning_curves(
    curves: Sequence[Any], axes: "Sequence[Axes] | None" = None, share_rate: bool = True
) -> "np.ndarray":
    """Draw one panel per covariate: rate [Hz] with its band, or a place map with its own colour bar.

    Parameters
    ----------
    curves
        The tuning curves of one neuron, `spikesieve.selection.TuningCurve`.
    axes
        One Axes per curve; None makes a figure with up to four panels a row.
    share_rate
        Whether all 1-D panels share their rate axis, so that heights compare. True, because a panel
        scaled on its own makes noise look like tuning.

    Returns
    -------
    numpy.ndarray
        The Axes, one per curve.

    Raises
    ------
    ValueError
        If there are no curves, not one Axes per curve, or a curve's shape does not fit its grid.
    """
    curves = list(curves)
    if not curves:
        raise ValueError("There are no tuning curves to draw: pass at least one TuningCurve.")
    for curve in curves:
        _check_shape(curve)
    panels = _new_panels(len(curves)) if axes is None else np.array(axes, dtype=object).ravel()
    if len(panels) != len(curves):
        raise ValueError(f"plot_tuning_curves got {len(curves)} curves but {len(panels)} axes: one each is needed.")
    for index, (curve, ax) in enumerate(zip(curves, panels, strict=True)):
        if curve.is_map:
            _draw_map(ax, curve)
        else:
            _draw_curve(ax, curve, line_look(index)["color"])
    _set_rate_axes([ax for curve, ax in zip(curves, panels, strict=True) if not curve.is_map], share_rate)
    return panels


def _check_shape(curve) -> None:
    if curve.is_map and not (isinstance(curve.grid, tuple) and len(curve.grid) == 2):
        raise ValueError(f"The rate of {curve.label!r} is a map; its grid must be a pair of 1-D arrays.")
    expected = tuple(len(g) for g in curve.grid) if curve.is_map else (len(curve.grid),)
    if np.shape(curve.rate_hz) != expected:
        raise ValueError(
            f"The rate of {curve.label!r} has shape {np.shape(curve.rate_hz)} but its grid has {expected}."
        )


def _new_panels(count: int) -> np.ndarray:
    import matplotlib.pyplot as plt

    columns = min(count, 4)
    rows = -(-count // columns)
    size = (_PANEL_WIDTH * columns, _PANEL_HEIGHT * rows)
    grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)[1].ravel()
    for unused in grid[count:]:
        unused.set_axis_off()
    return grid[:count]


def _draw_curve(ax, curve, colour: str):
    if curve.simultaneous_lower_hz is not None:
        outer = curve.simultaneous_lower_hz, curve.simultaneous_upper_hz
        ax.fill_between(curve.grid, *outer, color=colour, alpha=0.12, linewidth=0)
    if curve.lower_hz is not None and curve.upper_hz is not None:
        ax.fill_between(curve.grid, curve.lower_hz, curve.upper_hz, color=colour, alpha=0.25, linewidth=0)
    if curve.observed_hz is not None:
        ax.plot(curve.grid, curve.observed_hz, ".", color=DARK_GREY, markersize=4, label="observed")
    ax.plot(curve.grid, curve.rate_hz, color=colour, linewidth=2, label=curve.label)
    ax.set_title(curve.label, fontsize=SMALL + 2)
    ax.set_xlabel(curve.axis_labels[0] if curve.axis_labels else curve.label)
    ax.set_ylabel("rate [Hz]")
    ax.margins(x=0)
    open_frame(ax)


def _set_rate_axes(panels, share: bool) -> None:
    if not panels:
        return
    top = max(ax.get_ylim()[1] for ax in panels)
    for ax in panels:
        ax.set_ylim(0.0, top if share else None)


def _draw_map(ax, curve):
    first, second = curve.grid
    rate = np.ma.masked_invalid(np.asarray(curve.rate_hz, dtype=np.float64))
    top = float(rate.max()) if rate.count() else 1.0
    # Unvisited places stay light grey: white would read as a rate of the colour map's end.
    ax.set_facecolor("#E6E6E6")
    mesh = ax.pcolormesh(first, second, rate.T, shading="nearest", cmap="viridis", vmin=0.0, vmax=top or 1.0)
    mesh.set_rasterized(True)
    bar = ax.figure.colorbar(mesh, ax=ax, fraction=0.05, pad=0.03)
    bar.set_label("rate [Hz]")
    bar.outline.set_visible(False)
    names = curve.axis_labels if len(curve.axis_labels) == 2 else (f"{curve.label}, first", f"{curve.label}, second")
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    ax.set_title(curve.label, fontsize=SMALL + 2)
    ax.set_aspect("equal" if _comparable(first, second) else "auto")


def _comparable(first, second) -> bool:
    """Whether two axes look like one unit: a square box should look square, a speed-phase map not."""
    ratio = np.ptp(first) / max(float(np.ptp(second)), 1e-300)
    return bool(0.33 < ratio < 3.0)
