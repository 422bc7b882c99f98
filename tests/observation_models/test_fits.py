"""Unregularised fits of every family and link, against statsmodels where it has the link."""

from functools import partial

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from spikesieve.glm import GLM
from spikesieve.solver import Status
from tests.observation_models.combinations import FAMILIES, LINKS, NB_SCALE, Combination, name

SCALE = {"Poisson": 1.0, "Gamma": 0.2, "Bernoulli": 1.0, "NegativeBinomial": NB_SCALE, "Gaussian": 0.05}
SM_FAMILIES = {
    "Poisson": sm.families.Poisson,
    "Gamma": sm.families.Gamma,
    "Bernoulli": sm.families.Binomial,
    "NegativeBinomial": partial(sm.families.NegativeBinomial, alpha=NB_SCALE),
    "Gaussian": sm.families.Gaussian,
}


class SoftplusLink(sm.families.links.Link):
    """What statsmodels lacks."""

    def __call__(self, p):
        return np.log(np.expm1(p))

    def inverse(self, z):
        return np.log1p(np.exp(z))

    def deriv(self, p):
        return 1 / -np.expm1(-p)

    def inverse_deriv(self, z):
        return 1 / (1 + np.exp(-z))


SM_LINKS = {
    "exp": sm.families.links.Log(),
    "softplus": SoftplusLink(),
    "identity": sm.families.links.Identity(),
    "logistic": sm.families.links.Logit(),
    "1/x": sm.families.links.InversePower(),
    "norm_cdf": sm.families.links.Probit(),
}
# Intercepts that keep means where the family can have them, given |x' coef| < 0.45.
INTERCEPT = {"exp": -0.6, "softplus": -0.6, "identity": 0.5, "logistic": 0.3, "1/x": 1.6, "norm_cdf": 0.1}
COEF = np.array([0.22, -0.15, 0.07])
CASES = [Combination(family, link) for family in FAMILIES for link in SM_LINKS]


def simulated(case: Combination, n: int = 4000):
    rng = np.random.default_rng(11)
    X = rng.uniform(-1, 1, size=(n, len(COEF)))
    mean = case.model.mean(X @ COEF + INTERCEPT[case.link])
    return X, case.model.sample(rng, mean, SCALE[case.family]).astype(float)


@pytest.mark.parametrize("case", CASES, ids=name)
@pytest.mark.filterwarnings("ignore:The .* link function does not respect the domain")
def test_fit_is_that_of_statsmodels(case):
    X, y = simulated(case)
    model = GLM(observation_model=case.model, solver_kwargs={"tol": 1e-9}).fit(X, y)
    design = sm.add_constant(X)
    start = np.array([INTERCEPT[case.link], *COEF])
    reference = sm.GLM(y, design, SM_FAMILIES[case.family](SM_LINKS[case.link], check_link=False)).fit(
        start_params=start, tol=1e-13, maxiter=300, tol_criterion="params"
    )
    np.testing.assert_allclose([*model.intercept_, *model.coef_], reference.params, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(case.model.deviance(design @ reference.params, y).sum(), reference.deviance, rtol=1e-8)
    if case.family in ("Gamma", "Gaussian"):
        np.testing.assert_allclose(model.scale_, reference.scale, rtol=1e-6)


@pytest.mark.parametrize("link", [link for link in LINKS if "function" in link])
@pytest.mark.parametrize("family", ["Poisson", "Bernoulli", "NegativeBinomial"])
def test_fit_with_a_function_is_a_stationary_point_that_a_general_minimiser_finds_too(family, link):
    case = Combination(family, link)
    rng = np.random.default_rng(13)
    X = rng.uniform(-1, 1, size=(3000, len(COEF)))
    eta = X @ COEF + (0.6 if link == "jax function" else -1.0)
    y = case.model.sample(rng, case.model.mean(eta), SCALE[family]).astype(float)
    model = GLM(observation_model=case.model, solver_kwargs={"tol": 1e-9}).fit(X, y)
    design = sm.add_constant(X)

    def objective(theta):
        loss, derivative = case.model.evaluate(design @ theta, y)
        return min(loss.mean(), 1e3), design.T @ derivative / len(y)

    start = np.array([model.family.null_linear_predictor(y), 0.0, 0.0, 0.0])
    with np.errstate(all="ignore"):
        reference = minimize(objective, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
    found = np.array([*model.intercept_, *model.coef_])
    assert objective(found)[0] <= reference.fun + 1e-12
    np.testing.assert_allclose(found, reference.x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("family", "link"), [("Poisson", "identity"), ("Bernoulli", "identity"), ("Bernoulli", "exp")])
@pytest.mark.parametrize("penalty", [{}, {"regularizer": "GroupLasso", "regularizer_strength": 0.01}])
def test_an_optimum_beyond_the_familys_means_is_said_to_be_there(family, link, penalty):
    rng = np.random.default_rng(0)
    X = {"a": rng.normal(size=(400, 2)), "b": rng.normal(size=(400, 1))}
    eta = X["a"] @ [0.8, -0.5] + 0.3 * X["b"][:, 0]
    y = rng.poisson(np.exp(eta)) if family == "Poisson" else rng.random(400) < 1 / (1 + np.exp(-2 * eta))
    with pytest.warns(ConvergenceWarning, match="at the edge of what the observation model allows"):
        model = GLM(family, link, **penalty).fit(X, y.astype(float))
    assert model.solution_.status == (Status.AT_BOUNDARY,)
    mean, (low, high) = model.predict(X), model.family.mean_range
    assert mean.min() >= low and mean.max() <= high
    assert min(mean.min() - low, high - mean.max()) < 1e-3


@pytest.mark.parametrize(("family", "link"), [("Gamma", "identity"), ("Gamma", None), ("Poisson", "1/x")])
def test_an_optimum_near_the_edge_is_found(family, link):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    eta = X @ [0.8, -0.5, 0.3]
    y = rng.gamma(2.0, np.exp(eta) / 2) if family == "Gamma" else rng.poisson(np.exp(eta)).astype(float)
    assert GLM(family, link).fit(X, y).solution_.status == (Status.CONVERGED,)
