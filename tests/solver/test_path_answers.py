"""The path's solutions against slow references, other libraries and limiting cases."""

import numpy as np
import pytest

from spikesieve.observation_models import Logistic, PoissonObservations
from spikesieve.regularizer import GroupLasso
from spikesieve.solver import Status, path
from tests import reference
from tests.solver.problems import counts, dense, design_of, features, solve


@pytest.fixture(scope="module")
def solved():
    X = features()
    y = counts(X)
    return X, y, solve(X, y, n_strengths=12, min_ratio=1e-2, tolerance=1e-8)


def test_path_starts_at_null_model(solved):
    _, y, path = solved
    assert path.strengths[0] == path.strength_max
    assert not path.coef_matrix[0].any()
    np.testing.assert_allclose(path.intercept[0], np.log(y.mean()), rtol=1e-12)
    assert path.deviance_explained[0] == 0.0


def test_largest_strength_is_where_the_first_group_enters(solved):
    X, y, path = solved
    matrix, groups = dense(X)
    np.testing.assert_allclose(path.strength_max, reference.largest_strength(matrix, y, groups), rtol=1e-12)
    just_below, just_above = (solve(X, y, [factor * path.strength_max]) for factor in (0.999, 1.001))
    assert np.count_nonzero(just_below.group_norm_matrix) == 1
    assert not just_above.coef_matrix.any()


@pytest.mark.parametrize("most_groups", [1, 2, 3])
def test_path_ends_once_so_many_groups_have_entered(solved, most_groups):
    X, y, path = solved
    n_active = np.count_nonzero(path.group_norm_matrix, axis=1)
    n_solved = int(np.flatnonzero(n_active >= most_groups)[0]) + 1
    ended = solve(X, y, n_strengths=12, min_ratio=1e-2, tolerance=1e-8, most_groups=most_groups)
    assert len(ended.strengths) == n_solved < 12
    np.testing.assert_allclose(ended.coef_matrix, path.coef_matrix[:n_solved], atol=1e-10)


@pytest.mark.parametrize("index", [3, 7, 11])
def test_solution_equals_slow_reference(solved, index):
    X, y, path = solved
    matrix, groups = dense(X)
    coef, intercept = reference.fit(matrix, y, groups, path.strengths[index], tolerance=1e-9)
    np.testing.assert_allclose(path.coef_matrix[index], coef, atol=2e-6)
    np.testing.assert_allclose(path.intercept[index], intercept, atol=2e-6)
    slow = reference.objective(matrix, y, groups, path.strengths[index], coef, intercept)
    assert abs(path.objective[index] - slow) < 1e-12


def test_certificate_is_what_the_reference_computes(solved):
    X, y, path = solved
    matrix, groups = dense(X)
    for k, strength in enumerate(path.strengths):
        residual = reference.kkt_residual(matrix, y, groups, strength, path.coef_matrix[k], path.intercept[k])
        assert residual <= 1e-7 * path.strength_max
        assert path.kkt_residual[k] <= path.tolerance


def test_duality_gap_bounds_the_suboptimality():
    X = features()
    y = counts(X)
    matrix, groups = dense(X)
    rough = solve(X, y, n_strengths=8, min_ratio=1e-2, tolerance=1e-2)
    exact = solve(X, y, rough.strengths, tolerance=1e-11)
    excess = rough.objective - exact.objective
    assert (excess >= -1e-14).all() and excess.max() > 1e-12
    assert (excess <= rough.duality_gap + 1e-14).all()
    assert exact.duality_gap.max() < 1e-8


def test_strength_zero_is_the_maximum_likelihood_fit():
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels (test extra) is not installed")
    X = features()
    y = counts(X)
    matrix, _ = dense(X)
    fitted = sm.GLM(y, sm.add_constant(matrix), family=sm.families.Poisson()).fit(tol=1e-13, maxiter=100)
    path = solve(X, y, [0.0], tolerance=1e-9)
    np.testing.assert_allclose(path.coef_matrix[0], fitted.params[1:], atol=1e-8)
    np.testing.assert_allclose(path.intercept[0], fitted.params[0], atol=1e-8)


def test_groups_of_one_are_the_lasso():
    skglm = pytest.importorskip("skglm", reason="skglm (test extra) is not installed")
    X = features(n_groups=8, size=1)
    y = counts(X)
    matrix, groups = dense(X)
    path = solve(X, y, n_strengths=6, min_ratio=0.02, tolerance=1e-9)
    solver = skglm.solvers.ProxNewton(tol=1e-12, fit_intercept=True, max_iter=200)
    for k in range(1, 6):
        model = skglm.GeneralizedLinearEstimator(
            skglm.datafits.Poisson(), skglm.penalties.L1(path.strengths[k]), solver
        ).fit(matrix, y)
        theirs = reference.objective(matrix, y, groups, path.strengths[k], model.coef_, float(model.intercept_))
        assert path.objective[k] <= theirs + 1e-10
        np.testing.assert_allclose(path.coef_matrix[k], model.coef_, atol=1e-4)


