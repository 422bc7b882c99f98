"""Log-likelihoods are SciPy's, samples have the mean and variance they should, scales are found again."""

import numpy as np
import pytest
from scipy import stats

from spikesieve.observation_models import (
    BernoulliObservations,
    GammaObservations,
    GaussianObservations,
    NegativeBinomialObservations,
    PoissonObservations,
)
from tests.observation_models.combinations import COMBINATIONS, FAMILIES, NB_SCALE, OBSERVATIONS, name

SCALE = {"Poisson": 1.0, "Gamma": 0.3, "Bernoulli": 1.0, "NegativeBinomial": NB_SCALE, "Gaussian": 2.2}
SCIPY = {
    "Poisson": lambda y, mu, scale: stats.poisson.logpmf(y, mu),
    "Gamma": lambda y, mu, scale: stats.gamma.logpdf(y, 1 / scale, scale=mu * scale),
    "Bernoulli": lambda y, mu, scale: stats.bernoulli.logpmf(y, mu),
    "NegativeBinomial": lambda y, mu, scale: stats.nbinom.logpmf(y, 1 / scale, 1 / (1 + scale * mu)),
    "Gaussian": lambda y, mu, scale: stats.norm.logpdf(y, mu, np.sqrt(scale)),
}


@pytest.mark.parametrize("case", COMBINATIONS, ids=name)
def test_log_likelihood_has_every_constant(case):
    eta, y = case.grid
    scale = SCALE[case.family]
    expected = SCIPY[case.family](y, case.model.mean(eta), scale)
    np.testing.assert_allclose(case.model.log_likelihood(eta, y, scale), expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_deviance_is_twice_the_log_likelihood_ratio_to_the_saturated_model(family):
    model, y = FAMILIES[family], OBSERVATIONS[family]
    eta = np.full(len(y), 0.8)
    scale = SCALE[family] if family == "NegativeBinomial" else 1.0  # deviances are counted at dispersion 1
    saturated = SCIPY[family](y, y, scale)
    expected = 2 * (saturated - SCIPY[family](y, model.mean(eta), scale))
    np.testing.assert_allclose(model.deviance(eta, y), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_have_mean_and_variance_of_the_family(family):
    model, scale, n = FAMILIES[family], SCALE[family], 400_000
    mean = np.full(n, 0.37 if family == "Bernoulli" else 1.7)
    drawn = model.sample(np.random.default_rng(3), mean, scale)
    dispersion = 1.0 if family == "NegativeBinomial" else scale  # its variance function has the scale inside
    variance = dispersion * model.variance(mean)[0]
    assert drawn.shape == mean.shape and model.invalid_observation(drawn.astype(float)) is None
    assert abs(drawn.mean() - mean[0]) < 4 * np.sqrt(variance / n)
    np.testing.assert_allclose(drawn.var(), variance, rtol=0.03)


@pytest.mark.parametrize("family", ["Gamma", "Gaussian", "NegativeBinomial"])
def test_scale_is_found_again(family):
    rng, n = np.random.default_rng(5), 60_000
    model = NegativeBinomialObservations() if family == "NegativeBinomial" else FAMILIES[family]
    mean = np.exp(rng.normal(size=n) * 0.5)
    drawn = model.sample(rng, mean, SCALE[family]).astype(float)
    np.testing.assert_allclose(model.estimate_scale(mean, drawn, n), SCALE[family], rtol=0.05)


@pytest.mark.parametrize("family", ["Gamma", "Gaussian"])
def test_scale_without_degrees_of_freedom_is_nan(family):
    assert np.isnan(FAMILIES[family].estimate_scale(np.ones(2), np.array([1.0, 2.0]), 0.0))


@pytest.mark.parametrize("family", ["Poisson", "Bernoulli"])
def test_families_without_dispersion_have_scale_one(family):
    assert FAMILIES[family].estimate_scale(np.ones(2), np.ones(2), 1.0) == 1.0


@pytest.mark.parametrize(
    ("model", "y", "complaint"),
    [
        (PoissonObservations(), [1.0, -2.0], "negative.*-2"),
        (PoissonObservations(), [0.0, 0.5], "whole numbers.*0.5"),
        (NegativeBinomialObservations(), [0.0, 1.5], "Negative binomial counts must be whole.*1.5"),
        (GammaObservations(), [1.0, 0.0], "positive.*0"),
        (BernoulliObservations(), [1.0, 2.0], "0 or 1.*2"),
    ],
)
def test_impossible_observations_are_named(model, y, complaint):
    sentence = model.invalid_observation(np.array(y))
    assert sentence is not None and "\n" not in sentence
    import re

    assert re.search(complaint, sentence)


def test_real_numbers_are_all_possible_for_gaussians():
    assert GaussianObservations().invalid_observation(np.array([-1e9, 0.5])) is None
