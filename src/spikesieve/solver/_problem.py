"""The data term: mean loss over the rows, its gradient, and its curvature, in passes over row chunks.

A pass is the only thing in a fit that is as large as the recording, so it is counted.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spikesieve._types import Coef, Gram, Index, PerSample
from spikesieve.design import Block, Design
from spikesieve.observation_models import ObservationModel
from spikesieve.solver._threads import map_chunks


@dataclass(frozen=True)
class Evaluation:
    """One pass at one point."""

    loss: float
    """Mean loss."""
    gradient: Coef
    """Derivative of the mean loss in the coefficients; zero in blocks that were not asked for."""
    intercept_gradient: float
    residual_dot_predictor: float
    """Mean of (derivative of the loss) x (linear predictor): what the duality gap needs."""


@dataclass(frozen=True)
class Problem:
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
        """Number of rows."""
        return self.design.n_samples

    def has_finite_null(self) -> bool:
        """Whether an intercept alone has a finite best value, given the samples that weigh anything."""
        weighing = self.y if self.row_weights is None else self.y[self.row_weights > 0]
        return self.family.has_finite_null(weighing)

    def linear_predictor(self, rows: slice, intercept: float, coef: Coef) -> PerSample:
        """Linear predictor of a row chunk; blocks with zero coefficients are not touched."""
        return self._predict(rows, intercept, self._predictors(coef))

    def _predictors(self, coef: Coef) -> list[Callable[[slice, np.ndarray], None]]:
        """What each block with non-zero coefficients adds to the linear predictor."""
        pairs = zip(self.design.blocks, self.design.layout.leaf_slices, strict=True)
        return [block.predictor(coef[columns]) for block, columns in pairs if coef[columns].any()]

    def _predict(self, rows: slice, intercept: float, predictors) -> PerSample:
        eta = np.full(len(range(*rows.indices(self.n_samples))), intercept)
        if self.offset is not None:
            eta += self.offset[rows]
        for add in predictors:
            add(rows, eta)
        return eta

    def evaluate(self, intercept: float, coef: Coef, blocks: Index | None = None) -> Evaluation:
        """One pass: loss at a point and its gradient in `blocks` (None: in all)."""
        numbers = range(len(self.design.blocks)) if blocks is None else blocks
        wanted = [self.design.blocks[b] for b in numbers]
        predictors = self._predictors(coef)

        def of_chunk(rows: slice):
            return self._evaluate_chunk(rows, self._predict(rows, intercept, predictors), wanted)

        (loss, slope, dot), *partials = self._sum_over_chunks(of_chunk)
        gradient = np.zeros(self.design.n_coef)
        for b, block, partial in zip(numbers, wanted, partials, strict=True):
            gradient[self.design.layout.leaf_slices[b]] = block.finish_gradient(partial)
        n = self.n_samples
        return Evaluation(float(loss / n), gradient / n, float(slope / n), float(dot / n))

    def _evaluate_chunk(self, rows: slice, eta: PerSample, wanted: list[Block]) -> list[np.ndarray]:
        """Sums of loss, residual and residual times linear predictor, then each block's part of the gradient."""
        with np.errstate(over="ignore", invalid="ignore"):
            row_loss, residual = self.family.evaluate(eta, self.y[rows])
            if self.row_weights is not None:
                row_loss = row_loss * self.row_weights[rows]
                residual *= self.row_weights[rows]
            # einsum and not @: BLAS would start threads of its own for one dot product.
            sums = np.array([row_loss.sum(), residual.sum(), np.einsum("i,i->", residual, eta)])
            return [sums, *(block.partial_gradient(rows, residual) for block in wanted)]

    def _sum_over_chunks(self, of_chunk: Callable[[slice], list], stride: int = 1) -> list:
        """Add up lists of arrays in the order of the chunks: any number of threads gives the same last bit."""
        return functools.reduce(
            lambda total, chunk: [a + b for a, b in zip(total, chunk, strict=True)],
            map_chunks(of_chunk, self.chunks(stride), self.n_threads),
        )

    def chunks(self, stride: int = 1) -> list[slice]:
        """Row chunks of a pass, or of every `stride`-th row."""
        n, size = self.n_samples, self.design.chunk_rows * stride
        return [slice(start, min(start + size, n), stride) for start in range(0, n, size)]

    def hessian(self, intercept: float, coef: Coef, columns: Index, stride: int) -> Gram:
        """Curvature in (intercept, `columns`) from every `stride`-th row, on the scale of the mean loss.

        Strided rows are close to the whole recording whenever covariates change slowly; gradients are always
        exact, so this only sets how many steps a fit takes, never where it ends.
        """
        blocks, predictors = self._blocks_of(columns), self._predictors(coef)

        def of_chunk(rows: slice):
            weight = self.family.curvature(self._predict(rows, intercept, predictors))
            if self.row_weights is not None:
                weight = weight * self.row_weights[rows]
            scaled = self._columns(rows, blocks, columns)
            scaled *= np.sqrt(weight)[:, None]
            return [scaled.T @ scaled, float(len(weight) if self.row_weights is None else self.row_weights[rows].sum())]

        gram, total = self._sum_over_chunks(of_chunk, stride)
        return gram / total

    def column_rms(self, columns: Index) -> np.ndarray:
        """Root mean square of some columns over all rows."""
        blocks = self._blocks_of(columns)
        squares = np.zeros(len(columns))
        for rows in self.chunks():
            squares += np.square(self._columns(rows, blocks, columns)[:, 1:]).sum(axis=0)
        return np.sqrt(squares / self.n_samples)

    def column_peak(self, columns: Index) -> np.ndarray:
        """Largest absolute entry of some columns over all rows."""
        blocks = self._blocks_of(columns)
        peak = np.zeros(len(columns))
        for rows in self.chunks():
            np.maximum(peak, np.abs(self._columns(rows, blocks, columns)[:, 1:]).max(axis=0), out=peak)
        return peak

    def residual_rms(self, intercept: float, coef: Coef) -> float:
        """Root mean square of the derivative of the loss in the linear predictor."""
        square = 0.0
        for rows in self.chunks():
            residual = self.family.derivative(self.linear_predictor(rows, intercept, coef), self.y[rows])
            weight = 1.0 if self.row_weights is None else self.row_weights[rows]
            square += float(np.sum(weight * residual * residual))
        return float(np.sqrt(square / self.n_samples))

    def saturated_loss(self) -> float:
        """Smallest mean loss that any linear predictor attains."""
        losses = self.family.saturated_loss(self.y)
        return float(losses.mean() if self.row_weights is None else (losses * self.row_weights).mean())

    def blocks_of(self, columns: Index) -> Index:
        """Which blocks hold some of `columns`."""
        return np.array([b for b, _, _ in self._blocks_of(columns)], dtype=np.intp)

    def _blocks_of(self, columns: Index) -> list[tuple[int, Index, Index]]:
        """For each block concerned: its number, the columns within it, and where they go in `columns`."""
        found = []
        for b, span in enumerate(self.design.layout.leaf_slices):
            where = np.flatnonzero((columns >= span.start) & (columns < span.stop))
            if len(where):
                found.append((b, columns[where] - span.start, where))
        return found

    def _columns(self, rows: slice, blocks, columns: Index) -> np.ndarray:
        """Intercept column and `columns` of a row chunk, as a fresh matrix."""
        n_rows = len(range(*rows.indices(self.n_samples)))
        matrix = np.empty((n_rows, len(columns) + 1))
        matrix[:, 0] = 1.0
        for b, inside, where in blocks:
            block, first = self.design.blocks[b], int(where[0]) + 1
            if len(inside) == block.n_coef and where[-1] - where[0] == len(where) - 1:
                block.write_matrix(rows, matrix[:, first : first + len(inside)])
            else:
                matrix[:, where + 1] = block.as_matrix(rows)[:, inside]
        return matrix
