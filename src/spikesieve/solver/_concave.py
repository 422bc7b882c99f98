"""Concave penalties: what their `gamma` is relative to, and the way from the norm's solution to a stationary point.

At each strength the solution under the norm comes first; from there the objective only decreases. So the answer depends
on the strength alone and not on the path taken to it, and is the one that statistical theory speaks of (Fan, Xue & Zou
2014, Ann. Stat. 42, 819-849, doi:10.1214/13-AOS1198).
"""

import numpy as np

from spikesieve._errors import Status
from spikesieve.regularizer import Penalty
from spikesieve.solver._blocks import as_dense
from spikesieve.solver._factorise import factorise
from spikesieve.solver._newton import NewtonSolver, Point
from spikesieve.solver._protocol import Problem

# Coefficients whose Hessian is had at a time.
_BATCH = 64
_SMALLEST_SHARE = 1e-9


def at_curvature_of(problem: Problem, penalty: Penalty, null: Point) -> Penalty:
    """Penalty whose shape knows the data's curvature along each group, if it waits for it."""
    return penalty.at_curvature(group_curvature(problem, penalty, null)) if penalty.awaits_curvature else penalty


def group_curvature(problem: Problem, penalty: Penalty, null: Point) -> np.ndarray:
    """Mean diagonal of the null model's Hessian over each group, with the intercepts eliminated, ``(n_groups,)``.

    For a Gaussian family and features of unit variance it is 2 in each group, as the loss has no half.
    """
    diagonal = np.zeros(problem.n_coef)
    n = problem.n_intercepts
    for start in range(0, len(penalty.members), _BATCH):
        columns = np.sort(penalty.members[start : start + _BATCH])
        hessian = as_dense(problem.hessian(null.intercept, null.coef, columns, 1))
        eliminated = np.sum(hessian[:n, n:] * factorise(hessian[:n, :n])(hessian[:n, n:]), axis=0)
        diagonal[columns] = np.diagonal(hessian)[n:] - eliminated
    curvature = np.array([diagonal[group].mean() for group in penalty.groups])
    # Constant columns have none but rounding; they never enter, and must not be divided by zero.
    return np.maximum(curvature, _SMALLEST_SHARE * curvature.max(initial=0.0) or 1.0)


def solve_from_norm(solver: NewtonSolver, point: Point, strength: float, endless_step: float) -> tuple[Point, Status]:
    """Stationary point of a concave penalty downhill from the solution under the norm."""
    likely = np.flatnonzero(solver.penalty.norms(point.coef) > 0)
    point, status = solver.solve(point, strength, likely)
    if status is Status.CONVERGED and solver.escapes(point, endless_step, strength):
        status = Status.NO_FINITE_MINIMUM
    return point, status
