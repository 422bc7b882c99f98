"""What is particular to M-splines, logarithmic cosines, exponentials, waves, categories and custom functions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikesieve import basis as b

X = np.random.default_rng(0).normal(size=80)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("bounds", [(0, 1), (-3, 5)])
def test_msplines_integrate_to_one(order, bounds):
    edges = np.linspace(*bounds, 63_001)
    middle = (edges[1:] + edges[:-1]) / 2
    features = b.MSplineEval(7, order=order, bounds=bounds).compute_features(middle)
    np.testing.assert_allclose(features.mean(axis=0) * (bounds[1] - bounds[0]), 1, rtol=1e-6)


def test_mspline_coordinates_know_the_range():
    basis = b.MSplineEval(5).setup_basis(np.array([0.0, 10.0]))
    np.testing.assert_allclose(basis.features_at(np.array([0.0])), [[0.8, 0, 0, 0, 0]])
    unit = b.MSplineEval(5, bounds=(0, 1))
    np.testing.assert_allclose(basis.derivative_bound(2), unit.derivative_bound(2) / 10)


def test_log_cosines_with_little_stretch_are_linear():
    log = b.RaisedCosineLogEval(5, time_scaling=1e-9, enforce_decay_to_zero=False)
    np.testing.assert_allclose(log.compute_features(X), b.RaisedCosineLinearEval(5).compute_features(X), atol=1e-8)


def test_log_cosines_can_be_made_to_end_at_zero():
    end = np.array([1.0])
    assert b.RaisedCosineLogEval(5, bounds=(0, 1)).compute_features(end).max() < 1e-15
    assert b.RaisedCosineLogEval(5, bounds=(0, 1), enforce_decay_to_zero=False).compute_features(end)[0, -1] == 1


@pytest.mark.parametrize("basis", [b.RaisedCosineLogEval(5), b.FourierEval(4, ndim=2), b.MSplineEval(6)], ids=repr)
def test_bounds_on_derivatives_hold(basis):
    grid = np.linspace(0, 1, 4001)
    u = (grid, *[np.full(4001, 0.3)] * (basis.n_inputs - 1))
    values = basis.features_at(*u)
    slope = np.abs(np.diff(values, axis=0)).max(axis=0) * 4000
    curvature = np.abs(np.diff(values, n=2, axis=0)).max(axis=0) * 4000**2
    assert (np.abs(values) <= basis.derivative_bound(0)[0] * (1 + 1e-12)).all()
    assert (slope <= basis.derivative_bound(1)[0] * (1 + 1e-9)).all()
    assert (curvature <= basis.derivative_bound(2)[0] * (1 + 1e-6)).all()


def test_time_scaling_is_positive():
    with pytest.raises(ValueError, match="time_scaling must be positive; got -1"):
        b.RaisedCosineLogEval(5, time_scaling=-1)


# ---- Exponentials ------------------------------------------------------------


def test_exponentials_are_orthonormal_and_span_the_exponentials():
    rates = [1.0, 3.0, 8.0]
    features = b.OrthExponentialEval(3, rates).compute_features(X)
    np.testing.assert_allclose(features.T @ features, np.eye(3), atol=1e-12)
    plain = np.exp(-np.outer((X - X.min()) / np.ptp(X), rates))
    np.testing.assert_allclose(features @ (features.T @ plain), plain, atol=1e-10)


def test_exponentials_remember_what_made_them_orthonormal():
    basis = b.OrthExponentialEval(2, [1.0, 3.0], bounds=(-5, 5))
    features = basis.compute_features(X)
    np.testing.assert_allclose(basis.compute_features(X[:3]), features[:3], atol=1e-14)
    anew = basis.setup_basis(X[:40]).compute_features(X[:40])
    np.testing.assert_allclose(anew.T @ anew, np.eye(2), atol=1e-13)
    basis.set_params(decay_rates=[2.0, 5.0])
    other = basis.compute_features(X)
    np.testing.assert_allclose(other.T @ other, np.eye(2), atol=1e-13)


@pytest.mark.parametrize(
    ("x", "message"),
    [(np.ones(9), "amount to only 1 different functions"), (X[:2], "need at least 3 samples; got 2")],
)
def test_exponentials_that_cannot_be_told_apart_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        b.OrthExponentialEval(3, [1.0, 2.0, 3.0]).compute_features(x)


@pytest.mark.parametrize("rates", [[1.0, 1.0], [1.0, 2.0, 3.0], ["a", "b"]])
def test_decay_rates_are_one_per_function_and_distinct(rates):
    with pytest.raises(ValueError, match="decay_rates must be"):
        b.OrthExponentialConv(2, 10, rates)


# ---- Waves -------------------------------------------------------------------


@given(arrays(float, 10, elements=st.floats(-10, 10)), st.integers(-3, 3))
def test_waves_are_periodic_whatever_the_bounds(x, turns):
    basis = b.FourierEval(4, bounds=(0, 2))
    np.testing.assert_allclose(basis.compute_features(x + 2 * turns), basis.compute_features(x), atol=1e-11)


def test_waves_over_a_period_are_orthogonal():
    x = np.arange(40) / 40
    features = b.FourierEval(5, bounds=(0, 1), frequency_mask="all").compute_features(x)
    gram = features.T @ features
    np.testing.assert_allclose(gram, np.diag([40] + [20] * 8), atol=1e-12)


@pytest.mark.parametrize(
    ("frequencies", "mask", "n"),
    [
        (3, "no-intercept", 4),
        (3, "all", 5),
        (3, None, 5),
        ((1, 3), "all", 4),
        (np.array([1, 5]), None, 4),
        (3, [0, 1, 1], 4),
        (5, lambda k: k % 2 == 0, 5),
    ],
)
def test_number_of_waves(frequencies, mask, n):
    basis = b.FourierEval(frequencies, frequency_mask=mask)
    assert basis.n_basis_funcs == n == basis.compute_features(X).shape[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frequencies": -1}, "number of frequencies must be an integer of at least 0"),
        ({"frequencies": 2.5}, "must be an integer"),
        ({"frequencies": (3, 1)}, "0 <= first < stop"),
        ({"frequencies": np.array([0.5])}, "whole numbers of cycles"),
        ({"frequencies": np.array([1, 1])}, "distinct"),
        ({"frequencies": [2, 3], "ndim": 3}, "one entry per dimension"),
        ({"frequencies": 3, "frequency_mask": np.ones(2)}, r"array of 0 and 1 of shape \(3,\)"),
        ({"frequencies": 3, "frequency_mask": "most"}, "frequency_mask must be"),
        ({"frequencies": 3, "ndim": 2, "bounds": ((0, 1),)}, "bounds for 2 covariates"),
    ],
)
def test_waves_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        b.FourierEval(**arguments)


def test_products_of_waves_are_refused():
    with pytest.raises(ValueError, match="Use one Fourier basis of two dimensions"):
        b.FourierEval(3) * (b.FourierEval(3) + b.BSplineEval(4))
    assert (b.FourierEval(3) * b.BSplineEval(4)).n_basis_funcs == 16


# ---- Categories and custom functions -------------------------------------------


def test_categories_are_sorted_and_counted_once():
    basis = b.Category(["b", "a", "b"])
    assert basis.labels.tolist() == ["a", "b"] and basis.n_basis_funcs == 2
    np.testing.assert_array_equal(b.Category(3).compute_features([2, 0, 7]), [[0, 0, 1], [1, 0, 0], [0, 0, 0]])


def test_unknown_categories_can_be_refused():
    with pytest.raises(ValueError, match=r"\['rest'\] are not among the categories"):
        b.Category(["left", "right"], out_of_category=False).compute_features(np.array(["left", "rest"]))
    with pytest.raises(TypeError, match="Use labels of one type"):
        b.Category(["left", "right"]).compute_features(np.array([0, 1]))
    with pytest.raises(ValueError, match="at least one category"):
        b.Category([])


def test_missing_categories_make_missing_rows():
    features = b.Category(2, out_of_category=False).compute_features(np.array([0.0, np.nan]))
    assert features[0].tolist() == [1, 0] and np.isnan(features[1]).all()


def test_custom_functions_of_two_covariates():
    basis = b.CustomBasis([lambda x, y: x * y, np.hypot], bounds=(-1, 1), fill_value=0)
    features = basis.compute_features(np.array([0.5, 2.0]), np.array([0.5, 0.0]))
    np.testing.assert_allclose(features, [[0.25, np.sqrt(0.5)], [0, 0]])


def test_custom_functions_must_keep_their_word():
    with pytest.raises(ValueError, match=r"returned shape \(80, 2\), expected \(80,\)"):
        b.CustomBasis(lambda x: np.c_[x, x]).compute_features(X)
    with pytest.raises(TypeError, match="funcs must be one or more functions"):
        b.CustomBasis([])


def test_zero_leaves_a_covariate_out():
    basis = b.BSplineEval(4, label="position") + b.Zero(label="speed")
    leaves = basis.split_by_feature(basis.compute_features(X, X))
    assert leaves["speed"].shape == (80, 0)
    assert (b.Zero() * b.BSplineEval(4)).compute_features(X, X).shape == (80, 0)
