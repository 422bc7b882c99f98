"""One label per row and neuron, and the same covariates: one problem, whose outputs are the neurons' classes."""

from dataclasses import dataclass

import numpy as np

from spikesieve._tree import CoefLayout
from spikesieve._types import Coef, Index, Intercepts
from spikesieve.observation_models import CategoricalObservations
from spikesieve.solver._blocks import Blocks, check_fits, features_of_each
from spikesieve.solver._categorical_problem import (
    CategoricalProblem,
    LabelledProblem,
    class_gram,
    curve_common_direction,
)
from spikesieve.solver._columns import Columns
from spikesieve.solver._threads import sum_over_chunks

_FAMILY = CategoricalObservations()


@dataclass(frozen=True, kw_only=True)
class CategoricalPopulationProblem(LabelledProblem):
    """Sum over neurons of their mean losses, each a `CategoricalProblem` with the same classes.

    Outputs are neuron by neuron, ``n_classes`` each. `labels` are class numbers, ``(n_samples, n_neurons)``.
    """

    labels: np.ndarray

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return self.labels.shape[1]

    @property
    def n_classes(self) -> int:
        """Number of classes of each neuron."""
        return self.n_outputs // self.n_neurons

    @property
    def layout(self) -> CoefLayout:
        return self.design.layout.with_outputs(self.n_neurons, self.n_classes)

    def null_intercept(self) -> Intercepts:
        return np.concatenate([self._single(n).null_intercept() for n in range(self.n_neurons)])

    def has_finite_null(self) -> bool:
        return all(self._single(n).has_finite_null() for n in range(self.n_neurons))

    def response_size(self, intercept: Intercepts) -> float:
        of_each = np.split(intercept, self.n_neurons)
        return sum(self._single(n).response_size(own) for n, own in enumerate(of_each))

    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Blocks:
        of_neurons = np.bincount(columns % self.n_outputs // self.n_classes)
        check_fits(len(columns), int(np.sum(of_neurons**2)), self.n_neurons)
        features, where = np.unique(columns // self.n_outputs, return_inverse=True)
        chosen, predictors = Columns(self.design, features), self._predictors(coef)
        output = np.concatenate([np.arange(self.n_outputs), columns % self.n_outputs])
        feature = np.concatenate([np.zeros(self.n_outputs, dtype=np.intp), where + 1])
        own, where_own = features_of_each(output // self.n_classes, feature, self.n_neurons)

        def of_chunk(rows: slice):
            eta = self._predict(rows, intercept, predictors)
            probabilities = _FAMILY.probabilities(eta.reshape(-1, self.n_classes)).reshape(len(eta), self.n_neurons, -1)
            weights = np.ones(len(eta)) if self.row_weights is None else self.row_weights[rows]
            matrix, grams = chosen.with_intercept(rows), []
            for n, its in enumerate(own):
                size = len(its) * self.n_classes
                grams.append(class_gram(matrix[:, its], probabilities[:, n], weights).reshape(size, size))
            return [*grams, weights.sum()]

        *grams, total = sum_over_chunks(of_chunk, self.chunks(stride), self.n_threads)
        grams = [gram / total for gram in grams]
        self._curve_common_directions(grams, [features[its[1:] - 1] for its in own])
        row = where_own * self.n_classes + output % self.n_classes
        return Blocks.of(grams, output // self.n_classes, row)

    def _curve_common_directions(self, grams: list[np.ndarray], features_of: list[Index]) -> None:
        """Curve, in place, what the classes have in common in intercepts and in features that nothing penalises."""
        is_free = np.isin(np.arange(self.design.n_coef * self.n_outputs), self.unpenalised)
        by_output = is_free.reshape(-1, self.n_neurons, self.n_classes)
        for neuron, (gram, features) in enumerate(zip(grams, features_of, strict=True)):
            for feature in [0, *(np.flatnonzero(by_output[features, neuron].all(axis=1)) + 1)]:
                own = slice(feature * self.n_classes, (feature + 1) * self.n_classes)
                curve_common_direction(gram[own, own], self.common_share if feature else 1.0)

    def _evaluate_rows(self, rows, eta):
        loss, residual = _FAMILY.evaluate(eta.reshape(-1, self.n_classes), self.labels[rows].ravel())
        return loss.reshape(-1, self.n_neurons), residual.reshape(eta.shape)

    def _single(self, neuron: int) -> CategoricalProblem:
        return CategoricalProblem(
            design=self.design,
            n_outputs=self.n_classes,
            row_weights=self.row_weights,
            labels=self.labels[:, neuron],
            unpenalised=np.zeros(0, dtype=np.intp),
        )
