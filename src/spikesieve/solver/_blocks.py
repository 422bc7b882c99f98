"""Matrices without entries between some sets of rows: curvature of neurons that share nothing but a penalty."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, TypeAlias

import numpy as np

from spikesieve._types import Gram, Index
from spikesieve.solver._factorise import factorise

# The solver keeps about ten matrices over the coefficients in use: 0.33 GB for 2 000 in one, so 8 GB for these.
_MOST_COLUMNS = 10_000
# A gradient that changed as the matrix said but for this share teaches nothing: the loss is quadratic.
_EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class Blocks:
    """A matrix that is zero outside its blocks, each of some rows and columns, in ascending order.

    Every row is in at most one block, and every column; a symmetric matrix has the same in both.
    """

    rows: tuple[Index, ...]
    columns: tuple[Index, ...]
    values: tuple[np.ndarray, ...]
    shape: tuple[int, int]

    @classmethod
    def of(cls, values: Sequence[np.ndarray], block: Index, row: Index) -> "Blocks":
        """Symmetric matrix whose rows are some of blocks given whole: for each, its block and the row there."""
        own = tuple(np.flatnonzero(block == b) for b in range(len(values)))
        picked = tuple(one[np.ix_(row[rows], row[rows])] for one, rows in zip(values, own, strict=True))
        return cls(own, own, picked, (len(block), len(block)))

    def __len__(self) -> int:
        return self.shape[0]

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        out = np.zeros((self.shape[0], *x.shape[1:]))
        for rows, columns, values in zip(self.rows, self.columns, self.values, strict=True):
            out[rows] = values @ x[columns]
        return out

    @property
    def T(self) -> "Blocks":  # noqa: N802
        """The transpose."""
        turned = tuple(values.T for values in self.values)
        return Blocks(self.columns, self.rows, turned, (self.shape[1], self.shape[0]))

    def map(self, change: Callable[[Index, np.ndarray], np.ndarray]) -> "Blocks":
        """Matrix with ``change(rows, values)`` for the values of each block."""
        changed = tuple(change(rows, values) for rows, values in zip(self.rows, self.values, strict=True))
        return Blocks(self.rows, self.columns, changed, self.shape)


Curvature: TypeAlias = Gram | Blocks
"""A symmetric matrix, whole or in blocks."""


def check_fits(n_columns: int, n_entries: int, n_neurons: int) -> None:
    """Raise if the matrices over the coefficients of joined neurons would not fit into memory."""
    if n_entries > _MOST_COLUMNS**2:
        raise ValueError(
            f"{n_neurons} joined neurons need curvature over {n_columns} coefficients at once, in matrices of "
            f"{n_entries} entries where {_MOST_COLUMNS**2} are the most: join fewer neurons at a time, use fewer "
            "features, or stop at a larger strength."
        )


def features_of_each(neuron: Index, feature: Index, n_neurons: int) -> tuple[list[Index], Index]:
    """Features that each neuron has some rows of, in ascending order, and where in its own each row's feature is."""
    own, where = [], np.empty(len(feature), dtype=np.intp)
    for n in range(n_neurons):
        its = neuron == n
        unique, where[its] = np.unique(feature[its], return_inverse=True)
        own.append(unique)
    return own, where


def as_dense(matrix: Curvature) -> Gram:
    """The whole matrix, for what does not keep to the blocks."""
    if not isinstance(matrix, Blocks):
        return matrix
    check_fits(len(matrix), len(matrix) ** 2, len(matrix.rows))
    dense = np.zeros(matrix.shape)
    for rows, columns, values in zip(matrix.rows, matrix.columns, matrix.values, strict=True):
        dense[np.ix_(rows, columns)] = values
    return dense


@singledispatch
def part_of(matrix: Any, inside: Index) -> Any:
    """Rows and columns `inside`, in that order."""
    return matrix[np.ix_(inside, inside)]


