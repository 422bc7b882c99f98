"""Folds side by side: each is a path of its own, and the passes over its rows let go of the interpreter."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from spikesieve.solver import number_of_threads, one_blas_thread


def map_folds(function: Callable[[Any, tuple], Any], model: Any, folds: list, n_jobs: int | None) -> list:
    """``function(model, fold)`` for every fold, in their order, `n_jobs` at a time.

    Threads that folds leave over go to the passes within a fold. Fits are the same with any number of threads, so the
    results are too.
    """
    n_threads = number_of_threads(n_jobs)
    n_parallel = min(n_threads, len(folds))
    if n_parallel <= 1:
        return [function(model, fold) for fold in folds]
    if hasattr(model, "n_jobs"):
        model = model.unfitted_copy().set_params(n_jobs=n_threads // n_parallel)
    # The limit is the process's: set around all folds, no fold that ends lifts it for the others.
    with one_blas_thread(n_threads, 0), ThreadPoolExecutor(n_parallel, thread_name_prefix="fold") as pool:
        futures = [pool.submit(function, model, fold) for fold in folds]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
