"""Rows of an intercept and of all columns of some blocks: what tests of one covariate given the others work on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float

from spikesieve._types import PerSample
from spikesieve.design import Block

Rows = Float[np.ndarray, "n_rows n_columns"]
RowsOf = Callable[[slice], Rows]
"""Columns of a matrix on a slice of its rows."""

_MOST_HELD = 2**24
"""Entries of a matrix that is kept instead of being written anew for every covariate: 128 MiB."""


_ROWS_AT_A_TIME = 2**16


def rows_of(block: Block, rows: slice) -> Rows:
    """Columns of a block on a slice of rows, by the quickest way it has."""
    matrix = np.empty((len(range(*rows.indices(block.n_samples))), block.n_coef))
    block.write_matrix(rows, matrix)
    return matrix


@dataclass(frozen=True)
class Columns:
    """An intercept and the columns of some blocks, kept in memory where they fit."""

    blocks: tuple[Block, ...] = field(repr=False)

    @property
    def n_rows(self) -> int:
        """Rows of every block."""
        return self.blocks[0].n_samples

    @cached_property
    def stops(self) -> np.ndarray:
        """Number of columns up to each block and with it; the intercept is the first column."""
        return 1 + np.cumsum([0, *(block.n_coef for block in self.blocks)])

    def of_block(self, number: int) -> slice:
        """Columns of one block."""
        return slice(int(self.stops[number]), int(self.stops[number + 1]))

    def matrix(self, rows: slice) -> Rows:
        """Columns on a slice of rows; not to be written into."""
        return self._write(rows) if self._held is None else self._held[rows]

    def without(self, number: int) -> "OtherColumns":
        """All columns but those of one block."""
        return OtherColumns(self, self.of_block(number))

    @cached_property
    def _held(self) -> Rows | None:
        return self._write(slice(0, self.n_rows)) if self.n_rows * self.stops[-1] <= _MOST_HELD else None

    def _write(self, rows: slice) -> Rows:
        matrix = np.ones((len(range(*rows.indices(self.n_rows))), self.stops[-1]))
        for number, block in enumerate(self.blocks):
            block.write_matrix(rows, matrix[:, self.of_block(number)])
        return matrix


@dataclass(frozen=True)
class OtherColumns:
    """All columns but some."""

    everything: Columns
    left_out: slice

    def matrix(self, rows: slice) -> Rows:
        """Columns on a slice of rows."""
        return np.delete(self.everything.matrix(rows), self.left_out, axis=1)

    def products(self, rows: slice, values: PerSample) -> np.ndarray:
        """Sum over rows of each column times the rows' values."""
        everything = self.everything
        sums = np.zeros(everything.stops[-1])
        sums[0] = values.sum()
        for number, block in enumerate(everything.blocks):
            if everything.of_block(number) != self.left_out:
                sums[everything.of_block(number)] = block.finish_gradient(block.partial_gradient(rows, values))
        return np.delete(sums, self.left_out)

    def remainder(self, coef: Float[np.ndarray, "n_others n_left_out"]) -> RowsOf:
        """The columns left out, less these with coefficients `coef`."""
        start = self.left_out.start
        combined = np.concatenate([-coef[:start], np.eye(coef.shape[1]), -coef[start:]])
        return lambda rows: self.everything.matrix(rows) @ combined


def held(columns: RowsOf, n_rows: int) -> RowsOf:
    """The same columns, written once and kept where they fit in memory."""
    n_columns = columns(slice(0, 1)).shape[1]
    if n_rows * n_columns > _MOST_HELD:
        return columns
    matrix = np.empty((n_rows, n_columns))
    for first in range(0, n_rows, _ROWS_AT_A_TIME):
        rows = slice(first, min(first + _ROWS_AT_A_TIME, n_rows))
        matrix[rows] = columns(rows)
    return matrix.__getitem__
