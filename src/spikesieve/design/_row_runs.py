"""`RowRuns`: which rows of a recording a block is on, without listing them one by one.

A recording less its NaN rows, a fold, or every fiftieth row is a handful of runs ``first, first + step, ...``;
an index array in no order is one run per row at worst. So rows can be chosen, and chosen from again, while
the data they are rows of stay where they are.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int

from spikesieve._types import Index

# Rows whose linear predictor and residual stay in cache together with what they are made from.
CHUNK_ROWS = 8192
_MANY_ROWS_PER_RUN = 32


class RowRuns:
    """Rows as runs of constant, positive step.

    Attributes
    ----------
    table
        First row, step and number of rows of each run; of one empty run if there are no rows.
    n_rows
        Number of rows of all runs.
    """

    def __init__(self, table: Int[np.ndarray, "n_runs 3"]):
        table = table if len(table) else np.array([[0, 1, 0]], dtype=np.int64)
        self.table = table
        # One run is the common case, asked for its chunks at every pass over every block: nothing to add up.
        self._stops = table[:, 2] if len(table) == 1 else table[:, 2].cumsum()
        self.n_rows = int(self._stops[-1])

    @classmethod
    def all(cls, n_rows: int) -> "RowRuns":
        """Every row of a recording."""
        return cls(np.array([[0, 1, n_rows]], dtype=np.int64))

    @property
    def n_bytes(self) -> int:
        """Memory of the table."""
        return self.table.nbytes

    @property
    def are_long(self) -> bool:
        """Whether going through them run by run is cheap compared with going through their rows."""
        return self.n_rows >= _MANY_ROWS_PER_RUN * len(self.table)

    def take(self, rows) -> "RowRuns":
        """Return the runs of some of these rows: a slice, or an index or boolean array."""
        if isinstance(rows, slice):
            start, stop, stride = rows.indices(self.n_rows)
            if stride > 0:
                return self._slice(start, stop, stride)
            rows = np.arange(start, stop, stride)
        return RowRuns(_runs_of(self._recorded(self._positions(np.asarray(rows)))))

    def indices(self) -> Index:
        """Return the rows one by one."""
        return self._recorded(np.arange(self.n_rows))

    def last(self) -> Int[np.ndarray, " n_runs"]:
        """Last row of each run."""
        return self.table[:, 0] + (self.table[:, 2] - 1) * self.table[:, 1]

    def _slice(self, start, stop, stride):
        if len(self.table) == 1:
            first, step, _ = self.table[0].tolist()
            n_rows = len(range(start, stop, stride))
            return RowRuns(np.array([[first + start * step, step * stride, n_rows]], dtype=np.int64))
        near = slice(
            int(np.searchsorted(self._stops, start, side="right")), int(np.searchsorted(self._stops, stop)) + 1
        )
        first, step, length = self.table[near].T
        begin = self._stops[near] - length
        skipped = np.where(begin < start, start - begin, (start - begin) % stride)
        kept = -((skipped - np.minimum(length, stop - begin)) // stride)
        table = np.stack([first + skipped * step, step * stride, kept], axis=1)
        return RowRuns(table[kept > 0])

    def _positions(self, rows):
        if rows.dtype == bool:
            if rows.shape != (self.n_rows,):
                raise IndexError(f"A mask of rows has shape {rows.shape}, expected ({self.n_rows},): one per row.")
            return np.flatnonzero(rows)
        if rows.size and (rows.dtype.kind not in "iu" or rows.min() < -self.n_rows or rows.max() >= self.n_rows):
            raise IndexError(f"Rows must be whole numbers from {-self.n_rows} to {self.n_rows - 1}; got {rows!r}.")
        rows = rows.ravel().astype(np.int64)
        return np.where(rows < 0, rows + self.n_rows, rows)

    def _recorded(self, positions):
        """Rows of the recording at positions among these rows."""
        if len(self.table) == 1:
            first, step, _ = self.table[0].tolist()
            return first + positions * step
        run = np.searchsorted(self._stops, positions, side="right")
        first, step, length = self.table[run].T
        return first + (positions - (self._stops[run] - length)) * step


def row_chunks(n_rows: int, rows: slice, size: int = CHUNK_ROWS) -> Iterator[tuple[slice, slice]]:
    """Cut `rows`, of `n_rows`, into chunks of `size`: where each lies in the result, and its rows."""
    chosen = range(n_rows)[rows]
    for start in range(0, len(chosen), size):
        part = chosen[start : start + size]
        # A range that counts down to row 0 stops at -1, which a slice would read as the last row.
        stop = part.stop if part.stop >= 0 else None
        yield slice(start, start + len(part)), slice(part.start, stop, part.step)


def _runs_of(rows: Index) -> Int[np.ndarray, "n_runs 3"]:
    gaps = np.diff(rows)
    if len(gaps) and gaps[0] > 0 and (gaps == gaps[0]).all():
        return np.array([[rows[0], gaps[0], len(rows)]], dtype=np.int64)
    starts = np.flatnonzero(np.concatenate([np.ones(min(len(rows), 1), bool), gaps != 1]))
    lengths = np.diff(np.append(starts, len(rows)))
    return np.stack([rows[starts], np.ones_like(starts), lengths], axis=1).astype(np.int64, copy=False)
