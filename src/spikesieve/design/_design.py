"""`Design`: the blocks of all covariates side by side, and how their coefficients are laid out."""

from dataclasses import dataclass

import numpy as np

from spikesieve._tree import CoefLayout
from spikesieve.design._block import Block

_CHUNK_ROWS = 8192


@dataclass(frozen=True)
class Design:
    """The design matrix as a row of blocks, one per leaf of the features."""

    blocks: tuple[Block, ...]
    layout: CoefLayout

    @property
    def n_samples(self) -> int:
        """Rows: time bins."""
        return self.blocks[0].n_samples

    @property
    def n_coef(self) -> int:
        """Columns of all blocks together."""
        return self.layout.n_coef

    def linear_predictor(self, coef: np.ndarray, intercept=0.0) -> np.ndarray:
        """``X @ coef + intercept`` for ``(n_coef,)`` or, several models at once, ``(n_coef, n_models)``."""
        rows = slice(0, self.n_samples)
        out = np.zeros((self.n_samples, *coef.shape[1:])) + intercept
        for block, columns in zip(self.blocks, self.layout.leaf_slices, strict=True):
            block.add_linear_predictor(rows, coef[columns], out)
        return out

    def finite_rows(self) -> np.ndarray:
        """Which rows have no NaN and no infinity in any block, shape ``(n_samples,)``."""
        finite = np.ones(self.n_samples, dtype=bool)
        for block in self.blocks:
            finite &= block.finite_rows()
        return finite

    def take(self, rows) -> "Design":
        """Return the design on some rows: a slice, or an index or boolean array."""
        return Design(tuple(block.take(rows) for block in self.blocks), self.layout)

    def rank_with_intercept(self) -> int:
        """Rank of the columns and a column of ones, from their Gram matrix with every column scaled to length 1."""
        gram = np.zeros((self.n_coef + 1, self.n_coef + 1))
        for start in range(0, self.n_samples, _CHUNK_ROWS):
            rows = slice(start, min(start + _CHUNK_ROWS, self.n_samples))
            columns = [np.ones((rows.stop - start, 1)), *(block.as_matrix(rows) for block in self.blocks)]
            matrix = np.hstack(columns)
            gram += matrix.T @ matrix
        length = np.sqrt(np.diagonal(gram))
        length = np.where(length > 0, length, 1.0)
        return int(np.linalg.matrix_rank(gram / length / length[:, None], tol=1e-10, hermitian=True))
