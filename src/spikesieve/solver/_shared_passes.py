"""Neurons with the same rows, each solved by itself, whose passes are made together, eight at a time.

Where the link is the family's canonical one, the mean loss is ``mean A(eta_i) - y_i eta_i``. What depends on the counts
is linear in the coefficients, ``(X' y)' coef`` and so on, and is known before the first pass, so that a pass reads
covariates alone: any eight linear predictors share it, whoever they belong to.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from spikesieve._types import Coef, Index, Intercepts, PerSample
from spikesieve.design import LANES, Design, add_sums_and_products, zeros_on_lines
from spikesieve.observation_models import ObservationModel
from spikesieve.solver._lockstep import Ask, run_in_lockstep
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._protocol import Evaluation
from spikesieve.solver._sample import Sample
from spikesieve.solver._threads import equal_chunks, one_blas_thread, shares_of, sum_over_chunks

# Rows of eight linear predictors and eight means, 1 MB: all of the second cache, but with half of it look-ups and
# moments of W(10^5, 10) took 3.2 + 3.4 ns per bin and neuron instead of 2.8 + 2.9, from calling them more often.
_CHUNK_ROWS = 8192
# A pass for eight takes as long as three for one.
_FEWEST = 4


@dataclass(frozen=True)
class SharingProblem(SingleProblem):
    """One neuron's problem, whose passes are made by `ask`, together with those of others."""

    ask: Ask = field(default=lambda request: request.alone(), repr=False)

    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Evaluation:
        return self.ask(_Request(self, intercept, coef, blocks))

    def evaluate_alone(self, intercept: Intercepts, coef: Coef, blocks: Index | None) -> Evaluation:
        """The same by a pass of its own."""
        return super().evaluate(intercept, coef, blocks)

    @cached_property
    def response(self) -> "_ResponseSums":
        y = self.y if self.row_weights is None else self.y * self.row_weights
        features = np.zeros(self.n_coef)
        for block, columns in zip(self.design.blocks, self.design.layout.leaf_slices, strict=True):
            partial = None
            for rows in self.chunks():
                partial = block.partial_gradient(rows, y[rows], partial)
            features[columns] = block.finish_gradient(np.asarray(partial))
        with_offset = 0.0 if self.offset is None else float(y @ self.offset)
        return _ResponseSums(float(y.sum()), with_offset, features)


@dataclass(frozen=True)
class _ResponseSums:
    """Sums over rows, weighted, of what depends on the counts."""

    counts: float
    counts_times_offset: float
    counts_times_features: Coef


@dataclass(frozen=True)
class _Request:
    """A neuron's wish for an evaluation."""

    problem: SharingProblem
    intercept: Intercepts
    coef: Coef
    blocks: Index | None

    @property
    def wanted(self) -> Index:
        return np.arange(self.problem.n_blocks) if self.blocks is None else self.blocks

    def alone(self) -> Evaluation:
        return self.problem.evaluate_alone(self.intercept, self.coef, self.blocks)

    def answered(self, sums: "_Sums", lane: int) -> Evaluation:
        """The evaluation from one lane of a shared pass."""
        problem, response = self.problem, self.problem.response
        with_predictor = float(response.counts_times_features @ self.coef) + response.counts * self.intercept[0]
        loss = sums.cumulant[lane] - with_predictor - response.counts_times_offset
        gradient = np.zeros(problem.n_coef)
        for b in self.wanted:
            columns = problem.design.layout.leaf_slices[b]
            gradient[columns] = sums.gradient[columns, lane] - response.counts_times_features[columns]
        n = problem.n_samples
        slope, dot = sums.mean[lane] - response.counts, sums.mean_times_predictor[lane] - with_predictor
        return Evaluation(float(loss / n), gradient / n, np.array([slope / n]), float(dot / n))


@dataclass(frozen=True)
class _Sums:
    """What a shared pass finds, per lane: weighted sums over rows."""

    cumulant: np.ndarray
    mean: np.ndarray
    mean_times_predictor: np.ndarray
    gradient: np.ndarray
    """``X' mean``, ``(n_coef, 8)``."""


