"""Rows of an array that lies on disk, or behind anything that is sliced like an array."""

import mmap
import os
from typing import Any

import numpy as np


def is_stored(values) -> bool:
    """Whether an array lies on disk (a map of NumPy, an HDF5 data set, a zarr array), to be read in chunks of rows."""
    return isinstance(values, np.memmap) or (hasattr(values, "shape") and hasattr(values, "chunks"))


def read_rows(source: Any, first: int, stop: int, step: int = 1) -> np.ndarray:
    """``source[first:stop:step]`` as an array.

    Raises
    ------
    ValueError
        If the rows cannot be read, or fewer come back.
    """
    try:
        values = np.asarray(source[first:stop:step])
    except Exception as error:  # every format has errors of its own for a damaged piece or a closed file
        raise ValueError(
            f"Rows {first} to {stop - 1} of {_name(source)} could not be read ({error}). The file may end early, be "
            "damaged, or have been closed: keep it open for as long as a design of it is used."
        ) from error
    n_rows = len(range(first, stop, step))
    if len(values) < n_rows:
        raise ValueError(
            f"{_name(source)} ended early: rows {first} to {stop - 1} were asked for, and only {len(values)} of "
            f"{n_rows} came back. Check that the file is complete."
        )
    return values


def check_length(source: Any, n_samples: int) -> None:
    """Refuse a source with fewer rows than expected, in its shape or in its file.

    Raises
    ------
    ValueError
        If it ends early.
    """
    if source.shape[0] < n_samples:
        raise ValueError(f"{_name(source)} ends early: {n_samples} rows are expected, and it has {source.shape[0]}.")
    # A file that was cut after it was mapped kills the process when the missing part is read.
    path = getattr(source, "filename", None)
    if isinstance(source, np.memmap) and isinstance(source.base, mmap.mmap) and path is not None:
        expected, found = source.offset + source.nbytes, os.path.getsize(path)
        if found < expected:
            raise ValueError(f"The file {path} ends early: its array needs {expected} bytes, and it has {found}.")
    file: Any = getattr(source, "file", None)
    if hasattr(file, "id") and hasattr(file.id, "get_filesize") and os.path.exists(file.filename):
        # HDF5 reads zeros beyond the end of a file that was cut after it was opened. What was only just written may be
        # in its buffers.
        if getattr(file, "mode", "r") != "r":
            file.flush()
        expected, found = file.id.get_filesize(), os.path.getsize(file.filename)
        if found < expected:
            raise ValueError(
                f"The file {file.filename} ends early: it had {expected} bytes when it was opened, and it has {found}."
            )


def _name(source: Any) -> str:
    """What an error calls a source: its name within its file if it has one."""
    name = getattr(source, "name", None)
    return f"the stored array {name!r}" if isinstance(name, str) and name else f"a stored {type(source).__name__}"
