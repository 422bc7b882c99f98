"""A block of a SciPy sparse matrix: only its entries are stored, only those of some rows are multiplied."""

from typing import Any

import numpy as np

from spikesieve.design._block import Block
from spikesieve.design._row_runs import RowRuns


class SparseBlock(Block):
    """Columns held as a sparse matrix or array of SciPy, in any format; held by rows, as float64.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import coo_array
    >>> SparseBlock(coo_array(([2.0], ([1], [0])), shape=(3, 2))).as_matrix(slice(1, 3))
    array([[2., 0.],
           [0., 0.]])
    """

    def __init__(self, matrix: Any):
        if not hasattr(matrix, "tocsr") or matrix.ndim != 2:
            raise TypeError(f"A sparse block needs a two-dimensional sparse matrix of SciPy; got {type(matrix)}.")
        if matrix.dtype.kind not in "biuf":
            raise TypeError(f"A sparse block needs real numbers; got a matrix of {matrix.dtype}.")
        self._set(matrix.tocsr().astype(float, copy=False), RowRuns.all(matrix.shape[0]))

    def _set(self, matrix: Any, runs: RowRuns) -> None:
        self.matrix, self._runs = matrix, runs
        self.n_samples, self.n_coef = runs.n_rows, matrix.shape[1]

    def add_linear_predictor(self, rows, coef, out):
        out += self._rows(rows) @ coef

    def add_gradient(self, rows, residual, out):
        out += self._rows(rows).T @ residual

    def as_matrix(self, rows):
        return self._rows(rows).toarray()

    @property
    def n_bytes(self):
        held = (self.matrix.data, self.matrix.indices, self.matrix.indptr)
        return sum(array.nbytes for array in held) + self._runs.n_bytes

    def take(self, rows):
        taken = object.__new__(SparseBlock)
        taken._set(self.matrix, self._runs.take(rows))
        return taken

    def finite_rows(self):
        entries = np.flatnonzero(~np.isfinite(self.matrix.data))
        finite = np.ones(self.matrix.shape[0], dtype=bool)
        finite[np.searchsorted(self.matrix.indptr, entries, side="right") - 1] = False
        return finite[self._runs.indices()]

    def _rows(self, rows):
        runs = self._runs.take(rows)
        if len(runs.table) != 1:
            return self.matrix[runs.indices()]
        first, step, n_rows = runs.table[0].tolist()
        return self.matrix[first : first + n_rows * step : step]
