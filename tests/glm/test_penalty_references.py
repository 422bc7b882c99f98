"""Fits of every penalty on single coefficients and groups against other libraries and slow references."""

import numpy as np
import pytest
from sklearn import linear_model

from spikesieve.glm import GLM
from spikesieve.regularizer import ElasticNet, GroupElasticNet, GroupLasso
from tests.solver.problems import counts, dense, features

EXACT = {"tol": 1e-10}


@pytest.fixture(scope="module")
def data():
    X = features(n_samples=250, n_groups=4, size=2)
    return X, dense(X)[0], counts(X)


@pytest.fixture(scope="module")
def continuous(data):
    _, matrix, _ = data
    rng = np.random.default_rng(3)
    return matrix @ rng.normal(size=8) + rng.normal(size=250)


@pytest.mark.parametrize("alpha", [0.02, 0.2, 0.8])
def test_gaussian_lasso_is_scikit_learns_at_half_the_strength(data, continuous, alpha):
    _, matrix, _ = data
    ours = GLM("Gaussian", regularizer="Lasso", regularizer_strength=2 * alpha, solver_kwargs=EXACT)
    theirs = linear_model.Lasso(alpha=alpha, tol=1e-14, max_iter=100_000).fit(matrix, continuous)
    ours.fit(matrix, continuous)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-8)
    assert ours.dof_resid_ == 250 - np.count_nonzero(theirs.coef_) - 1


@pytest.mark.parametrize("ratio", [0.2, 0.9])
def test_gaussian_elastic_net_is_scikit_learns_at_half_the_strength(data, continuous, ratio):
    _, matrix, _ = data
    ours = GLM("Gaussian", regularizer="ElasticNet", regularizer_strength=(0.4, ratio), solver_kwargs=EXACT)
    theirs = linear_model.ElasticNet(alpha=0.2, l1_ratio=ratio, tol=1e-14, max_iter=100_000).fit(matrix, continuous)
    np.testing.assert_allclose(ours.fit(matrix, continuous).coef_, theirs.coef_, atol=1e-8)


def test_logistic_lasso_is_scikit_learns(data, continuous):
    _, matrix, _ = data
    y = (continuous > 0).astype(float)
    ours = GLM("Bernoulli", regularizer="Lasso", regularizer_strength=0.03, solver_kwargs=EXACT).fit(matrix, y)
    # saga leaves the intercept unpenalised; its C is the inverse of strength times samples.
    theirs = linear_model.LogisticRegression(
        l1_ratio=1.0, C=1 / (0.03 * 250), solver="saga", tol=1e-12, max_iter=100_000
    ).fit(matrix, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_[0], atol=1e-6)


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_poisson_elastic_net_is_statsmodels(data, ratio):
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels (test extra) is not installed")
    _, matrix, y = data
    ours = GLM(regularizer=ElasticNet(ratio), regularizer_strength=0.05, solver_kwargs=EXACT).fit(matrix, y)
    alphas = np.array([0.0] + [0.05] * 8)
    theirs = sm.GLM(y, sm.add_constant(matrix), family=sm.families.Poisson()).fit_regularized(
        alpha=alphas, L1_wt=ratio, cnvrg_tol=1e-12, maxiter=500
    )
    np.testing.assert_allclose(ours.coef_, theirs.params[1:], atol=1e-5)


@pytest.mark.parametrize(
    "regularizer",
    [GroupElasticNet(0.6), GroupElasticNet(0.9, weights=[1.0, 2.0, 3.0, 4.0]), GroupLasso(groups=[["g00", "g02"]])],
    ids=["group elastic net", "weighted", "group lasso over leaves"],
)
def test_group_objectives_are_cvxpys(data, regularizer):
    cp = pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    X, matrix, y = data
    model = GLM(regularizer=regularizer, regularizer_strength=0.06, solver_kwargs=EXACT).fit(X, y)
    grouping = regularizer.grouping(model.solution_.layout)
    weights = np.sqrt(grouping.sizes) if regularizer.weights is None else np.array(regularizer.weights)
    ratio = getattr(regularizer, "ratio", 1.0)
    coef, intercept = cp.Variable(8), cp.Variable()
    eta = matrix @ coef + intercept
    value = sum(
        w * (ratio * cp.norm(coef[g]) + (1 - ratio) / 2 * cp.sum_squares(coef[g]))
        for w, g in zip(weights, grouping.groups, strict=True)
    )
    problem = cp.Problem(cp.Minimize(cp.sum(cp.exp(eta) - cp.multiply(y, eta)) / len(y) + 0.06 * value))
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    assert abs(model.solution_.objective[0] - problem.value) < 1e-7
    np.testing.assert_allclose(model.solution_.coef_matrix[0], coef.value, atol=1e-4)


@pytest.mark.parametrize(
    "regularizer",
    [ElasticNet(0.3), GroupElasticNet(0.3), GroupElasticNet(0.999)],
    ids=["lasso and ridge", "groups", "almost group lasso"],
)
@pytest.mark.parametrize("family", ["Poisson", "Bernoulli", "Gaussian"])
def test_duality_gap_bounds_the_excess_with_a_quadratic_part(data, continuous, regularizer, family):
    X, matrix, y = data
    y = {"Poisson": y, "Bernoulli": (continuous > 0).astype(float), "Gaussian": continuous}[family]
    X = matrix if isinstance(regularizer, ElasticNet) else X
    rough = GLM(family, regularizer=regularizer, solver_kwargs={"tol": 1e-2}).fit_path(X, y, n_strengths=8)
    exact = GLM(family, regularizer=regularizer, solver_kwargs={"tol": 1e-12}).fit_path(X, y, rough.strengths)
    excess = rough.objective - exact.objective
    assert (excess >= -1e-12).all()
    assert family == "Gaussian" or excess.max() > 1e-9  # a quadratic loss is solved exactly at any tolerance
    # The bound takes the intercept as optimal: what that leaves out is its gradient times its distance.
    left_out = rough.kkt_residual * np.abs(rough.intercept - exact.intercept)
    assert (excess <= rough.duality_gap + left_out + 1e-12).all()
    assert exact.duality_gap.max() < 1e-8


def test_a_model_of_an_elastic_net_path_is_the_fit_at_its_strength(data):
    _, matrix, y = data
    model = GLM(regularizer="ElasticNet", regularizer_strength=(1.0, 0.8), solver_kwargs=EXACT)
    path = model.fit_path(matrix, y, n_strengths=10)
    strength = 0.3 * path.strength_max
    at = path.at(strength)
    assert at.regularizer_strength == (strength, 0.8)
    single = GLM(regularizer="ElasticNet", regularizer_strength=(strength, 0.8), solver_kwargs=EXACT).fit(matrix, y)
    np.testing.assert_allclose(at.coef_, single.coef_, atol=1e-7)


def test_hundreds_of_correlated_coefficients_are_certified():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(400, 300)) + rng.normal(size=(400, 1))
    y = rng.poisson(np.exp(0.3 * matrix[:, :5].sum(axis=1) / 5))
    path = GLM(regularizer="Lasso").fit_path(matrix, y.astype(float), n_strengths=20, min_ratio=0.05)
    assert path.converged.all() and path.duality_gap.max() < 1e-3
    assert (path.group_norm_matrix[-1] > 0).sum() > 20
