"""Many neurons and the same covariates: one problem, whose outputs are the neurons."""

from dataclasses import dataclass

import numpy as np

from spikesieve._types import Coef, Index, Intercepts, PerOutput
from spikesieve.observation_models import ObservationModel
from spikesieve.solver._blocks import Blocks, check_fits, features_of_each
from spikesieve.solver._columns import Columns
from spikesieve.solver._outputs_problem import OutputsProblem
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._threads import sum_over_chunks


@dataclass(frozen=True, kw_only=True)
class PopulationProblem(OutputsProblem):
    """Sum over neurons of their mean losses: NeMoS's loss of a population.

    `counts` are those of all neurons, ``(n_samples, n_outputs)``.
    """

    counts: PerOutput
    family: ObservationModel

    @property
    def is_convex(self) -> bool:
        return self.family.is_convex

    @property
    def has_boundary(self) -> bool:
        return self.family.has_boundary

    def null_intercept(self) -> Intercepts:
        return np.array([self._single(n).null_intercept()[0] for n in range(self.n_outputs)])

    def has_finite_null(self) -> bool:
        return all(self._single(n).has_finite_null() for n in range(self.n_outputs))

    def response_size(self, intercept: Intercepts) -> float:
        return sum(self._single(n).response_size(intercept[n : n + 1]) for n in range(self.n_outputs))

    def saturated_loss(self) -> float:
        return sum(self._single(n).saturated_loss() for n in range(self.n_outputs))

    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Blocks:
        check_fits(len(columns), int(np.sum(np.bincount(columns % self.n_outputs) ** 2)), self.n_outputs)
        features, where = np.unique(columns // self.n_outputs, return_inverse=True)
        chosen, predictors = Columns(self.design, features), self._predictors(coef)
        neuron = np.concatenate([np.arange(self.n_outputs), columns % self.n_outputs])
        feature = np.concatenate([np.zeros(self.n_outputs, dtype=np.intp), where + 1])
        own, row = features_of_each(neuron, feature, self.n_outputs)

        def of_chunk(rows: slice):
            curvature = self.family.curvature(self._predict(rows, intercept, predictors))
            total = float(len(curvature))
            if self.row_weights is not None:
                curvature = curvature * self.row_weights[rows, None]
                total = float(self.row_weights[rows].sum())
            matrix, grams = chosen.with_intercept(rows), []
            for n, its in enumerate(own):
                scaled = (matrix if len(its) == matrix.shape[1] else matrix[:, its]) * np.sqrt(curvature[:, n])[:, None]
                grams.append(scaled.T @ scaled)
            return [*grams, total]

        *grams, total = sum_over_chunks(of_chunk, self.chunks(stride), self.n_threads)
        return Blocks.of([gram / total for gram in grams], neuron, row)

    def _evaluate_rows(self, rows, eta):
        return self.family.evaluate(eta, self.counts[rows])

    def _single(self, neuron: int) -> SingleProblem:
        return SingleProblem(self.design, self.counts[:, neuron], self.family, None, self.row_weights)