@dataclass(frozen=True)
class SharedPasses:
    """Passes over the rows of one design for up to eight linear predictors."""

    design: Design
    family: ObservationModel
    offset: PerSample | None
    row_weights: PerSample | None
    n_threads: int

    def serve(self, requests: list[_Request]) -> list[Evaluation]:
        """Evaluations of a few neurons, by one pass where they are enough."""
        if len(requests) < _FEWEST:
            return [request.alone() for request in requests]
        intercept, coef = np.zeros(LANES), np.zeros((self.design.n_coef, LANES))
        for lane, request in enumerate(requests):
            intercept[lane], coef[:, lane] = request.intercept[0], request.coef
        blocks = functools.reduce(np.union1d, (request.wanted for request in requests))
        sums = self.sums(intercept, coef, blocks)
        return [request.answered(sums, lane) for lane, request in enumerate(requests)]

    def sums(self, intercept: np.ndarray, coef: np.ndarray, blocks: Index) -> _Sums:
        """One pass at eight points; `intercept` is ``(8,)`` and `coef` ``(n_coef, 8)``."""
        spans = self.design.layout.leaf_slices
        wanted = [self.design.blocks[b] for b in blocks]
        pairs = zip(self.design.blocks, spans, strict=True)
        predictors = [block.predictor(coef[columns]) for block, columns in pairs if coef[columns].any()]

        def of_share(share: list[slice]):
            shape = (max(rows.stop - rows.start for rows in share), LANES)
            eta, mean, totals = zeros_on_lines(shape), zeros_on_lines(shape), zeros_on_lines((3, LANES))
            partials = [None] * len(wanted)
            with np.errstate(over="ignore", invalid="ignore"):
                for rows in share:
                    n_rows = rows.stop - rows.start
                    self._predict(rows, intercept, predictors, eta[:n_rows])
                    self._add_sums(rows, eta[:n_rows], mean[:n_rows], totals)
                    pairs = zip(wanted, partials, strict=True)
                    partials = [block.partial_gradient(rows, mean[:n_rows], partial) for block, partial in pairs]
            return [totals, *(block.finish_gradient(p) for block, p in zip(wanted, partials, strict=True))]

        chunks = equal_chunks(self.design.n_samples, min(self.design.chunk_rows, _CHUNK_ROWS))
        # Tables of sums are 1.7 MB on W(n, 10): 8 shares instead of 2 made a pass over 10^5 bins 1.2 times as long.
        shares = shares_of(chunks, 1 + sum(block.n_sums for block in self.design.blocks))
        totals, *finished = sum_over_chunks(of_share, shares, self.n_threads)
        gradient = np.zeros(coef.shape)
        for b, part in zip(blocks, finished, strict=True):
            gradient[spans[b]] = part
        return _Sums(totals[2], totals[0], totals[1], gradient)

    def _predict(self, rows: slice, intercept: np.ndarray, predictors, eta: np.ndarray) -> None:
        eta[:] = intercept
        if self.offset is not None:
            eta += self.offset[rows, None]
        for add in predictors:
            add(rows, eta)

    def _add_sums(self, rows: slice, eta: np.ndarray, mean: np.ndarray, totals: np.ndarray) -> None:
        """Write the weighted means; add to `totals` their sum, that of means times predictors, and of cumulants."""
        values = self.family.cumulant(eta, mean)
        assert values is not None
        if self.row_weights is not None:
            mean *= self.row_weights[rows, None]
            if values is not mean:
                values *= self.row_weights[rows, None]
        if self.offset is not None:
            eta -= self.offset[rows, None]
        before = totals[0].copy()
        add_sums_and_products(mean, eta, totals)
        totals[2] += totals[0] - before if values is mean else values.sum(axis=0)


@dataclass(frozen=True)
class _SharingSample(Sample):
    """One neuron's sample, whose problem shares its passes."""

    ask: Ask | None = None

    @property
    def alone(self) -> Sample:
        return Sample(self.design, self.y, self.offset, self.weight, self.feature_mask)

    def _problem(self, family: ObservationModel, n_threads: int) -> SingleProblem:
        single = super()._problem(family, n_threads)
        assert self.ask is not None
        values = (single.design, single.y, single.family, single.offset, single.row_weights, single.n_threads)
        return SharingProblem(*values, ask=self.ask)


def can_share(sample: Sample, family: ObservationModel) -> bool:
    """Whether neurons with these rows would gain by sharing passes."""
    design = sample.design
    if design.n_samples < max((block.rows_worth_sharing for block in design.blocks), default=np.inf):
        return False
    return family.cumulant(np.zeros(1), np.zeros(1)) is not None


def solve_neurons(
    samples: Sequence[Sample], solve: Callable[[int, Sample], Any], family: ObservationModel, n_threads: int
) -> list[Any]:
    """``solve(n, samples[n])`` for every neuron; all have the same rows, and share their passes.

    `solve` sees the sample's problem and need not know of the others; the answers are those it would find alone.
    """
    # With two groups one can do its algebra during the other's pass: W(10^5, 10) took 0.91 and 0.70 times as long.
    n_groups = 2 if n_threads > 1 and len(samples) >= 2 * LANES else 1
    first = samples[0]
    weight = None if first.weight is None else np.asarray(first.relative_weight)
    passes = SharedPasses(first.design, family, first.offset, weight, n_threads // n_groups)

    def job(number: int) -> Callable[[Ask], Any]:
        sample = samples[number]
        values = (sample.design, sample.y, sample.offset, sample.weight, sample.feature_mask)
        return lambda ask: solve(number, _SharingSample(*values, ask=ask))

    # Asked for by the neurons' threads alone, the limit did not take hold once another thread had lifted one before.
    with one_blas_thread(n_threads, first.design.n_coef):
        return run_in_lockstep([job(number) for number in range(len(samples))], passes.serve, LANES, n_groups)
