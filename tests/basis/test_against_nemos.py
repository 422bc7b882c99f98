"""The same calls in NeMoS give the same features (where NeMoS and its NumPy can be installed: `make bench`)."""

import numpy as np
import pytest

from spikesieve import basis as ours
from spikesieve.convolve import create_convolutional_predictor

nemos = pytest.importorskip("nemos", reason="NeMoS needs an environment of its own, see make bench")

RNG = np.random.default_rng(0)
X, Y, Z = RNG.normal(size=(3, 60))
COUNTS = RNG.poisson(1.0, 60).astype(float)
MISSING = np.where(np.arange(60) == 7, np.nan, X)


@pytest.fixture(autouse=True)
def double_precision():
    import jax

    jax.config.update("jax_enable_x64", True)


CALLS = {
    "bspline": (lambda b: b.BSplineEval(6), (X,)),
    "bspline order 1": (lambda b: b.BSplineEval(6, order=1), (X,)),
    "bspline order 2": (lambda b: b.BSplineEval(6, order=2), (X,)),
    "bspline missing": (lambda b: b.BSplineEval(6), (MISSING,)),
    "bspline bounds": (lambda b: b.BSplineEval(6, bounds=(-1, 1), fill_value=3), (MISSING,)),
    "bspline columns": (lambda b: b.BSplineEval(6), (np.stack([X, 3 * Y], axis=1),)),
    "cyclic": (lambda b: b.CyclicBSplineEval(6), (X,)),
    "cyclic order 2": (lambda b: b.CyclicBSplineEval(3, order=2), (X,)),
    "cyclic order 3": (lambda b: b.CyclicBSplineEval(7, order=3), (X,)),
    "mspline": (lambda b: b.MSplineEval(6), (X,)),
    "mspline order 3, bounds": (lambda b: b.MSplineEval(6, order=3, bounds=(-1, 1)), (X,)),
    "mspline columns": (lambda b: b.MSplineEval(6), (np.stack([X, 3 * Y], axis=1),)),
    "cosine": (lambda b: b.RaisedCosineLinearEval(5), (X,)),
    "cosine width": (lambda b: b.RaisedCosineLinearEval(5, width=1.5), (X,)),
    "log cosine": (lambda b: b.RaisedCosineLogEval(5), (X,)),
    "log cosine options": (
        lambda b: b.RaisedCosineLogEval(5, width=2.5, time_scaling=9.0, enforce_decay_to_zero=False),
        (X,),
    ),
    "exponential": (lambda b: b.OrthExponentialEval(3, np.array([1.0, 3.0, 9.0])), (MISSING,)),
    "fourier": (lambda b: b.FourierEval(4), (X,)),
    "fourier pair, all": (lambda b: b.FourierEval((0, 3), frequency_mask="all"), (X,)),
    "fourier 2-D": (lambda b: b.FourierEval(3, ndim=2), (X, Y)),
    "fourier 2-D list": (lambda b: b.FourierEval([(1, 3), 2], ndim=2, bounds=(0, 1)), (X, Y)),
    "fourier 2-D bounds": (lambda b: b.FourierEval(2, ndim=2, bounds=((0, 1), (0, 2))), (MISSING, Y)),
    "fourier masked": (lambda b: b.FourierEval(3, ndim=2, frequency_mask=lambda i, j: i >= j), (X, Y)),
    "fourier array mask": (lambda b: b.FourierEval(3, ndim=2, frequency_mask=np.eye(3)), (X, Y)),
    "fourier columns": (lambda b: b.FourierEval(3), (np.stack([X, Y], axis=1),)),
    "fourier 2-D columns": (lambda b: b.FourierEval(2, ndim=2), (RNG.normal(size=(2, 9, 2)))),
    "identity": (lambda b: b.IdentityEval(bounds=(-1, 1)), (MISSING,)),
    "history": (lambda b: b.HistoryConv(5), (COUNTS,)),
    "history anti-causal": (
        lambda b: b.HistoryConv(5, conv_kwargs={"predictor_causality": "anti-causal"}),
        (COUNTS,),
    ),
    "bspline filter": (lambda b: b.BSplineConv(5, 12), (COUNTS,)),
    "cyclic filter": (lambda b: b.CyclicBSplineConv(5, 12), (COUNTS,)),
    "mspline filter": (lambda b: b.MSplineConv(5, 12), (COUNTS,)),
    "cosine filter": (lambda b: b.RaisedCosineLinearConv(5, 12), (COUNTS,)),
    "log cosine filter": (lambda b: b.RaisedCosineLogConv(5, 12), (COUNTS,)),
    "exponential filter": (lambda b: b.OrthExponentialConv(2, 12, np.array([1.0, 5.0])), (COUNTS,)),
    "acausal filter": (
        lambda b: b.BSplineConv(5, 12, conv_kwargs={"predictor_causality": "acausal"}),
        (COUNTS,),
    ),
    "filters of columns": (lambda b: b.RaisedCosineLogConv(5, 12), (RNG.poisson(1.0, (60, 3)).astype(float),)),
    "zero": (lambda b: b.Zero() + b.BSplineEval(4), (X, Y)),
    "custom": (lambda b: b.CustomBasis([np.sin, np.cos]), (np.stack([X, Y], axis=1),)),
    "custom arrays": (
        lambda b: b.CustomBasis([lambda x: np.c_[x, x**2], lambda x: np.c_[2 * x, x**3]], output_shape=2),
        (X,),
    ),
    "custom pair": (lambda b: b.CustomBasis([lambda x: x.sum(axis=1)], ndim_input=2), (RNG.normal(size=(9, 3)),)),
    "sum and product": (lambda b: b.BSplineEval(4) + b.FourierEval(2) * b.CyclicBSplineEval(5), (X, Y, Z)),
    "product of columns": (lambda b: b.BSplineEval(4) * b.MSplineEval(5), tuple(RNG.normal(size=(2, 9, 3)))),
    "filter times value": (lambda b: b.HistoryConv(3) * b.BSplineEval(4), (COUNTS, X)),
    "power": (lambda b: b.BSplineEval(4) ** 3, (X, Y, Z)),
}


