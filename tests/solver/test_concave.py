"""Group MCP and group SCAD: stationary points by an independent check, limits, and another library's answers."""

import numpy as np
import pytest

from spikesieve.glm import GLM
from spikesieve.regularizer import GroupLasso, GroupMCP, GroupSCAD
from spikesieve.solver import Status
from tests import reference
from tests.solver.problems import counts, dense, features

EXACT = {"tol": 1e-9}
CONCAVE = [GroupMCP(), GroupSCAD(), GroupMCP(gamma=1.2), GroupMCP(gamma=0.5, relative=False), GroupSCAD(gamma=1.1)]
NAMES = ["MCP", "SCAD", "steep MCP", "absolute MCP", "steep SCAD"]


@pytest.fixture(scope="module")
def data():
    X = features(n_samples=300, n_groups=6, size=3)
    return X, counts(X)


def slope(regularizer, norm, strength, curvature):
    """Derivative of the penalty as its papers print it, at curvature times the norm."""
    t = norm * curvature
    if isinstance(regularizer, GroupMCP):
        return strength - t / regularizer.gamma if t <= regularizer.gamma * strength else 0.0
    if t <= strength:
        return strength
    return max(regularizer.gamma * strength - t, 0.0) / (regularizer.gamma - 1)


def curvatures(X, y, groups):
    """Mean diagonal of the null model's Hessian per group: for Poisson counts, the rate times the variances."""
    return [y.mean() * X[:, group].var(axis=0).mean() for group in groups]


def stationarity(matrix, y, groups, regularizer, strength, coef, intercept):
    gradient, intercept_gradient = reference.gradient(matrix, y, coef, intercept)
    scales = curvatures(matrix, y, groups) if regularizer.relative else np.ones(len(groups))
    worst = abs(intercept_gradient)
    for group, curvature in zip(groups, scales, strict=True):
        weight, norm = np.sqrt(len(group)), np.linalg.norm(coef[group])
        pull = slope(regularizer, norm, strength * weight, curvature)
        if norm > 0:
            distance = np.linalg.norm(gradient[group] + pull * coef[group] / norm)
        else:
            distance = max(0.0, np.linalg.norm(gradient[group]) - pull)
        worst = max(worst, distance / weight)
    return worst


@pytest.mark.parametrize("regularizer", CONCAVE, ids=NAMES)
def test_every_solution_is_stationary(data, regularizer):
    X, y = data
    matrix, groups = dense(X)
    path = GLM(regularizer=regularizer, solver_kwargs=EXACT).fit_path(X, y, n_strengths=15, min_ratio=0.01)
    assert path.converged.all() and np.isnan(path.duality_gap).all()
    assert path.coef_matrix[-1].any() and not path.coef_matrix[0].any()
    for k, strength in enumerate(path.strengths):
        found = stationarity(matrix, y, groups, regularizer, strength, path.coef_matrix[k], path.intercept[k])
        assert found <= 1e-8 * path.strength_max
        assert path.kkt_residual[k] <= path.tolerance


@pytest.mark.parametrize("regularizer", CONCAVE, ids=NAMES)
def test_the_objective_is_not_above_that_of_the_group_lassos_solution(data, regularizer):
    X, y = data
    norm = GLM(regularizer=GroupLasso()).fit_path(X, y, n_strengths=8, min_ratio=0.02)
    path = GLM(regularizer=regularizer).fit_path(X, y, norm.strengths)
    # The norm's objective is above the concave one at the same point, and that is above its stationary point below.
    assert (path.objective <= norm.objective + 1e-12).all() and (path.objective < norm.objective - 1e-6).any()


@pytest.mark.parametrize("kind", [GroupMCP, GroupSCAD])
def test_an_endless_gamma_is_the_group_lasso(data, kind):
    X, y = data
    norm = GLM(regularizer=GroupLasso(), solver_kwargs=EXACT).fit_path(X, y, n_strengths=6, min_ratio=0.05)
    path = GLM(regularizer=kind(gamma=1e9), solver_kwargs=EXACT).fit_path(X, y, norm.strengths)
    np.testing.assert_allclose(path.coef_matrix, norm.coef_matrix, atol=1e-7)
    np.testing.assert_allclose(path.objective, norm.objective, atol=1e-8)


@pytest.mark.parametrize("regularizer", [GroupMCP(), GroupSCAD()], ids=["MCP", "SCAD"])
def test_clear_groups_are_fitted_as_if_unpenalised(data, regularizer):
    X, y = data
    strength = 0.15 * GLM(regularizer="GroupLasso").fit_path(X, y, n_strengths=1).strength_max
    model = GLM(regularizer=regularizer, regularizer_strength=strength, solver_kwargs=EXACT).fit(X, y)
    kept = [label for label, coef in model.coef_.items() if coef.any()]
    assert kept == ["g00", "g01"]
    oracle = GLM(solver_kwargs=EXACT).fit({label: X[label] for label in kept}, y)
    for label in kept:
        np.testing.assert_allclose(model.coef_[label], oracle.coef_[label], atol=1e-6)


