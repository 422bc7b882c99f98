"""The problem of one label per row out of several: multinomial logistic regression."""

from dataclasses import dataclass

import numpy as np

from spikesieve._types import Coef, Gram, Index, Intercepts, Labels
from spikesieve.observation_models import CategoricalObservations
from spikesieve.solver._columns import Columns
from spikesieve.solver._outputs_problem import OutputsProblem
from spikesieve.solver._threads import sum_over_chunks

_FAMILY = CategoricalObservations()


@dataclass(frozen=True, kw_only=True)
class LabelledProblem(OutputsProblem):
    """One linear predictor per class, over-parametrised: adding the same to all of them changes nothing.

    `unpenalised` are coefficients that a penalty may leave without slope, and `common_share` is the curvature that
    their common direction is given.
    """

    unpenalised: Index
    common_share: float = 1.0

    @property
    def is_convex(self) -> bool:
        return True

    @property
    def has_boundary(self) -> bool:
        return False

    def saturated_loss(self) -> float:
        return 0.0


@dataclass(frozen=True, kw_only=True)
class CategoricalProblem(LabelledProblem):
    """One neuron: `labels` are class numbers, ``0 ... n_outputs - 1``."""

    labels: Labels

    def null_intercept(self) -> Intercepts:
        return _FAMILY.null_linear_predictor(self.labels, self.n_outputs, self.row_weights)

    def has_finite_null(self) -> bool:
        weighing = self.labels if self.row_weights is None else self.labels[self.row_weights > 0]
        return bool(np.bincount(weighing, minlength=self.n_outputs).all())

    def response_size(self, intercept: Intercepts) -> float:
        return 2.0

    def _evaluate_rows(self, rows, eta):
        return _FAMILY.evaluate(eta, self.labels[rows])

    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Gram:
        features, where = np.unique(columns // self.n_outputs, return_inverse=True)
        chosen, predictors = Columns(self.design, features), self._predictors(coef)

        def of_chunk(rows: slice):
            probabilities = _FAMILY.probabilities(self._predict(rows, intercept, predictors))
            weights = np.ones(len(probabilities)) if self.row_weights is None else self.row_weights[rows]
            return [class_gram(chosen.with_intercept(rows), probabilities, weights), weights.sum()]

        gram, total = sum_over_chunks(of_chunk, self.chunks(stride), self.n_threads)
        n_classes = self.n_outputs
        kept = np.concatenate([np.arange(n_classes), (where + 1) * n_classes + columns % n_classes])
        matrix = gram.reshape(len(gram) * n_classes, -1)[np.ix_(kept, kept)] / total
        curve_common_direction(matrix[:n_classes, :n_classes])
        for feature in np.unique(features[where[np.isin(columns, self.unpenalised)]]):
            own = np.flatnonzero(columns // n_classes == feature)
            if len(own) == n_classes:
                block = np.ix_(own + n_classes, own + n_classes)
                matrix[block] = curve_common_direction(matrix[block], self.common_share)
        return matrix


def curve_common_direction(curvature: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Give the direction common to all classes a curvature, in place, over one feature's ``(n_classes, n_classes)``.

    Where nothing is penalised it has neither slope nor curvature, so that any will do: with some, no step has a
    part in it, and the parameters stay centred, which is their least norm. `share` is its size, relative to the mean
    over all directions.
    """
    curvature += share * np.trace(curvature) / curvature.size
    return curvature


def class_gram(features: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``sum_i w_i x_i x_i' (diag(p_i) - p_i p_i')``, shape ``(n_features, n_classes, n_features, n_classes)``."""
    n_features, n_classes = features.shape[1], probabilities.shape[1]
    gram = np.empty((n_features, n_classes, n_features, n_classes))
    for k in range(n_classes):
        scaled = features * (weights * probabilities[:, k])[:, None]
        for other in range(k + 1):
            curvature = float(k == other) - probabilities[:, other]
            gram[:, k, :, other] = gram[:, other, :, k] = scaled.T @ (features * curvature[:, None])
    return gram
