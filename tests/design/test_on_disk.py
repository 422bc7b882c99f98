"""Recordings on disk: signals convolved piece by piece, columns read in chunks, damaged files told."""

import os

import numpy as np
import pytest

from spikesieve import basis as sb
from spikesieve.design import ConvolvedBlock, EventTrains, StoredBlock
from spikesieve.design._held_signals import StoredSignals
from spikesieve.glm import GLM
from spikesieve.selection import BlockedFolds, cross_validate
from tests.design.cases import SlicedOnly
from tests.design.contract import check_all

N = 3000


def hdf5(folder, values, **options):
    h5py = pytest.importorskip("h5py", reason="h5py is a test extra")
    with h5py.File(folder / "recording.h5", "w") as file:
        file.create_dataset("signal", data=values, **options)
    return h5py.File(folder / "recording.h5")["signal"]


def zarr_array(folder, values):
    zarr = pytest.importorskip("zarr", reason="zarr is a test extra")
    array = zarr.create_array(store=folder / "recording.zarr", shape=values.shape, chunks=(512,), dtype=values.dtype)
    array[:] = values
    return array


def mapped(folder, values):
    array = np.memmap(folder / "recording.dat", dtype=values.dtype, shape=values.shape, mode="w+")
    array[:] = values
    return array


SOURCES = {"hdf5": hdf5, "zarr": zarr_array, "memmap": mapped}


@pytest.fixture(scope="module")
def recording():
    rng = np.random.default_rng(0)
    stimulus = np.convolve(rng.normal(size=N + 19), np.ones(20) / 20, "valid").astype(np.float32)
    y = rng.poisson(np.exp(np.roll(stimulus, 5) * 3 - 1)).astype(float)
    return stimulus, y


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_stimulus_on_disk_is_fitted_like_one_in_memory(tmp_path, recording, source):
    stimulus, y = recording
    basis = sb.RaisedCosineLinearConv(5, window_size=40, label="stimulus") + sb.BSplineEval(6, label="now")
    stored, held = source(tmp_path, stimulus), stimulus
    lazy, plain = basis.design(stored, stored), basis.design(held, held)
    assert isinstance(lazy["stimulus"].blocks[0].signals, StoredSignals)
    assert lazy["stimulus"].n_bytes < 5000
    np.testing.assert_array_equal(lazy["now"].to_dense(), plain["now"].to_dense())
    model, grid = GLM(regularizer="GroupLasso"), {"n_strengths": 5, "min_ratio": 0.05}
    np.testing.assert_allclose(
        model.fit_path(lazy, y, **grid).coef_matrix, model.fit_path(plain, y, **grid).coef_matrix, atol=1e-8
    )
    folds = BlockedFolds(2, n_blocks_per_fold=3, gap=40)
    one, other = (cross_validate(model, design, y, folds=folds, n_strengths=4) for design in (lazy, plain))
    np.testing.assert_allclose(one.deviance, other.deviance, rtol=1e-9)


def test_spikes_on_disk_become_events(tmp_path):
    counts = np.random.default_rng(0).poisson(0.01, (N, 4)).astype(np.uint8)
    block = sb.RaisedCosineLogConv(4, window_size=30).design(hdf5(tmp_path, counts, compression="gzip")).blocks[0]
    assert isinstance(block.signals, EventTrains) and block.signals.n_events == np.count_nonzero(counts)
    check_all(block, sb.RaisedCosineLogConv(4, window_size=30).compute_features(counts))


def test_no_piece_is_larger_than_8_megabytes(recording):
    rng = np.random.default_rng(0)
    source = SlicedOnly(rng.normal(size=(200_000, 20)).astype(np.float32))
    block = ConvolvedBlock(source, np.ones((10, 2)), 10)
    source.reads.clear()
    rows = slice(0, 200_000)
    block.add_linear_predictor(rows, np.ones(40), np.zeros(200_000))
    block.take(slice(10, None, 7)).as_matrix(slice(0, 20_000))
    assert 0 < max(source.reads) * 20 * 8 <= 8 * 2**20 + 20 * 8 * 10


def test_a_pass_reads_a_chunk_once():
    source = SlicedOnly(np.random.default_rng(0).normal(size=20_000))
    block = ConvolvedBlock(source, np.ones((10, 2)), 10).take(slice(10, None))
    source.reads.clear()
    add = block.predictor(np.ones(2))
    add(slice(0, 8000), np.zeros(8000))
    block.partial_gradient(slice(0, 8000), np.ones(8000))
    assert source.reads == [8009]


def test_taking_rows_reads_nothing():
    source = SlicedOnly(np.random.default_rng(0).normal(size=(1000, 2)))
    block = ConvolvedBlock(source, np.ones((10, 2)), 10)
    source.reads.clear()
    block.take(slice(10, None)).take(np.arange(500)).take(slice(None, None, 3))
    assert source.reads == []


def test_columns_in_zarr(tmp_path):
    zarr = pytest.importorskip("zarr", reason="zarr is a test extra")
    matrix = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    array = zarr.create_array(store=tmp_path / "X.zarr", shape=(300, 4), chunks=(64, 4), dtype="f4")
    array[:] = matrix
    block, dense = StoredBlock(array), matrix.astype(float)
    check_all(block, dense)
    check_all(block.take(np.array([7, 299, 7, -1])), dense[[7, 299, 7, -1]])
    y = np.random.default_rng(1).poisson(1.0, 300)
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.01)
    np.testing.assert_allclose(model.fit({"X": array}, y).coef_["X"], model.fit({"X": dense}, y).coef_["X"], atol=1e-9)


def test_a_damaged_piece_is_told(tmp_path):
    zarr = pytest.importorskip("zarr", reason="zarr is a test extra")
    array = zarr.create_array(store=tmp_path / "X.zarr", shape=(300, 4), chunks=(100, 4), dtype="f4")
    array[:] = np.random.default_rng(0).normal(size=(300, 4))
    block, signals = StoredBlock(array), ConvolvedBlock(array, np.ones((5, 1)), 5)
    os.truncate(tmp_path / "X.zarr/c/1/0", 20)
    for held in (block, signals):
        with pytest.raises(ValueError, match=r"Rows \d+ to \d+ of .* could not be read .* may end early, be damaged"):
            held.as_matrix(slice(90, 160))


def test_a_closed_file_is_told(tmp_path):
    data_set = hdf5(tmp_path, np.random.default_rng(0).normal(size=(300, 2)))
    block = StoredBlock(data_set)
    data_set.file.close()
    with pytest.raises(ValueError, match="could not be read .* keep it open for as long as a design of it is used"):
        block.as_matrix(slice(0, 10))


def test_signals_in_a_file_that_was_cut_are_told(tmp_path, recording):
    array = mapped(tmp_path, recording[0])
    os.truncate(tmp_path / "recording.dat", 8000)
    with pytest.raises(ValueError, match=r"recording.dat ends early: its array needs 12000 bytes, and it has 8000"):
        sb.RaisedCosineLinearConv(5, window_size=40).design(array)


def test_a_data_set_cut_while_it_is_open_is_told(tmp_path):
    data_set = hdf5(tmp_path, np.random.default_rng(0).normal(size=20_000))
    os.truncate(tmp_path / "recording.h5", 80_000)
    with pytest.raises(ValueError, match=r"recording.h5 ends early: it had \d+ bytes when it was opened"):
        StoredBlock(data_set)


def test_words_cannot_be_convolved():
    with pytest.raises(TypeError, match="Signals to convolve must be real numbers; got an array of <U1"):
        sb.HistoryConv(4).design(SlicedOnly(np.array(["a", "b"] * 50)))