def test_the_answer_depends_on_the_strength_alone(data):
    X, y = data
    model = GLM(regularizer="GroupMCP", solver_kwargs=EXACT)
    coarse, fine = (model.fit_path(X, y, n_strengths=n, min_ratio=0.05) for n in (4, 13))
    np.testing.assert_allclose(coarse.coef_matrix, fine.coef_matrix[::4], atol=1e-7)
    single = GLM(regularizer="GroupMCP", regularizer_strength=float(coarse.strengths[2]), solver_kwargs=EXACT)
    np.testing.assert_allclose(single.fit(X, y).solution_.coef_matrix[0], coarse.coef_matrix[2], atol=1e-7)
    np.testing.assert_allclose(coarse.at(coarse.strengths[2]).coef_["g00"], single.coef_["g00"], atol=1e-7)
    start = {label: np.full(3, 2.0) for label in X}, np.array([0.5])
    np.testing.assert_allclose(single.fit(X, y, start).coef_["g00"], coarse.coef["g00"][2], atol=1e-7)


def test_a_relative_gamma_means_the_same_in_any_unit(data):
    X, y = data
    plain, scaled = (
        GLM(regularizer="GroupSCAD", solver_kwargs=EXACT).fit_path(
            {label: factor * leaf for label, leaf in X.items()}, y, n_strengths=8, min_ratio=0.05
        )
        for factor in (1.0, 100.0)
    )
    np.testing.assert_allclose(scaled.strengths, 100 * plain.strengths)
    np.testing.assert_allclose(100 * scaled.coef_matrix, plain.coef_matrix, atol=1e-6)


def test_gaussian_groups_of_one_are_skglms():
    skglm = pytest.importorskip("skglm", reason="skglm (test extra) is not installed")
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(200, 6))
    matrix -= matrix.mean(axis=0)
    y = matrix @ [2.0, -1.0, 0.3, 0.0, 0.0, 0.1] + rng.normal(size=200)
    y -= y.mean()
    penalty = skglm.penalties.MCPenalty(0.1, 3.0)
    solver = skglm.solvers.AndersonCD(tol=1e-12, fit_intercept=False)
    theirs = skglm.GeneralizedLinearEstimator(skglm.datafits.Quadratic(), penalty, solver).fit(matrix, y)
    # Twice their objective is ours: their loss has a half and ours has none.
    regularizer = GroupMCP(3.0 / 2, relative=False, groups=range(6))
    ours = GLM("Gaussian", regularizer=regularizer, regularizer_strength=0.2, solver_kwargs=EXACT).fit(matrix, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


@pytest.mark.parametrize("family", ["Bernoulli", "Gaussian", "NegativeBinomial"])
def test_other_families_are_certified(data, family):
    X, y = data
    y = np.minimum(y, 1.0) if family == "Bernoulli" else y
    path = GLM(family, regularizer="GroupMCP").fit_path(X, y, n_strengths=12, min_ratio=0.03)
    assert path.converged.all()


def test_constant_features_never_enter_and_zero_counts_have_no_minimum():
    rng = np.random.default_rng(0)
    X = {"constant": np.full((200, 2), 3.0), "x": rng.normal(size=(200, 2))}
    y = rng.poisson(np.exp(X["x"][:, 0])).astype(float)
    path = GLM(regularizer="GroupMCP").fit_path(X, y, n_strengths=10)
    assert path.converged.all() and not path.coef["constant"].any() and np.isfinite(path.objective).all()
    with pytest.warns(match="no finite maximum"):
        silent = GLM(regularizer="GroupMCP").fit_path(X, 0 * y, [0.1, 0.0])
    assert set(silent.status) == {Status.NO_FINITE_MINIMUM}


def test_a_separating_group_on_the_flat_part_has_no_finite_minimum():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 1))
    y = (x[:, 0] > 0).astype(float)
    model = GLM("Bernoulli", regularizer=GroupMCP(), regularizer_strength=0.01)
    with pytest.warns(match="no finite maximum"):
        model.fit({"x": x, "other": rng.normal(size=(200, 2))}, y)
    assert model.solution_.status == (Status.NO_FINITE_MINIMUM,)


def test_strength_zero_is_unpenalised(data):
    X, y = data
    free = GLM(solver_kwargs=EXACT).fit(X, y)
    model = GLM(regularizer="GroupMCP", regularizer_strength=0.0, solver_kwargs=EXACT).fit(X, y)
    np.testing.assert_allclose(model.coef_["g03"], free.coef_["g03"], atol=1e-7)
