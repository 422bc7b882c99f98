"""A block of columns that lie on disk, or behind anything that is sliced like an array.

Rows are read chunk by chunk, never the whole; what was chosen of them is kept as a list of runs of rows.
"""

from typing import Any

import numpy as np

from spikesieve._types import Index, Matrix
from spikesieve.design._block import Block
from spikesieve.design._pass_memory import PassMemory
from spikesieve.design._reading import check_length, read_rows
from spikesieve.design._row_runs import RowRuns, row_chunks

# A piece read at once takes at most this much memory as float64.
_CHUNK_BYTES = 16 * 2**20
# A pass has chunks of 8 MB over all stored columns together: a larger piece is none of those that are asked for twice.
_KEPT_BYTES = 8 * 2**20
# Scattered rows are read together with the rows between them up to this distance: one read is dearer than they are.
_NEAR_ROWS = 64


class StoredBlock(Block):
    """Columns of a ``numpy.memmap``, an HDF5 data set, a zarr array or the like; read as float64, row chunk by chunk.

    Parameters
    ----------
    source
        ``(n_samples, n_coef)`` or ``(n_samples,)``, with ``shape``, ``dtype`` and slices of rows. The file has to stay
        open for as long as the block is used.
    n_samples
        Number of rows that are expected; None takes what there is.

    Raises
    ------
    TypeError
        If the source cannot be sliced or does not hold real numbers.
    ValueError
        If it has more than two axes, or ends before the last row; the latter also when it is read.

    Notes
    -----
    A pass asks for a chunk twice, for the linear predictor and for the gradient. Until it ends, each thread keeps the
    chunk that it read last, which halves the time for compressed files.
    """

    def __init__(self, source: Any, n_samples: int | None = None):
        if not all(hasattr(source, name) for name in ("shape", "dtype", "__getitem__")):
            raise TypeError(f"A stored block needs an array-like with shape, dtype and slices; got {type(source)}.")
        if np.dtype(source.dtype).kind not in "biuf":
            raise TypeError(f"A stored block needs real numbers; the source holds {source.dtype}.")
        if len(source.shape) not in (1, 2):
            raise ValueError(f"The source has shape {source.shape}, expected (n_samples, n_coef) or (n_samples,).")
        declared = int(source.shape[0]) if n_samples is None else n_samples
        check_length(source, declared)
        self._set(source, RowRuns.all(declared))

    def _set(self, source: Any, runs: RowRuns) -> None:
        self.source, self._runs = source, runs
        self.n_samples = runs.n_rows
        self.n_coef = source.shape[1] if len(source.shape) == 2 else 1
        self._chunk_rows = max(1, _CHUNK_BYTES // (8 * max(self.n_coef, 1)))
        self._memory = PassMemory()

    def open_pass(self):
        return self._memory.open()

    @property
    def n_bytes(self):
        return self._runs.n_bytes

    @property
    def row_bytes(self):
        return 8 * self.n_coef

    def add_linear_predictor(self, rows, coef, out):
        for part, chunk in row_chunks(self.n_samples, rows, self._chunk_rows):
            out[part] += self._read(chunk) @ coef

    def add_gradient(self, rows, residual, out):
        for part, chunk in row_chunks(self.n_samples, rows, self._chunk_rows):
            out += self._read(chunk).T @ residual[part]

    def as_matrix(self, rows):
        return self._read(rows)

    def write_matrix(self, rows, out):
        for part, chunk in row_chunks(self.n_samples, rows, self._chunk_rows):
            out[part] = self._read(chunk)

    def take(self, rows):
        taken = object.__new__(StoredBlock)
        taken._set(self.source, self._runs.take(rows))
        return taken

    def finite_rows(self):
        finite = np.empty(self.n_samples, dtype=bool)
        for part, chunk in row_chunks(self.n_samples, slice(None), self._chunk_rows):
            finite[part] = np.isfinite(self._read_runs(self._runs.take(chunk))).all(axis=1)
        return finite

    def _read(self, rows: slice) -> Matrix:
        key = rows.indices(self.n_samples)
        known = self._memory.recall(key)
        if known is not None:
            return known
        values = self._read_runs(self._runs.take(rows))
        is_view = isinstance(self.source, np.ndarray) and np.may_share_memory(values, self.source)
        if not is_view and values.nbytes <= _KEPT_BYTES:
            self._memory.keep(key, values)
        return values

    def _read_runs(self, runs: RowRuns) -> Matrix:
        if len(runs.table) == 1:
            return self._read_run(*runs.table[0].tolist())
        if runs.are_long:
            return np.concatenate([self._read_run(*run) for run in runs.table.tolist()])
        if isinstance(self.source, np.ndarray):
            return self._as_matrix(self.source[runs.indices()])
        return self._read_scattered(runs.indices())

    def _read_run(self, first: int, step: int, n_rows: int) -> Matrix:
        if n_rows == 0:
            return np.empty((0, self.n_coef))
        return self._as_matrix(read_rows(self.source, first, first + (n_rows - 1) * step + 1, step))

    def _read_scattered(self, rows: Index) -> Matrix:
        """Rows in any order: read in increasing order, in pieces that hold near ones."""
        values = np.empty((len(rows), self.n_coef))
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        # A piece ends at a wide gap, and where it would be larger than a chunk.
        new_piece = (np.diff(ordered, prepend=ordered[:1]) > _NEAR_ROWS) | _crosses(ordered, self._chunk_rows)
        for piece in np.split(np.arange(len(rows)), np.flatnonzero(new_piece)):
            if len(piece):
                first, last = int(ordered[piece[0]]), int(ordered[piece[-1]])
                values[order[piece]] = self._read_run(first, 1, last - first + 1)[ordered[piece] - first]
        return values

    def _as_matrix(self, values) -> Matrix:
        return np.asarray(values, dtype=float).reshape(len(values), self.n_coef)


def _crosses(ordered: Index, size: int) -> np.ndarray:
    """Where rows in increasing order enter the next stretch of `size` rows."""
    stretch = ordered // size
    return np.diff(stretch, prepend=stretch[:1]) > 0
