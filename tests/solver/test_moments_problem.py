"""A Gaussian problem by its moments against the same problem over its rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve._errors import Status
from spikesieve.basis import BSplineEval
from spikesieve.design import as_design
from spikesieve.glm import GLM
from spikesieve.observation_models import Exponential, GaussianObservations, PoissonObservations
from spikesieve.regularizer import GroupLasso
from spikesieve.solver import Sample, solve_path
from spikesieve.solver._masked_problem import MaskedProblem
from spikesieve.solver._moments_problem import MomentsProblem, in_moments
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._threads import sum_over_chunks


def a_sample(seed=0, n_samples=700, with_offset=True, with_weight=True, shift=0.0):
    rng = np.random.default_rng(seed)
    features = {"x": rng.normal(size=(n_samples, 3)) + shift, "y": rng.normal(size=(n_samples, 2)) * 5.0}
    observed = features["x"] @ [1.0, -1.0, 0.5] + rng.normal(size=n_samples)
    offset = rng.normal(size=n_samples) if with_offset else None
    weight = rng.uniform(0.0, 2.0, n_samples) if with_weight else None
    return Sample(as_design(features), observed, offset, weight)


def both(sample, n_threads=1):
    rows = sample.problem(GaussianObservations(), n_threads)
    return rows, MomentsProblem.of(rows)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.booleans(), st.booleans(), st.sampled_from([0.0, 30.0]))
def test_evaluations_are_those_over_the_rows(seed, with_offset, with_weight, shift):
    rows, moments = both(a_sample(seed, 60, with_offset, with_weight, shift))
    rng = np.random.default_rng(seed)
    intercept, coef = rng.normal(size=1), rng.normal(size=rows.n_coef)
    expected, found = rows.evaluate(intercept, coef), moments.evaluate(intercept, coef)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-10)
    size = np.abs(expected.gradient).max()
    np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-10, atol=1e-11 * size)
    np.testing.assert_allclose(found.intercept_gradient, expected.intercept_gradient, rtol=1e-9, atol=1e-11 * size)
    np.testing.assert_allclose(found.residual_dot_predictor, expected.residual_dot_predictor, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(moments.residual_rms(intercept, coef), rows.residual_rms(intercept, coef), rtol=1e-10)


@pytest.mark.parametrize("size", [1e160, 1e308, np.inf])
def test_losses_beyond_all_numbers_are_infinite_or_nan_without_a_word(size):
    for problem in both(a_sample()):
        assert not np.isfinite(problem.evaluate(np.array([size]), np.full(problem.n_coef, size)).loss)


@pytest.mark.parametrize("columns", [[], [1], [0, 2, 4], [0, 1, 2, 3, 4]])
def test_curvature_and_covariance_are_those_of_all_rows(columns):
    rows, moments = both(a_sample(shift=7.0))
    columns, at = np.array(columns, dtype=np.intp), (np.zeros(1), np.zeros(rows.n_coef))
    np.testing.assert_allclose(moments.hessian(*at, columns, 50), rows.hessian(*at, columns, 1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        moments.column_covariance(columns), rows.column_covariance(columns), rtol=1e-10, atol=1e-10
    )


def test_threads_do_not_change_a_bit():
    sample = a_sample(n_samples=20_000)
    one, two = both(sample, 1)[1], both(sample, 2)[1]
    assert np.array_equal(one.moments, two.moments)


def test_long_recordings_hold_few_matrices_at_once(monkeypatch):
    held = []

    def recorded(of_share, shares, n_threads):
        held.append(len(shares))
        return sum_over_chunks(of_share, shares, n_threads)

    monkeypatch.setattr("spikesieve.solver._moments_problem.sum_over_chunks", recorded)
    both(a_sample(n_samples=150_000), 2)
    assert held[0] <= 16


def test_small_residuals_are_not_lost_in_the_size_of_the_observations():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 4)) + 1000.0
    observed = features @ [1.0, 2.0, 0.0, -1.0] + 1e-6 * rng.normal(size=2000)
    path = GLM("Gaussian", regularizer="GroupLasso").fit_path(
        {str(j): features[:, [j]] for j in range(4)}, observed, n_strengths=30, min_ratio=1e-6
    )
    assert set(path.status) == {Status.CONVERGED}
    residual = observed - features @ path.coef_matrix[-1] - path.intercept[-1]
    gradient = 2.0 * (features - features.mean(axis=0)).T @ residual / 2000
    active = path.coef_matrix[-1] != 0
    signs = -path.strengths[-1] * np.sign(path.coef_matrix[-1])
    # The certificate, worked out on the rows.
    np.testing.assert_allclose(gradient[active], signs[active], atol=3e-6 * path.strength_max)


def test_path_is_that_of_passes_over_rows(monkeypatch):
    rng = np.random.default_rng(3)
    covariates = rng.random((3, 5000))
    design = sum_of(["a", "b", "c"]).design(*covariates)
    observed = np.sin(6.0 * covariates[0]) + covariates[1] + 0.5 * rng.normal(size=5000)
    model = GLM("Gaussian", regularizer="GroupLasso")
    found = model.fit_path(design, observed, n_strengths=20)
    monkeypatch.setattr("spikesieve.solver._path.in_moments", lambda problem, n_strengths: problem)
    expected = model.fit_path(design, observed, n_strengths=20)
    np.testing.assert_allclose(found.objective, expected.objective, rtol=1e-12)
    np.testing.assert_allclose(found.duality_gap, expected.duality_gap, atol=1e-6)
    np.testing.assert_allclose(found.coef_matrix, expected.coef_matrix, atol=1e-5)


@pytest.mark.parametrize("kept", [None, [True, True, False, True, True, False]])
def test_a_path_whose_features_are_nearly_the_same_is_followed_over_rows(kept):
    rng = np.random.default_rng(1)
    first, other = rng.normal(size=(2, 2000, 3))
    features = np.hstack([first, first + 1e-6 * other])
    observed = first.sum(axis=1) + other.sum(axis=1) + rng.normal(size=2000)
    design = as_design({"a": features[:, :3], "b": features[:, 3:]})
    problem = Sample(design, observed).problem(GaussianObservations())
    if kept is not None:
        problem = MaskedProblem(problem, np.array(kept))
    penalty, _ = GroupLasso().bind(design.layout, 1.0)
    path = solve_path(problem, penalty, np.geomspace(1.0, 1e-9, 5))
    for intercept, coef, loss in zip(path.intercept, path.coef_matrix, path.loss, strict=True):
        assert loss == pytest.approx(np.mean((observed - intercept - features @ coef) ** 2), rel=1e-9)


def test_a_masked_problem_without_moments_is_left_as_it_is():
    design, counts = as_design({"x": np.random.default_rng(0).normal(size=(60, 3))}), np.arange(60.0)
    masked = MaskedProblem(Sample(design, counts).problem(PoissonObservations()), np.array([True, False, True]))
    assert in_moments(masked, 100) is masked


def test_observations_that_are_all_zero_have_a_path_of_zeros():
    model = GLM("Gaussian", regularizer="GroupLasso", regularizer_strength=0.1)
    features = {"x": np.random.default_rng(0).normal(size=(400, 3))}
    path = model.fit_path(features, np.zeros(400), n_strengths=5)
    assert set(path.status) == {Status.CONVERGED}
    assert not path.coef_matrix.any()
    assert not model.fit(features, np.zeros(400)).coef_["x"].any()


def sum_of(labels):
    first, *others = [BSplineEval(6, bounds=(0.0, 1.0), label=label) for label in labels]
    for other in others:
        first = first + other
    return first


def test_moments_are_made_where_they_save_work():
    problem = a_sample().problem(GaussianObservations())
    assert isinstance(in_moments(problem, 100), MomentsProblem)
    masked = in_moments(MaskedProblem(problem, np.array([True, True, True, False, False])), 100)
    assert isinstance(masked, MaskedProblem)
    assert isinstance(masked.inner, MomentsProblem)
    assert in_moments(masked, 100).inner is masked.inner


@pytest.mark.parametrize(
    ("family", "n_samples"),
    [
        (PoissonObservations(), 700),
        (GaussianObservations(Exponential()), 700),
        (GaussianObservations(), 9),
    ],
)
def test_other_problems_stay_over_their_rows(family, n_samples):
    rng = np.random.default_rng(0)
    design, observed = as_design({"x": rng.normal(size=(n_samples, 5))}), rng.poisson(1.0, n_samples).astype(float)
    problem = Sample(design, observed).problem(family)
    assert type(in_moments(problem, 100)) is SingleProblem


def test_one_strength_of_many_columns_stays_over_its_rows():
    problem = Sample(as_design({"x": np.random.default_rng(0).normal(size=(500, 30))}), np.ones(500)).problem(
        GaussianObservations()
    )
    assert in_moments(problem, 1) is problem


def test_least_squares_have_a_minimum_however_ill_conditioned():
    x = np.linspace(0.0, 1.0, 200)
    powers = x[:, None] ** np.arange(1, 9)
    observed = np.sin(5.0 * x) + 0.1 * np.random.default_rng(0).normal(size=200)
    model = GLM("Gaussian", regularizer="UnRegularized").fit(powers, observed)
    assert model.solution_.status[0] is not Status.NO_FINITE_MINIMUM
    expected = np.linalg.lstsq(np.column_stack([np.ones(200), powers]), observed, rcond=None)[0]
    best = np.mean((observed - np.column_stack([np.ones(200), powers]) @ expected) ** 2)
    assert np.mean((observed - model.predict(powers)) ** 2) <= best * (1.0 + 1e-4)
