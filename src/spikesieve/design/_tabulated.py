"""Blocks that are a small table and a code per row: 2 bytes instead of 8 per column.

A basis of one or two covariates is a fixed set of curves (surfaces), so its features at a row are a look-up at the
covariate's value, interpolated linearly between grid points. The idea is that of ``mgcv::bam(discrete=TRUE)`` (Wood,
Li, Shaddick & Augustin 2017, J. Am. Stat. Assoc. 112, 1199-1210, doi:10.1080/01621459.2016.1195744).
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from spikesieve.design._block import Block
from spikesieve.design._lanes import LANES, zeros_on_lines


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


class TabulatedBlock(Block):
    """A basis of one covariate, as a table and a code per row."""

    # 50 neurons on W(10^5, 10) took 1.09 times as long as single paths on two free cores, 16 on W(10^6, 10) 0.73 times.
    rows_worth_sharing = 300_000

    def __init__(self, axis: Axis):
        self.axis = axis
        self.n_samples, self.n_coef = len(axis.codes), axis.table.shape[1]

    def predictor(self, coef):
        axis, codes_of, shift = self.axis, self.axis.codes_of, self.axis.shift
        values = axis.columns @ coef
        if coef.shape[1:] == (LANES,):
            lines = zeros_on_lines((len(values), 2, LANES))
            _kernels_lanes().write_lines(values, axis.n_levels, axis.unit, lines)
            return lambda rows, out: _kernels_lanes().add_lookups(codes_of(rows), shift, lines, out)
        if coef.ndim == 2:
            lines = np.stack([values, axis.changes(values)], axis=1)
            return lambda rows, out: _kernels_outputs().add_lookups(codes_of(rows), shift, lines, out)
        lines = np.empty((len(values), 2))
        _kernels().write_lines(values, axis.n_levels, axis.unit, lines)
        return lambda rows, out: _kernels().add_lookup(codes_of(rows), shift, lines, out)

    def partial_gradient(self, rows, residual, partial=None):
        shape, zeros = (len(self.axis.table), 2, *residual.shape[1:]), np.zeros
        if residual.shape[1:] == (LANES,):
            add, zeros, residual = _kernels_lanes().add_moments, zeros_on_lines, np.ascontiguousarray(residual)
        else:
            add = _kernels().add_moments if residual.ndim == 1 else _kernels_outputs().add_moments_of_outputs
        moments = zeros(shape) if partial is None else partial
        add(self.axis.codes_of(rows), self.axis.shift, residual, moments)
        return moments

    def finish_gradient(self, partial):
        if partial.shape[2:] == (LANES,):
            weights = np.empty((len(partial), LANES))
            _kernels_lanes().write_weights(partial, self.axis.unit, weights)
        elif partial.ndim == 3:
            weights = self.axis.gather(partial[:, 0], partial[:, 1])
        else:
            weights = np.empty(len(partial))
            _kernels().write_weights(partial, self.axis.unit, weights)
        return self.axis.weighing_table.T @ weights

    def add_linear_predictor(self, rows, coef, out):
        _add_predictors(self, rows, coef, out)

    def add_gradient(self, rows, residual, out):
        _add_gradients(self, rows, residual, out)

    def write_matrix(self, rows, out):
        _kernels().write_rows(self.axis.codes_of(rows), self.axis.shift, self.axis.table, out)

    def as_matrix(self, rows):
        return self.axis.rows_of(rows)

    def column_squares(self, rows):
        # ``(a + f d)^2`` at a level of value a and change d needs the sums of 1, f and f^2 there.
        axis, codes = self.axis, self.axis.codes[rows]
        changes, table = axis.changes(axis.weighing_table), axis.weighing_table
        counts, fractions = self.partial_gradient(rows, np.ones(len(codes))).T
        squares = counts @ table**2
        if axis.shift:
            fraction = (codes & ((1 << axis.shift) - 1)).astype(np.float64)
            squares += 2.0 * fractions @ (table * changes)
            squares += self.partial_gradient(rows, fraction)[:, 1] @ changes**2
        return squares

    def take(self, rows):
        return TabulatedBlock(self.axis.take(rows))

    def finite_rows(self):
        return self.axis.has_value()

    @property
    def n_sums(self):
        return 2 * len(self.axis.table)

    @property
    def n_bytes(self):
        return self.axis.n_bytes


class TabulatedPlaneBlock(Block):
    """A tensor product of two bases of one covariate each: a place map. Columns run over the second basis fastest."""

    def __init__(self, first: Axis, second: Axis):
        self.first, self.second = first, second
        self.n_samples = len(first.codes)
        self._shape = first.table.shape[1], second.table.shape[1]
        self.n_coef = self._shape[0] * self._shape[1]

    def predictor(self, coef):
        x, y = self.first, self.second
        if coef.ndim == 1:
            values = x.table @ coef.reshape(self._shape) @ y.table.T
            return lambda rows, out: _kernels().add_lookup_plane(*self._codes(rows), x.shift, y.shift, values, out)
        along_first = x.table @ coef.reshape(self._shape[0], -1)
        values = y.table @ along_first.reshape(len(x.table), self._shape[1], -1)
        along_x = x.changes(values)
        along_y, twist = (y.changes(part.swapaxes(0, 1)).swapaxes(0, 1) for part in (values, along_x))
        patches = np.stack([values, along_x, along_y, twist], axis=2)
        return lambda rows, out: _kernels_outputs().add_lookups_plane(
            *self._codes(rows), x.shift, y.shift, patches, out
        )

    def partial_gradient(self, rows, residual, partial=None):
        x, y = self.first, self.second
        cells = len(x.table), len(y.table)
        if residual.ndim == 1:
            weights = np.zeros(cells) if partial is None else partial
            _kernels().add_weights_plane(*self._codes(rows), x.shift, y.shift, residual, weights)
            return weights
        moments = np.zeros((*cells, 4, residual.shape[1])) if partial is None else partial
        add = _kernels_outputs().add_moments_plane_of_outputs
        add(*self._codes(rows), x.shift, y.shift, residual, moments)
        return moments

    def finish_gradient(self, partial):
        x, y = self.first, self.second
        if partial.ndim == 2:
            return (x.weighing_table.T @ partial @ y.weighing_table).ravel()
        plain, sloped = (x.gather(partial[:, :, a], partial[:, :, a + 1]).swapaxes(0, 1) for a in (0, 2))
        weights = y.gather(plain, sloped).reshape(len(y.table), -1)
        along_second = (y.weighing_table.T @ weights).reshape(self._shape[1], len(x.table), -1)
        return (x.weighing_table.T @ along_second).swapaxes(0, 1).reshape(self.n_coef, -1)

    def _codes(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Codes of a row chunk along both axes."""
        return self.first.codes_of(rows), self.second.codes_of(rows)

    def add_linear_predictor(self, rows, coef, out):
        _add_predictors(self, rows, coef, out)

    def add_gradient(self, rows, residual, out):
        _add_gradients(self, rows, residual, out)

    def as_matrix(self, rows):
        x, y = self.first.rows_of(rows), self.second.rows_of(rows)
        return (x[:, :, None] * y[:, None, :]).reshape(len(x), self.n_coef)

    def take(self, rows):
        return TabulatedPlaneBlock(self.first.take(rows), self.second.take(rows))

    def finite_rows(self):
        return self.first.has_value() & self.second.has_value()

    @property
    def n_sums(self):
        return len(self.first.table) * len(self.second.table)

    @property
    def n_bytes(self):
        return self.first.n_bytes + self.second.n_bytes


def _add_predictors(block: Block, rows: slice, coef: np.ndarray, out: np.ndarray) -> None:
    """``out += X[rows] @ coef`` for one model or several, whatever their strides."""
    added = np.zeros(out.shape)
    block.predictor(np.ascontiguousarray(coef))(rows, added)
    out += added


def _add_gradients(block: Block, rows: slice, residual: np.ndarray, out: np.ndarray) -> None:
    """``out += X[rows].T @ residual`` for one model or several, whatever their strides."""
    out += block.finish_gradient(block.partial_gradient(rows, np.ascontiguousarray(residual)))


# Importing Numba takes half a second, so only a pass does; the statement itself takes 1 us, too long for each chunk.


@cache
def _kernels():
    import spikesieve.design._table_kernels as kernels

    return kernels


@cache
def _kernels_outputs():
    import spikesieve.design._table_kernels_outputs as kernels

    return kernels


@cache
def _kernels_lanes():
    import spikesieve.design._table_kernels_lanes as kernels

    return kernels
