"""The least of an estimator that cross-validation asks for, over the path solver itself."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikesieve._types import PyTree, Strengths
from spikesieve.design import as_design
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import GroupLasso, Regularizer
from spikesieve.solver import DEFAULT_TOLERANCE, Path, path


@dataclass(frozen=True)
class PathModel:
    """Fits whole paths of one family; rows must be complete. Offsets and weights are those that the design carries.

    Attributes
    ----------
    family
        Observation model with its link.
    regularizer
        The group lasso with one group per covariate, or a smooth penalty.
    """

    family: ObservationModel
    regularizer: Regularizer = field(default_factory=GroupLasso)

    def fit_path(
        self,
        X: PyTree,
        y: np.ndarray,
        strengths: Strengths | None = None,
        n_strengths: int = 100,
        min_ratio: float = 1e-3,
        start: tuple | None = None,
        tolerance: float = DEFAULT_TOLERANCE,
        most_groups: int | None = None,
    ) -> Path:
        """Fit at a sequence of strengths; see `spikesieve.solver.path`."""
        design = as_design(X)
        carried: dict[str, Any] = {"offset": design.offset, "sample_weight": design.sample_weight}
        design = design.with_offset(None).with_weight(None)
        penalty, _ = self.regularizer.bind(design.layout, 1.0)
        grid = {"n_strengths": n_strengths, "min_ratio": min_ratio, "tolerance": tolerance, "most_groups": most_groups}
        return path(design, y, self.family, penalty, strengths, start=start, **grid, **carried)

    def path_linear_predictor(self, path: Path, X: PyTree) -> np.ndarray:
        """Linear predictors of all models of a path, ``(n_samples, n_strengths)``."""
        return as_design(X).linear_predictor(path.coef_matrix.T, path.intercept)
