"""A problem in which some coefficients stay at zero, whatever the data say."""

from dataclasses import dataclass

import numpy as np

from spikesieve._tree import CoefLayout
from spikesieve._types import Coef, Gram, Index, Intercepts, Mask
from spikesieve.solver._protocol import Evaluation, Problem


@dataclass(frozen=True)
class MaskedProblem(Problem):
    """`inner` with the features of some coefficients taken to be zero.

    Nothing depends on those coefficients then, so that a solver that starts with them at zero leaves them there.

    Attributes
    ----------
    inner
        The problem with all features.
    kept
        Which coefficients may differ from zero, ``(n_coef,)``.
    """

    inner: Problem
    kept: Mask

    @property
    def n_threads(self) -> int:
        return self.inner.n_threads

    @property
    def n_samples(self) -> int:
        return self.inner.n_samples

    @property
    def layout(self) -> CoefLayout:
        return self.inner.layout

    @property
    def n_intercepts(self) -> int:
        return self.inner.n_intercepts

    @property
    def n_blocks(self) -> int:
        return self.inner.n_blocks

    @property
    def is_convex(self) -> bool:
        return self.inner.is_convex

    @property
    def has_offset(self) -> bool:
        return self.inner.has_offset

    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Evaluation:
        at = self.inner.evaluate(intercept, coef * self.kept, blocks)
        return Evaluation(at.loss, at.gradient * self.kept, at.intercept_gradient, at.residual_dot_predictor)

    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Gram:
        hessian = self.inner.hessian(intercept, coef, columns, stride)
        kept = np.concatenate([np.ones(self.n_intercepts), self.kept[columns]])
        return hessian * kept * kept[:, None]

    def blocks_of(self, columns: Index) -> Index:
        return self.inner.blocks_of(columns)

    def column_rms(self, columns: Index) -> np.ndarray:
        return self.inner.column_rms(columns) * self.kept[columns]

    def column_peak(self, columns: Index) -> np.ndarray:
        return self.inner.column_peak(columns) * self.kept[columns]

    def column_covariance(self, columns: Index) -> Gram:
        kept = self.kept[columns].astype(float)
        return self.inner.column_covariance(columns) * kept * kept[:, None]

    def null_intercept(self) -> Intercepts:
        return self.inner.null_intercept()

    def has_finite_null(self) -> bool:
        return self.inner.has_finite_null()

    def residual_rms(self, intercept: Intercepts, coef: Coef) -> float:
        return self.inner.residual_rms(intercept, coef)

    def response_size(self, intercept: Intercepts) -> float:
        return self.inner.response_size(intercept)

    def saturated_loss(self) -> float:
        return self.inner.saturated_loss()

    def chunks(self, stride: int = 1) -> list[slice]:
        return self.inner.chunks(stride)
