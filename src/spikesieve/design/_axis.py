"""One covariate as positions in a table: what every tabulated block is made of."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Axis:
    """One covariate as positions in a table.

    Attributes
    ----------
    table
        Features at the levels, ``(n_levels + 2, n_coef)``: grid points, then a level of NaN (no value) and a level of
        the basis's fill value (out of bounds).
    codes
        Fixed-point positions, unsigned integers, ``(n_samples,)``: ``level << shift`` plus the fraction.
    shift
        Bits of the fraction; 0 if every row lies on a level.
    grid
        Where the grid points lie, ``(n_levels,)``, increasing, if the basis's grid (`Basis.evaluate_on_grid`) is
        scaled to [0, 1].
    width
        Width of the interval that each grid point is the middle of and stands for; 0 if it stands for itself.
    """

    table: np.ndarray
    codes: np.ndarray
    shift: int
    grid: np.ndarray
    width: float = 0.0

    @property
    def n_levels(self) -> int:
        """Grid points."""
        return len(self.table) - 2

    @property
    def unit(self) -> float:
        """Share of a level's distance to the next that one unit of the fraction is."""
        return 1.0 / (1 << self.shift)

    def take(self, rows) -> "Axis":
        """Return the same table with the codes of some rows."""
        return replace(self, codes=self.codes[rows])

    def codes_of(self, rows: slice) -> np.ndarray:
        """Codes of a row chunk, contiguous, so that loops over them are compiled once and not once more for strides."""
        return np.ascontiguousarray(self.codes[rows])

    def coordinates(self) -> np.ndarray:
        """Return the covariate, scaled to [0, 1], of each row as far as the codes tell; NaN where it has no value."""
        steps = np.append(np.diff(self.grid), [0.0] * 3)
        level, fraction = self.codes >> self.shift, (self.codes & ((1 << self.shift) - 1)) / (1 << self.shift)
        return np.append(self.grid, [np.nan] * 2)[level] + fraction * steps[level]

    def has_value(self) -> np.ndarray:
        """Which rows have finite features."""
        finite = np.asarray(np.isfinite(self.table).all(axis=1))
        return np.ones(len(self.codes), dtype=bool) if finite.all() else finite[self.codes >> self.shift]

    def changes(self, values: np.ndarray) -> np.ndarray:
        """Change from each level of ``(n_levels + 2, ...)`` to the next, per unit of the fraction; 0 off the grid."""
        change = np.zeros_like(values)
        change[: max(self.n_levels - 1, 0)] = np.diff(values[: self.n_levels], axis=0) * self.unit
        return change

    def gather(self, moments: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Transpose of interpolating: weight of each level from sums of residuals and of residuals times fractions."""
        step = slopes * self.unit
        weights = moments - step
        weights[1:] += step[:-1]
        return weights

    def rows_of(self, rows: slice) -> np.ndarray:
        """Features of a row chunk, dense."""
        codes = self.codes[rows].astype(np.int64)
        levels = codes >> self.shift
        features = self.table[levels]
        if self.shift:
            fraction = (codes & ((1 << self.shift) - 1)) / (1 << self.shift)
            upper = self.table[np.minimum(levels + 1, len(self.table) - 1)]
            between = fraction > 0  # only on the grid, so the levels beyond it are never mixed in
            features[between] += fraction[between, None] * (upper[between] - features[between])
        return features

    @cached_property
    def columns(self) -> np.ndarray:
        """The table column by column, which halves the time of its products."""
        return np.asfortranarray(self.table)

    @cached_property
    def weighing_table(self) -> np.ndarray:
        """The same with the level of NaN at zero: rows there weigh nothing in a gradient."""
        return np.where(np.isfinite(self.columns), self.columns, 0.0)

    @property
    def n_bytes(self) -> int:
        """Memory for codes and table."""
        return self.codes.nbytes + self.table.nbytes
