"""The reference itself: its gradient, its optimum, its largest strength."""

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize

from tests import reference


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 5))
    y = rng.poisson(np.exp(0.5 * X[:, 0] - 0.3 * X[:, 3] - 0.5)).astype(float)
    return X, y, [np.array([0, 1]), np.array([2, 3, 4])]


def loss(X, y, groups, params):
    return reference.objective(X, y, groups, 0.0, params[:-1], params[-1])


def test_gradient_is_the_derivative_of_the_loss(problem):
    X, y, groups = problem
    error = check_grad(
        lambda p: loss(X, y, groups, p),
        lambda p: np.append(*reference.gradient(X, y, p[:-1], p[-1])),
        np.linspace(-0.5, 0.5, 6),
    )
    assert error < 1e-6


def test_without_penalty_it_is_the_maximum_likelihood_fit(problem):
    X, y, groups = problem
    coef, intercept = reference.fit(X, y, groups, 0.0)
    best = minimize(lambda p: loss(X, y, groups, p), np.zeros(6), tol=1e-12)
    np.testing.assert_allclose(np.append(coef, intercept), best.x, atol=1e-5)


def test_groups_are_all_zero_exactly_from_the_largest_strength_on(problem):
    X, y, groups = problem
    largest = reference.largest_strength(X, y, groups)
    coef, intercept = reference.fit(X, y, groups, 1.001 * largest)
    assert not coef.any() and intercept == pytest.approx(np.log(y.mean()))
    assert reference.fit(X, y, groups, 0.99 * largest)[0].any()


def test_no_random_neighbour_of_the_fit_is_better(problem):
    X, y, groups = problem
    strength = 0.3 * reference.largest_strength(X, y, groups)
    coef, intercept = reference.fit(X, y, groups, strength)
    best = reference.objective(X, y, groups, strength, coef, intercept)
    rng = np.random.default_rng(1)
    for size in (1e-3, 1e-1):
        for _ in range(50):
            step = size * rng.normal(size=6)
            other = reference.objective(X, y, groups, strength, coef + step[:-1], intercept + step[-1])
            assert other >= best
