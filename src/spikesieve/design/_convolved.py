"""A block of filtered signals, never stored: spike history, coupling, a stimulus of unknown latency.

``X[t, channel * n_basis + b] = sum_k kernel[k, b] * signal[t - row_offset + window_size - 1 - k, channel]``.
With one filter ``kernel @ coef`` per channel, the linear predictor is the filter placed at each event, and a
gradient the residual summed around the events, lag by lag: the cost is that of the events and not of the columns.
"""

from collections.abc import Sequence

import numpy as np

from spikesieve.design._block import Block
from spikesieve.design._held_signals import as_signals
from spikesieve.design._row_runs import RowRuns, row_chunks
from spikesieve.design._signals import Kernel, Signals


class ConvolvedBlock(Block):
    """Channels convolved with kernels; columns are ordered by channel, then by kernel.

    Parameters
    ----------
    signals
        ``(n_samples,)`` or ``(n_samples, n_channels)`` of any real dtype, held as events if mostly zeros and
        otherwise used where it is, on disk too (`numpy.memmap`, HDF5, zarr); or an `EventTrains`.
    kernel
        Row ``k`` weighs the sample that lies ``k`` bins further from the row that is predicted.
    row_offset
        Row that the window starting at row 0 predicts: the window size if causal and shifted.
    epochs
        Rows ``(first, stop)`` of each uninterrupted stretch; None: the whole recording is one.

    Raises
    ------
    ValueError
        If no epoch is as long as the window, or the kernel is not two-dimensional.

    Notes
    -----
    Rows whose window leaves their epoch are NaN, in every verb, as they are in the features: a fit drops them
    (`take` of the finite rows keeps a list of runs, and no features) and a prediction shows them.

    Examples
    --------
    >>> import numpy as np
    >>> history = ConvolvedBlock(np.array([1.0, 2, 3, 4, 5]), np.eye(2), row_offset=2)
    >>> history.as_matrix(slice(0, 5))
    array([[nan, nan],
           [nan, nan],
           [ 2.,  1.],
           [ 3.,  2.],
           [ 4.,  3.]])
    """

    def __init__(self, signals, kernel: Kernel, row_offset: int, epochs: Sequence[tuple[int, int]] | None = None):
        kernel = np.ascontiguousarray(kernel, dtype=float)
        if kernel.ndim != 2 or kernel.size == 0:
            raise ValueError(f"A kernel must have shape (window_size, n_basis); got shape {kernel.shape}.")
        held = as_signals(signals)
        complete = _complete_rows(len(kernel), row_offset, [(0, held.n_samples)] if epochs is None else epochs)
        self._set(held, kernel, row_offset, complete, RowRuns.all(held.n_samples))

    def _set(self, signals: Signals, kernel: Kernel, row_offset: int, complete: np.ndarray, runs: RowRuns) -> None:
        self.signals, self.kernel, self.row_offset = signals, kernel, row_offset
        self._complete, self._runs = complete, runs
        self._all_complete = bool(self._is_complete(runs).all())
        self.n_samples = runs.n_rows
        self.n_coef = signals.n_channels * kernel.shape[1]

    @property
    def _delay(self) -> int:
        """Rows from a sample to the first row that it reaches."""
        return self.row_offset - len(self.kernel) + 1

    @property
    def row_bytes(self):
        return self.signals.row_bytes

    @property
    def n_bytes(self):
        return self.signals.n_bytes + self.kernel.nbytes + self._runs.n_bytes

    def open_pass(self):
        return self.signals.open_pass()

    def predictor(self, coef):
        per_channel = coef.reshape(self.signals.n_channels, self.kernel.shape[1], *(coef.shape[1:] or (1,)))
        add_features = self.signals.predictor(self.kernel, self._delay, per_channel)

        def add(rows, out):
            wide = out[:, None] if out.ndim == 1 else out
            for part, chunk in row_chunks(self.n_samples, rows, self.signals.rows_at_once):
                runs = self._runs.take(chunk)
                add_features(runs, wide[part])
                incomplete = self._incomplete(runs)
                if incomplete is not None:
                    wide[part][incomplete] = np.nan

        return add

    def partial_gradient(self, rows, residual, partial=None):
        wide = residual[:, None] if residual.ndim == 1 else residual
        runs = self._runs.take(rows)
        added = self.signals.partial_gradient(runs, self.kernel, self._delay, wide)
        if self._incomplete(runs) is not None:
            added = np.full(added.shape, np.nan)
        return added if partial is None else np.add(partial, added, out=partial)

    def finish_gradient(self, partial):
        gradient = self.signals.finish_gradient(partial, self.kernel)
        return gradient.reshape(self.n_coef, -1) if gradient.shape[2] > 1 else gradient.ravel()

    def add_linear_predictor(self, rows, coef, out):
        self.predictor(coef)(rows, out)

    def add_gradient(self, rows, residual, out):
        for part, chunk in row_chunks(self.n_samples, rows, self.signals.rows_at_once):
            out += self.finish_gradient(self.partial_gradient(chunk, residual[part])).reshape(out.shape)

    def as_matrix(self, rows):
        matrix = np.empty((len(range(self.n_samples)[rows]), self.n_coef))
        self.write_matrix(rows, matrix)
        return matrix

    def write_matrix(self, rows, out):
        runs = self._runs.take(rows)
        self.signals.write_features(runs, self.kernel, self._delay, out)
        incomplete = self._incomplete(runs)
        if incomplete is not None:
            out[incomplete] = np.nan

    def take(self, rows):
        taken = object.__new__(ConvolvedBlock)
        taken._set(self.signals, self.kernel, self.row_offset, self._complete, self._runs.take(rows))
        return taken

    def finite_rows(self):
        finite = np.zeros(self.signals.n_samples, dtype=bool)
        for first, stop in self._complete:
            finite[first:stop] = True
        bad = self.signals.non_finite_samples()
        if len(bad):
            # Windows over bad samples that begin at a row, less those that have ended.
            changes = np.zeros(len(finite) + 1, dtype=np.int64)
            np.add.at(changes, np.clip(bad + self._delay, 0, len(finite)), 1)
            np.subtract.at(changes, np.clip(bad + self._delay + len(self.kernel), 0, len(finite)), 1)
            finite &= changes[:-1].cumsum() == 0
        return finite[self._runs.indices()]

    def _is_complete(self, runs: RowRuns) -> np.ndarray:
        """Whether all rows of a run lie in one epoch with windows that do, per run."""
        first, stop = self._complete.T
        epoch = np.searchsorted(first, runs.table[:, 0], side="right") - 1
        return runs.last() < stop[epoch]

    def _incomplete(self, runs: RowRuns) -> np.ndarray | None:
        """Which rows see samples outside their epoch; None for none."""
        if self._all_complete or self._is_complete(runs).all():
            return None
        first, stop = self._complete.T
        rows = runs.indices()
        epoch = np.searchsorted(first, rows, side="right") - 1
        incomplete = rows >= stop[epoch]
        return incomplete if incomplete.any() else None


def _complete_rows(window_size, row_offset, epochs):
    """Rows ``[first, stop)`` of each epoch that see a whole window of it; epochs without such rows left out.

    Begins with an epoch of no rows before the recording, so that each row has an epoch that begins no later.
    """
    longest = max((stop - first for first, stop in epochs), default=0)
    if longest < window_size:
        raise ValueError(
            f"The window is {window_size} samples long, but the longest uninterrupted stretch of the series has "
            f"only {longest}. Use a shorter window, or a longer recording."
        )
    complete = [(first + max(0, row_offset), min(stop, stop - window_size + 1 + row_offset)) for first, stop in epochs]
    return np.array([(-1, -1), *((first, stop) for first, stop in complete if first < stop)], dtype=np.int64)
