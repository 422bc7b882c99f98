"""Some columns of a design, in passes over row chunks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve._types import Index, Matrix
from spikesieve.design import Design


@dataclass(frozen=True)
class Columns:
    """The columns of `design` at some indices, in their order."""

    design: Design
    indices: Index

    @cached_property
    def _parts(self) -> list[tuple[int, Index, Index]]:
        """For each block concerned: its number, the columns within it, and where they go in `indices`."""
        found = []
        for b, span in enumerate(self.design.layout.leaf_slices):
            where = np.flatnonzero((self.indices >= span.start) & (self.indices < span.stop))
            if len(where):
                found.append((b, self.indices[where] - span.start, where))
        return found

    @property
    def blocks(self) -> Index:
        """Numbers of the blocks that hold some of them."""
        return np.array([b for b, _, _ in self._parts], dtype=np.intp)

    def with_intercept(self, rows: slice) -> Matrix:
        """A column of ones and the columns on some rows, as a fresh matrix."""
        n_rows = len(range(*rows.indices(self.design.n_samples)))
        matrix = np.empty((n_rows, len(self.indices) + 1))
        matrix[:, 0] = 1.0
        for b, inside, where in self._parts:
            block, first = self.design.blocks[b], int(where[0]) + 1
            if len(inside) == block.n_coef and where[-1] - where[0] == len(where) - 1:
                block.write_matrix(rows, matrix[:, first : first + len(inside)])
            else:
                matrix[:, where + 1] = block.as_matrix(rows)[:, inside]
        return matrix

    def rms(self, chunks: list[slice]) -> np.ndarray:
        """Root mean square of each column over all rows."""
        squares = np.zeros(len(self.indices))
        for rows in chunks:
            squares += np.square(self.with_intercept(rows)[:, 1:]).sum(axis=0)
        return np.sqrt(squares / self.design.n_samples)

    def peak(self, chunks: list[slice]) -> np.ndarray:
        """Largest absolute entry of each column over all rows."""
        peak = np.zeros(len(self.indices))
        for rows in chunks:
            np.maximum(peak, np.abs(self.with_intercept(rows)[:, 1:]).max(axis=0), out=peak)
        return peak
