"""What every basis promises, run over every basis; a new one that is not listed fails here."""

import copy
import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone

from spikesieve import basis as bases
from spikesieve.basis import Basis
from spikesieve.basis._conv import ConvBasis
from spikesieve.basis._eval import EvalBasis

EXAMPLES = {
    bases.BSplineEval: bases.BSplineEval(6),
    bases.BSplineConv: bases.BSplineConv(6, window_size=9),
    bases.Category: bases.Category([0.0, 1.0, 2.0]),
    bases.CustomBasis: bases.CustomBasis([np.sin, np.cos]),
    bases.CyclicBSplineEval: bases.CyclicBSplineEval(6),
    bases.CyclicBSplineConv: bases.CyclicBSplineConv(6, window_size=9),
    bases.FourierEval: bases.FourierEval(3, ndim=2),
    bases.FourierConv: bases.FourierConv(3, window_size=9),
    bases.HistoryConv: bases.HistoryConv(9),
    bases.IdentityEval: bases.IdentityEval(),
    bases.MSplineEval: bases.MSplineEval(6),
    bases.MSplineConv: bases.MSplineConv(6, window_size=9),
    bases.OrthExponentialEval: bases.OrthExponentialEval(2, decay_rates=[1.0, 4.0]),
    bases.OrthExponentialConv: bases.OrthExponentialConv(2, window_size=9, decay_rates=[1.0, 4.0]),
    bases.RaisedCosineLinearEval: bases.RaisedCosineLinearEval(6),
    bases.RaisedCosineLinearConv: bases.RaisedCosineLinearConv(6, window_size=9),
    bases.RaisedCosineLogEval: bases.RaisedCosineLogEval(6),
    bases.RaisedCosineLogConv: bases.RaisedCosineLogConv(6, window_size=9),
    bases.Zero: bases.Zero(),
    bases.AdditiveBasis: bases.BSplineEval(4) + bases.HistoryConv(3),
    bases.MultiplicativeBasis: bases.BSplineEval(4) * bases.CyclicBSplineEval(5),
}
every_basis = pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
N = 40


def fresh(kind) -> Basis:
    return clone(EXAMPLES[kind])


def covariates(basis, *shape):
    # Whole numbers, so that they are categories too.
    return np.random.default_rng(0).integers(0, 3, (basis.n_inputs, N, *shape)).astype(float)


def test_every_basis_is_listed():
    public = {getattr(bases, name) for name in bases.__all__}
    kinds = {kind for kind in public if isinstance(kind, type) and issubclass(kind, Basis)}
    assert kinds - {Basis} == set(EXAMPLES)


@every_basis
def test_features_have_the_stated_shape(kind):
    basis = fresh(kind)
    features = basis.compute_features(*covariates(basis))
    assert features.shape == (N, basis.n_basis_funcs) and features.dtype == np.float64
    assert basis.n_output_features == basis.n_basis_funcs


@every_basis
def test_columns_are_expanded_one_by_one(kind):
    basis = fresh(kind)
    x = covariates(basis, 2)
    features = basis.compute_features(*x)
    leaves = basis.split_by_feature(features)
    assert basis.n_output_features == features.shape[1] == 2 * basis.n_basis_funcs
    for component in basis.components:
        width = component.basis.n_basis_funcs
        own = leaves[component.label].reshape(N, 2, width)
        for column in range(2):
            single = fresh(kind)
            alone = single.split_by_feature(single.compute_features(*x[..., column]))[component.label]
            np.testing.assert_allclose(own[:, column], alone, atol=1e-12)


@every_basis
def test_the_first_samples_decide(kind):
    basis = fresh(kind)
    x = covariates(basis)
    features = basis.compute_features(*x)
    if not any(part.is_convolved for part in basis.walk()):
        np.testing.assert_allclose(basis.compute_features(*x[:, 5:7]), features[5:7], atol=1e-12)
    np.testing.assert_array_equal(basis.compute_features(*x), features)


