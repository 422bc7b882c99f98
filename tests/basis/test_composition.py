"""Sums and products: labels, shapes, parameters, and that nobody's parts are touched."""

import numpy as np
import pytest
from sklearn.base import clone

from spikesieve.basis import (
    AdditiveBasis,
    BSplineEval,
    CyclicBSplineEval,
    IdentityEval,
    MultiplicativeBasis,
    RaisedCosineLinearEval,
)

RNG = np.random.default_rng(0)
X, Y, Z = RNG.normal(size=(3, 30))


def position_and_speed():
    return RaisedCosineLinearEval(6, label="position") + RaisedCosineLinearEval(6, label="speed")


def test_the_features_of_two_covariates_stand_side_by_side():
    basis = position_and_speed()
    features = basis.compute_features(X, Y)
    split = basis.split_by_feature(features)
    assert list(split) == ["position", "speed"]
    np.testing.assert_array_equal(split["position"], RaisedCosineLinearEval(6).compute_features(X))
    np.testing.assert_array_equal(split["speed"], RaisedCosineLinearEval(6).compute_features(Y))


def test_a_product_multiplies_every_pair_of_features():
    basis = BSplineEval(5, label="x") * CyclicBSplineEval(4, label="y")
    a, b = BSplineEval(5).compute_features(X), CyclicBSplineEval(4).compute_features(Y)
    expected = np.array([np.kron(row_a, row_b) for row_a, row_b in zip(a, b, strict=True)])
    np.testing.assert_array_equal(basis.compute_features(X, Y), expected)
    assert list(basis.split_by_feature(expected)) == ["(x * y)"]


def test_a_product_of_columns_is_taken_column_by_column():
    x, y = RNG.normal(size=(2, 20, 3))
    basis = BSplineEval(4) * BSplineEval(5)
    columns = [(BSplineEval(4) * BSplineEval(5)).compute_features(x[:, c], y[:, c]) for c in range(3)]
    np.testing.assert_array_equal(basis.compute_features(x, y), np.hstack(columns))
    assert basis.n_output_features == 60


def test_splits_of_many_columns_are_what_fit_accepts():
    basis = BSplineEval(4, label="eyes") + IdentityEval(label="speed")
    leaves = basis.split_by_feature(basis.compute_features(RNG.normal(size=(30, 2)), Y))
    assert {label: leaf.shape for label, leaf in leaves.items()} == {"eyes": (30, 8), "speed": (30, 1)}


def test_coefficients_split_too():
    basis = position_and_speed()
    split = basis.split_by_feature(np.arange(12), axis=0)
    assert split["speed"].tolist() == [6, 7, 8, 9, 10, 11]
    assert basis.split_by_feature(np.zeros((3, 12, 2)))["speed"].shape == (3, 6, 2)


def test_default_labels_are_numbered_and_chosen_ones_kept():
    basis = BSplineEval(4) + (BSplineEval(5) * BSplineEval(6, label="mine")) + IdentityEval() + BSplineEval(7)
    labels = [component.label for component in basis.components]
    assert labels == ["BSplineEval", "(BSplineEval_1 * mine)", "IdentityEval", "BSplineEval_2"]
    assert [component.n_inputs for component in basis.components] == [1, 2, 1, 1]
    assert basis["BSplineEval_2"].n_basis_funcs == 7
    assert basis["mine"].n_basis_funcs == 6


def test_equal_labels_are_refused():
    with pytest.raises(ValueError, match="Two bases have the label 'a'"):
        BSplineEval(4, label="a") + BSplineEval(5, label="a")


def test_an_unknown_label_names_the_known_ones():
    with pytest.raises(IndexError, match=r"no basis labelled 'sped' here; the labels are .*'speed'"):
        position_and_speed()["sped"]


def test_a_product_can_be_named():
    place = BSplineEval(4, label="x") * BSplineEval(4, label="y")
    place.label = "place"
    basis = place + IdentityEval(label="speed")
    assert list(basis.split_by_feature(basis.compute_features(X, Y, Z))) == ["place", "speed"]


def test_composing_leaves_the_parts_alone():
    first, second = BSplineEval(4), BSplineEval(5)
    first.compute_features(X)
    both = first + second
    both.compute_features(100 * X, Y)
    assert (first.label, second.label, second.range_) == ("BSplineEval", "BSplineEval", None)
    assert first.range_ == (X.min(), X.max())
    assert both["BSplineEval"] is not first


