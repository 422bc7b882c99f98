"""Row chunks over a few threads: NumPy and the kernels let go of the interpreter while they work."""

import contextlib
import functools
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from spikesieve._arguments import shown

_COEF_WORTH_THREADS = 500
_SHARES, _MOST_SHARES = 4, 16


def equal_chunks(n_samples: int, most_rows: int, stride: int = 1) -> list[slice]:
    """Cut every `stride`-th row into chunks of at most `most_rows` that differ by one row at most.

    Several chunks are a multiple of four, so that two and four threads have equal shares.
    """
    n_rows = -(-n_samples // stride)
    n_chunks = -(-n_rows // most_rows)
    if n_chunks > 1:
        n_chunks = -(-n_chunks // _SHARES) * _SHARES
    bounds = [stride * (k * n_rows // n_chunks) for k in range(n_chunks)] + [n_samples]
    return [slice(first, stop, stride) for first, stop in itertools.pairwise(bounds)]


def on_threads(work: Callable[[int], None], n: int, n_threads: int) -> None:
    """``work(number)`` for numbers below `n`, the calling thread taking its share.

    It does not wait for a thread that has not woken by the time that all is taken: a pass over W(10^5, 10) takes
    1.02 ms on two threads, and 1.09 ms if the calling thread only waits.
    """
    remaining = iter(range(n))

    def work_on() -> None:
        for number in remaining:
            work(number)

    helpers = [_pool(n_threads).submit(work_on) for _ in range(min(n_threads, n) - 1)]
    try:
        work_on()
    finally:
        for _ in remaining:  # after an error: nobody takes more
            pass
        begun = [helper for helper in helpers if not helper.cancel()]
    for helper in begun:
        helper.result()


def shares_of(chunks: list[slice], rows_per_share: float = 1.0) -> list[list[slice]]:
    """Chunks in equal shares, so many that every thread has some and each share the rows that are worth its sums."""
    n_shares = (chunks[-1].stop - chunks[0].start) / rows_per_share
    size = -(-len(chunks) // int(np.clip(n_shares, _SHARES, _MOST_SHARES)))
    return [chunks[first : first + size] for first in range(0, len(chunks), size)]


def sum_over_chunks(of_chunk: Callable[[Any], list], chunks: list, n_threads: int) -> list:
    """Add up lists of arrays in the order of the chunks, or shares: any number of threads gives the same last bit."""
    found = _OrderedSum()
    on_threads(lambda number: found.add(number, of_chunk(chunks[number])), len(chunks), n_threads)
    return found.total


class _OrderedSum:
    """Sum of lists of arrays that come in any order; holds those only that came before their turn."""

    def __init__(self):
        self.total: list = []
        self._early: dict[int, list] = {}
        self._lock, self._next = threading.Lock(), 0

    def add(self, number: int, parts: list) -> None:
        with self._lock:
            self._early[number] = parts
            while self._next in self._early:
                parts = self._early.pop(self._next)
                self.total = [a + b for a, b in zip(self.total, parts, strict=True)] if self._next else parts
                self._next += 1


def number_of_threads(n_jobs: int | None) -> int:
    """Threads for a fit: all cores this process may use for None or -1, else `n_jobs`.

    Raises
    ------
    ValueError
        If it is neither positive nor -1.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if n_jobs is None:
        return available
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or not (n_jobs >= 1 or n_jobs == -1):
        raise ValueError(f"n_jobs must be a positive whole number, or None or -1 for every core, got {shown(n_jobs)}.")
    if n_jobs == -1:
        return available
    return int(n_jobs)


def one_blas_thread(n_threads: int, n_coef: int) -> contextlib.AbstractContextManager:
    """Keep BLAS to one thread while chunks have threads of their own, and wherever its matrices are small.

    Its threads wait for one another in a busy loop. Measured with another process on the second core: the Hessian of
    20 000 rows x 50 columns took 28 ms on two threads and 4 ms on one.
    """
    is_large = n_threads == 1 and n_coef > _COEF_WORTH_THREADS
    return contextlib.nullcontext() if is_large else _ONE_BLAS_THREAD


class _SharedLimit:
    """One BLAS thread while anybody asks for it: of fits that overlap, only the last to end may undo it."""

    def __init__(self):
        self._lock, self._holders, self._limit = threading.Lock(), 0, None

    def __enter__(self):
        with self._lock:
            if self._holders == 0:
                self._limit = _blas().limit(limits=1, user_api="blas")
            self._holders += 1

    def __exit__(self, *exception):
        with self._lock:
            self._holders -= 1
            if self._holders == 0 and self._limit is not None:
                self._limit.restore_original_limits()


_ONE_BLAS_THREAD = _SharedLimit()


@functools.cache
def _blas():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@functools.cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="spikesieve")


def _forget_threads() -> None:
    """After a fork: the child has none of the pool's threads, and whoever held the limit is not there either."""
    _pool.cache_clear()
    _ONE_BLAS_THREAD.__init__()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
