"""Rows of an intercept and of all columns of some blocks: what tests of one covariate given the others work on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from jaxtyping import Float

from spikesieve._tree import CoefLayout, dict_structure
from spikesieve._types import PerSample
from spikesieve.design import Block, Design, row_chunks
from spikesieve.solver import Columns

Rows = Float[np.ndarray, "n_rows n_columns"]
RowsOf = Callable[[slice], Rows]
"""Columns of a matrix on a slice of its rows."""

_MOST_HELD = 2**24
"""Entries of a matrix that is kept instead of being written anew for every covariate: 128 MiB."""


ROWS_AT_A_TIME = 2**16
"""Rows of many columns that are read at once."""


def rows_of(block: Block, rows: slice) -> Rows:
    """Columns of a block on a slice of rows, by the quickest way it has."""
    matrix = np.empty((len(range(*rows.indices(block.n_samples))), block.n_coef))
    block.write_matrix(rows, matrix)
    return matrix


@dataclass(frozen=True)
class HeldColumns:
    """An intercept and the columns of a design, kept in memory where they fit."""

    design: Design = field(repr=False)

    @property
    def n_columns(self) -> int:
        """Columns of all blocks, and the intercept, which is the first."""
        return 1 + self.design.n_coef

    def of_block(self, number: int) -> slice:
        """Columns of one block."""
        span = self.design.layout.leaf_slices[number]
        return slice(span.start + 1, span.stop + 1)

    def matrix(self, rows: slice) -> Rows:
        """Columns on a slice of rows; not to be written into."""
        return self._write(rows) if self._held is None else self._held[rows]

    def rows_of_block(self, number: int) -> RowsOf:
        """The columns of one block."""
        if self._held is None:
            return partial(rows_of, self.design.blocks[number])
        return self._held[:, self.of_block(number)].__getitem__

    def products(self, rows: slice, values: PerSample) -> np.ndarray:
        """Sum over rows of each column times the rows' values."""
        sums = np.empty(self.n_columns)
        sums[0] = values.sum()
        for number, block in enumerate(self.design.blocks):
            sums[self.of_block(number)] = block.finish_gradient(block.partial_gradient(rows, values))
        return sums

    @cached_property
    def _held(self) -> Rows | None:
        n_rows = self.design.n_samples
        return self._write(slice(0, n_rows)) if n_rows * self.n_columns <= _MOST_HELD else None

    def _write(self, rows: slice) -> Rows:
        return Columns(self.design, np.arange(self.design.n_coef)).with_intercept(rows)


def held(columns: RowsOf, n_rows: int) -> RowsOf:
    """The same columns, written once and kept where they fit in memory."""
    n_columns = columns(slice(0, 1)).shape[1]
    if n_rows * n_columns > _MOST_HELD:
        return columns
    matrix = np.empty((n_rows, n_columns))
    for rows, _ in row_chunks(n_rows, slice(0, n_rows), ROWS_AT_A_TIME):
        matrix[rows] = columns(rows)
    return matrix.__getitem__


def design_of(blocks: tuple[Block, ...]) -> Design:
    """A design of blocks without names."""
    labels = tuple(str(number) for number in range(len(blocks)))
    return Design(blocks, CoefLayout.of(dict_structure(labels), [block.n_coef for block in blocks]))
