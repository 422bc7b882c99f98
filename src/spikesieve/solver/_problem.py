"""The problem of one output: mean loss over the rows, its gradient and its curvature, in passes over row chunks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve._tree import CoefLayout
from spikesieve._types import Coef, Gram, Index, Intercepts, PerSample
from spikesieve.design import Design
from spikesieve.observation_models import ObservationModel
from spikesieve.solver._columns import Columns
from spikesieve.solver._protocol import Evaluation, Problem
from spikesieve.solver._threads import equal_chunks, shares_of, sum_over_chunks

# A Hessian of 10 000 rows in one chunk would leave the other threads idle.
_MATRIX_ROWS = 4096


@dataclass(frozen=True)
class SingleProblem(Problem):
    """Design, observations and family: ``mean_i loss(offset_i + intercept + x_i' coef, y_i)``.

    `row_weights`, if given, are non-negative and average to 1.
    """

    design: Design
    y: PerSample
    family: ObservationModel
    offset: PerSample | None = None
    row_weights: PerSample | None = None
    n_threads: int = 1

    @property
    def n_samples(self) -> int:
        return self.design.n_samples

    @property
    def layout(self) -> CoefLayout:
        return self.design.layout

    @property
    def n_blocks(self) -> int:
        return len(self.design.blocks)

    @property
    def is_convex(self) -> bool:
        return self.family.is_convex

    @property
    def is_quadratic(self) -> bool:
        return self.family.is_quadratic

    @property
    def has_boundary(self) -> bool:
        return self.family.has_boundary

    @property
    def has_offset(self) -> bool:
        return self.offset is not None

    def null_intercept(self) -> Intercepts:
        weighted = self.y if self.row_weights is None else self.y * self.row_weights
        return np.array([self.family.null_linear_predictor(weighted)])

    def has_finite_null(self) -> bool:
        weighing = self.y if self.row_weights is None else self.y[self.row_weights > 0]
        return self.family.has_finite_null(weighing)

    def linear_predictor(self, rows: slice, intercept: Intercepts, coef: Coef) -> PerSample:
        """Linear predictor of a row chunk; blocks with zero coefficients are not touched."""
        return self._predict(rows, intercept, self._predictors(coef))

    def _predictors(self, coef: Coef) -> list[Callable[[slice, np.ndarray], None]]:
        """What blocks with non-zero coefficients add to the linear predictor."""
        parts = self.design.parts(self.blocks_of(coef.nonzero()[0]))
        return [part.features.predictor(coef[part.columns]) for part in parts]

    def _predict(self, rows: slice, intercept: Intercepts, predictors) -> PerSample:
        eta = np.full(len(range(*rows.indices(self.n_samples))), intercept[0])
        if self.offset is not None:
            eta += self.offset[rows]
        for add in predictors:
            add(rows, eta)
        return eta

    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Evaluation:
        wanted = self.design.parts(np.arange(self.n_blocks) if blocks is None else blocks)
        predictors = self._predictors(coef)

        def of_share(share: list[slice]):
            sums, partials = np.zeros(3), [None] * len(wanted)
            with np.errstate(over="ignore", invalid="ignore"):
                for rows in share:
                    residual = self._add_sums(rows, self._predict(rows, intercept, predictors), sums)
                    pairs = zip(wanted, partials, strict=True)
                    partials = [part.features.partial_gradient(rows, residual, partial) for part, partial in pairs]
            return [sums, *partials]

        (loss, slope, dot), *partials = sum_over_chunks(of_share, self._shares, self.n_threads)
        gradient = np.zeros(self.n_coef)
        for part, partial in zip(wanted, partials, strict=True):
            gradient[part.columns] = part.features.finish_gradient(partial)
        n = self.n_samples
        return Evaluation(float(loss / n), gradient / n, np.array([slope / n]), float(dot / n))

    def _add_sums(self, rows: slice, eta: PerSample, sums: np.ndarray) -> PerSample:
        """Add a chunk's loss, residual and residual times linear predictor to `sums`; return the residual."""
        weights = None if self.row_weights is None else self.row_weights[rows]
        loss, residual = self.family.evaluate_sum(eta, self.y[rows], weights)
        dot = residual @ eta
        if self.offset is not None:
            dot -= residual @ self.offset[rows]
        sums += (loss, residual.sum(), dot)
        return residual

    @cached_property
    def _shares(self) -> list[list[slice]]:
        return shares_of(self.chunks(), 1 + sum(block.n_sums for block in self.design.blocks))

    def chunks(self, stride: int = 1) -> list[slice]:
        return equal_chunks(self.n_samples, self.design.chunk_rows, stride)

    def matrix_chunks(self, stride: int = 1) -> list[slice]:
        """Row chunks of what needs columns as matrices."""
        return equal_chunks(self.n_samples, min(self.design.chunk_rows, _MATRIX_ROWS), stride)

    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Gram:
        chosen, predictors = Columns(self.design, columns), self._predictors(coef)

        def of_chunk(rows: slice):
            weight = self.family.curvature(self._predict(rows, intercept, predictors))
            if self.row_weights is not None:
                weight = weight * self.row_weights[rows]
            total = float(len(weight) if self.row_weights is None else self.row_weights[rows].sum())
            return [chosen.weighted_gram(rows, weight), total]

        gram, total = sum_over_chunks(of_chunk, self.matrix_chunks(stride), self.n_threads)
        return gram / total

    def column_rms(self, columns: Index) -> np.ndarray:
        return Columns(self.design, columns).rms(self.chunks())

    def column_peak(self, columns: Index) -> np.ndarray:
        return Columns(self.design, columns).peak(self.chunks())

    def column_covariance(self, columns: Index) -> Gram:
        return Columns(self.design, columns).covariance(self.chunks(), self.row_weights)

    def residual_rms(self, intercept: Intercepts, coef: Coef) -> float:
        square = 0.0
        for rows in self.chunks():
            residual = self.family.derivative(self.linear_predictor(rows, intercept, coef), self.y[rows])
            weight = 1.0 if self.row_weights is None else self.row_weights[rows]
            square += float(np.sum(weight * residual * residual))
        return float(np.sqrt(square / self.n_samples))

    def response_size(self, intercept: Intercepts) -> float:
        return float(np.mean(np.abs(self.y) + self.family.mean(intercept)))

    def saturated_loss(self) -> float:
        losses = self.family.saturated_loss(self.y)
        return float(losses.mean() if self.row_weights is None else (losses * self.row_weights).mean())

    def blocks_of(self, columns: Index) -> Index:
        is_there = np.zeros(self.n_blocks, dtype=bool)
        is_there[self._block_of_column[columns]] = True
        return is_there.nonzero()[0]

    @cached_property
    def _block_of_column(self) -> Index:
        sizes = [block.n_coef for block in self.design.blocks]
        return np.repeat(np.arange(len(sizes)), sizes)
