"""What problems of several outputs share: passes in which one look at the features serves all of them."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesieve._tree import CoefLayout
from spikesieve._types import Coef, Gram, Index, Intercepts, PerOutput, PerSample
from spikesieve.design import Design
from spikesieve.solver._columns import Columns
from spikesieve.solver._protocol import Evaluation, Problem
from spikesieve.solver._threads import shares_of, sum_over_chunks

# Rows times outputs of a chunk: its linear predictors and residuals stay in a cache of 1 MB.
_CHUNK_ENTRIES, _MIN_CHUNK_ROWS = 32_768, 256


@dataclass(frozen=True)
class OutputsProblem(Problem):
    """Mean over rows of a loss of several linear predictors; subclasses say which loss.

    `row_weights`, if given, are non-negative and average to 1.
    """

    design: Design
    n_outputs: int
    offset: PerOutput | None = None
    row_weights: PerSample | None = None
    n_threads: int = 1

    @abstractmethod
    def _evaluate_rows(self, rows: slice, eta: PerOutput) -> tuple[PerSample | PerOutput, PerOutput]:
        """Loss per row (and output, where it is a sum over them), and its derivative in each linear predictor.

        The derivative is a fresh array.
        """

    @property
    def n_samples(self) -> int:
        return self.design.n_samples

    @property
    def layout(self) -> CoefLayout:
        return self.design.layout.with_outputs(self.n_outputs)

    @property
    def n_intercepts(self) -> int:
        return self.n_outputs

    @property
    def n_blocks(self) -> int:
        return len(self.design.blocks)

    @property
    def has_offset(self) -> bool:
        return self.offset is not None

    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Evaluation:
        by_feature = coef.reshape(self.design.n_coef, self.n_outputs)
        loss, dot, slope, gradient = self.sums(intercept, by_feature, blocks)
        return Evaluation(float(np.sum(loss)), gradient.ravel(), slope, float(np.sum(dot)))

    def sums(
        self, intercept: Intercepts, coef: np.ndarray, blocks: Index | None
    ) -> tuple[np.ndarray, np.ndarray, Intercepts, np.ndarray]:
        """One pass: mean loss, residual times predictor, residual, and gradient, each per output where it can be.

        `coef` and the gradient are ``(n_features, n_outputs)``.
        """
        numbers = range(self.n_blocks) if blocks is None else blocks
        wanted = [self.design.blocks[b] for b in numbers]
        predictors = self._predictors(coef)

        def of_share(share: list[slice]):
            loss, dot, slope = 0.0, 0.0, 0.0
            partials: list[Any] = [None] * len(wanted)
            with np.errstate(over="ignore", invalid="ignore"):
                for rows in share:
                    eta = self._predict(rows, intercept, predictors)
                    losses, residual = self._evaluate_rows(rows, eta)
                    if self.row_weights is not None:
                        losses = (losses.T * self.row_weights[rows]).T
                        residual *= self.row_weights[rows, None]
                    if self.offset is not None:
                        eta -= self.offset[rows]
                    loss, slope = loss + losses.sum(axis=0), slope + residual.sum(axis=0)
                    dot = dot + np.einsum("ik,ik->k", residual, eta)
                    pairs = zip(wanted, partials, strict=True)
                    partials = [block.partial_gradient(rows, residual, partial) for block, partial in pairs]
            finished = [block.finish_gradient(partial) for block, partial in zip(wanted, partials, strict=True)]
            return [loss, dot, slope, *finished]

        # Tables made anew for each chunk (11 MB per 655 rows) were 58 % of a pass for 50 outputs of W(10^5, 10).
        shares = shares_of(self.chunks(), 1 + sum(block.n_sums for block in wanted))
        loss, dot, slope, *finished = sum_over_chunks(of_share, shares, self.n_threads)
        gradient = np.zeros((self.design.n_coef, self.n_outputs))
        for b, block, part in zip(numbers, wanted, finished, strict=True):
            gradient[self.design.layout.leaf_slices[b]] = part.reshape(block.n_coef, self.n_outputs)
        n = self.n_samples
        return loss / n, dot / n, slope / n, gradient / n

    def chunks(self, stride: int = 1) -> list[slice]:
        n = self.n_samples
        rows = min(self.design.chunk_rows, max(_CHUNK_ENTRIES // self.n_outputs, _MIN_CHUNK_ROWS)) * stride
        return [slice(start, min(start + rows, n), stride) for start in range(0, n, rows)]

    def blocks_of(self, columns: Index) -> Index:
        return Columns(self.design, columns // self.n_outputs).blocks

    def column_rms(self, columns: Index) -> np.ndarray:
        features, where = np.unique(columns // self.n_outputs, return_inverse=True)
        return Columns(self.design, features).rms(self.chunks())[where]

    def column_peak(self, columns: Index) -> np.ndarray:
        features, where = np.unique(columns // self.n_outputs, return_inverse=True)
        return Columns(self.design, features).peak(self.chunks())[where]

    def column_covariance(self, columns: Index) -> Gram:
        features, where = np.unique(columns // self.n_outputs, return_inverse=True)
        of_features = Columns(self.design, features).covariance(self.chunks(), self.row_weights)
        output = columns % self.n_outputs
        return np.where(output[:, None] == output, of_features[np.ix_(where, where)], 0.0)

    def residual_rms(self, intercept: Intercepts, coef: Coef) -> float:
        predictors = self._predictors(coef)

        def of_chunk(rows: slice):
            _, residual = self._evaluate_rows(rows, self._predict(rows, intercept, predictors))
            weights = 1.0 if self.row_weights is None else self.row_weights[rows, None]
            return [np.sum(weights * residual * residual)]

        with np.errstate(over="ignore", invalid="ignore"):
            (square,) = sum_over_chunks(of_chunk, self.chunks(), 1)
        return float(np.sqrt(square / self.n_samples))

    def _predictors(self, coef: Coef) -> list:
        """What each block with non-zero coefficients adds to the linear predictors."""
        by_feature = coef.reshape(self.design.n_coef, self.n_outputs)
        pairs = zip(self.design.blocks, self.design.layout.leaf_slices, strict=True)
        return [block.predictor(by_feature[columns]) for block, columns in pairs if by_feature[columns].any()]

    def _predict(self, rows: slice, intercept: Intercepts, predictors) -> PerOutput:
        eta = np.empty((len(range(*rows.indices(self.n_samples))), self.n_outputs))
        eta[:] = intercept
        if self.offset is not None:
            eta += self.offset[rows]
        for add in predictors:
            add(rows, eta)
        return eta