@part_of.register
def _(matrix: Blocks, inside: Index) -> Blocks:
    number = np.full(len(matrix), -1)
    number[inside] = np.arange(len(inside))
    rows, picked = [], []
    for old, values in zip(matrix.rows, matrix.values, strict=True):
        new = number[old]
        order = np.argsort(new)[np.count_nonzero(new < 0) :]
        rows.append(new[order])
        picked.append(values[np.ix_(order, order)])
    return Blocks(tuple(rows), tuple(rows), tuple(picked), (len(inside), len(inside)))


@singledispatch
def with_diagonal(matrix: Any, added: np.ndarray) -> Any:
    """A copy with something added to the diagonal."""
    copy = matrix.copy()
    copy.reshape(-1)[:: len(copy) + 1] += added
    return copy


@with_diagonal.register
def _(matrix: Blocks, added: np.ndarray) -> Blocks:
    return matrix.map(lambda rows, values: values + np.diag(added[rows]))


@singledispatch
def corrected(matrix: Any, s: np.ndarray, y: np.ndarray) -> Any:
    """Make the matrix exact along a step `s` that changed the gradient by `y`, by a BFGS update; None for no change.

    A block has an update of its own: the part of the loss that it belongs to depends on its part of the step alone
    (Griewank & Toint 1982, Numer. Math. 39, 119-137, doi:10.1007/BF01399316).
    """
    predicted = matrix @ s
    along, expected = float(y @ s), float(predicted @ s)
    if along <= 1e-3 * expected or expected <= 0.0 or np.abs(y - predicted).max() <= _EXACT * np.abs(y).max():
        return None
    y, predicted = y / np.sqrt(along), predicted / np.sqrt(expected)
    return matrix + np.array([y, predicted]).T @ np.array([y, -predicted])


@corrected.register
def _(matrix: Blocks, s: np.ndarray, y: np.ndarray) -> Blocks | None:
    found = [corrected(values, s[rows], y[rows]) for rows, values in zip(matrix.rows, matrix.values, strict=True)]
    if all(one is None for one in found):
        return None
    values = tuple(old if new is None else new for old, new in zip(matrix.values, found, strict=True))
    return Blocks(matrix.rows, matrix.columns, values, matrix.shape)


@dataclass(frozen=True)
class Eliminated:
    """What is left of a symmetric matrix when its first rows are eliminated."""

    solve_free: Callable[[np.ndarray], np.ndarray]
    """Solver with the part of the matrix over the first rows."""
    coupling: Any
    """That solver applied to the part between the first rows and the others."""
    schur: Curvature


@singledispatch
def eliminate(matrix: Any, n_free: int) -> Eliminated:
    """Schur complement of the first `n_free` rows."""
    solve_free = factorise(matrix[:n_free, :n_free])
    coupling = solve_free(matrix[:n_free, n_free:])
    schur = matrix[n_free:, n_free:] - matrix[n_free:, :n_free] @ coupling
    return Eliminated(solve_free, coupling, 0.5 * (schur + schur.T))


@eliminate.register
def _(matrix: Blocks, n_free: int) -> Eliminated:
    counts = [int(np.searchsorted(rows, n_free)) for rows in matrix.rows]
    pairs = list(zip(matrix.rows, counts, strict=True))
    free, others = tuple(rows[:n] for rows, n in pairs), tuple(rows[n:] - n_free for rows, n in pairs)
    each = [eliminate(values, n) for values, n in zip(matrix.values, counts, strict=True)]

    def solve_free(right: np.ndarray) -> np.ndarray:
        solution = np.zeros_like(right)
        for rows, one in zip(free, each, strict=True):
            solution[rows] = one.solve_free(right[rows])
        return solution

    rest = len(matrix) - n_free
    coupling = Blocks(free, others, tuple(one.coupling for one in each), (n_free, rest))
    schur = Blocks(others, others, tuple(np.asarray(one.schur) for one in each), (rest, rest))
    return Eliminated(solve_free, coupling, schur)
