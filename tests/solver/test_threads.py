"""How rows are shared out: equal, whole, and the same whatever the number of threads."""

import os
import signal
import time
import warnings

import numpy as np
import pytest
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st

from spikesieve.solver._threads import equal_chunks, map_chunks, one_blas_thread, shares_of, sum_over_chunks


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


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_results_keep_the_order_of_the_chunks(n_threads):
    assert list(map_chunks(lambda number: number**2, list(range(50)), n_threads)) == [n**2 for n in range(50)]


@pytest.mark.parametrize("bad", [0, 13, 39])
def test_an_error_in_any_thread_is_raised_and_ends_the_work(bad):
    done = []

    def work(number):
        if number == bad:
            raise FloatingPointError("this chunk")
        time.sleep(1e-3)
        done.append(number)

    with pytest.raises(FloatingPointError, match="this chunk"):
        list(map_chunks(work, list(range(40)), 2))
    assert bad not in done
    assert len(done) < 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_has_threads_of_its_own():
    assert list(map_chunks(abs, [-1, -2], 2)) == [1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and JAX say that forks of threaded processes may hang
        child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(0 if list(map_chunks(abs, [-1, -2], 2)) == [1, 2] else 1)
    assert os.waitpid(child, 0)[1] == 0
