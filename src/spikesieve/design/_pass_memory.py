"""What was read last, kept for as long as one pass over the rows is under way."""

import threading
import weakref
from typing import Any

import numpy as np


class _Kept(dict):
    """Rows that each thread read last, by its number; a plain dict cannot be referred to weakly."""


class PassMemory:
    """Rows that each thread read last in the pass under way.

    A pass asks for a chunk twice, for the linear predictor and for the gradient, so that keeping the last one halves
    the time for compressed files. Only a weak reference is held: when the pass ends, nothing is left, so that rows are
    never older than their pass. Nothing of it is pickled.
    """

    def __init__(self):
        self._kept: Any = lambda: None

    def open(self) -> Any:
        """Return what keeps the rows of a pass in mind; whoever makes the pass holds it until the end."""
        kept = _Kept()
        self._kept = weakref.ref(kept)
        return kept

    def recall(self, key) -> np.ndarray | None:
        """Rows that this thread read last, if they go by that key."""
        kept = self._kept()
        known, rows = (None, None) if kept is None else kept.get(threading.get_ident(), (None, None))
        return rows if known == key else None

    def keep(self, key, rows: np.ndarray) -> None:
        """Keep rows in mind while a pass is under way."""
        kept = self._kept()
        if kept is not None:
            kept[threading.get_ident()] = key, rows

    def __reduce__(self):
        return PassMemory, ()
