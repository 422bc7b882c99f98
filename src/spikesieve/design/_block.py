"""`Block`: one covariate's columns, asked only for products on a chunk of rows.

With these three verbs every block works with every solver, family and penalty, whether its columns
are stored, computed or read from disk.
"""

from abc import ABC, abstractmethod

import numpy as np


class Block(ABC):
    """Columns of a design matrix, shape ``(n_samples, n_coef)``, maybe never stored."""

    n_samples: int
    n_coef: int

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
