"""Every kind of block against the dense matrix of its columns, and every kind is listed."""

import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spikesieve.design
from spikesieve._tree import CoefLayout, flatten
from spikesieve.design import Block, DenseBlock, Design
from spikesieve.design._signals import Signals
from spikesieve.glm import GLM
from tests.design.cases import CASES, kinds, kinds_of_signals
from tests.design.contract import check_all, check_takes

NAMES = sorted(CASES)


def every_kind(base: type = Block) -> set[type]:
    """All subclasses that the library defines."""
    for module in pkgutil.iter_modules(spikesieve.design.__path__, "spikesieve.design."):
        importlib.import_module(module.name)
    below = set().union(*(every_kind(kind) for kind in base.__subclasses__()), set(base.__subclasses__()))
    return {kind for kind in below if kind.__module__.startswith("spikesieve.")}


def test_every_kind_of_block_is_listed():
    assert every_kind() - kinds() == set()
    assert every_kind(Signals) - kinds_of_signals() == set()


@pytest.mark.parametrize("name", NAMES)
def test_verbs_are_those_of_the_dense_matrix(name):
    check_all(*CASES[name](150, 0))


@pytest.mark.parametrize("name", NAMES)
def test_some_rows_are_those_of_the_dense_matrix(name):
    check_takes(*CASES[name](150, 1))


@pytest.mark.parametrize("name", NAMES)
def test_recordings_longer_than_a_chunk(name):
    block, matrix = CASES[name](20_000, 2)
    coef = np.random.default_rng(0).normal(size=block.n_coef)
    out = np.zeros(len(matrix))
    block.add_linear_predictor(slice(0, len(matrix)), coef, out)
    np.testing.assert_allclose(out, matrix @ coef, rtol=1e-11, atol=1e-11)
    finite = np.isfinite(matrix).all(axis=1)
    kept, residual = block.take(finite), np.random.default_rng(1).normal(size=finite.sum())
    gradient = np.zeros(block.n_coef)
    kept.add_gradient(slice(0, len(residual)), residual, gradient)
    np.testing.assert_allclose(gradient, matrix[finite].T @ residual, rtol=1e-10, atol=1e-10)


@given(name=st.sampled_from(NAMES), n_samples=st.integers(40, 200), seed=st.integers(0, 1000))
def test_verbs_for_any_recording(name, n_samples, seed):
    check_all(*CASES[name](n_samples, seed))


@pytest.mark.parametrize("name", NAMES)
def test_wrong_rows_are_refused(name):
    block, _ = CASES[name](60, 0)
    for rows in (np.array([0, 60]), np.array([-61]), np.ones(59, dtype=bool)):
        with pytest.raises(IndexError):
            block.take(rows)


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_that_of_the_dense_matrix(name):
    block, matrix = CASES[name](400, 3)
    rng = np.random.default_rng(4)
    other = rng.normal(size=(400, 3))
    drive = np.nan_to_num(matrix @ rng.normal(size=block.n_coef), posinf=0, neginf=0)
    drive /= drive.std() or 1.0
    y = rng.poisson(np.exp(-0.5 + 0.4 * drive + 0.4 * other[:, 0])).astype(float)
    leaves, structure = flatten({"block": block, "other": DenseBlock(other)})
    design = Design(tuple(leaves), CoefLayout.of(structure, [leaf.n_coef for leaf in leaves]))
    model = GLM(regularizer="GroupLasso", solver_kwargs={"tol": 1e-9})
    arrays, strengths = {"block": matrix, "other": other}, {"n_strengths": 8, "min_ratio": 0.02}
    lazy, plain = model.fit_path(design, y, **strengths), model.fit_path(arrays, y, **strengths)
    np.testing.assert_allclose(lazy.strengths, plain.strengths, rtol=1e-10)
    np.testing.assert_allclose(lazy.coef_matrix, plain.coef_matrix, atol=1e-6)
    weakest = lazy.strengths[-1]
    np.testing.assert_allclose(lazy.at(weakest).predict(design), plain.at(weakest).predict(arrays), rtol=1e-5)
