"""Which covariates each cell keeps, and how much each is worth."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spikesieve.plotting._style import DARK_GREY, SMALL, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_ROWS_WITH_NUMBERS = 40
_MOST_ROWS_WITH_NAMES = 60
_NOT_SELECTED = "#F2F2F2"


def plot_selection_matrix(
    selected,
    magnitude=None,
    cells: Sequence[str] | None = None,
    covariates: Sequence[str] | None = None,
    regions: Sequence[str] | None = None,
    magnitude_label: str = "bits per spike",
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw cells by covariates: coloured where selected, by what the covariate adds; a grey dot where not.

    Parameters
    ----------
    selected
        Whether each cell keeps each covariate, boolean ``(n_cells, n_covariates)``.
    magnitude
        What each covariate is worth to each cell, same shape, e.g. bits per spike gained; values of
        covariates that are not selected are not shown. None shows the selection alone.
    cells, covariates
        Names of rows and columns; None numbers them.
    regions
        Region of each cell; rows are then grouped by region in order of first appearance, cells within a
        region in the order given.
    magnitude_label
        What `magnitude` is, with its unit.
    ax
        Where to draw; None makes a new figure.

    Raises
    ------
    ValueError
        If shapes or numbers of names do not fit `selected`.
    """
    selected = np.asarray(selected, dtype=bool)
    _check(selected, magnitude, cells, covariates, regions)
    n_cells, n_covariates = selected.shape
    cells = [str(i) for i in range(n_cells)] if cells is None else list(cells)
    covariates = [str(i) for i in range(n_covariates)] if covariates is None else list(covariates)
    order, bounds = _by_region(regions, n_cells)
    if ax is None:
        ax = new_axes(2.4 + 1.0 * n_covariates + (1.2 if magnitude is not None else 0.0), _height(n_cells))
    values = selected.astype(float) if magnitude is None else np.asarray(magnitude, dtype=float)
    _draw_tiles(ax, selected[order], values[order], None if magnitude is None else magnitude_label)
    ax.set_xticks(np.arange(n_covariates), covariates)
    ax.xaxis.tick_top()
    if n_covariates > 6 or max(map(len, covariates)) > 14:
        ax.tick_params(axis="x", labelrotation=40)
        for text in ax.get_xticklabels():
            text.set(ha="left", rotation_mode="anchor")
    if n_cells <= _MOST_ROWS_WITH_NAMES:
        ax.set_yticks(np.arange(n_cells), [cells[i] for i in order], fontsize=SMALL if n_cells <= 40 else 6)
    else:
        ax.set_ylabel(f"{n_cells} cells")
        ax.set_yticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    _write_regions(ax, bounds, n_covariates)
    return ax


def _check(selected, magnitude, cells, covariates, regions) -> None:
    if selected.ndim != 2 or 0 in selected.shape:
        raise ValueError(f"selected must be cells x covariates, at least 1 x 1; its shape is {selected.shape}.")
    if magnitude is not None and np.shape(magnitude) != selected.shape:
        raise ValueError(f"magnitude has shape {np.shape(magnitude)} but selected has {selected.shape}.")
    for name, given, axis in (("cells", cells, 0), ("covariates", covariates, 1), ("regions", regions, 0)):
        if given is not None and len(given) != selected.shape[axis]:
            raise ValueError(f"There are {selected.shape[axis]} {('rows', 'columns')[axis]} but {len(given)} {name}.")


def _height(n_cells: int) -> float:
    return 1.2 + min(0.27 * n_cells, 9.0)


def _by_region(regions, n_cells) -> tuple[np.ndarray, list[tuple[str, int, int]]]:
    """Row order, and for each region its name and first and last row."""
    if regions is None:
        return np.arange(n_cells), []
    names = list(dict.fromkeys(regions))
    rank = np.array([names.index(region) for region in regions])
    counts = np.bincount(rank, minlength=len(names))
    stops = np.cumsum(counts)
    return np.argsort(rank, kind="stable"), [
        (str(name), int(stop - count), int(stop - 1)) for name, count, stop in zip(names, counts, stops, strict=True)
    ]


def _draw_tiles(ax, selected, values, bar_label):
    rows, columns = selected.shape
    shown = np.ma.array(values, mask=~selected | ~np.isfinite(values))
    top = float(shown.max()) if shown.count() else 1.0
    top = top if top > 0 else 1.0
    ax.set_facecolor(_NOT_SELECTED)
    few = rows <= _MOST_ROWS_WITH_NAMES
    edges = {"edgecolors": "white", "linewidth": 1.5} if few else {}
    mesh = ax.pcolormesh(shown, cmap=_blues(), vmin=0.0, vmax=top, **edges)
    # Tiles are drawn from corner to corner; the axes speak of their centres.
    mesh.set_transform(_shifted(ax))
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    off_row, off_column = np.nonzero(~selected) if few else (np.zeros(0), np.zeros(0))
    ax.plot(off_column, off_row, "o", color="#C8C8C8", markersize=3, label="not selected")
    if bar_label is None:
        return
    bar = ax.figure.colorbar(mesh, ax=ax, shrink=0.6, aspect=25, pad=0.03)
    bar.set_label(bar_label)
    bar.outline.set_visible(False)
    if rows <= _MOST_ROWS_WITH_NUMBERS:
        _write_numbers(ax, selected, values, top)


def _blues():
    """One hue, darker for more; the palest blues are left out so that a selected cell never looks empty."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["Blues"](np.linspace(0.2, 0.95, 256)))


def _shifted(ax):
    from matplotlib.transforms import Affine2D

    return Affine2D().translate(-0.5, -0.5) + ax.transData


def _write_numbers(ax, selected, values, top):
    decimals = _decimals(top)
    for row, column in zip(*np.nonzero(selected), strict=True):
        value = values[row, column]
        colour = "white" if np.isfinite(value) and value > 0.55 * top else "black"
        # Adding zero turns the -0.0 that rounding makes of small negative numbers into 0.0.
        text = f"{round(float(value), decimals) + 0.0:.{decimals}f}" if np.isfinite(value) else "?"
        ax.text(column, row, text, ha="center", va="center", fontsize=SMALL - 1, color=colour)


def _decimals(top: float) -> int:
    """As many for all numbers as show three digits of the largest, so that they compare at a glance."""
    return min(max(2 - math.floor(math.log10(top)), 0), 6)


def _write_regions(ax, bounds, n_covariates):
    """Region names on the left, outside the cell names, and a line between regions."""
    if not bounds:
        return
    second = ax.secondary_yaxis("left")
    second.set_yticks([(first + last) / 2 for _, first, last in bounds], [name for name, _, _ in bounds])
    second.spines["left"].set_visible(False)
    longest = max((len(text.get_text()) for text in ax.get_yticklabels()), default=1)
    second.tick_params(length=0, pad=8 + 0.6 * SMALL * longest)
    for text in second.get_yticklabels():
        text.set(fontweight="bold", rotation=90, va="center", ha="right")
    for _, first, _ in bounds[1:]:
        ax.plot([-0.5, n_covariates - 0.5], [first - 0.5] * 2, color=DARK_GREY, linewidth=1.2, clip_on=False)