def test_a_basis_added_to_itself_has_two_ranges():
    one = BSplineEval(4)
    both = one + one
    both.compute_features(X, 10 * Y)
    assert both["BSplineEval"].range_ != both["BSplineEval_1"].range_


def test_repeated_sums_and_products():
    assert [c.label for c in (BSplineEval(4) * 3).components] == ["BSplineEval", "BSplineEval_1", "BSplineEval_2"]
    assert (2 * BSplineEval(4)).n_basis_funcs == 8
    assert (BSplineEval(4) ** 3).n_basis_funcs == 64
    assert isinstance(BSplineEval(4) ** 1, BSplineEval)
    with pytest.raises(ValueError, match="would share its label: 'x'"):
        BSplineEval(4, label="x") * 2
    with pytest.raises(ValueError, match="exponent of a basis must be an integer of at least 1; got 0"):
        BSplineEval(4) ** 0


@pytest.mark.parametrize("other", [2.5, "x", None])
def test_only_bases_compose(other):
    with pytest.raises(TypeError):
        BSplineEval(4) + other
    with pytest.raises(TypeError):
        BSplineEval(4) * other


def test_grids_of_a_product_are_a_mesh():
    basis = BSplineEval(4, label="x") * BSplineEval(5, label="y")
    x, y, values = basis.evaluate_on_grid(3, 7)
    np.testing.assert_array_equal(x, np.meshgrid(np.linspace(0, 1, 3), np.linspace(0, 1, 7), indexing="ij")[0])
    np.testing.assert_array_equal(y, np.meshgrid(np.linspace(0, 1, 3), np.linspace(0, 1, 7), indexing="ij")[1])
    np.testing.assert_allclose(values.reshape(21, 20), basis.compute_features(x.ravel(), y.ravel()), atol=1e-15)


def test_grids_of_sums_and_deeper_compositions():
    basis = BSplineEval(4) + BSplineEval(5) * BSplineEval(6)
    *grids, values = basis.evaluate_on_grid(2, 3, 4)
    assert [grid.shape for grid in grids] == [(2, 3, 4)] * 3
    assert values.shape == (2, 3, 4, 34)
    np.testing.assert_allclose(
        values.reshape(24, 34), basis.compute_features(*(grid.ravel() for grid in grids)), atol=1e-15
    )


def test_covariates_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"same number of samples; got \[30, 29\]"):
        position_and_speed().compute_features(X, Y[:-1])
    with pytest.raises(TypeError, match="expects 2 covariates, one per input in order; got 1"):
        position_and_speed().compute_features(X)
    with pytest.raises(ValueError, match="one shape per sample"):
        (BSplineEval(4) * BSplineEval(4)).compute_features(X[:, None], Y)


def test_splitting_the_wrong_array_is_refused():
    with pytest.raises(ValueError, match=r"expected 12 features along axis 1; got shape \(3, 11\)"):
        position_and_speed().split_by_feature(np.zeros((3, 11)))


def test_parameters_are_reached_by_label_and_by_place():
    basis = position_and_speed()
    basis.set_params(position__n_basis_funcs=8, basis2__width=3.0)
    params = basis.get_params()
    assert params["position__n_basis_funcs"] == 8 and params["speed__width"] == 3.0
    assert basis.n_basis_funcs == 14
    copied = clone(basis)
    assert isinstance(copied, AdditiveBasis) and repr(copied) == repr(basis)
    with pytest.raises(ValueError, match="no parameter 'sped__width'"):
        basis.set_params(sped__width=2.0)


def test_a_refused_parameter_changes_nothing():
    basis = BSplineEval(5)
    with pytest.raises(ValueError, match="need n_basis_funcs of at least 6"):
        basis.set_params(label="x", order=6)
    assert (basis.label, basis.order) == ("BSplineEval", 4)


def test_input_shapes_can_be_stated_beforehand():
    basis = position_and_speed()
    assert basis.n_output_features is None
    assert basis.set_input_shape(2, np.zeros((10, 3))).n_output_features == 30
    assert clone(basis).n_output_features == 30
    product = MultiplicativeBasis(BSplineEval(4), BSplineEval(4), label="place")
    with pytest.raises(ValueError, match="one shape per sample"):
        product.set_input_shape(2, 3)
    with pytest.raises(ValueError, match="input shape is a number of columns"):
        BSplineEval(4).set_input_shape(0)
