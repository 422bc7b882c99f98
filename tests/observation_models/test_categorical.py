"""Labels out of several: probabilities, derivatives, tails, sampling."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from spikesieve.observation_models import CategoricalObservations

FAMILY = CategoricalObservations()
PREDICTORS = st.lists(st.floats(-40.0, 40.0), min_size=12, max_size=12).map(lambda x: np.reshape(x, (4, 3)))
LABELS = np.array([0, 1, 2, 1])


@given(PREDICTORS)
def test_probabilities_are_those_of_scipy(eta):
    np.testing.assert_allclose(FAMILY.log_probabilities(eta), log_softmax(eta, axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(FAMILY.probabilities(eta), softmax(eta, axis=1), rtol=1e-12)
    np.testing.assert_allclose(FAMILY.loss(eta, LABELS), -log_softmax(eta, axis=1)[np.arange(4), LABELS], atol=1e-12)
    np.testing.assert_array_equal(FAMILY.deviance(eta, LABELS), -2 * FAMILY.log_likelihood(eta, LABELS))


@given(PREDICTORS)
def test_derivatives_are_those_of_finite_differences(eta):
    eta = eta / 10.0
    step = 1e-6
    for k in range(3):
        shift = step * np.eye(3)[k]
        slope = (FAMILY.loss(eta + shift, LABELS) - FAMILY.loss(eta - shift, LABELS)) / (2 * step)
        np.testing.assert_allclose(FAMILY.derivative(eta, LABELS)[:, k], slope, atol=1e-8)
        change = (FAMILY.derivative(eta + shift, LABELS) - FAMILY.derivative(eta - shift, LABELS)) / (2 * step)
        np.testing.assert_allclose(FAMILY.curvature(eta)[:, k], change, atol=1e-8)


def test_loss_is_right_far_out():
    eta = np.array([[2000.0, 0.0, 0.0], [-2000.0, 0.0, -2000.0]])
    np.testing.assert_allclose(FAMILY.loss(eta, np.array([1, 1])), [2000.0, 0.0])
    assert np.isfinite(FAMILY.curvature(eta)).all()


def test_adding_to_all_classes_changes_nothing():
    eta = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(FAMILY.loss(eta + 7.0, LABELS), FAMILY.loss(eta, LABELS), rtol=1e-12)
    np.testing.assert_allclose(FAMILY.curvature(eta).sum(axis=2), 0.0, atol=1e-15)


def test_null_model_has_the_frequencies_of_the_labels():
    labels = np.array([0, 0, 0, 1, 2, 2])
    eta = FAMILY.null_linear_predictor(labels, 3)
    np.testing.assert_allclose(softmax(eta), [0.5, 1 / 6, 1 / 3])
    assert abs(eta.sum()) < 1e-12
    weighted = FAMILY.null_linear_predictor(labels, 3, np.array([1.0, 1, 1, 3, 1.5, 1.5]))
    np.testing.assert_allclose(softmax(weighted), 1 / 3)
    assert np.isfinite(FAMILY.null_linear_predictor(labels, 4)).all()


def test_samples_have_the_probabilities_they_were_drawn_with():
    probabilities = np.tile([0.2, 0.0, 0.5, 0.3], (40_000, 1))
    drawn = FAMILY.sample(np.random.default_rng(0), probabilities)
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 40_000, probabilities[0], atol=0.01)
    assert not (drawn == 1).any()
