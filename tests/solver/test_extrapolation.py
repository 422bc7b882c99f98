"""Guesses along a path: exact where the model is, and without influence on where a fit ends."""

import numpy as np
import pytest

from spikesieve.observation_models import GaussianObservations
from spikesieve.regularizer import GroupLasso
from spikesieve.solver import path
from tests.solver.problems import counts, design_of, features, solve


def gaussian_path():
    X = features(n_samples=300, n_groups=6)
    rng = np.random.default_rng(3)
    y = X["g00"] @ [1.0, -0.5, 0.2] + 0.3 * X["g01"][:, 0] + rng.normal(size=300)
    design = design_of(X)
    penalty, _ = GroupLasso().bind(design.layout, 1.0)
    return path(design, y, GaussianObservations(), penalty, n_strengths=30, min_ratio=1e-3)


def test_one_pass_per_strength_where_the_quadratic_model_is_exact():
    """Squares have one curvature, so every guess is the solution, also where groups enter."""
    solved = gaussian_path()
    assert solved.converged.all()
    assert len(np.unique((solved.group_norm_matrix > 0).sum(axis=1))) > 3
    assert (solved.n_passes[1:] == 1).all()
    assert solved.n_hessians.sum() == 1


def test_fine_grid_takes_fewer_passes_per_strength():
    X = features()
    coarse, fine = (solve(X, counts(X), n_strengths=n, min_ratio=1e-2) for n in (10, 100))
    assert fine.converged.all()
    assert fine.n_passes.mean() < 2 < coarse.n_passes.mean()


def test_repeated_strengths_have_one_solution():
    X = features()
    y = counts(X)
    strongest = solve(X, y, n_strengths=2).strength_max
    solved = solve(X, y, np.array([0.5, 0.5, 0.3, 0.3, 0.3, 0.2, 0.0, 0.0]) * strongest)
    assert solved.converged.all()
    np.testing.assert_array_equal(solved.coef_matrix[[0, 2, 2]], solved.coef_matrix[[1, 3, 4]])
    assert solved.n_passes[[1, 3, 4]].sum() == 0


@pytest.mark.parametrize("min_ratio", [0.5, 1e-1, 1e-3])
def test_guesses_do_not_move_solutions(min_ratio):
    """Each strength alone, from the null model, ends where the path does."""
    X = features()
    y = counts(X)
    solved = solve(X, y, n_strengths=12, min_ratio=min_ratio, tolerance=1e-9)
    for k in (4, 8, 11):
        alone = solve(X, y, [solved.strengths[k]], tolerance=1e-9)
        np.testing.assert_allclose(solved.coef_matrix[k], alone.coef_matrix[0], atol=1e-6)
        np.testing.assert_allclose(solved.intercept[k], alone.intercept[0], atol=1e-6)
