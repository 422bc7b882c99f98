"""Blocks that are a small table and a code per row: 2 bytes instead of 8 per column.

A basis of one or two covariates is a fixed set of curves (surfaces), so its features at a row are a look-up at the
covariate's value, interpolated linearly between grid points. The idea is that of ``mgcv::bam(discrete=TRUE)`` (Wood,
Li, Shaddick & Augustin 2017, J. Am. Stat. Assoc. 112, 1199-1210, doi:10.1080/01621459.2016.1195744).
"""

from functools import cache, cached_property

import numpy as np

from spikesieve.design._axis import Axis
from spikesieve.design._block import Block
from spikesieve.design._lanes import LANES, zeros_on_lines
from spikesieve.design._table_group import TableGroup, kernels


class TabulatedBlock(Block):
    """A basis of one covariate, as a table and a code per row."""

    # On two free cores 16 neurons took 1.15 times as long as single paths with 3 10^5 bins, and 0.94 times with 10^6.
    rows_worth_sharing = 1_000_000

    def __init__(self, axis: Axis):
        self.axis = axis
        self.n_samples, self.n_coef = len(axis.codes), axis.table.shape[1]

    @cached_property
    def _alone(self) -> TableGroup:
        return TableGroup.of([self.axis])

    def predictor(self, coef):
        if coef.ndim == 1:
            return self._alone.predictor(coef)
        axis, codes_of, shift = self.axis, self.axis.codes_of, self.axis.shift
        values = axis.columns @ coef
        if coef.shape[1:] == (LANES,):
            lines = zeros_on_lines((len(values), 2, LANES))
            _kernels_lanes().write_lines(values, axis.n_levels, axis.unit, lines)
            return lambda rows, out: _kernels_lanes().add_lookups(codes_of(rows), shift, lines, out)
        lines = np.stack([values, axis.changes(values)], axis=1)
        return lambda rows, out: _kernels_outputs().add_lookups(codes_of(rows), shift, lines, out)

    def partial_gradient(self, rows, residual, partial=None):
        if residual.ndim == 1:
            return self._alone.partial_gradient(rows, residual, partial)
        shape, zeros = (len(self.axis.table), 2, *residual.shape[1:]), np.zeros
        if residual.shape[1:] == (LANES,):
            add, zeros = _kernels_lanes().add_moments, zeros_on_lines
            residual = np.ascontiguousarray(residual, dtype=np.float64)
        else:
            add = _kernels_outputs().add_moments_of_outputs
        moments = zeros(shape) if partial is None else partial
        add(self.axis.codes_of(rows), self.axis.shift, residual, moments)
        return moments

    def finish_gradient(self, partial):
        if partial.ndim == 2:
            return self._alone.finish_gradient(partial)
        if partial.shape[2:] == (LANES,):
            weights = np.empty((len(partial), LANES))
            _kernels_lanes().write_weights(partial, self.axis.unit, weights)
        else:
            weights = self.axis.gather(partial[:, 0], partial[:, 1])
        return self.axis.weighing_table.T @ weights

    def add_linear_predictor(self, rows, coef, out):
        _add_predictors(self, rows, coef, out)

    def add_gradient(self, rows, residual, out):
        _add_gradients(self, rows, residual, out)

    def write_matrix(self, rows, out):
        kernels().write_rows(self.axis.codes_of(rows), self.axis.shift, self.axis.table, out)

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
            return lambda rows, out: kernels().add_lookup_plane(*self._codes(rows), x.shift, y.shift, values, out)
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
            kernels().add_weights_plane(*self._codes(rows), x.shift, y.shift, residual, weights)
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
def _kernels_outputs():
    import spikesieve.design._table_kernels_outputs as kernels

    return kernels


@cache
def _kernels_lanes():
    import spikesieve.design._table_kernels_lanes as kernels

    return kernels
