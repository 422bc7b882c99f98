"""What every family promises with every link."""

import copy

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from spikesieve.glm import GLM
from spikesieve.observation_models import (
    CategoricalObservations,
    Exponential,
    InverseLink,
    NegativeBinomialObservations,
    ObservationModel,
    PoissonObservations,
    Softplus,
)
from spikesieve.observation_models._function_links import JaxFunction, NumpyFunction
from tests.observation_models.combinations import (
    COMBINATIONS,
    FAMILIES,
    LINKS,
    NAMED_COMBINATIONS,
    OBSERVATIONS,
    PLAIN_LINKS,
    PLAIN_LOSSES,
    Combination,
    all_subclasses,
    name,
)

every_combination = pytest.mark.parametrize("case", COMBINATIONS, ids=name)
every_family = pytest.mark.parametrize("family", FAMILIES)
EXTREMES = np.array([30.0, 300.0, 709.0, 711.0, 800.0, 1e4, 1e8])


def test_no_family_and_no_link_is_left_out():
    own = {kind for base in (ObservationModel, InverseLink) for kind in all_subclasses(base)}
    own = {kind for kind in own if kind.__module__.startswith("spikesieve.")}
    assert own == {type(case) for case in (*FAMILIES.values(), *LINKS.values())}
    assert FAMILIES.keys() == OBSERVATIONS.keys() == PLAIN_LOSSES.keys() and LINKS.keys() == PLAIN_LINKS.keys()


@every_combination
def test_equal_parameters_make_equal_families(case):
    model = case.model
    again, other = copy.deepcopy(model), PoissonObservations(JaxFunction(jax.numpy.sinh))
    assert again == model and hash(again) == hash(model) and len({again, model}) == 1
    assert again != other and model.inverse_link != other.inverse_link and again != "Poisson"


def test_parameters_of_a_family_count_in_comparisons():
    assert NegativeBinomialObservations(0.5) == NegativeBinomialObservations(scale=0.5)
    assert len({NegativeBinomialObservations(s) for s in (None, 1.0, 0.5, None)}) == 3
    assert PoissonObservations(Softplus()) != PoissonObservations() == PoissonObservations(Exponential())
    assert NumpyFunction(np.exp) == NumpyFunction(np.exp) != JaxFunction(np.exp)
    assert CategoricalObservations() == CategoricalObservations() != PoissonObservations()
    search = GridSearchCV(GLM(), {"observation_model": [PoissonObservations(Softplus()), PoissonObservations()]}, cv=2)
    X = np.random.default_rng(0).normal(size=(60, 1))
    search.fit(X, np.random.default_rng(0).poisson(np.exp(X[:, 0])))
    assert search.best_params_["observation_model"] == clone(search.best_estimator_).observation_model


