"""What users write is understood, and refused in one sentence where it cannot be."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from spikesieve.observation_models import (
    BernoulliObservations,
    Exponential,
    GammaObservations,
    GaussianObservations,
    Identity,
    Logistic,
    NegativeBinomialObservations,
    NormalCdf,
    PoissonObservations,
    Reciprocal,
    Softplus,
    resolve_observation_model,
)
from spikesieve.observation_models._function_links import JaxFunction, NumpyFunction

FLOAT64 = np.float64


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("Poisson", PoissonObservations, Exponential),
        ("Gamma", GammaObservations, Reciprocal),
        ("Bernoulli", BernoulliObservations, Logistic),
        ("NegativeBinomial", NegativeBinomialObservations, Exponential),
        ("Gaussian", GaussianObservations, Identity),
    ],
)
def test_names_are_those_of_nemos_with_its_default_links(name, kind, link):
    for spelling in (name, kind.__name__, kind()):
        model = resolve_observation_model(spelling)
        assert type(model) is kind and type(model.inverse_link) is link


@pytest.mark.parametrize(
    ("function", "link"),
    [
        ("exp", Exponential),
        (np.exp, Exponential),
        (jnp.exp, Exponential),
        (Exponential, Exponential),
        (Exponential(), Exponential),
        (lambda x: jnp.exp(x), Exponential),
        ("softplus", Softplus),
        (jax.nn.softplus, Softplus),
        (lambda x: jnp.log(1 + jnp.exp(x)), Softplus),
        (lambda x: np.logaddexp(0, x), Softplus),
        ("identity", Identity),
        (lambda x: x, Identity),
        ("logistic", Logistic),
        (jax.nn.sigmoid, Logistic),
        (jax.scipy.special.expit, Logistic),
        (scipy.special.expit, Logistic),
        (lambda x: 1 / (1 + jnp.exp(-x)), Logistic),
        ("1/x", Reciprocal),
        (lambda x: 1 / x, Reciprocal),
        (lambda x: jnp.power(x, -1), Reciprocal),
        (np.reciprocal, Reciprocal),
        (jnp.reciprocal, Reciprocal),
        ("norm_cdf", NormalCdf),
        (jax.scipy.stats.norm.cdf, NormalCdf),
        (jax.scipy.special.ndtr, NormalCdf),
        (scipy.stats.norm.cdf, NormalCdf),
        # Nearly a known link is not that link.
        (lambda x: jnp.exp(jnp.clip(x, -20, 20)), JaxFunction),
        (lambda x: jnp.exp(x) + 1e-6, JaxFunction),
        (lambda x: 1 - jnp.exp(-jnp.exp(x)), JaxFunction),
        (lambda x: np.exp(x) + 0.1, NumpyFunction),
        (np.tanh, NumpyFunction),
    ],
)
def test_links_are_recognised_by_name_and_by_what_they_compute(function, link):
    model = resolve_observation_model("Poisson", function)
    assert type(model.inverse_link) is link
    assert resolve_observation_model("Poisson", function).inverse_link is not None


def test_an_instance_keeps_what_it_carries():
    model = resolve_observation_model(NegativeBinomialObservations(0.3), "softplus")
    assert model.scale == 0.3 and type(model.inverse_link) is Softplus
    carried = PoissonObservations(Softplus())
    assert resolve_observation_model(carried) is carried


@pytest.mark.parametrize(
    ("model", "link", "error", "message"),
    [
        ("Weibull", None, ValueError, "Unknown observation_model 'Weibull'; known names: Poisson, Gamma"),
        (3, None, TypeError, "must be a name or an ObservationModel, got int"),
        ("Poisson", "log", ValueError, "Unknown inverse_link_function 'log'; known names: exp"),
        ("Poisson", 2.0, TypeError, "must be a name or a function, got float"),
        ("Poisson", jax.nn.softmax, TypeError, "must act elementwise"),
        ("Poisson", jnp.cumsum, TypeError, "must act elementwise"),
        ("Poisson", jnp.sum, TypeError, "must act elementwise"),
        ("Poisson", lambda x: np.exp(float(x)), TypeError, "elementwise, with NumPy or jax.numpy; .* failed"),
        ("Poisson", lambda x: x if x > 0 else 0, TypeError, "elementwise, with NumPy or jax.numpy; .* failed"),
        ("Poisson", np.abs, ValueError, "does not compute with complex numbers. Write it with jax.numpy"),
        ("Poisson", lambda x: scipy.special.expit(x) + 1, ValueError, "Write it with jax.numpy"),
    ],
)
def test_what_cannot_be_understood_is_refused(model, link, error, message):
    with pytest.raises(error, match=message):
        resolve_observation_model(model, link)


@pytest.mark.parametrize("function", [lambda x: jax.nn.softplus(x) ** 1.5, lambda x: np.exp(0.5 * x) + x**2])
def test_derivatives_of_functions_are_exact_in_double_precision(function):
    link = resolve_observation_model("Gaussian", function).inverse_link
    eta = np.linspace(-3, 3, 13)
    with jax.enable_x64(True):
        as_jax = function if isinstance(link, JaxFunction) else lambda x: jnp.exp(0.5 * x) + x**2
        expected = jax.vmap(jax.grad(as_jax))(eta)
    mean = link.mean(eta)
    assert mean.dtype == FLOAT64 and mean.flags.writeable
    np.testing.assert_allclose(link.derivative(eta, mean), expected, rtol=1e-14)
    assert not jax.config.jax_enable_x64


@pytest.mark.parametrize("mean", [1e-3, 0.2, 1.0, 50.0])
def test_functions_are_inverted(mean):
    for function in (lambda x: jax.nn.softplus(x) ** 2, lambda x: np.exp(-0.3 * x) + 1e-6):
        link = resolve_observation_model("Poisson", function).inverse_link
        np.testing.assert_allclose(link.mean(np.array([link.linear_predictor(mean)]))[0], mean, rtol=1e-8)


def test_a_pole_is_not_taken_for_an_inverse():
    link = NumpyFunction(lambda x: 1 / x)
    assert abs(link.linear_predictor(0.25) - 4.0) < 1e-9


def test_a_mean_out_of_reach_starts_where_the_function_comes_closest():
    link = resolve_observation_model("Poisson", lambda x: 0.5 * jnp.tanh(x) + 0.5).inverse_link
    assert np.isfinite(link.linear_predictor(7.0)) and link.mean(np.array([link.linear_predictor(7.0)]))[0] > 0.99


def test_importing_is_light():
    code = (
        "import sys, spikesieve.observation_models as o; import numpy as np;"
        "o.resolve_observation_model('Poisson', lambda x: np.exp(x) + 1);"
        "print([m for m in ('jax', 'sklearn', 'numba', 'scipy.stats', 'scipy.optimize') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
