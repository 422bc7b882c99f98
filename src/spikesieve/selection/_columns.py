"""An intercept and the columns of all covariates in one currency: what tests of one given the others work on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float

from spikesieve._tree import CoefLayout, dict_structure
from spikesieve._types import Coef, PerSample
from spikesieve.design import Block, Design, row_chunks
from spikesieve.solver import Columns

Rows = Float[np.ndarray, "n_rows n_columns"]
RowsOf = Callable[[slice], Rows]
"""Columns of a matrix on a slice of its rows."""
Theta = Float[np.ndarray, " n_columns"]
"""One number for the intercept and one for each column."""

_MOST_HELD = 2**24
"""Entries of a matrix that is kept instead of being written anew for every covariate: 128 MiB."""
_ENTRIES_AT_A_TIME = 2**20
_FAR = 10.0
"""Ranges from zero at which a column is centred: sums in single precision would be of its mean alone."""
_ROWS_AT_A_TIME = 2**16
"""Rows of many columns that are read at once."""


@dataclass(frozen=True)
class StandardColumns:
    """An intercept and the columns of a design as ``(x - centre) / unit``, kept in memory where they fit.

    Attributes
    ----------
    unit
        Range of each column, ``(n_coef,)``, over what one unit of the linear predictor is: coefficients of all columns
        then mean alike, and share their prior.
    centre
        ``(n_coef,)``, zero but for columns that are far from zero. The intercept takes up what it does.
    n_constant
        Columns that did not vary in the rows that were looked at.
    """

    design: Design = field(repr=False)
    unit: Coef
    centre: Coef
    n_constant: int

    @classmethod
    def of(cls, design: Design, some_rows: Sequence[slice], predictor_unit: float = 1.0) -> "StandardColumns":
        """Return columns whose ranges and means are those of some rows."""
        looked_at = np.concatenate([_written(design, rows)[:, 1:] for rows in some_rows])
        ranges, means = np.ptp(looked_at, axis=0), looked_at.mean(axis=0)
        centre = np.where(np.abs(means) > _FAR * ranges, means, 0.0)
        unit = np.where(ranges > 0, ranges, 1.0) / predictor_unit
        return cls(design, unit, centre, int(np.count_nonzero(ranges == 0)))

    @property
    def n_columns(self) -> int:
        """Columns of all blocks, and the intercept, which is the first."""
        return 1 + self.design.n_coef

    @property
    def n_rows(self) -> int:
        """Rows of the design."""
        return self.design.n_samples

    def of_block(self, number: int) -> slice:
        """Columns of one block."""
        span = self.design.layout.leaf_slices[number]
        return slice(span.start + 1, span.stop + 1)

    def matrix(self, rows: slice) -> Rows:
        """Columns on a slice of rows; not to be written into."""
        return self._standard(_written(self.design, rows)) if self._held is None else self._held[rows]

    def rows_of_block(self, number: int) -> RowsOf:
        """The columns of one block."""
        if self._held is not None:
            return self._held[:, self.of_block(number)].__getitem__
        block, within = self.design.blocks[number], self.design.layout.leaf_slices[number]
        return lambda rows: (_rows_of(block, rows) - self.centre[within]) / self.unit[within]

    def times(self, coef: Float[np.ndarray, "n_columns n_combined"]) -> RowsOf:
        """Linear combinations of all columns."""

        def combined(rows: slice) -> Rows:
            n_rows = len(range(*rows.indices(self.n_rows)))
            out = np.empty((n_rows, coef.shape[1]))
            for part, piece in row_chunks(self.n_rows, rows, max(1, _ENTRIES_AT_A_TIME // self.n_columns)):
                np.matmul(self.matrix(piece), coef, out=out[part])
            return out

        return combined

    def products(self, values: PerSample) -> Theta:
        """Sum over all rows of each column times the rows' values."""
        sums = np.zeros(self.n_columns)
        for rows, _ in row_chunks(self.n_rows, slice(0, self.n_rows), _ROWS_AT_A_TIME):
            sums[0] += values[rows].sum()
            for number, block in enumerate(self.design.blocks):
                sums[self.of_block(number)] += block.finish_gradient(block.partial_gradient(rows, values[rows]))
        return self.of_derivative(sums)

    def linear_predictor(self, theta: Theta) -> PerSample:
        """What intercept and columns add up to, at all rows."""
        intercept, coef = self.as_coef(theta)
        return self.design.linear_predictor(coef, intercept)

    def as_coef(self, theta: Theta) -> tuple[float, Coef]:
        """Intercept and coefficients of the design's own columns."""
        coef = theta[1:] / self.unit
        return float(theta[0] - self.centre @ coef), coef

    def of_derivative(self, derivative: np.ndarray) -> np.ndarray:
        """From a derivative in the design's intercept and coefficients, along the first axis, to that in theta."""
        of_columns = (derivative[1:].T - np.multiply.outer(derivative[0], self.centre)) / self.unit
        return np.concatenate([derivative[:1], of_columns.T])

    @cached_property
    def _held(self) -> Rows | None:
        if self.n_rows * self.n_columns > _MOST_HELD:
            return None
        return self._standard(_written(self.design, slice(0, self.n_rows)))

    def _standard(self, matrix: Rows) -> Rows:
        """Centre and scale a fresh matrix in place."""
        if self.centre.any():
            matrix[:, 1:] -= self.centre
        matrix[:, 1:] *= 1.0 / self.unit
        return matrix


def held(columns: RowsOf, n_rows: int) -> RowsOf:
    """The same columns, written once and kept where they fit in memory."""
    n_columns = columns(slice(0, 1)).shape[1]
    if n_rows * n_columns > _MOST_HELD:
        return columns
    matrix = np.empty((n_rows, n_columns))
    for rows, _ in row_chunks(n_rows, slice(0, n_rows), _ROWS_AT_A_TIME):
        matrix[rows] = columns(rows)
    return matrix.__getitem__


def design_of(blocks: tuple[Block, ...]) -> Design:
    """A design of blocks without names."""
    labels = tuple(str(number) for number in range(len(blocks)))
    return Design(blocks, CoefLayout.of(dict_structure(labels), [block.n_coef for block in blocks]))


def _written(design: Design, rows: slice) -> Rows:
    return Columns(design, np.arange(design.n_coef)).with_intercept(rows)


def _rows_of(block: Block, rows: slice) -> Rows:
    """Columns of a block on a slice of rows, by the quickest way it has."""
    matrix = np.empty((len(range(*rows.indices(block.n_samples))), block.n_coef))
    block.write_matrix(rows, matrix)
    return matrix
