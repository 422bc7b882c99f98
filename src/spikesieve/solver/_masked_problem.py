"""A problem in which some coefficients stay at zero, whatever the data say."""

from dataclasses import dataclass

import numpy as np

from spikesieve._types import Coef, Gram, Index, Intercepts, Mask
from spikesieve.solver._blocks import Blocks, Curvature
from spikesieve.solver._protocol import Evaluation
from spikesieve.solver._wrapped_problem import WrappedProblem


@dataclass(frozen=True)
class MaskedProblem(WrappedProblem):
    """`inner` with the features of some coefficients taken to be zero.

    Nothing depends on those coefficients then, so that a solver that starts with them at zero leaves them there.

    Attributes
    ----------
    inner
        The problem with all features.
    kept
        Which coefficients may differ from zero, ``(n_coef,)``.
    """

    kept: Mask

    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Evaluation:
        at = self.inner.evaluate(intercept, coef * self.kept, blocks)
        return Evaluation(at.loss, at.gradient * self.kept, at.intercept_gradient, at.residual_dot_predictor)

    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Curvature:
        hessian = self.inner.hessian(intercept, coef, columns, stride)
        kept = np.concatenate([np.ones(self.n_intercepts), self.kept[columns]])
        if isinstance(hessian, Blocks):
            return hessian.map(lambda rows, values: values * kept[rows] * kept[rows, None])
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

    def residual_rms(self, intercept: Intercepts, coef: Coef) -> float:
        return self.inner.residual_rms(intercept, coef)
