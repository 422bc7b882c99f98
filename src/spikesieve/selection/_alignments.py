"""Which rows of a covariate meet which counts: circular shifts within epochs, and epochs swapped whole.

An *alignment* gives every epoch of the counts one *partner*: the same epoch of the covariate moved on by so many grid
steps, or another epoch. The first alignment of a set is the recording as it was.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy.fft import next_fast_len

from spikesieve._types import Index, Mask
from spikesieve.selection._method import NotEnoughData

Partners = Int[np.ndarray, "n_alignments n_epochs"]

_MAX_SWAP_TRIES = 100
_STEPS_PER_EPOCH = 16
_MOST_LEFT_OUT = 0.01


@dataclass(frozen=True)
class Epochs:
    """Uninterrupted stretches of rows, and a grid of every `stride`-th row on which they are shifted or sampled.

    Attributes
    ----------
    starts, lengths
        First row and number of rows of each epoch.
    stride
        Rows per grid step.
    swapped
        Whether they will be swapped whole instead of shifted. Shifts go round the first ``length // stride * stride``
        rows; the few that are left over at the end of an epoch take no part.
    """

    starts: Index
    lengths: Index
    stride: int
    swapped: bool = False

    @classmethod
    def of_labels(cls, labels: np.ndarray, n_grid: int, swapped: bool = False) -> "Epochs":
        """Return the runs of equal labels (numbers, -1 between epochs), on a grid of about `n_grid` points in all.

        The grid is finer where epochs are short: a step is a sixteenth of the median epoch at most.
        """
        edges = np.flatnonzero(np.diff(labels)) + 1
        starts, stops = np.concatenate([[0], edges]), np.concatenate([edges, [len(labels)]])
        inside = labels[starts] >= 0
        starts, lengths = starts[inside], (stops - starts)[inside]
        if len(lengths) == 1 and not swapped:
            stride, n_steps = _fast_grid(int(lengths[0]), n_grid)
            return cls(starts, np.array([n_steps * stride]), stride)
        stride = max(1, min(int(lengths.sum()) // n_grid, int(np.median(lengths)) // _STEPS_PER_EPOCH))
        used = lengths >= (1 if swapped else stride)
        return cls(starts[used], lengths[used], stride, swapped)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def n_steps(self) -> Index:
        """Grid points of each epoch: it has as many circular shifts."""
        return self.lengths // self.stride

    @property
    def n_taking_part(self) -> Index:
        """Rows of each epoch that take part, its first ones."""
        return self.lengths if self.swapped else self.n_steps * self.stride

    @property
    def n_rows(self) -> int:
        """Rows that take part."""
        return int(self.n_taking_part.sum())

    def takes_part(self, n_rows: int) -> Mask:
        """Which of the rows of a recording take part."""
        inside = np.zeros(n_rows, dtype=bool)
        for start, length in zip(self.starts, self.n_taking_part, strict=True):
            inside[start : start + length] = True
        return inside

    def phase_rows(self, epoch: int, phase: int) -> slice:
        """Every `stride`-th row of an epoch from its `phase`-th on: one point per grid step."""
        start = int(self.starts[epoch])
        return slice(start + phase, start + int(self.n_steps[epoch]) * self.stride, self.stride)


@dataclass(frozen=True)
class Alignments:
    """A set of alignments, the first of which is the recording as it was.

    Attributes
    ----------
    epochs
        What is aligned.
    partners
        Grid steps by which each epoch's covariate is moved on, or, if epochs are swapped, whose covariate it gets.
    n_independent
        How many independent alignments those beside the first are worth, at most.
    """

    epochs: Epochs
    partners: Partners
    n_independent: float

    @property
    def are_ordered(self) -> bool:
        """Whether they are evenly spaced shifts of one epoch, so that neighbours resemble one another."""
        return not self.epochs.swapped and len(self.epochs) == 1

    def rows(self, alignment: int, n_rows: int) -> Index:
        """Which row of the covariate each row of a recording meets; rows that take no part meet their own.

        An epoch that is shorter than the one it is paired with meets the other's beginning; one that is longer meets
        it again and again.
        """
        rows = np.arange(n_rows)
        for epoch, partner in enumerate(self.partners[alignment]):
            start, length = self.epochs.starts[epoch], self.epochs.lengths[epoch]
            inside = np.arange(length)
            if self.epochs.swapped:
                rows[start : start + length] = self.epochs.starts[partner] + inside % self.epochs.lengths[partner]
            else:
                circle = self.epochs.n_steps[epoch] * self.epochs.stride
                moved = (inside[:circle] - partner * self.epochs.stride) % circle
                rows[start : start + circle] = start + moved
        return rows


def _fast_grid(length: int, n_grid: int) -> tuple[int, int]:
    """Rows per grid step and number of steps of one long epoch, such that the number has small factors.

    Fourier transforms of such lengths are several times as fast: 640 numbers take a fifth of the time of 643. A
    hundredth of the rows may go for it.
    """
    stride = max(1, length // n_grid)
    for other in range(stride, stride + max(1, stride // 3)):
        n_steps = length // other
        fast = next(n for n in range(n_steps, 0, -1) if next_fast_len(n, real=True) == n)
        if fast * other >= (1.0 - _MOST_LEFT_OUT) * length:
            return other, fast
    return stride, length // stride


def circular_shifts(epochs: Epochs, n_shifts: int, forgotten: float, rng: np.random.Generator) -> Alignments:
    """Return circular shifts at least `forgotten` grid steps away from the recording as it was.

    One epoch: evenly spaced, so that they cover the recording; the set is the same whatever `rng`. Several: each epoch
    is moved by a random number of steps of its own. Epochs with less than two gaps are moved by any number.

    Raises
    ------
    NotEnoughData
        If most of the recording is in epochs with less than two gaps.
    """
    n_steps, gap = epochs.n_steps, max(1, int(np.ceil(forgotten)))
    short = n_steps < 2 * gap + 1
    if n_steps[short].sum() > 0.5 * n_steps.sum():
        raise NotEnoughData(
            f"A shift has to move it by {gap * epochs.stride} bins to unrelated values, but most of the recording is "
            "in stretches shorter than twice that."
        )
    low = np.where(short, 0, gap)
    room = n_steps - 2 * low + 1 - short
    if len(epochs) == 1:
        n_shifts = min(n_shifts, int(room[0]))
        steps = gap + np.floor(np.linspace(0, room[0], n_shifts, endpoint=False) + 0.5 * room[0] / n_shifts)
        steps = steps.astype(np.intp)[:, None]
    else:
        steps = low + np.floor(rng.random((n_shifts, len(epochs))) * room).astype(np.intp)
    partners = np.concatenate([np.zeros((1, len(epochs)), dtype=np.intp), steps])
    return Alignments(epochs, partners, min(float(n_shifts), _independent_shifts(n_steps, room / max(forgotten, 1.0))))


def _independent_shifts(n_steps: Index, of_each: np.ndarray) -> float:
    """How many independent shifts of all epochs together are worth, if the `e`-th has `of_each[e]` of its own.

    Scores are sums over epochs, with variances ``v_e`` as their lengths, each known from its own shifts alone: the
    variance of the sum is known as well as from ``(sum_e v_e)^2 / sum_e (v_e^2 / n_e)`` shifts, whatever the number of
    combinations.
    """
    share = n_steps / n_steps.sum()
    return float(1.0 / np.sum(share**2 / np.maximum(of_each, 1.0)))


def swaps(epochs: Epochs, n_shifts: int, rng: np.random.Generator) -> Alignments:
    """Return different random permutations of the epochs that leave none in its place.

    Raises
    ------
    ValueError
        If there are fewer than two epochs.
    """
    n_epochs = len(epochs)
    if n_epochs < 2:
        raise ValueError("swap=True needs at least two epochs with usable bins; there is one: shift instead.")
    drawn = np.array([_derangement(n_epochs, rng) for _ in range(n_shifts)])
    partners = np.concatenate([np.arange(n_epochs)[None], np.unique(drawn, axis=0)])
    # Sums over pairs of epochs, of which there are so many, whatever the number of permutations.
    return Alignments(epochs, partners, float(min(len(partners) - 1, (n_epochs - 1) ** 2)))


def _derangement(n: int, rng: np.random.Generator) -> Index:
    """A random permutation without a fixed point; a rotation if none of many draws is one."""
    for _ in range(_MAX_SWAP_TRIES):
        order = rng.permutation(n)
        if (order != np.arange(n)).all():
            return order
    return np.roll(np.arange(n), 1 + int(rng.integers(n - 1)))
