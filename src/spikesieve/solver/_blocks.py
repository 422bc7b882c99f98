"""Symmetric matrices that are made of blocks along the diagonal: curvature of neurons that share only a penalty."""

from dataclasses import dataclass

import numpy as np

from spikesieve._types import Gram, Index

# The solver keeps about ten matrices over the coefficients in use: measured 0.33 GB for 2 000, so 8 GB for these.
_MOST_COLUMNS = 10_000


def refuse_too_many(columns: Index, n_neurons: int) -> None:
    """Raise if one matrix over the coefficients of joined neurons would not fit into memory."""
    if len(columns) > _MOST_COLUMNS:
        raise ValueError(
            f"{n_neurons} joined neurons need curvature over {len(columns)} coefficients at once, and "
            f"{_MOST_COLUMNS} are the most: join fewer neurons at a time, use fewer features, or stop at a larger "
            "strength."
        )


@dataclass(frozen=True, eq=False)
class Blocks:
    """A symmetric matrix without entries between its blocks, whose rows may be in any order.

    Attributes
    ----------
    values
        The blocks, ``(n_blocks, width, width)``, zero in rows and columns that a block lacks.
    where
        Row of the matrix that each row of a block is, ``(n_blocks, width)``; ``size`` for those it lacks.
    size
        Rows of the matrix.
    """

    values: np.ndarray
    where: np.ndarray
    size: int

    @classmethod
    def of(cls, values: np.ndarray, block: Index, row: Index) -> "Blocks":
        """Matrix whose rows are some of blocks given whole: for each, its block and the row there."""
        size, counts = len(block), np.bincount(block, minlength=len(values))
        order = np.argsort(block, kind="stable")
        place = np.arange(size) - np.repeat(np.cumsum(counts) - counts, counts)
        where = np.full((len(values), counts.max(initial=0)), size, dtype=np.intp)
        where[block[order], place] = order
        rows = np.append(row, 0)[where]
        picked = np.take_along_axis(np.take_along_axis(values, rows[:, :, None], 1), rows[:, None, :], 2)
        there = where < size
        return cls(picked * (there[:, :, None] & there[:, None, :]), where, size)

    def dense(self) -> Gram:
        """The whole matrix."""
        matrix = np.zeros((self.size + 1, self.size + 1))
        for values, where in zip(self.values, self.where, strict=True):
            matrix[np.ix_(where, where)] = values
        return matrix[:-1, :-1]
