"""A block whose columns are stored: what every array handed to ``fit`` becomes."""

import numpy as np

from spikesieve._types import Matrix
from spikesieve.design._block import Block


class DenseBlock(Block):
    """Columns held in an array, ``(n_samples, n_coef)``, of any strides; nothing is copied."""

    rows_worth_sharing = 20_000

    def __init__(self, columns: Matrix):
        self.columns = columns
        self.n_samples, self.n_coef = columns.shape

    def add_linear_predictor(self, rows, coef, out):
        out += self.columns[rows] @ coef

    def add_gradient(self, rows, residual, out):
        out += self.columns[rows].T @ residual

    def as_matrix(self, rows):
        return self.columns[rows]

    def take(self, rows):
        return DenseBlock(self.columns[rows])

    @property
    def row_bytes(self):
        return 8 * self.n_coef

    def finite_rows(self):
        # A row's sum is finite if all its entries are, save for overflow of huge finite entries,
        # which the exact test then settles: one cheap read for clean data.
        with np.errstate(invalid="ignore", over="ignore"):
            finite = np.isfinite(self.columns @ np.ones(self.n_coef))
        suspects = np.flatnonzero(~finite)
        finite[suspects] = np.isfinite(self.columns[suspects]).all(axis=1)
        return finite