@every_basis
def test_nothing_that_is_passed_is_changed(kind):
    basis = fresh(kind)
    x = covariates(basis)
    before = x.copy()
    basis.compute_features(*x)
    basis.evaluate(*x)
    np.testing.assert_array_equal(x, before)


@every_basis
def test_evaluate_adds_an_axis(kind):
    basis = fresh(kind)
    assert basis.evaluate(*covariates(basis)).shape == (N, basis.n_basis_funcs)
    assert basis.evaluate(*covariates(basis, 2)).shape == (N, 2, basis.n_basis_funcs)


@every_basis
def test_grids_come_with_values(kind):
    basis = fresh(kind)
    points = range(3, 3 + basis.n_inputs)
    *grids, values = basis.evaluate_on_grid(*points)
    assert all(grid.shape == tuple(points) for grid in grids)
    assert values.shape == (*points, basis.n_basis_funcs)


@every_basis
def test_missing_samples_make_missing_rows(kind):
    basis = fresh(kind)
    x = covariates(basis)
    x[0, 20] = np.nan
    features = basis.compute_features(*x)
    if basis.is_convolved:
        assert np.isnan(features[21:30]).any(axis=1).all() and np.isfinite(features[30:]).all()
    elif basis.n_basis_funcs:
        assert np.isnan(features[20]).any()


@every_basis
def test_clones_copies_and_pickles(kind):
    basis = fresh(kind)
    basis.label = "mine"
    x = covariates(basis)
    features = basis.compute_features(*x)
    assert repr(clone(basis)) == repr(basis) and clone(basis).label == "mine"
    np.testing.assert_array_equal(clone(basis).compute_features(*x), features)
    np.testing.assert_array_equal(copy.deepcopy(basis).compute_features(*x), features)
    if kind is not bases.CustomBasis:
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(basis)).compute_features(*x), features)


@every_basis
def test_parameters_are_the_constructors(kind):
    names = [name for name in inspect.signature(kind.__init__).parameters if name != "self"]
    basis = fresh(kind)
    params = basis.get_params(deep=False)
    assert list(params) == names
    assert basis.set_params(**params) is basis
    with pytest.raises(ValueError, match="has no parameter 'nonsense'"):
        basis.set_params(nonsense=1)


@every_basis
def test_wrong_calls_are_refused(kind):
    basis = fresh(kind)
    x = covariates(basis)
    with pytest.raises(TypeError, match=f"expects {basis.n_inputs} covariate"):
        basis.compute_features(*x, x[0])
    with pytest.raises(TypeError):
        kind(**(basis.get_params(deep=False) | {"label": 3})).compute_features(*x)


@every_basis
def test_hooks_are_what_the_flags_say(kind):
    basis = fresh(kind)
    x = covariates(basis)
    features = basis.compute_features(*x)
    if basis.is_tabulable:
        u = basis.rescale(*x)
        np.testing.assert_array_equal(basis.features_at(*u), features)
        assert basis.derivative_bound(2).shape == (basis.n_inputs, basis.n_basis_funcs)
        assert not basis.is_outside(*x).any()
    else:
        with pytest.raises(TypeError, match="no scaled coordinates"):
            basis.derivative_bound(1)
    if basis.is_convolved:
        assert basis.kernel().shape == (basis.window_size, basis.n_basis_funcs) and basis.row_offset == 9
    else:
        with pytest.raises(TypeError, match="no convolution"):
            basis.kernel()


def test_families_with_two_forms_share_their_functions():
    for kind, example in EXAMPLES.items():
        if not issubclass(kind, EvalBasis) or kind is bases.OrthExponentialEval:
            continue
        twin = EXAMPLES[getattr(bases, kind.__name__.replace("Eval", "Conv"))]
        assert isinstance(twin, ConvBasis)
        np.testing.assert_array_equal(twin.kernel(), example.evaluate_on_grid(9)[1])
