"""What the efficient score of a covariate is made of, at every alignment of its rows with the counts.

For a covariate `X` whose rows are moved by an alignment `a`, residuals `r`, curvature weights `w` and the columns `Z`
of the model without it (its intercept among them):

    score ``X_a' r``,   information ``X_a' W X_a``,   cross information ``X_a' W Z R``,

where `R` makes the columns orthonormal, ``R' Z' W Z R = I``.

Circular shifts of all distances come from a few Fourier transforms; pairs of epochs from matrix products. Moments with
weights are means over some of the rows, which all alignments share: enough for a variance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float
from scipy.fft import next_fast_len

from spikesieve._types import Index, PerSample
from spikesieve.design import row_chunks
from spikesieve.selection._alignments import Alignments, Epochs
from spikesieve.selection._columns import ROWS_AT_A_TIME, Rows, RowsOf

_COLUMNS_AT_A_TIME = 32
_VALUES_AT_A_TIME = 2**22
_RANK_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Moments:
    """Sums over rows at each alignment.

    Attributes
    ----------
    score
        ``X_a' r``, over all rows.
    information, cross
        ``X_a' W X_a`` and ``X_a' W Z R``, over the sampled rows.
    share
        Sampled rows as a share of all that take part.
    """

    score: Float[np.ndarray, "n_alignments n_coef"]
    information: Float[np.ndarray, "n_alignments n_coef n_coef"]
    cross: Float[np.ndarray, "n_alignments n_coef rank"]
    share: float


class Nuisance(Protocol):
    """Columns `Z` of the model without the covariate."""

    def matrix(self, rows: slice) -> Rows:
        """``Z[rows]``."""
        ...

    def products(self, rows: slice, values: PerSample) -> Float[np.ndarray, " n_columns"]:
        """``Z[rows]' values``."""
        ...


@dataclass(frozen=True)
class Model:
    """The model without the covariate, as the moments see it.

    Attributes
    ----------
    residual, weight
        Per row.
    phases
        Which of the `stride` rows of a grid step enter moments with weights. More than one, at no fixed distance,
        keep a rhythm of the covariates from being seen at one of its phases only.
    root
        `R` with ``R R'`` the pseudo-inverse of ``Z' W Z`` over the sampled rows.
    weighted
        ``W Z R`` on the sampled rows: epoch by epoch, phase by phase.
    score
        ``R' Z' r`` over all rows that take part. Others, between trials, are in the fit: over those that take part
        alone the residuals do not sum to zero, and without this term their sum would swamp every statistic.
    """

    residual: PerSample
    weight: PerSample
    epochs: Epochs
    phases: Index
    root: Float[np.ndarray, "n_columns rank"]
    weighted: list[list[Float[np.ndarray, "n_rows rank"]]]
    score: Float[np.ndarray, " rank"]

    @classmethod
    def of(cls, nuisance: Nuisance, residual: PerSample, weight: PerSample, epochs: Epochs, phases: Index) -> "Model":
        """Read the rows of `nuisance`."""
        spans = [[epochs.phase_rows(epoch, int(phase)) for phase in phases] for epoch in range(len(epochs))]
        sampled = [[nuisance.matrix(rows) for rows in of_epoch] for of_epoch in spans]
        weighted = [
            [columns * weight[rows, None] for columns, rows in zip(*pair, strict=True)]
            for pair in zip(sampled, spans, strict=True)
        ]
        gram = _sum_of_products(sampled, weighted)
        root = inverse_root(gram)
        taking_part = [rows for epoch in range(len(epochs)) for rows in _taking_part(epochs, epoch)]
        score = sum(nuisance.products(rows, residual[rows]) for rows in taking_part)
        whitened = [[columns @ root for columns in of_epoch] for of_epoch in weighted]
        return cls(residual, weight, epochs, phases, root, whitened, root.T @ score)

    @property
    def share(self) -> float:
        """Sampled rows as a share of all that take part."""
        return len(self.phases) / self.epochs.stride

    def projection(self, covariate: RowsOf) -> Float[np.ndarray, "n_columns n_coef"]:
        """Coefficients of `Z` in the weighted regression of a covariate's columns, where they are, on it."""
        epochs = range(len(self.epochs))
        sampled = [[covariate(self.epochs.phase_rows(e, int(phase))) for phase in self.phases] for e in epochs]
        return self.root @ _sum_of_products(self.weighted, sampled)


