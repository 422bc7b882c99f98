"""Rows kept as runs are the rows that NumPy's indexing would keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesieve.design._row_runs import RowRuns, row_chunks

N_ROWS = 200


@st.composite
def slices(draw):
    bounds = st.none() | st.integers(-N_ROWS - 10, N_ROWS + 10)
    step = draw(st.none() | st.integers(-7, 7).filter(bool))
    return slice(draw(bounds), draw(bounds), step)


@st.composite
def choices(draw, n_rows):
    kind = draw(st.sampled_from(["slice", "mask", "index", "stretches"]))
    if kind == "slice":
        return draw(slices())
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    if kind == "mask":
        return rng.random(n_rows) < draw(st.floats(0, 1))
    if kind == "stretches":
        return (np.arange(n_rows) + draw(st.integers(0, 30))) // 25 % 2 == 0
    return rng.integers(-n_rows, n_rows, draw(st.integers(0, 2 * n_rows))) if n_rows else np.zeros(0, dtype=int)


@given(st.data())
def test_choices_of_choices_are_those_of_numpy(data):
    runs, rows = RowRuns.all(N_ROWS), np.arange(N_ROWS)
    for _ in range(3):
        choice = data.draw(choices(len(rows)))
        runs, rows = runs.take(choice), rows[choice]
        np.testing.assert_array_equal(runs.indices(), rows)
        assert runs.n_rows == len(rows)
        assert (runs.table[:, 1] > 0).all()
        held = runs.table[runs.table[:, 2] > 0]
        np.testing.assert_array_equal(runs.last()[runs.table[:, 2] > 0], held[:, 0] + (held[:, 2] - 1) * held[:, 1])


@given(rows=slices(), size=st.integers(1, 50))
def test_chunks_are_the_rows_in_order(rows, size):
    everything = np.arange(N_ROWS)
    found = np.full(len(everything[rows]), -1)
    for part, chunk in row_chunks(N_ROWS, rows, size):
        assert len(everything[chunk]) <= size
        found[part] = everything[chunk]
    np.testing.assert_array_equal(found, everything[rows])


@pytest.mark.parametrize(
    ("rows", "n_runs"),
    [
        (slice(100, None), 1),
        (slice(None, None, 50), 1),
        (np.arange(3, N_ROWS, 4), 1),
        (np.arange(N_ROWS) // 20 % 2 == 0, 5),
        (np.arange(N_ROWS)[::-1], N_ROWS),
    ],
)
def test_regular_choices_are_few_runs(rows, n_runs):
    runs = RowRuns.all(N_ROWS).take(rows)
    assert len(runs.table) == n_runs
    assert len(runs.take(slice(10, 11)).table) == 1


def test_wrong_rows_are_told():
    runs = RowRuns.all(10)
    with pytest.raises(IndexError, match=r"shape \(9,\), expected \(10,\)"):
        runs.take(np.ones(9, dtype=bool))
    with pytest.raises(IndexError, match="from -10 to 9"):
        runs.take(np.array([10]))
    with pytest.raises(IndexError, match="whole numbers"):
        runs.take(np.array([0.5]))