@every_combination
def test_loss_and_derivatives_are_those_of_the_plain_formula(case):
    eta, y = case.grid
    with jax.enable_x64(True):
        first = jax.grad(case.plain_loss)
        expected = [np.asarray(jax.vmap(f)(eta, y)) for f in (case.plain_loss, first)]
        at_mean = np.asarray(jax.vmap(jax.grad(first))(eta, case.model.mean(eta)))
    loss, derivative = case.model.evaluate(eta, y)
    np.testing.assert_allclose(loss, expected[0], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(derivative, expected[1], rtol=1e-8, atol=1e-9)
    # The second derivative is linear in y, so that its expectation is its value at y = mean.
    np.testing.assert_allclose(case.model.curvature(eta), at_mean, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(case.model.loss(eta, y), loss)
    np.testing.assert_array_equal(case.model.derivative(eta, y), derivative)


@every_combination
def test_derivative_is_that_of_finite_differences(case):
    eta, y = case.grid
    step = 1e-5
    difference = (case.model.loss(eta + step, y) - case.model.loss(eta - step, y)) / (2 * step)
    np.testing.assert_allclose(case.model.derivative(eta, y), difference, rtol=2e-5, atol=1e-7)


@every_combination
def test_curvature_is_positive_everywhere(case):
    eta = np.concatenate([-EXTREMES, np.linspace(-5, 5, 41), EXTREMES])
    curvature = case.model.curvature(eta)
    assert (curvature > 0).all() and not np.isnan(curvature).any()


@pytest.mark.parametrize("case", NAMED_COMBINATIONS, ids=name)
def test_extreme_linear_predictors_give_no_nan_and_no_warning(case):
    eta, y = np.meshgrid(np.concatenate([-EXTREMES, EXTREMES]), case.y)
    loss, derivative = case.model.loss(eta, y), case.model.derivative(eta, y)
    assert not np.isnan(loss).any() and not np.isnan(derivative).any()
    assert not np.isnan(case.model.deviance(eta, y)).any()
    assert not np.isnan(case.model.log_likelihood(eta, y)).any()


@pytest.mark.parametrize("case", NAMED_COMBINATIONS, ids=name)
def test_outside_its_domain_the_loss_is_infinite_and_the_derivative_zero(case):
    eta = np.linspace(-9, 9, 101)
    with np.errstate(all="ignore"):
        mean = {"1/x": lambda x: np.where(x > 0, 1 / x, np.nan), "identity": lambda x: x}.get(
            case.link, LINKS[case.link].mean
        )(eta)
    low, high = case.model.mean_range
    outside = ~((mean >= low) & (mean <= high))
    y = np.full(len(eta), case.y[1])
    loss, derivative = case.model.loss(eta, y), case.model.derivative(eta, y)
    assert np.isposinf(loss[outside]).all() and (derivative[outside] == 0).all()
    inside = ~outside & (mean > low + 1e-9) & (mean < high - 1e-9)
    assert np.isfinite(loss[inside]).all() and np.isfinite(derivative[inside]).all()


@every_combination
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_are_those_of_the_terms(case, weighted):
    eta, y = (values.ravel() for values in np.broadcast_arrays(*case.grid))
    weights = np.random.default_rng(0).random(len(eta)) if weighted else None
    factor = np.ones(len(eta)) if weights is None else weights
    loss, derivative = case.model.evaluate(eta, y)
    total, slope = case.model.evaluate_sum(eta, y, weights)
    np.testing.assert_allclose(total, (factor * loss).sum(), rtol=1e-12, atol=1e-12 * np.abs(factor * loss).sum())
    np.testing.assert_allclose(slope, factor * derivative, rtol=1e-14)


@every_combination
def test_cumulant_is_the_loss_without_the_observation(case):
    eta, y = (values.ravel() for values in np.broadcast_arrays(*case.grid))
    eta = np.clip(eta, -30.0, 30.0)
    mean = np.full(len(eta), np.nan)
    values = case.model.cumulant(eta, mean)
    if values is None:
        assert np.isnan(mean).all()
        return
    np.testing.assert_allclose(values - y * eta, case.model.loss(eta, y), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(mean, case.model.mean(eta), rtol=1e-14)


def test_cumulants_belong_to_canonical_links():
    known = [name for name, model in FAMILIES.items() if model.cumulant(np.zeros(1), np.zeros(1)) is not None]
    assert sorted(known) == ["Bernoulli", "Poisson"]
    softplus = FAMILIES["Poisson"].with_inverse_link(LINKS["softplus"])
    assert softplus.cumulant(np.zeros(1), np.zeros(1)) is None


@every_combination
def test_convexity_is_claimed_where_it_holds(case):
    """A claim is checked; for named links, so is its absence: some observation must show a falling derivative."""
    low, high = case.model.mean_range
    eta = np.linspace(-8, 8, 1601)
    mean = case.model.mean(eta)
    eta = eta[(mean > low) & (mean < high)]
    hardest = {"Poisson": 300.0, "Gamma": 1e-3, "NegativeBinomial": 300.0, "Gaussian": 300.0}.get(case.family)
    y = np.append(case.y, [] if hardest is None else hardest)
    derivative = case.model.derivative(eta, y[:, None])
    falls = np.diff(derivative) < -1e-9 * (1 + np.abs(derivative[:, 1:]))
    if case.model.is_convex:
        assert not falls.any()
    elif "function" not in case.link:
        assert falls.any()


@every_combination
def test_fenchels_equality_gives_the_conjugate_of_convex_losses(case):
    """What the duality gap rests on: the supremum is attained where the derivative is the dual point."""
    if not case.model.is_convex:
        return
    eta, y = case.grid
    loss, dual = case.model.evaluate(eta, y)
    candidates = case.linear_predictors[:, None]
    supremum = (dual * candidates - case.model.loss(candidates, y)).max(axis=0)
    np.testing.assert_allclose(dual * eta - loss, supremum, rtol=1e-9, atol=1e-9)
    conjugate = case.model.conjugate(dual, y)
    if conjugate is not None:
        np.testing.assert_allclose(conjugate, supremum, rtol=1e-9, atol=1e-8)


@every_family
def test_conjugate_is_known_for_the_default_link_and_infinite_beyond_reach(family):
    model, y = FAMILIES[family], OBSERVATIONS[family]
    low, high = model.mean_range
    np.testing.assert_allclose(model.conjugate(np.zeros_like(y), y), -model.saturated_loss(y), atol=1e-9)
    beyond = {"Gamma": y + 1.0, "Gaussian": None}.get(family, -y - 1.0)
    if beyond is not None:
        assert np.isposinf(model.conjugate(beyond, y)).all()
    assert model.with_inverse_link(LINKS["softplus"]).conjugate(y, y) is None


@every_combination
def test_saturated_loss_is_the_infimum(case):
    eta, y = case.grid
    model = case.model
    assert (model.loss(eta, y) >= model.saturated_loss(y) - 1e-9).all()
    assert (model.deviance(eta, y) >= 0).all()
    low, high = max(model.mean_range[0], model.inverse_link.mean_range[0]), model.inverse_link.mean_range[1]
    attainable = case.y[(case.y > low) & (case.y < min(high, model.mean_range[1]))]
    if "function" in case.link or len(attainable) == 0:
        return
    at_y = np.array([float(model.inverse_link.linear_predictor(value)) for value in attainable])
    np.testing.assert_allclose(model.deviance(at_y, attainable), 0, atol=1e-9)
    np.testing.assert_allclose(model.derivative(at_y, attainable), 0, atol=1e-7)


@every_combination
def test_null_linear_predictor_is_finite_and_minimises_the_mean_loss(case):
    model, y = case.model, case.y
    eta = model.null_linear_predictor(y)
    assert np.isfinite(eta) and np.isfinite(model.loss(np.full(len(y), eta), y)).all()
    low, high = LINKS[case.link].mean_range
    if low < y.mean() < high and model.has_finite_null(y) and case.link != "jax function":
        assert abs(model.derivative(np.full(len(y), eta), y).mean()) < 1e-7


@pytest.mark.parametrize(
    ("family", "y"),
    [
        ("Poisson", [0.0, 0.0]),
        ("NegativeBinomial", [0.0, 0.0]),
        ("Bernoulli", [0.0, 0.0]),
        ("Bernoulli", [1.0, 1.0]),
    ],
)
def test_a_null_model_at_infinity_is_told_and_replaced_by_a_finite_one(family, y):
    model, y = FAMILIES[family], np.array(y)
    assert not model.has_finite_null(y)
    eta = np.full(2, model.null_linear_predictor(y))
    assert np.isfinite(eta).all()
    np.testing.assert_allclose(model.loss(eta, y), model.saturated_loss(y), atol=1.1e-10)


def test_a_null_model_that_the_link_cannot_reach_is_told():
    y = np.array([-3.0, -1.0])
    gaussian = FAMILIES["Gaussian"]
    assert gaussian.has_finite_null(y) and gaussian.null_linear_predictor(y) == -2.0
    positive = gaussian.with_inverse_link(LINKS["exp"])
    assert not positive.has_finite_null(y) and np.isfinite(positive.null_linear_predictor(y))


@every_combination
def test_arrays_of_neurons_and_integers_are_treated_elementwise(case):
    eta = case.linear_predictors[:6].reshape(3, 2)
    y = np.resize(case.y, (3, 2))
    loss, derivative = case.model.evaluate(eta, y)
    for row in range(3):
        np.testing.assert_array_equal(loss[row], case.model.evaluate(eta[row], y[row])[0])
    assert loss.shape == derivative.shape == case.model.curvature(eta).shape == (3, 2)
    whole = y.round().astype(int)
    if case.model.invalid_observation(whole.astype(float)) is None:
        np.testing.assert_array_equal(case.model.loss(eta, whole), case.model.loss(eta, whole.astype(float)))


@every_combination
def test_results_are_fresh_arrays(case):
    eta, y = case.grid
    before = eta.copy(), y.copy()
    for result in (*case.model.evaluate(eta, y), case.model.mean(eta), case.model.curvature(eta)):
        assert not np.shares_memory(result, eta) and not np.shares_memory(result, y)
        result *= 2.0
    np.testing.assert_array_equal((eta, y), before)


@given(case=st.sampled_from(NAMED_COMBINATIONS), eta=st.floats(-1e3, 1e3), data=st.data())
def test_loss_is_never_below_the_saturated_loss_nor_nan(case: Combination, eta: float, data):
    y = np.array([data.draw(st.sampled_from(case.y))])
    loss, derivative = case.model.loss(np.array([eta]), y), case.model.derivative(np.array([eta]), y)
    assert loss[0] >= case.model.saturated_loss(y)[0] - 1e-9 and not np.isnan(derivative[0])


@given(case=st.sampled_from([c for c in COMBINATIONS if c.model.is_convex]), data=st.data())
def test_convex_losses_lie_above_their_tangents(case: Combination, data):
    anywhere = st.floats(-30, 30)
    eta, other = (np.array([data.draw(anywhere)]) for _ in range(2))
    y = np.array([data.draw(st.sampled_from(case.y))])
    loss, derivative = case.model.loss(eta, y), case.model.derivative(eta, y)
    if np.isfinite(loss[0]) and np.isfinite(derivative[0]):
        tangent = loss + derivative * (other - eta)
        assert case.model.loss(other, y)[0] >= tangent[0] - 1e-8 * (1 + np.abs(tangent[0]))
