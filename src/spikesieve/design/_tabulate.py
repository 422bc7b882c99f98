"""From a basis and a covariate to positions in a table, with a stated bound on the error.

Linear interpolation on a grid of step ``h`` is off by at most ``h^2 / 8`` times the largest second derivative of a
feature; positions are rounded to ``h / 2^shift``, which adds half of that times the largest slope. Half of the bound is
given to each.
"""

import numpy as np

from spikesieve.design._tabulated import Axis

DEFAULT_RESOLUTION = 1e-4
# A covariate is stored without any loss if it has few distinct values: so many at most, and 8 rows for each.
MAX_DISTINCT, ROWS_PER_DISTINCT = 4096, 8
# Levels up to which a table is worth more than the columns themselves.
MAX_LEVELS = 8192
# Points at which the largest value of a feature is looked for: a little too small a value is on the safe side.
_PROBES = 513


def tabulate(basis, coordinates: np.ndarray, outside: np.ndarray, fill_value: float, resolution: float) -> Axis | None:
    """Axis of one column of a covariate, or None if the basis is too rough for a table.

    Parameters
    ----------
    basis
        Offers ``features_at`` and ``derivative_bound`` of one input in [0, 1].
    coordinates
        The covariate in [0, 1], NaN where it has no value.
    outside, fill_value
        Rows out of the basis's bounds, and what all its features are there.
    resolution
        Largest error of a feature, as a share of its largest value; rows on few distinct values have none.
    """
    grid, positions, shift = _lossless(coordinates), None, 0
    if grid is None:
        spacing = _spacing(basis, resolution)
        if spacing is None:
            return None
        n_levels, shift = spacing
        grid = np.linspace(0.0, 1.0, n_levels)
        positions = np.rint(np.nan_to_num(coordinates) * ((n_levels - 1) << shift)).astype(np.int64)
    else:
        positions = np.searchsorted(grid, np.nan_to_num(coordinates, nan=grid[0] if len(grid) else 0.0))
    n_levels = len(grid)
    n_coef = basis.n_basis_funcs
    table = np.empty((n_levels + 2, n_coef))
    table[:n_levels] = basis.features_at(grid)
    table[n_levels], table[n_levels + 1] = np.nan, fill_value
    positions[np.isnan(coordinates)] = n_levels << shift
    positions[outside] = (n_levels + 1) << shift
    return Axis(table, positions.astype(_code_type((n_levels + 1) << shift)), shift, grid)


def lossless_axis(table: np.ndarray, levels: np.ndarray) -> Axis:
    """Axis of rows that lie on levels of a table."""
    n_levels = len(table) - 2
    return Axis(table, levels.astype(_code_type(len(table) - 1)), 0, np.linspace(0.0, 1.0, n_levels))


def _lossless(coordinates: np.ndarray) -> np.ndarray | None:
    """The distinct values, if they are few."""
    few = min(MAX_DISTINCT, len(coordinates) // ROWS_PER_DISTINCT)
    # Sorting 10^7 numbers takes a second: a covariate with many values shows it in its first thousands.
    probe = coordinates[: 4 * MAX_DISTINCT]
    if len(probe) < len(coordinates) and len(np.unique(probe)) > few:
        return None
    distinct = np.unique(coordinates[~np.isnan(coordinates)])
    return distinct if len(distinct) <= few else None


def _spacing(basis, resolution: float) -> tuple[int, int] | None:
    """Number of levels and bits of the fraction that keep every feature within the resolution."""
    slope, curvature = (basis.derivative_bound(order)[0] for order in (1, 2))
    size = np.abs(basis.features_at(np.linspace(0.0, 1.0, _PROBES))).max(axis=0)
    if not np.isfinite(slope).all() or not np.isfinite(curvature).all():
        return None
    allowed = 0.5 * resolution * np.where(size > 0, size, 1.0)
    n_levels = 2 + int(np.ceil(np.sqrt((curvature / (8.0 * allowed)).max())))
    if n_levels > MAX_LEVELS:
        return None
    needed = float((slope / (2.0 * allowed)).max()) / (n_levels - 1)
    shift = max(0, int(np.ceil(np.log2(max(needed, 1.0)))))
    # Codes of 2 bytes have room for more fraction than is needed: it costs nothing.
    while ((n_levels + 1) << (shift + 1)) <= np.iinfo(np.uint16).max:
        shift += 1
    return n_levels, shift


def _code_type(largest: int):
    for kind in (np.uint8, np.uint16, np.uint32):
        if largest <= np.iinfo(kind).max:
            return kind
    raise ValueError(
        f"A table with codes up to {largest} does not fit 4 bytes per row: pass a larger resolution, or exact=True."
    )
