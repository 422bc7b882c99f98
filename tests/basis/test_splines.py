"""B-splines and cyclic B-splines against SciPy, and what any spline basis must satisfy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from spikesieve.basis import BSplineEval, CyclicBSplineEval

ORDERS_AND_SIZES = [(order, n) for order in range(1, 7) for n in (order, order + 1, order + 6)]
CYCLIC = [(order, n) for order, n in ORDERS_AND_SIZES if order >= 2]


def scipy_open(u, n, order):
    inner = np.linspace(0, 1, n - order + 2)
    knots = np.concatenate([np.zeros(order - 1), inner, np.ones(order - 1)])
    return BSpline(knots, np.eye(n), order - 1)(u)


def scipy_cyclic(u, n, order):
    """Splines on knots that go on beyond both ends; those of one period apart are the same function."""
    knots = np.arange(1 - order, n + order) / n
    values = BSpline(knots, np.eye(n + order - 1), order - 1)(u)
    wrapped = values[:, :n].copy()
    wrapped[:, : order - 1] += values[:, n:]
    return wrapped


@pytest.mark.parametrize(("order", "n"), ORDERS_AND_SIZES)
def test_bsplines_are_those_of_scipy(order, n):
    u = np.linspace(0, 1, 203)
    np.testing.assert_allclose(BSplineEval(n, order).compute_features(u), scipy_open(u, n, order), atol=2e-15)


@pytest.mark.parametrize(("order", "n"), CYCLIC)
def test_cyclic_bsplines_are_those_of_scipy_wrapped(order, n):
    u = np.linspace(0, 1, 203)
    ours = CyclicBSplineEval(n, order).compute_features(u)
    np.testing.assert_allclose(ours, scipy_cyclic(u, n, order), atol=2e-15)


@given(
    u=st.lists(st.floats(0, 1), min_size=1, max_size=20),
    order=st.integers(1, 5),
    extra=st.integers(0, 8),
    cyclic=st.booleans(),
)
def test_features_are_a_partition_of_unity(u, order, extra, cyclic):
    if cyclic:
        basis = CyclicBSplineEval(max(order, 2) + extra, max(order, 2), bounds=(0, 1))
    else:
        basis = BSplineEval(order + extra, order, bounds=(0, 1))
    features = basis.compute_features(np.array(u))
    np.testing.assert_allclose(features.sum(axis=1), 1, rtol=1e-14)
    assert (features >= -1e-15).all()
    assert ((np.abs(features) > 1e-15).sum(axis=1) <= basis.order).all()


@given(u=st.lists(st.floats(0, 1), min_size=2, max_size=20), n=st.integers(4, 12))
def test_bsplines_are_mirror_images(u, n):
    basis = BSplineEval(n, bounds=(0, 1))
    u = np.round(np.array(u), 6)
    np.testing.assert_allclose(basis.compute_features(1 - u), basis.compute_features(u)[:, ::-1], atol=1e-14 * n**3)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_cyclic_splines_are_one_bump_shifted(order):
    n = 7
    basis = CyclicBSplineEval(n, order, bounds=(0, 1))
    u = np.linspace(0, 0.99, 40)
    shifted = basis.compute_features(np.mod(u + 1 / n, 1.0))
    np.testing.assert_allclose(shifted, np.roll(basis.compute_features(u), 1, axis=1), atol=1e-14)


def test_open_splines_begin_and_end_at_the_range():
    features = BSplineEval(6).compute_features(np.array([2.0, 3.0, 9.0]))
    np.testing.assert_array_equal(features[0], [1, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(features[2], [0, 0, 0, 0, 0, 1], atol=2e-16)


def test_a_single_constant_spline_is_one_everywhere():
    np.testing.assert_array_equal(BSplineEval(1, order=1).compute_features([0.0, 1.0, 2.0]), np.ones((3, 1)))


def test_many_rows_are_as_few_rows():
    u = np.random.default_rng(0).uniform(size=20_000)
    basis = BSplineEval(10, bounds=(0, 1))
    whole = basis.compute_features(u)
    np.testing.assert_array_equal(whole[12_345], basis.compute_features(u[12_345:12_346])[0])


@pytest.mark.parametrize("kind", [BSplineEval, CyclicBSplineEval])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_basis_funcs": 3}, "order 4 need n_basis_funcs of at least 4; got 3"),
        ({"n_basis_funcs": 5, "order": 0}, "order must be an integer of at least"),
        ({"n_basis_funcs": 5.5}, "n_basis_funcs must be an integer"),
        ({"n_basis_funcs": 5, "bounds": (1, 0)}, "lower bound must be below"),
    ],
)
def test_arguments_that_make_no_spline_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


def test_a_cyclic_spline_needs_an_order_of_two():
    with pytest.raises(ValueError, match="order must be an integer of at least 2"):
        CyclicBSplineEval(5, order=1)
