"""How rows are shared out: equal, whole, and the same whatever the number of threads."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikesieve.solver._threads import equal_chunks, sum_over_shares


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

    assert sum_over_shares(of_share, chunks, n_threads) == sum_over_shares(of_share, chunks, 1)
