"""The dispersion of the negative binomial: fixed as in NeMoS, or estimated."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from spikesieve.observation_models import NegativeBinomialObservations, PoissonObservations, Softplus


def test_dispersion_is_estimated_unless_fixed():
    assert NegativeBinomialObservations().estimates_scale
    fixed = NegativeBinomialObservations(0.4)
    assert not fixed.estimates_scale and not PoissonObservations().estimates_scale
    assert fixed.estimate_scale(np.ones(3), np.array([0.0, 1.0, 5.0]), 2.0) == 0.4


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_impossible_dispersions_are_refused(scale):
    with pytest.raises(ValueError, match="scale must be a positive number, or None to estimate it"):
        NegativeBinomialObservations(scale)


def test_with_scale_keeps_the_link():
    model = NegativeBinomialObservations(inverse_link=Softplus()).with_scale(0.2)
    assert model.scale == 0.2 and isinstance(model.inverse_link, Softplus)
    assert repr(model) == "NegativeBinomialObservations(scale=0.2, inverse_link=Softplus())"


def test_log_likelihood_uses_the_scale_it_is_given():
    eta, y = np.zeros(3), np.array([0.0, 1.0, 4.0])
    given_scale = NegativeBinomialObservations().log_likelihood(eta, y, 0.3)
    np.testing.assert_array_equal(given_scale, NegativeBinomialObservations(0.3).log_likelihood(eta, y))


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.05, 5.0))
def test_estimate_maximises_the_likelihood(seed, scale):
    rng = np.random.default_rng(seed)
    mean = rng.uniform(0.5, 6.0, size=300)
    y = NegativeBinomialObservations().sample(rng, mean, scale).astype(float)
    estimate = NegativeBinomialObservations().estimate_scale(mean, y, 299)

    def loss(log_scale):
        return -NegativeBinomialObservations(np.exp(log_scale)).log_likelihood(np.log(mean), y).sum()

    best = minimize_scalar(loss, bounds=(np.log(1e-8), np.log(1e4)), method="bounded", options={"xatol": 1e-9})
    assert loss(np.log(estimate)) <= best.fun + 1e-7


@pytest.mark.parametrize(("y", "expected"), [([1.0, 1.0, 1.0], 1e-8), ([0.0, 0.0, 0.0], 1e-8)])
def test_counts_no_more_variable_than_poisson_have_the_smallest_scale(y, expected):
    assert NegativeBinomialObservations().estimate_scale(np.ones(3), np.array(y), 2.0) == expected


def test_alternating_fits_and_estimates_reaches_statsmodels_joint_maximum():
    from spikesieve.glm import GLM

    rng = np.random.default_rng(7)
    X = rng.normal(size=(3000, 3))
    y = NegativeBinomialObservations().sample(rng, np.exp(X @ [0.5, -0.4, 0.2] + 0.7), 0.6).astype(float)
    model, n_fits = NegativeBinomialObservations(1.0), 0
    for _ in range(20):
        fit = GLM(observation_model=model, solver_kwargs={"tol": 1e-10}).fit(X, y)
        n_fits += 1
        scale = NegativeBinomialObservations().estimate_scale(fit.predict(X), y, 0.0)
        if abs(scale - model.scale) <= 1e-9 * model.scale:
            break
        model = model.with_scale(scale)
    joint = sm.NegativeBinomial(y, sm.add_constant(X)).fit(method="newton", disp=False, tol=1e-12, maxiter=200)
    np.testing.assert_allclose([*fit.intercept_, *fit.coef_, scale], joint.params, rtol=1e-6, atol=1e-7)
    assert n_fits <= 8
