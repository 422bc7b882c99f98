"""Inputs that break fits: each ends with a certificate, or with a status that says why there is none."""

from dataclasses import replace

import numpy as np
import pytest

from spikesieve.basis import BSplineEval
from spikesieve.observation_models import Identity, PoissonObservations
from spikesieve.regularizer import GroupLasso
from spikesieve.solver import Status, path
from spikesieve.solver._certificate import Scale, kkt_residual
from spikesieve.solver._newton import Point
from spikesieve.solver._null import _fit_intercept
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._protocol import Evaluation
from tests.solver.problems import counts, design_of, features, solve

N = 1500


@pytest.fixture(scope="module")
def splines():
    x = np.random.default_rng(1).random((N, 3))
    return x, {f"c{i}": BSplineEval(8).compute_features(x[:, i]) for i in range(3)}


@pytest.fixture(scope="module")
def y(splines):
    x, _ = splines
    return np.random.default_rng(2).poisson(np.exp(2 * x[:, 0] - 1)).astype(float)


def assert_certified(path):
    assert path.status == (Status.CONVERGED,) * len(path.strengths)
    assert (path.kkt_residual <= path.tolerance).all()
    assert np.isfinite(path.coef_matrix).all() and np.isfinite(path.objective).all()
    assert (np.diff(path.loss) <= 1e-12 * np.abs(path.loss[1:])).all()


@pytest.mark.parametrize("rate", [1e-4, 0.02, 50.0, 5000.0])
def test_rates(splines, rate):
    x, X = splines
    y = np.random.default_rng(3).poisson(rate * np.exp(2 * x[:, 0])).astype(float)
    y[0] = max(y[0], 1.0)
    assert_certified(solve(X, y, n_strengths=30))


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scaling_features_only_rescales_the_path(splines, y, scale):
    _, X = splines
    path = solve(X, y, n_strengths=15)
    scaled = solve({k: scale * v for k, v in X.items()}, y, n_strengths=15)
    assert_certified(scaled)
    np.testing.assert_allclose(scaled.strengths, scale * path.strengths, rtol=1e-9)
    np.testing.assert_allclose(scaled.coef_matrix * scale, path.coef_matrix, atol=2e-4)


@pytest.mark.parametrize("strengths", [None, [0.0]])
def test_mixed_scales(splines, y, strengths):
    _, X = splines
    assert_certified(solve({"a": 1e6 * X["c0"], "b": 1e-6 * X["c1"], "c": X["c2"]}, y, strengths))


def test_constant_and_zero_columns(splines, y):
    _, X = splines
    path = solve({"constant": np.full((N, 2), 3.0), "zero": np.zeros((N, 2)), "c0": X["c0"]}, y, n_strengths=20)
    assert_certified(path)
    assert path.entry_strengths()["constant"] == 0.0 == path.entry_strengths()["zero"]


def test_only_constant_columns(y):
    path = solve({"constant": np.ones((N, 2))}, y, n_strengths=5)
    assert_certified(path)
    assert not path.coef_matrix.any()


def test_duplicated_groups_share_the_fit(splines, y):
    _, X = splines
    twice = solve({"a": X["c0"], "b": X["c0"]}, y, n_strengths=15)
    once = solve({"a": X["c0"]}, y, strengths=twice.strengths)
    assert_certified(twice)
    np.testing.assert_allclose(twice.objective, once.objective, atol=1e-7)


@pytest.mark.parametrize("strengths", [None, [0.0]])
def test_collinear_columns_within_a_group(splines, y, strengths):
    _, X = splines
    assert_certified(solve({"a": np.hstack([X["c0"], X["c0"]]), "b": X["c1"]}, y, strengths))


@pytest.mark.parametrize("min_ratio", [1e-2, 1e-5])
def test_more_coefficients_than_rows(min_ratio):
    X = features(n_samples=40, n_groups=20, size=4)
    path = solve(X, counts(X), n_strengths=30, min_ratio=min_ratio)
    assert_certified(path)
    assert path.n_iterations.sum() < 400


@pytest.mark.parametrize("strengths", [None, [0.1], [0.0]])
def test_all_zero_counts_have_no_finite_intercept(splines, strengths):
    _, X = splines
    path = solve(X, np.zeros(N), strengths)
    assert set(path.status) == {Status.NO_FINITE_MINIMUM}
    assert not path.coef_matrix.any()
    assert np.isfinite(path.intercept).all() and (path.objective < 1e-9).all()


def test_spikes_that_weigh_nothing_leave_all_zero_counts(splines, y):
    _, X = splines
    path = solve(X, y, n_strengths=3, sample_weight=(y == 0).astype(float))
    assert set(path.status) == {Status.NO_FINITE_MINIMUM}
    assert np.isfinite(path.intercept).all() and not path.coef_matrix.any()


