"""Every kind of penalty over several outputs: neurons as if alone, joined ones optimal, classifiers too."""

import numpy as np
import pytest

from spikesieve import regularizer as r
from spikesieve.glm import GLM, ClassifierGLM, ClassifierPopulationGLM, PopulationGLM
from tests.solver.problems import features

EXACT = {"tol": 1e-9}
SHARED = {"first": ["g00", "g01"], "second": ["g01", "g02"]}
PENALTIES = {
    "elastic": r.GroupElasticNet(0.5),
    "adaptive": r.AdaptiveGroupLasso(),
    "MCP": r.GroupMCP(),
    "SCAD": r.GroupSCAD(),
    "smooth": r.SmoothGroupLasso(0.5),
    "standardized": r.GroupLasso(standardize="group"),
    "hierarchical": r.HierarchicalGroupLasso({"g01": ["g00"]}),
    "sparse group": r.SparseGroupLasso(0.5),
    "latent overlap": r.OverlappingGroupLasso(SHARED),
    "overlap of norms": r.OverlappingGroupLasso(SHARED, form="intersection"),
}
JOINED = {
    "elastic": r.GroupElasticNet(0.5, joint=True),
    "adaptive": r.AdaptiveGroupLasso(joint=True),
    "MCP": r.GroupMCP(joint=True),
    "SCAD": r.GroupSCAD(joint=True),
    "smooth": r.SmoothGroupLasso(0.5, joint=True),
    "standardized": r.GroupLasso(standardize="group", joint=True),
    "sparse group": r.SparseGroupLasso(0.5, joint=True),
    "hierarchical": r.HierarchicalGroupLasso({"g01": ["g00"]}, joint=True),
    "latent overlap": r.OverlappingGroupLasso(SHARED, joint=True),
    "overlap of norms": r.OverlappingGroupLasso(SHARED, form="intersection", joint=True),
}
STRENGTH = {"regularizer_strength": 0.02, "solver_kwargs": EXACT}


def recording(n_samples=200, n_neurons=2):
    X = features(n_samples, n_groups=3, size=3, seed=0)
    rng = np.random.default_rng(1)
    eta = X["g00"] @ rng.normal(scale=0.5, size=(3, n_neurons)) - 0.5
    return X, rng.poisson(np.exp(eta)).astype(float)


@pytest.mark.parametrize("name", PENALTIES)
def test_neurons_are_fitted_as_if_alone(name):
    X, y = recording()
    population = PopulationGLM(regularizer=PENALTIES[name], **STRENGTH).fit(X, y)
    paths = PopulationGLM(regularizer=PENALTIES[name], solver_kwargs=EXACT).fit_path(X, y, [0.05, 0.02])
    for n in range(2):
        alone = GLM(regularizer=PENALTIES[name], **STRENGTH).fit(X, y[:, n])
        assert alone.solution_.converged.all() and population.solutions_[n].converged.all()
        for label in X:
            np.testing.assert_allclose(population.coef_[label][:, n], alone.coef_[label], atol=1e-8)
            np.testing.assert_allclose(paths.coef[label][1, :, n], alone.coef_[label], atol=1e-6)


@pytest.mark.parametrize("name", JOINED)
def test_joined_penalties_with_one_neuron_are_those_of_a_single_fit(name):
    X, y = recording()
    joined = PopulationGLM(regularizer=JOINED[name], **STRENGTH).fit(X, y[:, :1])
    alone = GLM(regularizer=JOINED[name], **STRENGTH).fit(X, y[:, 0])
    assert joined.solutions_[0].converged.all()
    for label in X:
        np.testing.assert_allclose(joined.coef_[label][:, 0], alone.coef_[label], atol=1e-7)


@pytest.mark.parametrize("name", JOINED)
def test_joined_penalties_keep_or_remove_a_covariate_for_all_neurons(name):
    X, y = recording()
    path = PopulationGLM(regularizer=JOINED[name], solver_kwargs=EXACT).fit_path(X, y, n_strengths=5, min_ratio=0.1)
    assert path.converged.all()
    assert path.group_labels == (tuple(SHARED) if "overlap" in name else ("g00", "g01", "g02"))
    for leaf in path.coef.values():
        active = leaf.any(axis=1)
        np.testing.assert_array_equal(active[:, 0], active[:, 1])


@pytest.mark.parametrize("name", PENALTIES)
def test_classifiers_take_every_penalty(name):
    X, y = recording()
    labels = np.minimum(y[:, :1], 2).astype(int)
    population = ClassifierPopulationGLM(3, regularizer=PENALTIES[name], **STRENGTH).fit(X, labels)
    alone = ClassifierGLM(3, regularizer=PENALTIES[name], **STRENGTH).fit(X, labels[:, 0])
    assert alone.solution_.converged.all() and alone.coef_["g00"].any()
    for label in X:
        np.testing.assert_allclose(population.coef_[label][:, 0], alone.coef_[label], atol=1e-8)


@pytest.mark.parametrize("name", JOINED)
def test_joined_penalties_with_one_neuron_are_those_of_a_single_classifier(name):
    X, y = recording()
    labels = np.minimum(y[:, :1], 2).astype(int)
    joined = ClassifierPopulationGLM(3, regularizer=JOINED[name], **STRENGTH).fit(X, labels)
    alone = ClassifierGLM(3, regularizer=JOINED[name], **STRENGTH).fit(X, labels[:, 0])
    assert joined.solutions_[0].converged.all() and alone.coef_["g00"].any()
    for label in X:
        np.testing.assert_allclose(joined.coef_[label][:, 0], alone.coef_[label], atol=1e-7)


@pytest.mark.parametrize("name", JOINED)
def test_joined_penalties_keep_or_remove_a_covariate_for_all_neurons_and_classes(name):
    X, y = recording()
    labels = np.minimum(y, 2).astype(int)
    model = ClassifierPopulationGLM(3, regularizer=JOINED[name], solver_kwargs=EXACT)
    path = model.fit_path(X, labels, n_strengths=4, min_ratio=0.1)
    assert path.converged.all()
    assert path.group_labels == (tuple(SHARED) if "overlap" in name else ("g00", "g01", "g02"))
    for leaf in path.coef.values():
        active = leaf.any(axis=(1, 3))
        np.testing.assert_array_equal(active[:, 0], active[:, 1])


@pytest.mark.parametrize("name", ["smooth", "standardized", "hierarchical", "MCP", "adaptive"])
def test_features_that_a_neuron_may_not_use_stay_at_zero(name):
    X, y = recording()
    mask = {"g00": [1, 0], "g01": [1, 1], "g02": np.array([[1, 1], [1, 0], [1, 1]])}
    model = PopulationGLM(regularizer=PENALTIES[name], regularizer_strength=0.005, feature_mask=mask).fit(X, y)
    assert not model.coef_["g00"][:, 1].any() and model.coef_["g02"][1, 1] == 0
