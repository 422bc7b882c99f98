"""Losses far out, where means have rounded to 0, to 1 or to infinity, against their asymptotic forms."""

import numpy as np
import pytest
from scipy.special import log_ndtr
from scipy.stats import norm

from spikesieve.observation_models import (
    BernoulliObservations,
    Exponential,
    GammaObservations,
    NegativeBinomialObservations,
    NormalCdf,
    PoissonObservations,
    Softplus,
)

FAR = 800.0


@pytest.mark.parametrize(
    ("model", "eta", "y", "loss", "derivative"),
    [
        (PoissonObservations(), -FAR, 2.0, 2 * FAR, -2.0),
        (PoissonObservations(Softplus()), -FAR, 1.0, FAR, -1.0),
        (PoissonObservations(Softplus()), FAR, 0.0, FAR, 1.0),
        (GammaObservations(Exponential()), FAR, 5.0, FAR, 1.0),
        (BernoulliObservations(), FAR, 0.0, FAR, 1.0),
        (BernoulliObservations(), -FAR, 1.0, FAR, -1.0),
        (BernoulliObservations(), FAR, 1.0, 0.0, 0.0),
        (BernoulliObservations(Softplus()), -FAR, 1.0, FAR, -1.0),
        (BernoulliObservations(Exponential()), -FAR, 1.0, FAR, -1.0),
        (BernoulliObservations(NormalCdf()), -40.0, 1.0, -log_ndtr(-40.0), -40.0249688472),
        (BernoulliObservations(NormalCdf()), 40.0, 0.0, -log_ndtr(-40.0), 40.0249688472),
        (NegativeBinomialObservations(0.5), FAR, 3.0, 2 * FAR + 2 * np.log(0.5), 2.0),
        (NegativeBinomialObservations(0.5), -FAR, 3.0, 3 * FAR - 3 * np.log(0.5), -3.0),
    ],
)
def test_loss_and_derivative_reach_their_asymptotes(model, eta, y, loss, derivative):
    eta, y = np.array([eta]), np.array([y])
    np.testing.assert_allclose(model.loss(eta, y), loss, rtol=1e-12)
    np.testing.assert_allclose(model.derivative(eta, y), derivative, rtol=1e-8)


def test_small_probabilities_keep_their_relative_accuracy():
    eta = np.array([-30.0, -300.0, -700.0])
    np.testing.assert_allclose(BernoulliObservations().loss(eta, np.zeros(3)), np.exp(eta), rtol=1e-12)
    np.testing.assert_allclose(BernoulliObservations().curvature(eta), np.exp(eta), rtol=1e-12)
    np.testing.assert_allclose(PoissonObservations(Softplus()).mean(eta), np.exp(eta), rtol=1e-12)


def test_probit_tails_are_those_of_scipy():
    eta = np.linspace(-12, 12, 97)
    probit = BernoulliObservations(NormalCdf())
    np.testing.assert_allclose(probit.log_likelihood(eta, np.ones(97)), norm.logcdf(eta), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(probit.log_likelihood(eta, np.zeros(97)), norm.logsf(eta), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("eta", [-36.999, -37.001, -37.0, 36.999, 37.001, 699.999, 700.001])
def test_softplus_joins_its_branches(eta):
    loss, derivative = PoissonObservations(Softplus()).evaluate(np.array([eta, 0.0]), np.array([2.0, 0.0]))
    mean = eta if eta > 0 else np.exp(eta)
    np.testing.assert_allclose(loss[0], mean - 2 * (np.log(mean) if eta > 0 else eta), rtol=1e-12)
    np.testing.assert_allclose(derivative[0], 1 - 2 / eta if eta > 0 else -2.0, rtol=1e-12)


def test_negative_binomial_of_small_scale_is_poisson():
    eta, y = np.linspace(-3, 4, 50), np.arange(50.0)
    nearly = NegativeBinomialObservations(1e-8).log_likelihood(eta, y)
    np.testing.assert_allclose(nearly, PoissonObservations().log_likelihood(eta, y), rtol=1e-5, atol=1e-6)
