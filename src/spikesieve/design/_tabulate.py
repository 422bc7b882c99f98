"""From a basis and a covariate to positions in a table, with a stated bound on the error.

Linear interpolation on a grid of step ``h`` is off by at most ``h^2 / 8`` times the largest second derivative of a
feature; positions are rounded to ``h / 2^shift``, which adds half of that times the largest slope. Half of the bound is
given to each. Features that are linear between knots are interpolated without error on a grid that holds the knots, and
features that are constant between them need no more than the interval that a row lies on.
"""

from dataclasses import dataclass

import numpy as np

from spikesieve.basis._piecewise import interval_of
from spikesieve.design._axis import Axis

DEFAULT_RESOLUTION = 1e-4
# A covariate is stored without any loss if it has few distinct values: so many at most, and 8 rows for each.
MAX_DISTINCT, ROWS_PER_DISTINCT = 4096, 8
# Levels up to which a table is worth more than the columns themselves.
MAX_LEVELS = 8192
# Points at which the range of a feature is looked for: a little too small a range is on the safe side.
_PROBES = 513
# The range of a covariate that is its own feature may be that of an outlier: at most so many standard deviations count.
_DEVIATIONS = 4.0


@dataclass(frozen=True)
class _Positions:
    """Where the rows lie among the levels of a grid."""

    grid: np.ndarray
    positions: np.ndarray
    shift: int = 0
    width: float = 0.0


def tabulate(basis, coordinates: np.ndarray, outside: np.ndarray, fill_value: float, resolution: float) -> Axis | None:
    """Axis of one column of a covariate, or None if the basis is too rough for a table.

    Parameters
    ----------
    basis
        Offers ``features_at``, ``derivative_bound`` and ``pieces`` of one input in [0, 1].
    coordinates
        The covariate in [0, 1], NaN where it has no value.
    outside, fill_value
        Rows out of the basis's bounds, and what all its features are there.
    resolution
        Largest error of a feature, as a share of its range or of its largest value, whichever is smaller; rows on few
        distinct values, and features that are constant between knots, have none.
    """
    found = _on_intervals(basis, coordinates)
    if found is None:
        found = _on_distinct_values(coordinates)
    if found is None:
        found = _on_a_grid(basis, coordinates, resolution)
    return None if found is None else _axis(found, basis.features_at(found.grid), coordinates, outside, fill_value)


def tabulate_line(values: np.ndarray, outside: np.ndarray, fill_value: float, resolution: float) -> Axis | None:
    """Axis of a column of a covariate that is its own feature: two levels; its grid is in the covariate's unit."""
    values = np.where(outside | ~np.isfinite(values), np.nan, values)
    if np.isnan(values).all():
        return None
    found = _on_distinct_values(values)
    if found is None:
        ends = np.array([np.nanmin(values), np.nanmax(values)])
        spread = ends[1] - ends[0]
        allowed = resolution * min(spread, np.abs(ends).max(), _DEVIATIONS * float(np.nanstd(values)))
        shift = _fraction_bits(2, spread / (2.0 * allowed)) if np.isfinite(spread) and allowed > 0 else None
        if shift is None:
            return None
        found = _Positions(ends, _rounded((values - ends[0]) / spread, 1 << shift), shift)
    return _axis(found, found.grid[:, None], values, outside, fill_value)


def lossless_axis(table: np.ndarray, levels: np.ndarray, grid: np.ndarray | None = None) -> Axis:
    """Axis of rows that lie on levels of a table."""
    n_levels = len(table) - 2
    return Axis(
        table, levels.astype(_code_type(len(table) - 1)), 0, np.linspace(0.0, 1.0, n_levels) if grid is None else grid
    )


def few_distinct(values: np.ndarray) -> np.ndarray | None:
    """The distinct values but NaN, sorted, if they are few."""
    few = min(MAX_DISTINCT, len(values) // ROWS_PER_DISTINCT)
    # Sorting 10^7 numbers takes a second: a covariate with many values shows it in its first thousands.
    probe = values[: 4 * MAX_DISTINCT]
    if len(probe) < len(values) and len(np.unique(probe)) > few:
        return None
    distinct = np.unique(values[~np.isnan(values)])
    return distinct if len(distinct) <= few else None


def _axis(found: _Positions, features, coordinates, outside, fill_value) -> Axis:
    """Features on the grid, and below them the levels of no value and out of bounds."""
    n_levels, shift, positions = len(found.grid), found.shift, found.positions
    table = np.empty((n_levels + 2, features.shape[1]))
    table[:n_levels] = features
    table[n_levels], table[n_levels + 1] = np.nan, fill_value
    positions[np.isnan(coordinates)] = n_levels << shift
    positions[outside] = (n_levels + 1) << shift
    codes = positions.astype(_code_type((n_levels + 1) << shift))
    return Axis(table, codes, shift, found.grid, found.width)


def _on_intervals(basis, coordinates: np.ndarray) -> _Positions | None:
    """Features that are constant on each of some equal intervals: a level for each."""
    n, degree = basis.pieces or (0, 1)
    if degree > 0 or n > MAX_LEVELS:
        return None
    return _Positions((np.arange(n) + 0.5) / n, interval_of(np.nan_to_num(coordinates), n), width=1.0 / n)


def _on_distinct_values(coordinates: np.ndarray) -> _Positions | None:
    grid = few_distinct(coordinates)
    if grid is None:
        return None
    return _Positions(grid, np.searchsorted(grid, np.nan_to_num(coordinates, nan=grid[0] if len(grid) else 0.0)))


def _on_a_grid(basis, coordinates: np.ndarray, resolution: float) -> _Positions | None:
    """As many levels and as fine a fraction as keep every feature within the resolution."""
    probes = basis.features_at(np.linspace(0.0, 1.0, _PROBES))
    highest, spread = np.abs(probes).max(axis=0), np.ptp(probes, axis=0)
    size = np.where(spread > 0, np.minimum(highest, spread), np.where(highest > 0, highest, 1.0))
    slope = basis.derivative_bound(1)[0]
    n_pieces, degree = basis.pieces or (0, 2)
    if degree == 1:  # exact between knots, so that all of the bound is the rounding's
        n_levels, allowed = n_pieces + 1, resolution * size
    else:
        curvature, allowed = basis.derivative_bound(2)[0], 0.5 * resolution * size
        n_levels = 2 + np.ceil(np.sqrt((curvature / (8.0 * allowed)).max()))
    if n_levels > MAX_LEVELS or not np.isfinite(slope).all():
        return None
    n_levels = int(n_levels)
    shift = _fraction_bits(n_levels, float((slope / (2.0 * allowed)).max()) / (n_levels - 1))
    if shift is None:
        return None
    positions = _rounded(coordinates, (n_levels - 1) << shift)
    return _Positions(np.linspace(0.0, 1.0, n_levels), positions, shift)


def _rounded(coordinates: np.ndarray, n_steps: int) -> np.ndarray:
    return np.rint(np.nan_to_num(coordinates) * n_steps).astype(np.int64)


def _fraction_bits(n_levels: int, needed: float) -> int | None:
    """Bits for at least `needed` steps from level to level: all that 2 or 4 bytes have room for."""
    for kind in (np.uint16, np.uint32):
        bits = (int(np.iinfo(kind).max) // (n_levels + 1)).bit_length() - 1
        if needed <= 1 << max(bits, 0):
            return bits
    return None


def _code_type(largest: int):
    return next(kind for kind in (np.uint8, np.uint16, np.uint32) if largest <= np.iinfo(kind).max)
