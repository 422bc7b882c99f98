"""CVXPY as the judge of structured penalties: the smallest objective, from a general conic solver."""

import numpy as np
import pytest

from spikesieve.observation_models import GaussianObservations, PoissonObservations
from spikesieve.solver import Path

FAMILIES = {"Gaussian": GaussianObservations(), "Poisson": PoissonObservations()}


def smallest_objective(matrix, y, family: str, cost, strength: float) -> float:
    """Minimum of ``mean loss + strength * cost(coef)``.

    `cost` makes a CVXPY expression of a CVXPY variable, or a pair of it and constraints on variables of its own.
    """
    cp = pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    coef, intercept = cp.Variable(matrix.shape[1]), cp.Variable()
    eta = matrix @ coef + intercept
    loss = cp.sum(cp.exp(eta) - cp.multiply(y, eta)) if family == "Poisson" else cp.sum_squares(y - eta)
    made = cost(coef)
    penalty, constraints = made if isinstance(made, tuple) else (made, [])
    problem = cp.Problem(cp.Minimize(loss / len(y) + strength * penalty), constraints)
    problem.solve(solver="CLARABEL")
    return float(problem.value)


def objective(matrix, y, family: str, value, strength: float, coef, intercept) -> float:
    """The same at given coefficients, `value` in NumPy."""
    eta = matrix @ coef + intercept
    loss = np.mean(np.exp(eta) - y * eta) if family == "Poisson" else np.mean((y - eta) ** 2)
    return float(loss + strength * value(coef))


def assert_smallest(path: Path, matrix, y, family: str, cost, value) -> None:
    """Every solution of the path is as good as CVXPY's, by a yardstick that is neither's."""
    assert path.converged.all()
    for k, strength in enumerate(path.strengths):
        ours = objective(matrix, y, family, value, strength, path.coef_matrix[k], path.intercept[k])
        assert abs(ours - path.objective[k]) <= 1e-12 * max(1.0, abs(ours))
        excess = ours - smallest_objective(matrix, y, family, cost, strength)
        assert abs(excess) <= 1e-7, (k, excess)
