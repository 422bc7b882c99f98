"""`Block`: one covariate's columns, asked only for products on a chunk of rows.

With these three verbs every block works with every solver, family and penalty, whether its columns
are stored, computed or read from disk.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from spikesieve.design._row_runs import row_chunks

_PIECE_BYTES = 8 * 2**20


class Block(ABC):
    """Columns of a design matrix, shape ``(n_samples, n_coef)``, maybe never stored."""

    n_samples: int
    n_coef: int
    rows_worth_sharing: float = float("inf")
    """Rows from which on paths of eight neurons are faster with shared passes than one after the other."""

    @property
    def kind(self) -> str:
        """How the columns are held, in words: the class's name without "Block"."""
        words = re.findall("[A-Z][a-z]*", type(self).__name__.removesuffix("Block"))
        return " ".join(words).lower()

    @abstractmethod
    def add_linear_predictor(self, rows: slice, coef: np.ndarray, out: np.ndarray) -> None:
        """``out += X[rows] @ coef``; `coef` is ``(n_coef,)`` or ``(n_coef, n_neurons)``."""

    @abstractmethod
    def add_gradient(self, rows: slice, residual: np.ndarray, out: np.ndarray) -> None:
        """``out += X[rows].T @ residual``; `residual` is ``(n_rows,)`` or ``(n_rows, n_neurons)``."""

    @abstractmethod
    def as_matrix(self, rows: slice) -> np.ndarray:
        """``X[rows]`` as a dense matrix, for Gram matrices; the caller does not write into it."""

    @abstractmethod
    def take(self, rows) -> "Block":
        """Return the block on some rows: a slice (which copies nothing large) or an index or boolean array."""

    @abstractmethod
    def finite_rows(self) -> np.ndarray:
        """Which rows have no NaN and no infinity, shape ``(n_samples,)``."""

    # A pass visits a block once per row chunk: what can be done once per pass goes here.

    def predictor(self, coef: np.ndarray) -> Callable[[slice, np.ndarray], None]:
        """Return ``add(rows, out)`` for ``out += X[rows] @ coef`` with coefficients that do not change."""
        held = self.open_pass()

        def add(rows: slice, out: np.ndarray, held=held) -> None:
            del held  # lives as long as this function, which is the pass
            self.add_linear_predictor(rows, coef, out)

        return add

    def open_pass(self) -> Any:
        """Return what keeps rows that are read in mind for as long as it is held; None where nothing is read."""
        return None

    def partial_gradient(self, rows: slice, residual: np.ndarray, partial: np.ndarray | None = None) -> np.ndarray:
        """Sums over a row chunk that add up, over chunks, to what `finish_gradient` takes.

        `partial`, of earlier chunks, is added to in place if given.
        """
        gradient = np.zeros((self.n_coef, *residual.shape[1:])) if partial is None else partial
        self.add_gradient(rows, residual, gradient)
        return gradient

    def finish_gradient(self, partial: np.ndarray) -> np.ndarray:
        """``X.T @ residual`` from the sum of `partial_gradient` over the chunks."""
        return partial

    def write_matrix(self, rows: slice, out: np.ndarray) -> None:
        """``out[:] = X[rows]``."""
        out[:] = self.as_matrix(rows)

    def column_squares(self, rows: slice) -> np.ndarray:
        """Sum of squares of each column over a row chunk, ``(n_coef,)``; rows with NaN must be gone."""
        squares = np.zeros(self.n_coef)
        for _, piece in row_chunks(self.n_samples, rows, max(1, _PIECE_BYTES // (8 * self.n_coef + 1))):
            matrix = self.as_matrix(piece)
            squares += np.einsum("ij,ij->j", matrix, matrix)
        return squares

    @property
    def row_bytes(self) -> int:
        """Bytes that a pass brings into the cache for each row, where they are many: of stored columns and signals."""
        return 0

    @property
    def n_sums(self) -> int:
        """Numbers that `partial_gradient` brings together."""
        return self.n_coef

    @property
    def n_bytes(self) -> int:
        """Memory that the block holds."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))