@pytest.mark.parametrize("name", CALLS)
def test_features_are_the_same(name):
    make, covariates = CALLS[name]
    theirs, own = make(nemos.basis), make(ours)
    expected = np.asarray(theirs.compute_features(*covariates))
    np.testing.assert_allclose(own.compute_features(*covariates), expected, atol=1e-11)
    assert own.n_basis_funcs == theirs.n_basis_funcs or name == "custom arrays"
    assert own.n_output_features == expected.shape[1]
    assert own.label == theirs.label


# Theirs has no grid of custom functions, no history on other than window_size points, and breaks the tie
# where a grid point is a jump otherwise.
NO_COMMON_GRID = [name for name in CALLS if name.startswith(("custom", "history", "filter times", "bspline order 1"))]


@pytest.mark.parametrize("name", [name for name in CALLS if name not in NO_COMMON_GRID])
def test_grids_are_the_same(name):
    make, covariates = CALLS[name]
    n_points = (10,) * len(covariates)
    for expected, own in zip(
        make(nemos.basis).evaluate_on_grid(*n_points), make(ours).evaluate_on_grid(*n_points), strict=True
    ):
        np.testing.assert_allclose(own, np.asarray(expected), atol=1e-11)


def test_labels_and_splits_are_the_same():
    def make(b):
        return b.BSplineEval(4) + b.BSplineEval(5) * b.MSplineEval(4, label="mine") + b.BSplineEval(6) * 2

    theirs, own = make(nemos.basis), make(ours)
    covariates = RNG.normal(size=(5, 20))
    expected = theirs.split_by_feature(theirs.compute_features(*covariates))
    split = own.split_by_feature(own.compute_features(*covariates))
    assert {label: leaf.shape for label, leaf in split.items()} == {k: v.shape for k, v in expected.items()}
    assert own.label == theirs.label


@pytest.mark.parametrize("causality", ["causal", "acausal", "anti-causal"])
@pytest.mark.parametrize("shift", [None, True, False])
@pytest.mark.parametrize("window_size", [3, 4])
def test_convolutions_are_the_same(causality, shift, window_size):
    if causality == "acausal" and shift:
        pytest.skip("both refuse this")
    kernel, series = RNG.normal(size=(window_size, 2)), RNG.normal(size=(15, 3))
    arguments = {"predictor_causality": causality, "shift": shift}
    expected = nemos.convolve.create_convolutional_predictor(kernel, series, **arguments)
    np.testing.assert_allclose(
        create_convolutional_predictor(kernel, series, **arguments), np.asarray(expected), atol=1e-12
    )


def test_pynapple_objects_are_convolved_epoch_by_epoch():
    nap = pytest.importorskip("pynapple", reason="optional")
    epochs = nap.IntervalSet([0, 20.5], [11, 40])
    series = nap.TsdFrame(t=np.arange(50.0), d=RNG.normal(size=(50, 2)), time_support=epochs)
    kernel = RNG.normal(size=(4, 3))
    expected = nemos.convolve.create_convolutional_predictor(kernel, series)
    own = create_convolutional_predictor(kernel, series)
    assert type(own) is type(expected)
    np.testing.assert_allclose(own.values, np.asarray(expected.values), atol=1e-12)
    np.testing.assert_array_equal(own.t, expected.t)
    np.testing.assert_array_equal(own.time_support.values, expected.time_support.values)


def test_pynapple_objects_go_in_and_out():
    nap = pytest.importorskip("pynapple", reason="optional")
    epochs = nap.IntervalSet([0, 20.5], [11, 40])
    x = nap.Tsd(t=np.arange(50.0), d=RNG.normal(size=50), time_support=epochs)
    basis = ours.BSplineEval(5, label="x") + ours.HistoryConv(3, label="h")
    features = basis.compute_features(x, x)
    assert isinstance(features, nap.TsdFrame)
    assert np.isnan(features.values[:3, 5:]).all() and np.isnan(features.values[12:15, 5:]).all()
    np.testing.assert_array_equal(features.values[:, :5], ours.BSplineEval(5).compute_features(x.values))
    split = basis.split_by_feature(features)
    np.testing.assert_array_equal(split["h"].values, features.values[:, 5:])
    with pytest.raises(ValueError, match="different time stamps"):
        basis.compute_features(x, nap.Tsd(t=x.t + 0.5, d=x.values))
