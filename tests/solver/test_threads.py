"""How rows are shared out: equal, whole, and the same whatever the number of threads."""

import os
import signal
import time
import warnings
import weakref

import numpy as np
import pytest
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st

from spikesieve.solver._threads import equal_chunks, on_threads, one_blas_thread, shares_of, sum_over_chunks


@given(n_samples=st.integers(1, 5000), most_rows=st.integers(1, 700), stride=st.integers(1, 60))
def test_chunks_cover_every_strided_row_once_in_equal_shares(n_samples, most_rows, stride):
    chunks = equal_chunks(n_samples, most_rows, stride)
    rows = np.concatenate([np.arange(n_samples)[chunk] for chunk in chunks])
    np.testing.assert_array_equal(rows, np.arange(0, n_samples, stride))
    sizes = [len(range(n_samples)[chunk]) for chunk in chunks]
    assert max(sizes) <= most_rows and max(sizes) - min(sizes) <= 1
    assert len(chunks) == 1 or len(chunks) % 4 == 0


@given(n_samples=st.integers(1, 3000), n_threads=st.integers(2, 5))
def test_sums_have_the_same_bits_for_any_number_of_threads(n_samples, n_threads):
    values = np.random.default_rng(n_samples).normal(size=n_samples)
    chunks = equal_chunks(n_samples, 50)

    def of_share(share):
        return [sum(values[rows].sum() for rows in share)]

    assert sum_over_chunks(of_share, shares_of(chunks), n_threads) == sum_over_chunks(of_share, shares_of(chunks), 1)


def blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


def test_limits_that_overlap_are_undone_by_the_last():
    before = blas_threads()
    first, second = (one_blas_thread(2, 10) for _ in range(2))
    first.__enter__()
    second.__enter__()
    assert set(blas_threads()) == {1}
    first.__exit__(None, None, None)
    assert set(blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == before


def numbers_worked_on(n, n_threads):
    done = []
    on_threads(done.append, n, n_threads)
    return sorted(done)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("n", [1, 2, 50])
def test_everything_is_done_once(n, n_threads):
    assert numbers_worked_on(n, n_threads) == list(range(n))


@pytest.mark.parametrize("bad", [0, 13, 39])
def test_an_error_in_any_thread_is_raised_and_ends_the_work(bad):
    done = []

    def work(number):
        if number == bad:
            raise FloatingPointError("this chunk")
        time.sleep(1e-3)
        done.append(number)

    with pytest.raises(FloatingPointError, match="this chunk"):
        on_threads(work, 40, 2)
    assert bad not in done
    assert len(done) < 40


def test_sums_hold_no_more_than_the_threads_are_ahead():
    alive, most = weakref.WeakSet(), []

    def of_chunk(number):
        part = np.full(1000, float(number)).view(Watched)
        alive.add(part)
        most.append(len(alive))
        time.sleep(1e-3 * (number % 3))
        return [part]

    (total,) = sum_over_chunks(of_chunk, list(range(60)), 2)
    assert total[0] == sum(range(60))
    assert max(most) < 20


class Watched(np.ndarray):
    """An array that weak references can tell from others."""

    __hash__ = object.__hash__


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_has_threads_of_its_own():
    assert numbers_worked_on(2, 2) == [0, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and JAX say that forks of threaded processes may hang
        child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(0 if numbers_worked_on(2, 2) == [0, 1] else 1)
    assert os.waitpid(child, 0)[1] == 0