def _sum_of_products(first: list[list[Rows]], second: list[list[Rows]]) -> np.ndarray:
    pairs = [pair for of_epochs in zip(first, second, strict=True) for pair in zip(*of_epochs, strict=True)]
    return sum((a.T @ b for a, b in pairs[1:]), start=pairs[0][0].T @ pairs[0][1])


def aligned_moments(covariate: RowsOf, model: Model, alignments: Alignments) -> Moments:
    """Return the moments of a covariate, given by its columns, at every alignment."""
    of_epoch = _swapped_epoch if model.epochs.swapped else _shifted_epoch
    total: list[np.ndarray] = []
    for epoch in range(len(alignments.epochs)):
        partners, chosen = np.unique(alignments.partners[:, epoch], return_inverse=True)
        parts = [part[chosen] for part in of_epoch(covariate, model, epoch, partners)]
        total = [a + b for a, b in zip(total, parts, strict=True)] if total else parts
    return Moments(total[0], total[1], total[2], model.share)


def inverse_root(matrix: np.ndarray) -> np.ndarray:
    """`R` with ``R R'`` the pseudo-inverse of a positive semi-definite matrix, whatever the scale of its columns."""
    size = np.sqrt(np.diagonal(matrix))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(matrix / size / size[:, None])
    kept = values > _RANK_TOLERANCE * values[-1]
    return vectors[:, kept] / np.sqrt(values[kept]) / size[:, None]


def _taking_part(epochs: Epochs, epoch: int) -> Iterator[slice]:
    """Rows of an epoch that are in the score, so many at a time that their columns fit in memory."""
    start = int(epochs.starts[epoch])
    stop = start + int(epochs.n_taking_part[epoch])
    return (rows for _, rows in row_chunks(stop, slice(start, stop), ROWS_AT_A_TIME))


def _shifted_epoch(covariate: RowsOf, model: Model, epoch: int, steps: Index) -> list[np.ndarray]:
    """Score, information and cross information of one epoch at circular shifts by `steps`.

    A circular correlation is a product of Fourier transforms; rows of different phases only meet their like, because
    shifts are whole grid steps.
    """
    epochs, phases, weighted = model.epochs, model.phases, model.weighted[epoch]
    n_steps = int(epochs.n_steps[epoch])
    spectra, products, score = [], np.zeros(()), np.zeros(())
    for first_phase, columns in _by_phase(covariate, epochs, epoch):
        span = slice(first_phase, first_phase + len(columns))
        spectrum = np.conj(np.fft.rfft(columns, axis=2))
        score = score + np.einsum("gpf,gf->pf", spectrum, np.fft.rfft(_phases_of(model.residual, epochs, epoch)[span]))
        for phase in phases[(phases >= span.start) & (phases < span.stop)]:
            of_phase = columns[phase - first_phase]
            first, second = np.triu_indices(len(of_phase))
            of_pairs = np.conj(np.fft.rfft(of_phase[first] * of_phase[second], axis=1))
            products = products + of_pairs * np.fft.rfft(model.weight[epochs.phase_rows(epoch, int(phase))])
            spectra.append(spectrum[phase - first_phase])
    cross = _cross_at(np.stack(spectra).transpose(2, 1, 0), weighted, n_steps, steps)
    of_pairs = np.fft.irfft(products, n_steps, axis=1)[:, steps].T
    return [np.fft.irfft(score, n_steps, axis=1)[:, steps].T, _symmetric(of_pairs, cross.shape[1]), cross]


def _cross_at(of_covariate: np.ndarray, weighted: list[np.ndarray], n_steps: int, steps: Index) -> np.ndarray:
    """Cross information at shifts by `steps`, from a covariate's spectra ``(n_frequencies, n_columns, n_phases)``.

    In single precision: it is the mean of a few thousand rows. Frequency by frequency, phases are summed by a product.
    """
    of_covariate, n_columns = of_covariate.astype(np.complex64), weighted[0].shape[1]
    cross = np.empty((len(steps), of_covariate.shape[1], n_columns), dtype=np.float32)
    for start in range(0, n_columns, _COLUMNS_AT_A_TIME):
        some = slice(start, start + _COLUMNS_AT_A_TIME)
        of_columns = [np.fft.rfft(rows[:, some].astype(np.float32), axis=0) for rows in weighted]
        cross[..., some] = np.fft.irfft(of_covariate @ np.stack(of_columns, axis=1), n_steps, axis=0)[steps]
    return cross