def test_gradient_of_an_active_group_points_against_its_coefficients():
    X = features(n_groups=1, size=4)
    y = counts(X, n_active=1)
    matrix, groups = dense(X)
    path = solve(X, y, [0.05], tolerance=1e-10)
    coef = path.coef_matrix[0]
    slope, _ = reference.gradient(matrix, y, coef, path.intercept[0])
    # At the solution the gradient is antiparallel to the coefficients with length strength * sqrt(4).
    np.testing.assert_allclose(-slope, 0.05 * 2.0 * coef / np.linalg.norm(coef), atol=1e-10)


def test_weights_move_a_group_as_scaling_its_columns_does():
    """Twice the weight of a group is the same as half its features, with coefficients twice as large."""
    X = features()
    y = counts(X)
    strengths = [0.02]
    weighted = solve(X, y, strengths, relative=[2.0, 1.0, 1.0, 1.0], tolerance=1e-10)
    scaled = solve({**X, "g00": X["g00"] / 2}, y, strengths, tolerance=1e-10)
    np.testing.assert_allclose(weighted.coef["g00"] * 2, scaled.coef["g00"], atol=1e-7)
    np.testing.assert_allclose(weighted.coef["g01"], scaled.coef["g01"], atol=1e-7)


def test_unpenalised_group_is_fitted_before_the_path_starts():
    X = features()
    y = counts(X)
    path = solve(X, y, n_strengths=5, relative=[0.0, 1.0, 1.0, 1.0], tolerance=1e-9)
    assert path.group_labels == ("g01", "g02", "g03")
    alone = solve({"g00": X["g00"]}, y, [0.0], tolerance=1e-9)
    np.testing.assert_allclose(path.coef["g00"][0], alone.coef["g00"][0], atol=1e-7)
    assert not path.coef["g01"][0].any()


def test_offset_and_weights_equal_what_they_stand_for():
    X = features(n_samples=200)
    y = counts(X)
    exposure = np.random.default_rng(5).uniform(0.5, 2.0, size=200)
    shifted = solve(X, y, [0.01], offset=np.full(200, 0.7), tolerance=1e-10)
    plain = solve(X, y, [0.01], tolerance=1e-10)
    np.testing.assert_allclose(shifted.coef_matrix, plain.coef_matrix, atol=1e-8)
    np.testing.assert_allclose(shifted.intercept, plain.intercept - 0.7, atol=1e-8)
    assert solve(X, y, [0.01], offset=np.log(exposure)).converged.all()
    weights = np.random.default_rng(6).integers(0, 3, size=200).astype(float)
    repeated = np.repeat(np.arange(200), weights.astype(int))
    twice = solve({k: v[repeated] for k, v in X.items()}, y[repeated], [0.01], tolerance=1e-10)
    weighted = solve(X, y, [0.01], sample_weight=weights, tolerance=1e-10)
    np.testing.assert_allclose(weighted.coef_matrix, twice.coef_matrix, atol=1e-8)
    np.testing.assert_allclose(weighted.objective, twice.objective, rtol=1e-10)


def test_start_does_not_change_the_answer():
    X = features()
    y = counts(X)
    cold = solve(X, y, [0.01], tolerance=1e-9)
    rng = np.random.default_rng(0)
    warm = solve(X, y, [0.01], tolerance=1e-9, start=(0.3, rng.normal(size=12)))
    np.testing.assert_allclose(cold.coef_matrix, warm.coef_matrix, atol=1e-7)


def test_path_equals_single_fits():
    X = features(n_groups=12)
    y = counts(X)
    path = solve(X, y, n_strengths=20, min_ratio=1e-2, tolerance=1e-9)
    assert path.status == (Status.CONVERGED,) * 20
    for k in (5, 12, 19):
        single = solve(X, y, [path.strengths[k]], tolerance=1e-9)
        np.testing.assert_allclose(single.coef_matrix[0], path.coef_matrix[k], atol=1e-6)


def test_duality_gap_closes_with_offsets_too():
    X = features(n_samples=200)
    offset = np.random.default_rng(5).normal(size=200)
    found = solve(X, counts(X), n_strengths=5, min_ratio=0.1, offset=offset, tolerance=1e-9)
    assert found.duality_gap.max() < 1e-8


def test_no_duality_gap_where_the_loss_is_not_convex():
    X = features()
    design = design_of(X)
    penalty, _ = GroupLasso().bind(design.layout, 1.0)
    found = path(
        design, np.minimum(counts(X), 1.0), PoissonObservations(Logistic()), penalty, n_strengths=3, min_ratio=0.5
    )
    assert found.converged.all() and np.isnan(found.duality_gap).all()
