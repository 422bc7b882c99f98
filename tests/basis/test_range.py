"""Bounds, the remembered range, and samples that are missing or out of range."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone

from spikesieve.basis import BSplineEval, CyclicBSplineEval, IdentityEval, RaisedCosineLinearEval

EVAL = [
    BSplineEval(6),
    BSplineEval(5, order=2),
    CyclicBSplineEval(7),
    RaisedCosineLinearEval(6),
]
some_eval_basis = pytest.mark.parametrize("template", EVAL, ids=repr)
finite = st.floats(-1e6, 1e6)


@some_eval_basis
def test_a_single_call_scales_by_its_own_samples(template):
    x = np.random.default_rng(0).normal(10, 3, 50)
    bounded = clone(template).set_params(bounds=(x.min(), x.max()))
    np.testing.assert_array_equal(clone(template).compute_features(x), bounded.compute_features(x))


@given(arrays(float, 30, elements=finite), st.integers(0, 29))
def test_the_same_position_has_the_same_features_ever_after(x, row):
    assume(np.ptp(x) > 1e-6)
    basis = BSplineEval(6)
    first = basis.compute_features(x)
    np.testing.assert_array_equal(basis.compute_features(x[row : row + 1])[0], first[row])


@some_eval_basis
def test_setup_basis_learns_anew(template):
    basis = clone(template)
    basis.compute_features(np.array([0.0, 1.0]))
    assert basis.setup_basis(np.array([2.0, 4.0])) is basis
    assert basis.range_ == (2.0, 4.0)


@some_eval_basis
def test_a_clone_remembers_nothing(template):
    basis = clone(template)
    basis.compute_features(np.array([0.0, 1.0]))
    assert basis.range_ == (0.0, 1.0)
    assert clone(basis).range_ is None


def test_copies_and_pickles_remember():
    basis = BSplineEval(5).setup_basis(np.array([0.0, 3.0]))
    assert copy.deepcopy(basis).range_ == (0.0, 3.0)
    assert pickle.loads(pickle.dumps(basis)).range_ == (0.0, 3.0)


def test_instances_do_not_share_their_memory():
    first, second = BSplineEval(5), BSplineEval(5)
    first.compute_features(np.array([0.0, 1.0]))
    assert second.range_ is None


@some_eval_basis
def test_evaluate_learns_nothing(template):
    basis = clone(template)
    basis.evaluate(np.array([0.0, 5.0]))
    assert basis.range_ is None


def test_samples_beyond_the_remembered_range_move_to_its_end():
    basis = BSplineEval(5).setup_basis(np.linspace(0, 1, 100))
    x = np.concatenate([np.linspace(0, 1, 50), [1.2, -0.3]])
    features = basis.compute_features(x)
    np.testing.assert_array_equal(features[-2:], basis.compute_features(np.array([1.0, 0.0])))


def test_cyclic_samples_beyond_the_remembered_range_go_round():
    basis = CyclicBSplineEval(5).setup_basis(np.array([0.0, 1.0]))
    x = np.concatenate([np.linspace(0, 1, 50), [1.25]])
    np.testing.assert_allclose(basis.compute_features(x)[-1], basis.compute_features([0.25])[0], atol=1e-15)


def test_another_covariate_in_the_same_basis_is_warned_about():
    basis = BSplineEval(5, label="position")
    basis.compute_features(np.linspace(0, 1, 100))
    with pytest.warns(UserWarning, match="position: 99% of the samples lie outside the range") as caught:
        basis.compute_features(np.linspace(0, 100, 100))
    assert caught[0].filename == __file__


@some_eval_basis
def test_missing_samples_give_missing_features(template):
    features = clone(template).compute_features(np.array([0.0, np.nan, 0.5, 1.0, np.inf, -np.inf]))
    assert np.isnan(features[[1, 4, 5]]).all() and np.isfinite(features[[0, 2, 3]]).all()


@some_eval_basis
@pytest.mark.parametrize("fill_value", [np.nan, 0.0, 7.0])
def test_samples_outside_the_bounds_are_filled(template, fill_value):
    basis = clone(template).set_params(bounds=(0, 1), fill_value=fill_value)
    features = basis.compute_features(np.array([0.5, 1.01, -0.01, np.inf, np.nan, 0.0, 1.0]))
    np.testing.assert_array_equal(features[1:4], np.full((3, basis.n_basis_funcs), fill_value))
    assert np.isnan(features[4]).all() and np.isfinite(features[[0, 5, 6]]).all()


def test_one_column_outside_the_bounds_fills_the_row():
    x = np.array([[0.5, 0.5], [2.0, np.nan], [0.3, np.nan], [0.2, 3.0]])
    features = BSplineEval(5, bounds=(0, 1), fill_value=7).compute_features(x)
    np.testing.assert_array_equal(features[[1, 3]], np.full((2, 10), 7))
    assert np.isfinite(features[2, :5]).all() and np.isnan(features[2, 5:]).all()


@some_eval_basis
def test_a_constant_covariate_has_features(template):
    basis = clone(template)
    features = basis.compute_features(np.full(4, 3.0))
    np.testing.assert_array_equal(features, np.tile(basis.evaluate_on_grid(2)[1][0], (4, 1)))


def test_each_column_has_its_own_range():
    x = np.random.default_rng(1).normal(size=(40, 3)) * [1, 10, 100]
    basis = BSplineEval(5)
    features = basis.compute_features(x)
    columns = [BSplineEval(5).compute_features(column) for column in x.T]
    np.testing.assert_array_equal(features, np.hstack(columns))
    np.testing.assert_array_equal(basis.compute_features(x[:3]), features[:3])
    with pytest.raises(ValueError, match=r"one range for each column of \(3,\) columns; got \(2,\)"):
        basis.compute_features(x[:, :2])


def test_the_grid_spans_what_the_basis_knows():
    assert BSplineEval(5).evaluate_on_grid(3)[0].tolist() == [0, 0.5, 1]
    assert BSplineEval(5, bounds=(2, 4)).evaluate_on_grid(3)[0].tolist() == [2, 3, 4]
    assert BSplineEval(5).setup_basis([0.0, 8.0]).evaluate_on_grid(3)[0].tolist() == [0, 4, 8]


@pytest.mark.parametrize("basis", [BSplineEval(5), IdentityEval()], ids=repr)
@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        (np.array(["a", "b"]), TypeError, "array of real numbers; this one holds text such as 'a'"),
        (np.array([1j]), TypeError, "complex128"),
        (np.zeros(0), ValueError, "has no samples"),
    ],
)
def test_input_that_is_no_covariate_is_refused(basis, x, kind, message):
    with pytest.raises(kind, match=message):
        clone(basis).compute_features(x)


def test_a_covariate_of_nothing_but_nan_is_refused():
    with pytest.raises(ValueError, match="without a single finite sample has no range"):
        BSplineEval(5).compute_features(np.full(4, np.nan))


@pytest.mark.parametrize("bounds", [3, (1, 2, 3), ("a", "b")])
def test_bounds_are_two_numbers(bounds):
    with pytest.raises(TypeError, match="bounds must be None or two numbers"):
        BSplineEval(5, bounds=bounds)


def test_identity_passes_the_covariate_on():
    x = np.array([[1.0, 2.0], [3.0, np.nan], [-50.0, 0.0]])
    np.testing.assert_array_equal(IdentityEval().compute_features(x), x)
    bounded = IdentityEval(bounds=(-1, 10), fill_value=0).compute_features(x)
    np.testing.assert_array_equal(bounded, [[1, 2], [3, np.nan], [0, 0]])
    assert IdentityEval(bounds=(-1, 3)).evaluate_on_grid(3)[0].tolist() == [-1, 1, 3]
