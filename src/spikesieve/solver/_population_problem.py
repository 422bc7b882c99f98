"""Many neurons and the same covariates: one pass serves them all, whether they are solved together or one by one."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spikesieve._types import Coef, Gram, Index, Intercepts, PerOutput
from spikesieve.observation_models import ObservationModel, PoissonObservations
from spikesieve.solver._columns import Columns
from spikesieve.solver._lockstep import Ask, run_in_lockstep
from spikesieve.solver._outputs_problem import OutputsProblem
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._protocol import Evaluation
from spikesieve.solver._sample import Sample
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

    def null_intercept(self) -> Intercepts:
        return np.array([self._single(n).null_intercept()[0] for n in range(self.n_outputs)])

    def has_finite_null(self) -> bool:
        return all(self._single(n).has_finite_null() for n in range(self.n_outputs))

    def response_size(self, intercept: Intercepts) -> float:
        return sum(self._single(n).response_size(intercept[n : n + 1]) for n in range(self.n_outputs))

    def saturated_loss(self) -> float:
        return sum(self._single(n).saturated_loss() for n in range(self.n_outputs))

    def evaluate_each(self, intercept: Intercepts, coef: np.ndarray) -> list[Evaluation]:
        """One pass for all neurons, an evaluation of each; `coef` is ``(n_features, n_neurons)``."""
        loss, dot, slope, gradient = self.sums(intercept, coef, None)
        by_neuron = np.ascontiguousarray(gradient.T)
        return [
            Evaluation(float(loss[k]), by_neuron[k], slope[k : k + 1], float(dot[k])) for k in range(self.n_outputs)
        ]

    def only(self, neurons: Index) -> "PopulationProblem":
        """Return the problem of some of the neurons."""
        return replace(self, n_outputs=len(neurons), counts=np.ascontiguousarray(self.counts[:, neurons]))

    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Gram:
        features, where = np.unique(columns // self.n_outputs, return_inverse=True)
        chosen, predictors = Columns(self.design, features), self._predictors(coef)

        def of_chunk(rows: slice):
            curvature = self.family.curvature(self._predict(rows, intercept, predictors))
            total = float(len(curvature))
            if self.row_weights is not None:
                curvature = curvature * self.row_weights[rows, None]
                total = float(self.row_weights[rows].sum())
            matrix = chosen.with_intercept(rows)
            grams = np.empty((self.n_outputs, matrix.shape[1], matrix.shape[1]))
            for n in range(self.n_outputs):
                scaled = matrix * np.sqrt(curvature[:, n])[:, None]
                grams[n] = scaled.T @ scaled
            return [grams, total]

        grams, total = sum_over_chunks(of_chunk, self.chunks(stride), self.n_threads)
        neuron = np.concatenate([np.arange(self.n_outputs), columns % self.n_outputs])
        feature = np.concatenate([np.zeros(self.n_outputs, dtype=np.intp), where + 1])
        hessian = np.zeros((len(neuron), len(neuron)))
        for n in range(self.n_outputs):
            own = np.flatnonzero(neuron == n)
            hessian[np.ix_(own, own)] = grams[n][np.ix_(feature[own], feature[own])] / total
        return hessian

    def _evaluate_rows(self, rows, eta):
        return self.family.evaluate(eta, self.counts[rows])

    def _single(self, neuron: int) -> SingleProblem:
        return SingleProblem(self.design, self.counts[:, neuron], self.family, None, self.row_weights)


@dataclass(frozen=True)
class _Request:
    """A neuron's wish for an evaluation."""

    neuron: int
    family: ObservationModel
    intercept: Intercepts
    coef: Coef


@dataclass(frozen=True)
class _NeuronProblem(SingleProblem):
    """One neuron's problem, whose passes are shared; they always cover every block."""

    neuron: int = 0
    ask: Ask = field(default=lambda request: request)

    @property
    def n_blocks(self) -> int:
        return 1

    def blocks_of(self, columns: Index) -> Index:
        return np.zeros(min(len(columns), 1), dtype=np.intp)

    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Evaluation:
        return self.ask(_Request(self.neuron, self.family, intercept, coef))


@dataclass(frozen=True)
class _NeuronSample(Sample):
    """One neuron's sample, whose problem shares its passes."""

    neuron: int = 0
    ask: Ask = field(default=lambda request: request)

    def _problem(self, family: ObservationModel, n_threads: int) -> SingleProblem:
        single = super()._problem(family, n_threads)
        values = (single.design, single.y, single.family, single.offset, single.row_weights, single.n_threads)
        return _NeuronProblem(*values, neuron=self.neuron, ask=self.ask)

    def alone(self) -> Sample:
        return Sample(self.design, self.y, self.offset, self.weight, self.feature_mask)


def solve_neurons(samples: Sequence[Sample], solve: Callable[[int, Sample], Any], n_threads: int) -> list[Any]:
    """``solve(n, samples[n])`` for every neuron, where samples of the same rows share their passes.

    `solve` sees the sample's problem and need not know of the others; the answers are those it would find alone.
    """
    first = samples[0]
    everything = PopulationProblem(
        design=first.design,
        n_outputs=len(samples),
        offset=None if first.offset is None else first.offset[:, None],
        row_weights=None if first.weight is None else np.asarray(first.relative_weight),
        n_threads=n_threads,
        counts=np.stack([sample.y for sample in samples], axis=1),
        family=PoissonObservations(),
    )

    @functools.lru_cache(maxsize=1)  # the same neurons ask again and again, until one of them is done
    def problem_of(neurons: tuple[int, ...]) -> PopulationProblem:
        return everything if len(neurons) == len(samples) else everything.only(np.array(neurons))

    def serve(requests: list[_Request]) -> list[Evaluation]:
        answers: dict[int, Evaluation] = {}
        for family in {id(request.family): request.family for request in requests}.values():
            alike = [request for request in requests if request.family is family]
            neurons = tuple(request.neuron for request in alike)
            problem = replace(problem_of(neurons), family=family)
            intercept = np.array([request.intercept[0] for request in alike])
            coef = np.stack([request.coef for request in alike], axis=1)
            answers |= zip(neurons, problem.evaluate_each(intercept, coef), strict=True)
        return [answers[request.neuron] for request in requests]

    def job(neuron: int) -> Callable[[Ask], Any]:
        sample = samples[neuron]
        values = (sample.design, sample.y, sample.offset, sample.weight, sample.feature_mask)
        return lambda ask: solve(neuron, _NeuronSample(*values, neuron=neuron, ask=ask))

    return run_in_lockstep([job(neuron) for neuron in range(len(samples))], serve)
