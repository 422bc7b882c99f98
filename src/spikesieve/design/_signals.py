"""What a convolved block convolves: spike trains as events, or continuous signals as they are.

Both answer the same three questions about the rows of a recording, for ``features[row, channel] = sum_lag
kernel[lag] * signal[row - delay - lag, channel]``. Samples outside the recording count as zero, or as anything:
the block knows the rows that would see them, and makes them NaN.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from spikesieve._types import Index
from spikesieve.design._row_runs import CHUNK_ROWS, RowRuns

# Windows are copied out, so that BLAS can multiply them, in blocks of this many multiplications: in cache, and
# small enough that OpenBLAS stays on one thread, which on a busy machine is many times faster than waking another.
_BLOCK_PRODUCTS = 2**18
_SCAN_ROWS = 65_536

Kernel = Float[np.ndarray, "window_size n_basis"]
ChannelCoef = Float[np.ndarray, "n_channels n_basis n_neurons"]
Rows = Float[np.ndarray, "n_rows n_neurons"]


class Signals(ABC):
    """Signals of one or more channels over a recording."""

    n_samples: int
    n_channels: int
    rows_at_once: int = CHUNK_ROWS
    """Rows that a block asks for at once, if they are not chosen by a solver: whatever that takes stays in cache."""

    row_bytes: int = 0
    """Bytes that a pass brings into the cache for each row, where they are many."""

    @property
    @abstractmethod
    def n_bytes(self) -> int:
        """Memory that the signals take."""

    def open_pass(self) -> Any:
        """Return what keeps samples that are read in mind for as long as it is held; None where nothing is read."""
        return None

    @abstractmethod
    def predictor(self, kernel: Kernel, delay: int, coef: ChannelCoef) -> Callable[[RowRuns, Rows], None]:
        """Return ``add(runs, out)`` for ``out += features[runs] @ coef``."""

    @abstractmethod
    def partial_gradient(self, runs: RowRuns, kernel: Kernel, delay: int, residual: Rows) -> np.ndarray:
        """Sums over some rows that add up, over chunks of rows, to what `finish_gradient` takes."""

    def finish_gradient(self, partial: np.ndarray, kernel: Kernel) -> ChannelCoef:
        """``features.T @ residual`` from the sum of `partial_gradient` over the chunks."""
        return partial

    @abstractmethod
    def write_features(
        self, runs: RowRuns, kernel: Kernel, delay: int, out: Float[np.ndarray, "n_rows n_coef"]
    ) -> None:
        """``out[:] = features[runs]``."""

    @abstractmethod
    def non_finite_samples(self) -> Index:
        """Samples with a NaN or infinity in any channel."""


class EventTrains(Signals):
    """Signals that are zero but for a few samples, as spike trains are.

    Parameters
    ----------
    bins
        Per channel the bins with events, in increasing order.
    n_samples
        Number of bins of the recording.
    counts
        Per channel the number of events in each of these bins, or any weights. None: one each.

    Examples
    --------
    >>> import numpy as np
    >>> EventTrains([np.array([2, 5]), np.array([3])], n_samples=10).n_events
    3
    """

    def __init__(
        self, bins: Sequence[Int[np.ndarray, " n_events"]], n_samples: int, counts: Sequence[np.ndarray] | None = None
    ):
        counts = [np.ones(len(channel)) for channel in bins] if counts is None else counts
        for channel, (where, weights) in enumerate(zip(bins, counts, strict=True)):
            _check_events(np.asarray(where), np.asarray(weights), n_samples, channel)
        self.n_samples, self.n_channels = n_samples, len(bins)
        self.starts = np.cumsum([0, *(len(where) for where in bins)], dtype=np.int64)
        kind = np.int32 if n_samples < 2**31 else np.int64
        self.bins = np.concatenate([np.asarray(where) for where in bins]).astype(kind)
        self.counts = np.concatenate([np.asarray(weights, dtype=float) for weights in counts])
        self._all_finite = bool(np.isfinite(self.counts).all())

    @classmethod
    def from_matrix(cls, matrix: Float[np.ndarray, "n_samples n_channels"]) -> "EventTrains":
        """Return the entries of a matrix of counts that are not zero."""
        bins = [np.flatnonzero(matrix[:, channel]) for channel in range(matrix.shape[1])]
        return cls(bins, len(matrix), [matrix[where, channel] for channel, where in enumerate(bins)])

    @property
    def n_events(self) -> int:
        """Number of bins with events, over all channels."""
        return len(self.bins)

    @property
    def n_bytes(self):
        return self.bins.nbytes + self.counts.nbytes + self.starts.nbytes

    def predictor(self, kernel, delay, coef):
        from spikesieve.design._kernels_events import add_filtered

        width = coef.shape[2]
        # Zero times a count is zero only if the count is finite.
        channels = np.flatnonzero(coef.any(axis=(1, 2))) if self._all_finite else np.arange(self.n_channels)
        filters = (kernel @ coef).reshape(self.n_channels, -1)

        def add(runs, out):
            added = out if out.flags.c_contiguous else np.zeros(out.shape)
            events = self.bins, self.counts, self.starts
            add_filtered(*events, channels, runs.table, delay, filters, width, added.reshape(-1))
            if added is not out:
                out += added

        return add

    def partial_gradient(self, runs, kernel, delay, residual):
        from spikesieve.design._kernels_events import add_lag_products

        width = residual.shape[1]
        flat = np.ascontiguousarray(residual, dtype=float).reshape(-1)
        products = np.zeros((self.n_channels, len(kernel) * width))
        add_lag_products(self.bins, self.counts, self.starts, runs.table, delay, flat, width, products)
        return products.reshape(self.n_channels, len(kernel), width)

    @np.errstate(invalid="ignore")
    def finish_gradient(self, partial, kernel):
        return kernel.T @ partial

    def write_features(self, runs, kernel, delay, out):
        from spikesieve.design._kernels_events import write_features

        write_features(self.bins, self.counts, self.starts, runs.table, delay, kernel, out)

    def non_finite_samples(self):
        return np.unique(self.bins[~np.isfinite(self.counts)])


class ContinuousSignals(Signals):
    """Signals as an array with a column per channel, of any real dtype and strides; nothing is copied."""

    def __init__(self, values: Float[np.ndarray, "n_samples n_channels"]):
        self.values = values
        self.n_samples, self.n_channels = values.shape

    @property
    def n_bytes(self):
        return self.values.nbytes

    def predictor(self, kernel, delay, coef):
        flat = coef.reshape(-1, coef.shape[2])
        filters = kernel @ coef[:, :, 0].T

        @np.errstate(invalid="ignore")
        def add(runs, out):
            if coef.shape[2] > 1 or not _is_contiguous(runs):
                for part, features in self._feature_blocks(runs, kernel, delay):
                    out[part] += features @ flat
                return
            for part, context in self._contexts(runs, len(kernel), delay):
                for channel in range(self.n_channels):
                    out[part, 0] += np.convolve(context[channel], filters[:, channel], mode="valid")

        return add

    @np.errstate(invalid="ignore")
    def partial_gradient(self, runs, kernel, delay, residual):
        n_basis, width = kernel.shape[1], residual.shape[1]
        if width > 1 or not _is_contiguous(runs):
            total = np.zeros((self.n_channels * n_basis, width))
            for part, features in self._feature_blocks(runs, kernel, delay):
                total += features.T @ residual[part]
            return total.reshape(self.n_channels, n_basis, width)
        products = np.zeros((self.n_channels, len(kernel)))
        for part, context in self._contexts(runs, len(kernel), delay):
            for channel in range(self.n_channels):
                products[channel] += np.correlate(context[channel], residual[part, 0], mode="valid")
        return (products[:, ::-1] @ kernel)[:, :, None]

    @np.errstate(invalid="ignore")
    def write_features(self, runs, kernel, delay, out):
        for part, features in self._feature_blocks(runs, kernel, delay):
            out[part] = features

    def non_finite_samples(self):
        if self.values.dtype.kind != "f":
            return np.zeros(0, dtype=np.intp)
        parts = [
            start + np.flatnonzero(~np.isfinite(self.values[start : start + _SCAN_ROWS]).all(axis=1))
            for start in range(0, self.n_samples, _SCAN_ROWS)
        ]
        return np.concatenate(parts)

    def _feature_blocks(self, runs, kernel, delay):
        """Blocks of rows and their features."""
        window_size = len(kernel)
        flipped = kernel[::-1].copy()
        everywhere = np.lib.stride_tricks.sliding_window_view(self.values, window_size, axis=0)
        first = np.clip(runs.indices() - delay - window_size + 1, 0, len(everywhere) - 1)
        size = max(1, _BLOCK_PRODUCTS // (kernel.size * self.n_channels))
        for start in range(0, len(first), size):
            windows = np.ascontiguousarray(everywhere[first[start : start + size]], dtype=float)
            features = windows.reshape(-1, window_size) @ flipped
            yield slice(start, start + len(windows)), features.reshape(len(windows), -1)

    def _contexts(self, runs, window_size, delay):
        """Each run of consecutive rows, and the samples that it sees, a row of them per channel."""
        begin = 0
        for first, _, n_rows in runs.table.tolist():
            start = first - delay - window_size + 1
            stop = start + n_rows + window_size - 1
            there = self.values[max(start, 0) : max(stop, 0)]
            context = np.zeros((self.n_channels, stop - start))
            skipped = max(-start, 0)
            context[:, skipped : skipped + len(there)] = there.T
            yield slice(begin, begin + n_rows), context
            begin += n_rows


def _is_contiguous(runs):
    return runs.are_long and bool((runs.table[:, 1] == 1).all())


def _check_events(bins, counts, n_samples, channel):
    if bins.ndim != 1 or bins.shape != counts.shape:
        raise ValueError(
            f"Channel {channel} has bins of shape {bins.shape} and counts of shape {counts.shape}; "
            "both need one entry per event."
        )
    if bins.size and (bins.dtype.kind not in "iu" or bins.min() < 0 or bins.max() >= n_samples):
        raise ValueError(f"Channel {channel}: bins of events must be whole numbers from 0 to {n_samples - 1}.")
    if (np.diff(bins.astype(np.int64)) <= 0).any():
        raise ValueError(f"Channel {channel}: bins of events must increase; merge events of one bin into its count.")
