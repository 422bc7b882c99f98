"""How the signals of a convolved block are held: as events, in memory as they are, or on disk."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from spikesieve.design._pass_memory import PassMemory
from spikesieve.design._reading import check_length, is_stored, read_rows
from spikesieve.design._row_runs import RowRuns
from spikesieve.design._signals import ContinuousSignals, EventTrains, Signals

# Measured over windows of 100 bins: with more events than this, copying windows gives features sooner, although
# passes are cheaper over events even at twice as many.
_MOSTLY_ZERO = 0.2
# An event takes 12 bytes. Signals on disk become events where these take half a byte per sample at most.
_FEW_EVENTS = 0.5 / 12
_SCAN_ROWS = 65_536
# A piece read at once takes at most this much memory as float64, like the chunks of stored columns.
_PIECE_BYTES = 8 * 2**20
# Rows of one piece may have a gap up to this: one read is dearer than the samples in it.
_NEAR_ROWS = 64


class StoredSignals(Signals):
    """Signals on disk, a column per channel, read piece by piece: each with the window that its rows see."""

    rows_at_once = _SCAN_ROWS

    def __init__(self, source: Any):
        check_length(source, source.shape[0])
        self.source = source
        self.n_samples = int(source.shape[0])
        self.n_channels = int(source.shape[1]) if len(source.shape) == 2 else 1
        self.row_bytes = 8 * self.n_channels
        self._piece_rows = max(1, _PIECE_BYTES // self.row_bytes)
        self._memory = PassMemory()

    @property
    def n_bytes(self):
        return 0

    def open_pass(self):
        return self._memory.open()

    def predictor(self, kernel, delay, coef):
        held = self.open_pass()

        def add(runs, out, held=held):
            del held  # lives as long as this function, which is the pass
            for part, signals, rows in self._pieces(runs, len(kernel), delay):
                signals.predictor(kernel, delay, coef)(rows, out[part])

        return add

    def partial_gradient(self, runs, kernel, delay, residual):
        total = np.zeros((self.n_channels, kernel.shape[1], residual.shape[1]))
        for part, signals, rows in self._pieces(runs, len(kernel), delay):
            total += signals.partial_gradient(rows, kernel, delay, residual[part])
        return total

    def write_features(self, runs, kernel, delay, out):
        for part, signals, rows in self._pieces(runs, len(kernel), delay):
            signals.write_features(rows, kernel, delay, out[part])

    def non_finite_samples(self):
        if np.dtype(self.source.dtype).kind != "f":
            return np.zeros(0, dtype=np.intp)
        parts = [start + np.flatnonzero(~np.isfinite(values).all(axis=1)) for start, values in self._scan()]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.intp)

    def as_events(self) -> EventTrains | None:
        """Return the signals as events if these take little memory; reads up to where they do not."""
        bins: list[list[np.ndarray]] = [[] for _ in range(self.n_channels)]
        counts: list[list[np.ndarray]] = [[] for _ in range(self.n_channels)]
        room = _FEW_EVENTS * self.n_samples * self.n_channels
        for start, values in self._scan():
            room -= np.count_nonzero(values)
            if room < 0:
                return None
            for channel in range(self.n_channels):
                where = np.flatnonzero(values[:, channel])
                bins[channel].append(start + where)
                counts[channel].append(values[where, channel])
        if not self.n_samples:
            return None
        return EventTrains([np.concatenate(b) for b in bins], self.n_samples, [np.concatenate(c) for c in counts])

    def _scan(self) -> Iterator[tuple[int, np.ndarray]]:
        """First row and samples of one piece after the other."""
        for start in range(0, self.n_samples, self._piece_rows):
            values = read_rows(self.source, start, min(start + self._piece_rows, self.n_samples))
            yield start, values.reshape(len(values), self.n_channels)

    def _pieces(self, runs: RowRuns, window_size: int, delay: int):
        """Parts of the rows, the signals that they see, and these rows counted from where those begin."""
        begin, earliest = 0, delay + window_size - 1
        for table in _short_tables(runs.table, self._piece_rows, window_size + _NEAR_ROWS):
            rows = RowRuns(table - np.array([table[0, 0] - earliest, 0, 0]))
            start, last = int(table[0, 0]) - earliest, int(table[-1, 0] + (table[-1, 2] - 1) * table[-1, 1]) - delay
            yield slice(begin, begin + rows.n_rows), ContinuousSignals(self._context(start, last + 1)), rows
            begin += rows.n_rows

    def _context(self, start: int, stop: int) -> np.ndarray:
        """Samples as float64, zero outside the recording; a pass, which asks twice, keeps the last of each thread."""
        known = self._memory.recall((start, stop))
        if known is not None:
            return known
        context = np.zeros((stop - start, self.n_channels))
        first, end = max(start, 0), min(stop, self.n_samples)
        if first < end:
            values = read_rows(self.source, first, end)
            context[first - start : end - start] = values.reshape(len(values), self.n_channels)
        self._memory.keep((start, stop), context)
        return context


def as_signals(signals: Any) -> Signals:
    """Hold an array, ``(n_samples,)`` or ``(n_samples, n_channels)``, as events if it is mostly zeros.

    Arrays on disk become events only if these are very few, and are otherwise read piece by piece.

    Raises
    ------
    TypeError
        If it is no array of real numbers.
    ValueError
        If it has more than two axes, or no columns.
    """
    if isinstance(signals, Signals):
        return signals
    values = signals if is_stored(signals) else np.asanyarray(signals)
    if np.dtype(values.dtype).kind not in "biuf":
        raise TypeError(f"Signals to convolve must be real numbers; got an array of {values.dtype}.")
    if len(values.shape) not in (1, 2) or values.shape[-1] == 0:
        raise ValueError(f"Signals to convolve have shape {values.shape}, expected (n_samples, n_channels).")
    if is_stored(values):
        stored = StoredSignals(values)
        return stored.as_events() or stored
    matrix = values[:, None] if values.ndim == 1 else values
    n_events = sum(np.count_nonzero(matrix[start : start + _SCAN_ROWS]) for start in range(0, len(matrix), _SCAN_ROWS))
    return EventTrains.from_matrix(matrix) if n_events < _MOSTLY_ZERO * matrix.size else ContinuousSignals(matrix)


def _short_tables(table: np.ndarray, size: int, near: int) -> Iterator[np.ndarray]:
    """Cut and join runs into tables of rows that lie within `size` of each other, in increasing order and near."""
    gathered: list[tuple[int, int, int]] = []
    last = 0
    for first, step, n_rows in table.tolist():
        at_once = max(1, size // step)
        for begin in range(0, n_rows, at_once):
            run = first + begin * step, step, min(at_once, n_rows - begin)
            end = run[0] + (run[2] - 1) * step
            if gathered and not (last < run[0] <= last + near and end - gathered[0][0] < size):
                yield np.array(gathered, dtype=np.int64)
                gathered = []
            gathered.append(run)
            last = end
    if gathered:
        yield np.array(gathered, dtype=np.int64)
