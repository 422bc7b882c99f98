"""What the efficient score of a covariate is made of, at every alignment of its rows with the counts.

For a covariate `X` whose rows are moved by an alignment `a`, residuals `r` and weights `w` of the model without it, its
columns `Z` and `R` with ``R R'`` the covariance of their coefficients:

    score ``X_a' r``,   information ``X_a' W X_a``,   cross information ``X_a' W Z R``.

Circular shifts of all distances come from a few Fourier transforms; pairs of epochs from matrix products. Sums with
weights are made of some of the rows, which all alignments share: enough for a variance.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.fft import next_fast_len

from spikesieve._types import Index, PerSample
from spikesieve.selection._alignments import Alignments, Epochs
from spikesieve.selection._columns import RowsOf
from spikesieve.selection._working_model import WithoutCovariate

_COLUMNS_AT_A_TIME = 32
_VALUES_AT_A_TIME = 2**22


@dataclass(frozen=True)
class Moments:
    """Sums over rows at each alignment.

    Attributes
    ----------
    score
        ``X_a' r``.
    information, cross
        ``X_a' W X_a`` and ``X_a' W Z R``.
    """

    score: Float[np.ndarray, "n_alignments n_coef"]
    information: Float[np.ndarray, "n_alignments n_coef n_coef"]
    cross: Float[np.ndarray, "n_alignments n_coef rank"]


def aligned_moments(covariate: RowsOf, without: WithoutCovariate, alignments: Alignments) -> Moments:
    """Return the moments of a covariate, given by its columns, at every alignment."""
    of_epoch = _swapped_epoch if alignments.epochs.swapped else _shifted_epoch
    total: list[np.ndarray | float] = [0.0, 0.0, 0.0]
    for epoch in range(len(alignments.epochs)):
        partners, chosen = np.unique(alignments.partners[:, epoch], return_inverse=True)
        parts = of_epoch(covariate, without, epoch, partners)
        if len(partners) < len(chosen) or (np.diff(chosen) < 0).any():
            parts = [part[chosen] for part in parts]
        total[: len(parts)] = [a + b for a, b in zip(total, parts, strict=False)]
    return Moments(*map(np.asarray, total))


def _shifted_epoch(covariate: RowsOf, without: WithoutCovariate, epoch: int, steps: Index) -> list[np.ndarray]:
    """Score of one epoch at circular shifts by `steps`; information and cross information if it is sampled.

    A circular correlation is a product of Fourier transforms; rows of different phases only meet their like, because
    shifts are whole grid steps.
    """
    model, epochs, phases = without.model, without.model.sampled.epochs, without.model.sampled.phases
    n_steps = int(epochs.n_steps[epoch])
    score, sampled, spectra = np.zeros(()), [], []
    for first_phase, columns in _by_phase(covariate, epochs, epoch):
        span = slice(first_phase, first_phase + len(columns))
        of_residual = np.conj(np.fft.rfft(_phases_of(without.residual, epochs, epoch)[span]))
        spectrum = np.fft.rfft(columns, axis=2)
        score = score + np.einsum("gpf,gf->pf", spectrum, of_residual)
        within = phases[(phases >= span.start) & (phases < span.stop)] - first_phase
        sampled.append(columns[within].astype(np.float32))
        spectra.append(np.conj(spectrum[within]).astype(np.complex64))
    score = np.fft.irfft(np.conj(score), n_steps, axis=1)[:, steps].T
    if epoch not in model.spectra:
        return [score]
    information = _information_at(np.concatenate(sampled), model.weight_spectra[epoch], n_steps, steps)
    return [score, information, _cross_at(np.concatenate(spectra), without.spectra(epoch), n_steps, steps)]


def _information_at(on_grid: np.ndarray, of_weight: np.ndarray, n_steps: int, steps: Index) -> np.ndarray:
    """Information at shifts by `steps`, from columns ``(n_phases, n_coef, n_steps)`` and the weights' spectra.

    Pairs of columns that are nowhere different from zero together, as of distant splines, have none at any shift.
    """
    n_phases, n_coef = on_grid.shape[:2]
    size = np.abs(on_grid.transpose(1, 0, 2).reshape(n_coef, -1))
    first, second = np.nonzero(np.triu(size @ size.T))
    information = np.zeros((len(steps), n_coef, n_coef), dtype=on_grid.dtype)
    at_a_time = max(1, _VALUES_AT_A_TIME // (n_phases * n_steps))
    for start in range(0, len(first), at_a_time):
        one, other = first[start : start + at_a_time], second[start : start + at_a_time]
        spectra = np.fft.rfft(on_grid[:, one] * on_grid[:, other], axis=2)
        of_pairs = np.einsum("gpf,gf->pf", spectra, np.conj(of_weight))
        found = np.fft.irfft(np.conj(of_pairs), n_steps, axis=1)[:, steps].T
        information[:, one, other] = found
        information[:, other, one] = found
    return information


def _cross_at(of_covariate: np.ndarray, of_others: np.ndarray, n_steps: int, steps: Index) -> np.ndarray:
    """Cross information at shifts by `steps`.

    From spectra ``(n_phases, n_coef, n_frequencies)`` of the covariate and ``(n_frequencies, n_phases, rank)`` of the
    others. Frequency by frequency, phases are summed by a product.
    """
    of_covariate, rank = np.ascontiguousarray(of_covariate.transpose(2, 1, 0)), of_others.shape[2]
    cross = np.empty((len(steps), of_covariate.shape[1], rank), dtype=np.float32)
    for start in range(0, rank, _COLUMNS_AT_A_TIME):
        some = slice(start, start + _COLUMNS_AT_A_TIME)
        cross[..., some] = np.fft.irfft(of_covariate @ of_others[..., some], n_steps, axis=0)[steps]
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
        columns = (runs[0] if len(runs) == 1 else np.concatenate(runs)).reshape(n_steps, width, n_columns)
        yield first, np.ascontiguousarray(columns.transpose(1, 2, 0))


def _swapped_epoch(covariate: RowsOf, without: WithoutCovariate, epoch: int, others: Index) -> list[np.ndarray]:
    """Score of one epoch's counts with the covariate of `others`; the other sums too if it is sampled."""
    model, epochs = without.model, without.model.sampled.epochs
    start, length = int(epochs.starts[epoch]), int(epochs.lengths[epoch])
    own = slice(start, start + length)
    residual, is_sampled = without.residual[own], epoch in model.weighted
    if is_sampled:
        sampled = np.concatenate([np.arange(rows.start, rows.stop, rows.step) for rows in model.sampled.spans(epoch)])
        columns_there, weight = without.weighted(epoch), model.sampled.weight * model.fit.weight[sampled]
    score, information, cross = [], [], []
    for other in others:
        first, size = int(epochs.starts[other]), int(epochs.lengths[other])
        columns = covariate(slice(first, first + min(size, length)))
        columns = columns[np.arange(length) % len(columns)]
        score.append(columns.T @ residual)
        if is_sampled:
            picked = columns[sampled - start]
            information.append((picked.T * weight) @ picked)
            cross.append(picked.T @ columns_there)
    return [np.array(part) for part in (score, information, cross) if part]


def memory(covariate: RowsOf, epochs: Epochs, forgotten: float) -> float:
    """Grid steps after which the columns' autocorrelation in the longest epoch first falls below `forgotten`.

    Between steps by linear interpolation. Correlations of all columns together, each weighing by its variance; the
    number of steps of the epoch if they never fall so low.
    """
    epoch = int(np.argmax(epochs.n_steps))
    n_steps = int(epochs.n_steps[epoch])
    columns = covariate(epochs.phase_rows(epoch, epochs.stride // 2))
    length = next_fast_len(2 * n_steps, real=True)
    transform = np.fft.rfft((columns - columns.mean(axis=0)).T, length, axis=1)
    products = np.fft.irfft((np.abs(transform) ** 2).sum(axis=0), length)[:n_steps]
    below = np.flatnonzero(products < forgotten * products[0])
    if not len(below):
        return float(n_steps)
    before, after = products[below[0] - 1], products[below[0]]
    return float(below[0]) - float((forgotten * products[0] - after) / (before - after))
