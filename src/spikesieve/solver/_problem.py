"""The data term: mean loss over the rows, its gradient, and its curvature, in passes over row chunks.

A pass is the only thing in a fit that is as large as the recording, so it is counted.
"""

from dataclasses import dataclass

import numpy as np

from spikesieve._types import Coef, Gram, Index, PerSample
from spikesieve.design import Design
from spikesieve.observation_models import ObservationModel

# Rows per chunk: the chunk's linear predictor, loss and residual (a few vectors of 8 bytes a row) and 100
# columns of features stay within 8 MB of cache; fewer rows cost Python overhead, more cost bandwidth.
CHUNK_ROWS = 8192


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

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return self.design.n_samples

    def linear_predictor(self, rows: slice, intercept: float, coef: Coef) -> PerSample:
        """Linear predictor of a row chunk; blocks with zero coefficients are not touched."""
        eta = np.full(len(range(*rows.indices(self.n_samples))), intercept)
        if self.offset is not None:
            eta += self.offset[rows]
        for block, columns in zip(self.design.blocks, self.design.layout.leaf_slices, strict=True):
            if coef[columns].any():
                block.add_linear_predictor(rows, coef[columns], eta)
        return eta

    def evaluate(self, intercept: float, coef: Coef, blocks: Index | None = None) -> Evaluation:
        """One pass: loss at a point and its gradient in `blocks` (None: in all)."""
        wanted = range(len(self.design.blocks)) if blocks is None else blocks
        slices = self.design.layout.leaf_slices
        gradient = np.zeros(self.design.n_coef)
        loss = intercept_gradient = dot = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, self.n_samples, CHUNK_ROWS):
                rows = slice(start, min(start + CHUNK_ROWS, self.n_samples))
                eta = self.linear_predictor(rows, intercept, coef)
                row_loss, residual = self.family.evaluate(eta, self.y[rows])
                if self.row_weights is not None:
                    row_loss = row_loss * self.row_weights[rows]
                    residual *= self.row_weights[rows]
                loss += float(row_loss.sum())
                intercept_gradient += float(residual.sum())
                dot += float(residual @ eta)
                for b in wanted:
                    self.design.blocks[b].add_gradient(rows, residual, gradient[slices[b]])
        n = self.n_samples
        return Evaluation(loss / n, gradient / n, intercept_gradient / n, dot / n)

    def hessian(self, intercept: float, coef: Coef, columns: Index, stride: int) -> Gram:
        """Curvature in (intercept, `columns`) from every `stride`-th row, on the scale of the mean loss.

        Strided rows are close to the whole recording whenever covariates change slowly; gradients are always
        exact, so this only sets how many steps a fit takes, never where it ends.
        """
        blocks = self._blocks_of(columns)
        gram = np.zeros((len(columns) + 1, len(columns) + 1))
        n_rows, total = 0, 0.0
        for start in range(0, self.n_samples, CHUNK_ROWS * stride):
            rows = slice(start, min(start + CHUNK_ROWS * stride, self.n_samples), stride)
            weight = self.family.curvature(self.linear_predictor(rows, intercept, coef))
            if self.row_weights is not None:
                weight = weight * self.row_weights[rows]
                total += float(self.row_weights[rows].sum())
            n_rows += len(weight)
            scaled = self._columns(rows, blocks, columns)
            scaled *= np.sqrt(weight)[:, None]
            gram += scaled.T @ scaled
        return gram / (n_rows if self.row_weights is None else total)

    def column_rms(self, columns: Index) -> np.ndarray:
        """Root mean square of some columns over all rows."""
        blocks = self._blocks_of(columns)
        squares = np.zeros(len(columns))
        for start in range(0, self.n_samples, CHUNK_ROWS):
            rows = slice(start, min(start + CHUNK_ROWS, self.n_samples))
            squares += np.square(self._columns(rows, blocks, columns)[:, 1:]).sum(axis=0)
        return np.sqrt(squares / self.n_samples)

    def column_peak(self, columns: Index) -> np.ndarray:
        """Largest absolute entry of some columns over all rows."""
        blocks = self._blocks_of(columns)
        peak = np.zeros(len(columns))
        for start in range(0, self.n_samples, CHUNK_ROWS):
            rows = slice(start, min(start + CHUNK_ROWS, self.n_samples))
            np.maximum(peak, np.abs(self._columns(rows, blocks, columns)[:, 1:]).max(axis=0), out=peak)
        return peak

    def residual_rms(self, intercept: float, coef: Coef) -> float:
        """Root mean square of the derivative of the loss in the linear predictor."""
        square = 0.0
        for start in range(0, self.n_samples, CHUNK_ROWS):
            rows = slice(start, min(start + CHUNK_ROWS, self.n_samples))
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
            block = self.design.blocks[b]
            values = block.as_matrix(rows)
            matrix[:, where + 1] = values if len(inside) == block.n_coef else values[:, inside]
        return matrix
