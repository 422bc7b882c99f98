"""Structured penalties by way of the estimators: every kind of input, every family, paths, folds, several neurons."""

import numpy as np
import pytest

from spikesieve.basis import BSplineEval, Category, CyclicBSplineEval, FourierEval, RaisedCosineLogConv
from spikesieve.design import as_design
from spikesieve.glm import GLM
from spikesieve.regularizer import (
    GroupLasso,
    HierarchicalGroupLasso,
    OverlappingGroupLasso,
    SmoothGroupLasso,
    SparseGroupLasso,
)
from spikesieve.selection import BlockedFolds, cross_validate

GROUPS = {"motion": ["speed", "heading"], "space": ["heading", "x*y"]}
REGULARIZERS = {
    "sparse": SparseGroupLasso(0.5),
    "latent": OverlappingGroupLasso(GROUPS),
    "intersection": OverlappingGroupLasso(GROUPS, "intersection"),
    "hierarchy": HierarchicalGroupLasso({"x*y": ["heading", "speed"]}),
    "smooth": SmoothGroupLasso(2.0, cyclic=("heading",), shape={"x*y": (4, 4)}),
    "standardized": GroupLasso(standardize="group"),
}


@pytest.fixture(scope="module")
def recording():
    rng = np.random.default_rng(0)
    heading, speed, x, y = rng.random((4, 600))
    space = BSplineEval(4, bounds=(0, 1)) * BSplineEval(4, bounds=(0, 1))
    space.label = "x*y"
    basis = CyclicBSplineEval(6, bounds=(0, 1), label="heading") + BSplineEval(5, bounds=(0, 1), label="speed") + space
    counts = rng.poisson(np.exp(1.2 * np.cos(2 * np.pi * heading) - 1.0)).astype(float)
    covariates = heading, speed, x, y
    return basis.split_by_feature(basis.compute_features(*covariates)), basis.design(*covariates, exact=True), counts


@pytest.mark.parametrize("regularizer", REGULARIZERS.values(), ids=REGULARIZERS)
def test_dicts_and_designs_give_the_same_certified_path(recording, regularizer):
    X, design, counts = recording
    model = GLM(regularizer=regularizer)
    path = model.fit_path(X, counts, n_strengths=8, min_ratio=0.05)
    lazy = model.fit_path(design, counts, strengths=path.strengths)
    assert path.converged.all() and lazy.converged.all()
    np.testing.assert_allclose(lazy.objective, path.objective, rtol=1e-6)
    assert path.coef["heading"][-1].any()
    between = path.at(float(np.sqrt(path.strengths[3] * path.strengths[4])))
    assert between.solution_.converged.all()
    fitted = GLM(regularizer=regularizer, regularizer_strength=float(path.strengths[4])).fit(X, counts)
    np.testing.assert_allclose(fitted.coef_["heading"], path.coef["heading"][4], atol=1e-3)


@pytest.mark.parametrize("regularizer", REGULARIZERS.values(), ids=REGULARIZERS)
@pytest.mark.parametrize("family", ["Gaussian", "Bernoulli", "Gamma", "NegativeBinomial"])
def test_every_family_converges(recording, regularizer, family):
    X, _, counts = recording
    y = {"Bernoulli": np.minimum(counts, 1.0), "Gamma": counts + 0.5}.get(family, counts)
    path = GLM(family, regularizer=regularizer).fit_path(X, y, n_strengths=4, min_ratio=0.1)
    assert path.converged.all()
    assert (path.kkt_residual <= path.tolerance).all()


@pytest.mark.parametrize("name", ["sparse", "latent", "hierarchy", "smooth"])
def test_cross_validation_selects(recording, name):
    X, _, counts = recording
    model = GLM(regularizer=REGULARIZERS[name])
    cv = cross_validate(model, X, counts, folds=BlockedFolds(3), n_strengths=6, min_ratio=0.05)
    assert np.isfinite(cv.scores).all()
    assert {"heading"} & set(cv.selected("min")) or name == "latent"


def test_unlabelled_features_have_no_hierarchy():
    with pytest.raises(ValueError, match="hierarchy names"):
        GLM(regularizer=REGULARIZERS["hierarchy"], regularizer_strength=1.0).fit(np.ones((5, 2)), np.ones(5))


def test_names_of_penalties_are_known():
    assert isinstance(GLM(regularizer="SparseGroupLasso").regularizer, str)
    X = {"a": np.random.default_rng(0).normal(size=(50, 2))}
    for name in ("SparseGroupLasso", "SmoothGroupLasso"):
        assert GLM(regularizer=name, regularizer_strength=0.1).fit(X, np.ones(50)).solution_.converged.all()


def test_designs_know_which_functions_are_neighbours(recording):
    _, design, counts = recording
    options = {"regularizer_strength": 0.001, "solver_kwargs": {"tol": 1e-9}}
    told = GLM(regularizer=REGULARIZERS["smooth"], **options).fit(design, counts)
    read = GLM(regularizer=SmoothGroupLasso(2.0), **options).fit(design, counts)
    line = SmoothGroupLasso(2.0, cyclic={"heading": False}, shape={"x*y": 16})
    otherwise = GLM(regularizer=line, **options).fit(design, counts)
    dense = GLM(regularizer=SmoothGroupLasso(2.0), **options).fit(recording[0], counts)
    for label in ("heading", "x*y"):
        np.testing.assert_allclose(read.coef_[label], told.coef_[label], atol=1e-7)
        np.testing.assert_allclose(dense.coef_[label], otherwise.coef_[label], atol=1e-7)
        assert np.abs(read.coef_[label] - otherwise.coef_[label]).max() > 1e-3
    parts = {"heading": design["heading"], "others": design[["speed", "x*y"]]}
    alone = GLM(regularizer=SmoothGroupLasso({"heading": 2.0}), **options).fit(parts, counts)
    ring = GLM(regularizer=SmoothGroupLasso({"heading": 2.0}, cyclic="heading"), **options).fit(parts, counts)
    np.testing.assert_array_equal(alone.coef_["heading"], ring.coef_["heading"])


def test_what_has_no_neighbours_is_not_smoothed():
    rng = np.random.default_rng(0)
    context, phase, spikes = rng.integers(0, 4, 300), rng.random(300), rng.poisson(0.3, (300, 3)).astype(float)
    basis = Category(4, label="context") + FourierEval(3, bounds=(0, 1), label="phase")
    basis = basis + RaisedCosineLogConv(4, window_size=10, label="neurons")
    design, counts = basis.design(context, phase, spikes), rng.poisson(1.0 + context)
    axes = {label: design.layout.axes_of(label) for label in design.labels}
    assert [axis.is_ordered for axis in axes["context"] + axes["phase"]] == [False, False]
    assert [(axis.size, axis.is_ordered) for axis in axes["neurons"]] == [(3, False), (4, True)]
    penalty, _ = SmoothGroupLasso(1.0).bind(design.layout, 1.0)
    metric = dict(zip(penalty.labels, penalty.extra, strict=True))
    assert metric["context"] is None and metric["phase"] is None
    one = SmoothGroupLasso(1.0).bind(as_design({"one": np.zeros((2, 4))}).layout, 1.0)[0].extra[0]
    np.testing.assert_allclose(metric["neurons"], np.kron(np.eye(3), one))
    assert GLM(regularizer=SmoothGroupLasso(1.0), regularizer_strength=0.01).fit(design, counts).solution_.converged[0]
