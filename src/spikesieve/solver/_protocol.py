"""What the solver sees of the data: a `Problem`, whatever the number of its outputs.

A pass is the only thing in a fit that is as large as the recording, so it is counted.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from spikesieve._tree import CoefLayout
from spikesieve._types import Coef, Gram, Index, Intercepts
from spikesieve.solver._blocks import Curvature


@dataclass(frozen=True)
class Evaluation:
    """One pass at one point."""

    loss: float
    """Mean loss."""
    gradient: Coef
    """Derivative of the mean loss in the coefficients; zero in blocks that were not asked for."""
    intercept_gradient: Intercepts
    residual_dot_predictor: float
    """Mean of (derivative of the loss) x (linear predictor less offset): what the duality gap needs."""


class Problem(ABC):
    """Mean loss of one or several linear predictors, ``offset + intercept + X @ coef`` each, as the solver sees it.

    With several outputs the flat coefficient vector holds them leaf by leaf, in C order within a leaf's
    ``(n_features_of_leaf, n_outputs)``, and there is one intercept per output.
    """

    n_threads: int

    @property
    @abstractmethod
    def n_samples(self) -> int:
        """Number of rows."""

    @property
    @abstractmethod
    def layout(self) -> CoefLayout:
        """Where each leaf's coefficients lie in the flat vector."""

    @property
    def n_coef(self) -> int:
        """Length of the flat coefficient vector."""
        return self.layout.n_coef

    @property
    def n_intercepts(self) -> int:
        """Number of unpenalised constants: one per output."""
        return 1

    @property
    @abstractmethod
    def n_blocks(self) -> int:
        """Number of blocks that an evaluation may be restricted to."""

    @property
    @abstractmethod
    def is_convex(self) -> bool:
        """Whether the loss is known to be convex in the linear predictor."""

    @property
    def is_quadratic(self) -> bool:
        """Whether the loss is a square of the linear predictor: then it has a minimum, however ill-conditioned."""
        return False

    @property
    @abstractmethod
    def has_boundary(self) -> bool:
        """Whether the loss is infinite at some linear predictors, which a step may run into."""

    @abstractmethod
    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Evaluation:
        """One pass: loss at a point and its gradient in `blocks` (None: in all)."""

    @abstractmethod
    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Curvature:
        """Positive curvature in (intercepts, `columns`) from every `stride`-th row, on the scale of the mean loss.

        Strided rows are close to the whole recording whenever covariates change slowly; gradients are always
        exact, so this only sets how many steps a fit takes, never where it ends.
        """

    @abstractmethod
    def blocks_of(self, columns: Index) -> Index:
        """Which blocks hold some of `columns`."""

    @abstractmethod
    def column_rms(self, columns: Index) -> np.ndarray:
        """Root mean square over all rows of the features that some coefficients multiply."""

    @abstractmethod
    def column_peak(self, columns: Index) -> np.ndarray:
        """Largest absolute entry over all rows of the features that some coefficients multiply."""

    @abstractmethod
    def column_covariance(self, columns: Index) -> Gram:
        """Covariance over all rows of the features that some coefficients multiply, 0 across outputs."""

    @abstractmethod
    def null_intercept(self) -> Intercepts:
        """Best intercepts without any covariate and offset, in closed form."""

    @property
    @abstractmethod
    def has_offset(self) -> bool:
        """Whether `null_intercept` is only near the best one."""

    @abstractmethod
    def has_finite_null(self) -> bool:
        """Whether the intercepts alone have a finite best value, given the samples that weigh anything."""

    @abstractmethod
    def residual_rms(self, intercept: Intercepts, coef: Coef) -> float:
        """Root mean square of the derivative of the loss in the linear predictor."""

    @abstractmethod
    def response_size(self, intercept: Intercepts) -> float:
        """Mean size of the observation and of its expectation: a residual much smaller than it is rounding."""

    @abstractmethod
    def saturated_loss(self) -> float:
        """Smallest mean loss that any linear predictor attains."""

    @abstractmethod
    def chunks(self, stride: int = 1) -> list[slice]:
        """Row chunks of a pass, or of every `stride`-th row."""
