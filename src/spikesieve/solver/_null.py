"""The null model: intercept and unpenalised coefficients alone, and the scale it sets for all certificates."""

from dataclasses import dataclass

import numpy as np

from spikesieve._errors import Status
from spikesieve._tree import CoefLayout, flatten
from spikesieve._types import Intercepts, PerSample
from spikesieve.design import DenseBlock, Design
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import Penalty
from spikesieve.solver._blocks import as_dense
from spikesieve.solver._certificate import Scale
from spikesieve.solver._factorise import factorise
from spikesieve.solver._newton import NewtonSolver, Point
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._protocol import Problem

# A gradient this much below the size of what it is a sum of is rounding.
_ROUNDING = 1e-12
_MAX_STEPS = 60
_NULL_TOLERANCE = 1e-9
_SMALLEST_SHARE = 1e-6
# Of a loss that is summed over many rows.
_NOISE = 1e-13


@dataclass(frozen=True)
class NullModel:
    """Where a path starts.

    Attributes
    ----------
    point
        Intercepts and unpenalised coefficients fitted, penalised ones zero.
    loss
        Mean loss of the intercept-only model, against which deviance explained is counted.
    strength_max
        Smallest strength at which `point` is the solution; 0 if nothing is penalised by a norm.
    scale
        What residuals are measured against.
    status
        How the fit of the intercepts alone ended.
    """

    point: Point
    loss: float
    strength_max: float
    scale: Scale
    status: Status


def fit_null_model(problem: Problem, penalty: Penalty, tolerance: float, maxiter: int) -> NullModel:
    """Fit the null model; without offsets the intercepts alone have a closed form."""
    intercept = problem.null_intercept()
    zeros = np.zeros(problem.n_coef)
    point, status = Point(intercept, zeros, problem.evaluate(intercept, zeros), True), Status.CONVERGED
    residual = problem.residual_rms(intercept, zeros)
    strength_max = _largest_strength(penalty, point)
    scale = _scale(problem, penalty, point, residual, strength_max)
    if problem.has_offset:
        point, status = _fit_intercept(problem, point, tolerance * residual)
        strength_max = _largest_strength(penalty, point)
    loss = point.at.loss
    if penalty.groups and len(penalty.ungrouped) and problem.has_finite_null():
        solver = NewtonSolver(problem, penalty, scale, 0.1 * tolerance, maxiter)
        point = solver.solve_unpenalised(point)
        strength_max = _largest_strength(penalty, point)
        scale = _scale(problem, penalty, point, residual, strength_max)
    return NullModel(point, loss, strength_max, scale, status)


def null_linear_predictor(
    family: ObservationModel, y: PerSample, offset: PerSample | None = None, weight: PerSample | None = None
) -> PerSample:
    """Linear predictor of the best model with an intercept (and the offset) alone, ``(n_samples,)``."""
    columns, structure = DenseBlock(np.empty((len(y), 0))), flatten(np.empty(0))[1]
    weights = None if weight is None else weight / weight.mean()
    problem = SingleProblem(Design((columns,), CoefLayout.of(structure, [0])), y, family, offset, weights)
    intercept = problem.null_intercept()
    if offset is None:
        return np.full(len(y), intercept[0])
    point = Point(intercept, np.zeros(0), problem.evaluate(intercept, np.zeros(0)), True)
    tolerance = _NULL_TOLERANCE * problem.residual_rms(intercept, point.coef)
    return offset + _fit_intercept(problem, point, tolerance)[0].intercept[0]


def _largest_strength(penalty: Penalty, point: Point) -> float:
    """Smallest strength at which every group is zero; costly where groups overlap."""
    return float(penalty.dual_norms(point.at.gradient).max(initial=0.0))


def _scale(problem: Problem, penalty: Penalty, point: Point, residual: float, strength_max: float) -> Scale:
    """Sizes of gradients that matter, kept away from what is only rounding."""
    free = penalty.ungrouped
    size = problem.response_size(point.intercept)
    if residual <= _ROUNDING * size:  # the null model fits every sample: nothing is left to explain
        residual = size or 1.0  # observations that are all zero have no size to tell
    rms = problem.column_rms(free) if len(free) else np.zeros(0)
    strongest = strength_max if penalty.groups else residual
    if strongest <= 1e-6 * residual:  # tiny features, or rounding (constant columns)? their size tells
        everywhere = problem.column_rms(np.arange(penalty.n_coef))
        strongest = max(strongest, _ROUNDING * residual * float(penalty.dual_norms(everywhere).max(initial=0.0)))
    strongest = strongest or residual
    # Unpenalised coefficients are held to the same absolute residual as the groups, unless features are so small that
    # this would ask for less than rounding.
    unpenalised = float(np.clip(strongest, _SMALLEST_SHARE * residual, residual))
    return Scale(strongest, rms * unpenalised, unpenalised)


def _fit_intercept(problem: Problem, point: Point, tolerance: float) -> tuple[Point, Status]:
    """Newton's method in the intercepts alone, halved where it overshoots: offsets leave no closed form."""
    no_columns = np.zeros(0, dtype=np.intp)
    for _ in range(_MAX_STEPS):
        if np.abs(point.at.intercept_gradient).max() <= tolerance:
            return point, Status.CONVERGED
        curvature = as_dense(problem.hessian(point.intercept, point.coef, no_columns, 1))
        step = -factorise(curvature)(point.at.intercept_gradient)
        new = _descended(problem, point, step)
        if new is None:
            return point, Status.AT_BOUNDARY if problem.has_boundary else Status.STALLED
        point = new
    return point, Status.AT_BOUNDARY if problem.has_boundary else Status.ITERATION_LIMIT


def _descended(problem: Problem, point: Point, step: Intercepts) -> Point | None:
    """Return the point at the first halving of a step that is no worse than its start, None if all are."""
    for _ in range(_MAX_STEPS):
        intercept = point.intercept + step
        new = Point(intercept, point.coef, problem.evaluate(intercept, point.coef), True)
        if new.at.loss <= point.at.loss + _NOISE * abs(point.at.loss):
            return new
        step = 0.5 * step
    return None
