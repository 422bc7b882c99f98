"""A problem in other coordinates: ``coef = matrix @ latent``. Rows are never touched by it."""

from dataclasses import dataclass

import numpy as np

from spikesieve._types import Coef, Gram, Index, Intercepts
from spikesieve.regularizer import Expansion
from spikesieve.solver._blocks import as_dense
from spikesieve.solver._protocol import Evaluation
from spikesieve.solver._wrapped_problem import WrappedProblem


@dataclass(frozen=True)
class ExpandedProblem(WrappedProblem):
    """Another problem as a function of latent coefficients: gradient ``E' g``, curvature ``E' H E``."""

    expansion: Expansion

    @property
    def n_coef(self) -> int:
        return self.expansion.matrix.shape[1]

    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Evaluation:
        at = self.inner.evaluate(intercept, self.expansion.to_coef(coef), blocks)
        gradient = self.expansion.matrix.T @ at.gradient
        return Evaluation(at.loss, gradient, at.intercept_gradient, at.residual_dot_predictor)

    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Gram:
        behind, mixing = self._behind(columns)
        inner = as_dense(self.inner.hessian(intercept, self.expansion.to_coef(coef), behind, stride))
        n = self.n_intercepts
        gram = np.empty((n + len(columns), n + len(columns)))
        gram[:n, :n] = inner[:n, :n]
        gram[:n, n:] = inner[:n, n:] @ mixing
        gram[n:, :n] = gram[:n, n:].T
        gram[n:, n:] = mixing.T @ inner[n:, n:] @ mixing
        return gram

    def blocks_of(self, columns: Index) -> Index:
        return self.inner.blocks_of(self._behind(columns)[0])

    def column_rms(self, columns: Index) -> np.ndarray:
        """Upper bounds, by the triangle inequality; exact for copies of coefficients."""
        behind, mixing = self._behind(columns)
        return self.inner.column_rms(behind) @ np.abs(mixing)

    def column_peak(self, columns: Index) -> np.ndarray:
        """Upper bounds, by the triangle inequality; exact for copies of coefficients."""
        behind, mixing = self._behind(columns)
        return self.inner.column_peak(behind) @ np.abs(mixing)

    def column_covariance(self, columns: Index) -> Gram:
        behind, mixing = self._behind(columns)
        return mixing.T @ self.inner.column_covariance(behind) @ mixing

    def residual_rms(self, intercept: Intercepts, coef: Coef) -> float:
        return self.inner.residual_rms(intercept, self.expansion.to_coef(coef))

    def _behind(self, columns: Index) -> tuple[Index, np.ndarray]:
        """Coefficients that some latent ones contribute to, and by how much, ``(n_behind, n_columns)``."""
        chosen = self.expansion.matrix[:, columns]
        behind = np.flatnonzero(np.diff(chosen.indptr))
        return behind, chosen[behind].toarray()
