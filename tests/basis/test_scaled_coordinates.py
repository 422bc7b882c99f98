"""What lazy designs build tables from: coordinates, features at them, and bounds on their derivatives."""

import numpy as np
import pytest
from sklearn.base import clone

from spikesieve.basis import BSplineEval, CyclicBSplineEval, IdentityEval, RaisedCosineLinearEval

ONE = [
    BSplineEval(1, order=1),
    BSplineEval(5, order=1),
    BSplineEval(5, order=2),
    BSplineEval(7, order=3),
    BSplineEval(4),
    BSplineEval(9, order=5),
    CyclicBSplineEval(5, order=2),
    CyclicBSplineEval(7),
    RaisedCosineLinearEval(6, width=1.5),
]
TWO = [BSplineEval(5) * CyclicBSplineEval(4), BSplineEval(4) * RaisedCosineLinearEval(4)]


@pytest.mark.parametrize("template", [*ONE, *TWO], ids=repr)
def test_features_at_coordinates_are_the_features(template):
    basis = clone(template)
    covariates = np.random.default_rng(0).normal(size=(basis.n_inputs, 50))
    covariates[0, 3] = np.nan
    features = basis.compute_features(*covariates)
    u = basis.rescale(*covariates)
    assert len(u) == basis.n_inputs and np.isnan(u[0][3])
    assert all(np.nanmin(column) >= 0 and np.nanmax(column) <= 1 for column in u)
    np.testing.assert_array_equal(basis.features_at(*u), features)


@pytest.mark.parametrize("template", ONE, ids=repr)
def test_bounds_on_derivatives_hold_and_are_not_wasteful(template):
    grid = np.linspace(0, 1, 20_001)
    values = template.features_at(grid)
    largest = np.abs(values).max(axis=0)
    for order in (0, 1, 2):
        bound = template.derivative_bound(order)[0]
        assert bound.shape == (template.n_basis_funcs,)
        if np.isinf(bound).any():
            continue
        if order:
            largest = np.abs(np.diff(values, n=order, axis=0) * 20_000**order).max(axis=0)
        assert (largest <= bound * (1 + 1e-6) + 1e-6).all()
        assert (bound <= 3 * largest + 1e-9).all()


def test_jumps_and_kinks_have_no_bound():
    assert np.isinf(BSplineEval(5, order=1).derivative_bound(1)).all()
    assert np.isfinite(BSplineEval(5, order=2).derivative_bound(1)).all()
    assert np.isinf(BSplineEval(5, order=2).derivative_bound(2)).all()
    assert (BSplineEval(1, order=1).derivative_bound(1) == 0).all()


@pytest.mark.parametrize("basis", TWO, ids=repr)
def test_bounds_of_a_product_hold_along_each_coordinate(basis):
    grid = np.linspace(0, 1, 501)
    u, v = np.meshgrid(grid, grid, indexing="ij")
    values = basis.features_at(u, v)
    for axis in (0, 1):
        slope = np.abs(np.diff(values, axis=axis)).max(axis=(0, 1)) * 500
        curvature = np.abs(np.diff(values, n=2, axis=axis)).max(axis=(0, 1)) * 500**2
        assert (slope <= basis.derivative_bound(1)[axis] * (1 + 1e-9)).all()
        assert (curvature <= basis.derivative_bound(2)[axis] * (1 + 1e-6)).all()


def test_samples_outside_the_bounds_are_known():
    basis = BSplineEval(4, bounds=(0, 1)) * BSplineEval(4)
    outside = basis.is_outside(np.array([0.5, 2.0, np.nan]), np.array([9.0, 9.0, 8.0]))
    assert outside.tolist() == [False, True, False]


def test_bases_without_coordinates_say_so():
    basis = IdentityEval() * BSplineEval(4)
    assert not basis.is_tabulable and not IdentityEval().is_tabulable
    with pytest.raises(TypeError, match="IdentityEval has no scaled coordinates"):
        basis.rescale(np.ones(3), np.ones(3))