def test_separating_column_without_penalty_has_no_finite_coefficient(y):
    silent = np.arange(N) % 2 == 0
    separated = np.where(silent, 0.0, y)
    X = {"silent": silent[:, None].astype(float)}
    unpenalised = solve(X, separated, [0.0])
    assert unpenalised.status == (Status.NO_FINITE_MINIMUM,)
    assert unpenalised.coef_matrix[0, 0] < -10
    assert_certified(solve(X, separated, n_strengths=10))


def test_one_row():
    X = features(n_samples=1)
    assert_certified(solve(X, [3.0], n_strengths=3))


def test_two_rows():
    X = features(n_samples=2)
    path = solve(X, [3.0, 0.0], n_strengths=10)
    assert_certified(path)


def test_strengths_far_above_the_largest(splines, y):
    _, X = splines
    path = solve(X, y, [1e3, 1e9])
    assert_certified(path)
    assert not path.coef_matrix.any()


def test_tiny_strengths_approach_strength_zero(splines, y):
    _, X = splines
    path = solve(X, y, [1e-12, 0.0], tolerance=1e-9)
    assert_certified(path)
    np.testing.assert_allclose(path.loss[0], path.loss[1], atol=1e-10)


def test_an_outlier_of_a_million_spikes(splines, y):
    _, X = splines
    assert_certified(solve(X, y + 1e6 * (np.arange(N) == 7), n_strengths=20))


def test_iteration_limit_is_a_status(splines, y):
    _, X = splines
    path = solve(X, y, [1e-4], maxiter=1)
    assert path.status == (Status.ITERATION_LIMIT,)
    assert path.kkt_residual[0] > path.tolerance


def test_unreachable_tolerance_is_a_status(splines, y):
    _, X = splines
    path = solve(X, y, [1e-3], tolerance=1e-300)
    assert path.status == (Status.STALLED,)
    assert path.kkt_residual[0] < 1e-12
    assert path.n_iterations[0] < 60


def test_interrupt_returns_what_is_finished(splines, y):
    _, X = splines

    def interrupt_after_four(done, total):
        if done == 4:
            raise KeyboardInterrupt

    path = solve(X, y, n_strengths=10, progress=interrupt_after_four)
    assert path.interrupted and len(path.strengths) == 4
    assert_certified(path)


@pytest.mark.parametrize("size", [1e160, 1e300])
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_numbers_beyond_floating_point_never_count_as_converged(splines, y, size):
    _, X = splines
    path = solve({"a": size * X["c0"], "b": X["c1"]}, y, n_strengths=3)
    assert path.status == (Status.NOT_FINITE,) * 3


@pytest.mark.parametrize("size", [1e10, 1e200])
def test_a_start_of_infinite_loss_is_not_used(splines, y, size):
    _, X = splines
    start = np.zeros(1), np.full(24, size)
    path, cold = (solve(X, y, [1e-3], start=begin) for begin in (start, None))
    assert_certified(path)
    np.testing.assert_array_equal(path.coef_matrix, cold.coef_matrix)


@pytest.mark.parametrize(("gradient", "of_intercept"), [(np.nan, 0.0), (0.0, np.nan)])
def test_a_certificate_that_is_not_a_number_stays_one(gradient, of_intercept):
    penalty, _ = GroupLasso().bind(design_of({"a": np.zeros((1, 1))}).layout, 1.0)
    at = Evaluation(0.0, np.array([gradient]), np.array([of_intercept]), 0.0)
    assert np.isnan(kkt_residual(penalty, np.zeros(1), at, 0.1, Scale(1.0, np.zeros(0), 1.0)))


def test_a_null_model_at_the_edge_of_the_family_says_so(splines):
    _, X = splines
    offset = np.where(np.arange(N) < 50, 0.0, 5.0)
    y = np.where(offset == 0, 0, np.random.default_rng(0).poisson(4.0, N)).astype(float)
    penalty, _ = GroupLasso().bind(design_of(X).layout, 1.0)
    family = PoissonObservations(Identity())
    found = path(design_of(X), y, family, penalty, np.array([1e3]), offset=offset)
    assert found.null_status is Status.AT_BOUNDARY
    assert family.loss(offset + found.intercept[0], y).mean() == pytest.approx(found.loss[0])
    assert found.intercept[0] >= 0.0


class Uphill(SingleProblem):
    """Every step goes the wrong way."""

    def evaluate(self, intercept, coef, blocks=None):
        at = super().evaluate(intercept, coef, blocks)
        return replace(at, intercept_gradient=-at.intercept_gradient)


def test_intercepts_stay_where_no_step_descends():
    y = np.arange(10.0)
    problem = Uphill(design_of({"a": np.zeros((10, 1))}), y, PoissonObservations(), np.zeros(10), None)
    zeros = np.zeros(1)
    start = Point(zeros, zeros, problem.evaluate(zeros, zeros), True)
    end, status = _fit_intercept(problem, start, 1e-9)
    assert status is not Status.CONVERGED
    assert end.at.loss <= start.at.loss + 1e-10
