"""Tables read together give what the dense matrix of their columns gives, whatever stands between them."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesieve._tree import CoefLayout, flatten
from spikesieve.design import Design
from spikesieve.design._table_group import TableGroup
from spikesieve.observation_models import PoissonObservations
from spikesieve.solver._problem import SingleProblem
from tests.design.cases import CASES

# Codes of 4, 1 and 2 bytes, with stored, convolved and plane blocks between them.
MIXED = ["tabulated", "dense by columns", "tabulated boxcars", "events, causal", "tabulated", "tabulated plane"]


def mixed(n_samples, seed):
    """Design of all kinds, without rows that lack something, and its matrix."""
    pairs = [CASES[name](n_samples, seed + number) for number, name in enumerate([*MIXED, "tabulated line"])]
    leaves, structure = flatten({f"{number}": block for number, (block, _) in enumerate(pairs)})
    design = Design(tuple(leaves), CoefLayout.of(structure, [leaf.n_coef for leaf in leaves]))
    return design, np.hstack([matrix for _, matrix in pairs])


def check(design, matrix, numbers, n_threads=1, seed=0):
    rng = np.random.default_rng(seed)
    coef, y = rng.normal(size=design.n_coef) * 0.2, rng.poisson(1.0, design.n_samples).astype(float)
    coef[design.layout.leaf_slices[0]] = 0.0
    problem = SingleProblem(design, y, PoissonObservations(), n_threads=n_threads)
    found = problem.evaluate(np.array([0.1]), coef, numbers)
    eta = 0.1 + matrix @ coef
    assert found.loss == pytest.approx(np.mean(np.exp(eta) - y * eta), rel=1e-11)
    expected, whole = np.zeros(design.n_coef), matrix.T @ (np.exp(eta) - y) / len(y)
    for number in numbers:
        expected[design.layout.leaf_slices[number]] = whole[design.layout.leaf_slices[number]]
    np.testing.assert_allclose(found.gradient, expected, rtol=0, atol=1e-11 * np.abs(whole).max())
    return found


def finite(design, matrix):
    rows = design.finite_rows()
    return design[rows], matrix[rows]


def test_groups_are_of_one_type_of_codes():
    design, _ = mixed(300, 0)
    parts = design.parts(np.arange(len(design.blocks)))
    groups = [part.features for part in parts if isinstance(part.features, TableGroup)]
    assert len({axis.codes.dtype for group in groups for axis in group.axes}) == len(groups) > 1
    assert any(len(group.axes) > 1 for group in groups)
    np.testing.assert_array_equal(np.sort(np.concatenate([part.columns for part in parts])), np.arange(design.n_coef))


@given(n_samples=st.integers(60, 300), seed=st.integers(0, 1000), data=st.data())
def test_any_blocks_are_those_of_the_dense_matrix(n_samples, seed, data):
    design, matrix = finite(*mixed(n_samples, seed))
    wanted = data.draw(st.sets(st.integers(0, len(design.blocks) - 1), min_size=1))
    check(design, matrix, np.array(sorted(wanted)), seed=seed)


@pytest.mark.parametrize("rows", [slice(13, 170), slice(None, None, 3), slice(None, None, -1), np.arange(150)[::-2]])
def test_slices_of_designs(rows):
    design, matrix = finite(*mixed(300, 1))
    check(design[rows], matrix[rows], np.arange(len(design.blocks)))


def test_recordings_of_many_chunks_have_the_same_bits_for_any_number_of_threads():
    design, matrix = finite(*mixed(150_000, 2))
    everything = np.arange(len(design.blocks))
    one, two = (check(design, matrix, everything, n_threads) for n_threads in (1, 2))
    assert one.loss == two.loss
    np.testing.assert_array_equal(one.gradient, two.gradient)


def test_rows_without_a_value_are_nan_in_the_linear_predictor_alone():
    (a, x), (b, z) = CASES["tabulated"](200, 0), CASES["tabulated"](200, 1)
    group = TableGroup.of([a.axis, b.axis])
    matrix, coef, out = np.hstack([x, z]), np.ones(x.shape[1] + z.shape[1]), np.zeros(200)
    group.predictor(coef)(slice(0, 200), out)
    np.testing.assert_allclose(out, matrix @ coef, atol=1e-12)
    assert np.isnan(out).any()
    gradient = group.finish_gradient(group.partial_gradient(slice(0, 200), np.ones(200)))
    np.testing.assert_allclose(gradient, np.nansum(matrix, axis=0), rtol=1e-11)


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.int16, bool, ">f8"])
def test_numbers_of_any_kind_are_taken_for_what_they_are(kind):
    block, _ = CASES["tabulated"](200, 4)
    finite_rows = block.finite_rows()
    block, rng = block.take(finite_rows), np.random.default_rng(0)
    rows, matrix = slice(0, block.n_samples), block.as_matrix(slice(0, block.n_samples))
    coef, residual = (2.0 * rng.normal(size=(size, 2)) for size in matrix.shape[::-1])
    coef, residual, out = coef.astype(kind)[:, 0], residual.astype(kind)[:, 0], np.zeros(len(matrix))
    block.predictor(coef)(rows, out)
    np.testing.assert_allclose(out, matrix @ coef.astype(float), atol=1e-11)
    gradient = block.finish_gradient(block.partial_gradient(rows, residual))
    np.testing.assert_allclose(gradient, matrix.T @ residual.astype(float), atol=1e-11)
    eight = np.repeat(residual[:, None], 8, axis=1)
    of_eight = block.finish_gradient(block.partial_gradient(rows, eight))
    np.testing.assert_allclose(of_eight, np.repeat(gradient[:, None], 8, axis=1), atol=1e-11)


def test_a_group_that_was_pickled_reads_its_own_codes():
    block, matrix = CASES["tabulated"](200, 3)
    stored = pickle.dumps(TableGroup.of([block.axis]))
    block.axis.codes[:] = 0
    out = np.zeros(200)
    pickle.loads(stored).predictor(np.ones(block.n_coef))(slice(0, 200), out)
    np.testing.assert_allclose(out, matrix.sum(axis=1), atol=1e-12)
