"""Columns on disk are read in chunks, never whole, and a file that ends early is told."""

import os
import pickle

import numpy as np
import pytest

from spikesieve.design import ConvolvedBlock, StackedBlock
from spikesieve.design._held_signals import StoredSignals
from spikesieve.design._stored import StoredBlock
from tests.design.cases import SlicedOnly
from tests.design.contract import check_all

KERNEL = np.ones((10, 2))
BLOCKS = {
    "columns": StoredBlock,
    "signals": lambda source: ConvolvedBlock(StoredSignals(source), KERNEL, 0),
    "stacked": lambda source: StackedBlock((StoredBlock(source), StoredBlock(source))),
}


@pytest.fixture
def matrix():
    return np.random.default_rng(0).normal(size=(100_000, 50)).astype(np.float32)


def test_no_read_is_larger_than_a_chunk(matrix):
    source = SlicedOnly(matrix)
    block = StoredBlock(source)
    rows = slice(0, len(matrix))
    block.finite_rows()
    block.add_linear_predictor(rows, np.ones(50), np.zeros(len(matrix)))
    block.take(np.arange(len(matrix)) % 7 > 0).add_gradient(slice(0, 50_000), np.ones(50_000), np.zeros(50))
    assert max(source.reads) * 50 * 8 <= 16 * 2**20


def test_taking_rows_reads_nothing(matrix):
    source = SlicedOnly(matrix)
    StoredBlock(source).take(slice(10, None)).take(np.arange(1000)).take(slice(None, None, 3))
    assert source.reads == []


def test_rows_far_apart_are_read_without_those_between(matrix):
    source = SlicedOnly(matrix)
    StoredBlock(source).take(np.random.default_rng(0).permutation(np.arange(0, 100_000, 1000))).as_matrix(slice(0, 100))
    assert sum(source.reads) == 100


def test_every_fiftieth_row_is_one_read_of_those_rows(matrix):
    source = SlicedOnly(matrix)
    StoredBlock(source).take(slice(100, None)).as_matrix(slice(0, 50_000, 50))
    assert source.reads == [1000]


def test_a_chunk_is_read_once_for_predictor_and_gradient(matrix):
    source = SlicedOnly(matrix)
    block, rows = StoredBlock(source), slice(0, 8192)
    add = block.predictor(np.ones(50))
    add(rows, np.zeros(8192))
    block.partial_gradient(rows, np.ones(8192))
    assert source.reads == [8192]


@pytest.mark.parametrize("make", BLOCKS.values(), ids=BLOCKS)
def test_a_file_that_changes_between_passes_is_read_anew(make):
    values, rows = np.random.default_rng(0).normal(size=(3000, 2)), slice(0, 3000)
    source = SlicedOnly(values)
    block = make(source)
    add, first, second = block.predictor(np.ones(block.n_coef)), np.zeros(3000), np.zeros(3000)
    add(rows, first)
    del add
    source.reads.clear()
    size = len(pickle.dumps(block))
    values *= 2.0
    np.testing.assert_allclose(block.partial_gradient(rows, np.ones(3000)).sum(), 2.0 * first.sum())
    block.add_linear_predictor(rows, np.ones(block.n_coef), second)
    np.testing.assert_allclose(second, 2.0 * first)
    add = block.predictor(np.ones(block.n_coef))
    add(rows, second)
    source.reads.clear()
    assert len(pickle.dumps(block)) == size


def test_hdf5_data_sets(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    matrix = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    with h5py.File(tmp_path / "recording.h5", "w") as file:
        data_set = file.create_dataset("X", data=matrix, chunks=(64, 4), compression="gzip")
        block, dense = StoredBlock(data_set), matrix.astype(float)
        check_all(block, dense)
        for rows in (slice(3, None, 2), np.arange(300) // 50 % 2 == 0, np.array([7, 299, 7, -1])):
            check_all(block.take(rows), dense[rows])


def test_a_map_of_double_precision_is_not_copied(tmp_path):
    mapped = np.memmap(tmp_path / "X.dat", shape=(1000, 3), dtype=float, mode="w+")
    assert np.shares_memory(StoredBlock(mapped).take(slice(10, None)).as_matrix(slice(5, 50)), mapped)


def test_a_source_shorter_than_declared_is_told():
    with pytest.raises(ValueError, match="ends early: 200 rows are expected, and it has 100"):
        StoredBlock(np.zeros((100, 2)), n_samples=200)


def test_fewer_rows_may_be_declared():
    assert StoredBlock(np.zeros((100, 2)), n_samples=60).as_matrix(slice(0, 100)).shape == (60, 2)


def test_a_mapped_file_that_was_cut_is_told(tmp_path):
    mapped = np.memmap(tmp_path / "X.dat", shape=(1000, 3), dtype=float, mode="w+")
    os.truncate(tmp_path / "X.dat", 12_000)
    with pytest.raises(ValueError, match="X.dat ends early: its array needs 24000 bytes, and it has 12000"):
        StoredBlock(mapped)


def test_a_source_that_ends_while_it_is_read_is_told():
    source = SlicedOnly(np.zeros((1000, 2)))
    block = StoredBlock(source)
    source._values = source._values[:600]
    with pytest.raises(ValueError, match="ended early: rows 500 to 699 .* only 100 of 200"):
        block.as_matrix(slice(500, 700))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ([[1.0]], TypeError, "with shape, dtype and slices"),
        (np.array([["a"]]), TypeError, "real numbers"),
        (np.zeros((3, 2, 2)), ValueError, r"expected \(n_samples, n_coef\)"),
    ],
)
def test_wrong_sources_are_told(source, error, message):
    with pytest.raises(error, match=message):
        StoredBlock(source)