def _phases_of(per_row: PerSample, epochs: Epochs, epoch: int) -> Float[np.ndarray, "stride n_steps"]:
    """Values of an epoch's rows, phase by phase."""
    start, n_steps = int(epochs.starts[epoch]), int(epochs.n_steps[epoch])
    return per_row[start : start + n_steps * epochs.stride].reshape(n_steps, epochs.stride).T


def _by_phase(covariate: RowsOf, epochs: Epochs, epoch: int) -> Iterator[tuple[int, np.ndarray]]:
    """Columns of an epoch, ``(n_phases, n_columns, n_steps)``, for so many phases at a time that they fit in memory.

    Rows are read in runs, which suits files too.
    """
    start, n_steps, stride = int(epochs.starts[epoch]), int(epochs.n_steps[epoch]), epochs.stride
    n_columns = covariate(slice(start, start + 1)).shape[1]
    size = min(stride, max(1, _VALUES_AT_A_TIME // (n_steps * n_columns)))
    for first in range(0, stride, size):
        width = min(size, stride - first)
        n_runs, n_rows = (1, n_steps * stride) if width == stride else (n_steps, width)
        runs = [covariate(slice(at, at + n_rows)) for at in start + first + stride * np.arange(n_runs)]
        columns = np.concatenate(runs).reshape(n_steps, width, n_columns)
        yield first, np.ascontiguousarray(columns.transpose(1, 2, 0))


def _swapped_epoch(covariate: RowsOf, model: Model, epoch: int, others: Index) -> list[np.ndarray]:
    """Score, information and cross information of one epoch's counts with the covariate of `others`."""
    epochs = model.epochs
    start, length = int(epochs.starts[epoch]), int(epochs.lengths[epoch])
    own = slice(start, start + length)
    of_phases = [
        np.arange(int(phase), int(epochs.n_steps[epoch]) * epochs.stride, epochs.stride) for phase in model.phases
    ]
    sampled, columns_there = np.concatenate(of_phases), np.concatenate(model.weighted[epoch])
    residual, weight = model.residual[own], model.weight[own][sampled]
    score, information, cross = [], [], []
    for other in others:
        first, size = int(epochs.starts[other]), int(epochs.lengths[other])
        columns = covariate(slice(first, first + min(size, length)))
        columns = columns[np.arange(length) % len(columns)]
        score.append(columns.T @ residual)
        picked = columns[sampled]
        information.append((picked.T * weight) @ picked)
        cross.append(picked.T @ columns_there)
    return [np.array(score), np.array(information), np.array(cross)]


def _symmetric(upper: np.ndarray, size: int) -> np.ndarray:
    """Matrices ``(n, size, size)`` from their upper triangles, row by row."""
    first, second = np.triu_indices(size)
    full = np.empty((len(upper), size, size))
    full[:, first, second] = upper
    full[:, second, first] = upper
    return full


def memory(covariate: RowsOf, epochs: Epochs, forgotten: float) -> int:
    """Grid steps after which the columns' autocorrelation in the longest epoch first falls below `forgotten`.

    Correlations of all columns together, each weighing by its variance; the number of steps of the epoch if they
    never fall so low.
    """
    epoch = int(np.argmax(epochs.n_steps))
    n_steps = int(epochs.n_steps[epoch])
    columns = covariate(epochs.phase_rows(epoch, epochs.stride // 2))
    length = next_fast_len(2 * n_steps, real=True)
    transform = np.fft.rfft((columns - columns.mean(axis=0)).T, length, axis=1)
    products = np.fft.irfft((np.abs(transform) ** 2).sum(axis=0), length)[:n_steps]
    below = np.flatnonzero(products < forgotten * products[0])
    return max(1, int(below[0])) if len(below) else n_steps


def column_ranges(covariate: RowsOf, epochs: Epochs, phases) -> Float[np.ndarray, " n_coef"]:
    """Largest minus smallest entry of each column over the sampled rows."""
    parts = [covariate(epochs.phase_rows(epoch, int(phase))) for epoch in range(len(epochs)) for phase in phases]
    parts = [part for part in parts if len(part)]
    return np.max([part.max(axis=0) for part in parts], axis=0) - np.min([part.min(axis=0) for part in parts], axis=0)
