"""`path`: the front door. Four nouns, one verb, one record."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spikesieve._errors import Status
from spikesieve._types import Coef, Intercepts, PerSample, Strengths
from spikesieve.design import Design
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import AdaptivePenalty, BoundPenalty, ExpandedPenalty
from spikesieve.solver._certificate import duality_gap, kkt_residual
from spikesieve.solver._concave import at_curvature_of, solve_from_norm
from spikesieve.solver._expanded import ExpandedProblem
from spikesieve.solver._extrapolation import Extrapolation
from spikesieve.solver._masked_problem import MaskedProblem
from spikesieve.solver._moments_problem import holds_over_rows, in_moments
from spikesieve.solver._newton import NewtonSolver, Point
from spikesieve.solver._null import NullModel, fit_null_model
from spikesieve.solver._protocol import Problem
from spikesieve.solver._record import Path
from spikesieve.solver._sample import Sample
from spikesieve.solver._threads import one_blas_thread

DEFAULT_TOLERANCE = 1e-6
DEFAULT_MAXITER = 500
# Where the likelihood has no finite maximum, a Newton step in the linear predictor stays of order one however
# small the gradient gets; at a finite one it shrinks quadratically.
_ENDLESS_STEP = 0.1
# A pilot fit ends at this share of its largest strength, in steps of a fifth of a decade or so.
_PILOT_SHARE, _PILOT_STRENGTHS = 0.01, 10


def path(
    design: Design,
    y: PerSample,
    observation_model: ObservationModel,
    penalty: BoundPenalty,
    strengths: Strengths | None = None,
    *,
    n_strengths: int = 100,
    min_ratio: float = 1e-3,
    tolerance: float = DEFAULT_TOLERANCE,
    maxiter: int = DEFAULT_MAXITER,
    offset: PerSample | None = None,
    sample_weight: PerSample | None = None,
    start: tuple[float | Intercepts, Coef] | None = None,
    progress: Callable[[int, int], None] | None = None,
    most_groups: int | None = None,
    n_threads: int = 1,
) -> Path:
    """Minimise ``mean loss + strength * penalty`` at decreasing strengths, each solved from the one before.

    Parameters
    ----------
    design, y, observation_model, penalty
        The model; rows with NaN must be gone.
    strengths
        Strengths to solve at. None: `n_strengths` spaced geometrically from the smallest strength at which
        all groups are zero down to `min_ratio` of it.
    tolerance
        KKT residual to reach, relative to the largest strength.
    maxiter
        Newton steps per strength.
    offset
        Added to the linear predictor, one per row.
    sample_weight
        Non-negative weight of each row's loss; only ratios matter.
    start
        Intercepts, ``(n_intercepts,)``, and coefficients to start the first strength from, instead of the null model;
        not used if the loss there is infinite.
    progress
        Called with (strengths done, strengths in all) after each.
    most_groups
        End the path at the first strength at which so many groups are not zero; None for no end.
    n_threads
        Threads over row chunks; any number gives the same result to the last bit.

    Returns
    -------
    Path
        With strengths in decreasing order. An interrupt from the keyboard ends the path early and returns the
        strengths that were finished; one before the first is passed on.
    """
    problem = Sample(design, y, offset, sample_weight).problem(observation_model, n_threads)
    return solve_path(
        problem,
        penalty,
        strengths,
        n_strengths=n_strengths,
        min_ratio=min_ratio,
        tolerance=tolerance,
        maxiter=maxiter,
        start=start,
        progress=progress,
        most_groups=most_groups,
    )


def solve_path(
    problem: Problem,
    penalty: BoundPenalty,
    strengths: Strengths | None = None,
    *,
    n_strengths: int = 100,
    min_ratio: float = 1e-3,
    tolerance: float = DEFAULT_TOLERANCE,
    maxiter: int = DEFAULT_MAXITER,
    start: tuple[float | Intercepts, Coef] | None = None,
    progress: Callable[[int, int], None] | None = None,
    most_groups: int | None = None,
) -> Path:
    """Follow the path of any problem; the arguments are those of `path`."""
    grid = {"n_strengths": n_strengths, "min_ratio": min_ratio, "most_groups": most_groups}
    options = {"tolerance": tolerance, "maxiter": maxiter, "start": start, "progress": progress, **grid}
    with one_blas_thread(problem.n_threads, problem.n_coef):
        by_moments = in_moments(problem, n_strengths if strengths is None else np.size(strengths))
    found = _solve_path(by_moments, penalty, strengths, **options)
    if by_moments is problem or found.interrupted or holds_over_rows(by_moments, found):
        return found
    return _solve_path(problem, penalty, strengths, **options)


def _solve_path(
    problem: Problem,
    penalty: BoundPenalty,
    strengths: Strengths | None,
    *,
    n_strengths: int,
    min_ratio: float,
    tolerance: float,
    maxiter: int,
    start: tuple[float | Intercepts, Coef] | None,
    progress: Callable[[int, int], None] | None,
    most_groups: int | None,
) -> Path:
    if isinstance(penalty, AdaptivePenalty):
        penalty = penalty.informed(_pilot_coef(problem, penalty, tolerance, maxiter))
    expansion = None
    if isinstance(penalty, ExpandedPenalty):
        kept = problem.kept if isinstance(problem, MaskedProblem) else None
        penalty, expansion = penalty.expand(problem.column_covariance, kept)
        problem = ExpandedProblem(problem, expansion)
        start = None if start is None else (start[0], expansion.to_latent(start[1]))
    with one_blas_thread(problem.n_threads, problem.n_coef):
        norm = penalty.convex()
        null = fit_null_model(problem, norm, tolerance, maxiter)
        if strengths is None:
            strengths = max(null.strength_max, null.scale.strength) * np.geomspace(1.0, min_ratio, n_strengths)
        strengths = np.sort(np.asarray(strengths, dtype=np.float64))[::-1]
        solver, concave = NewtonSolver(problem, norm, null.scale, tolerance, maxiter), None
        if norm is not penalty:
            penalty = at_curvature_of(problem, penalty, null.point)
            concave = NewtonSolver(problem, penalty, null.scale, tolerance, maxiter)
        point = null.point if start is None else solver.evaluate(np.reshape(start[0], problem.n_intercepts), start[1])
        if not np.isfinite(point.at.loss):  # a start that overflows, or with means that the family cannot have
            point = null.point
        solved, interrupted = _follow(solver, point, strengths, null, progress, concave, most_groups)
    found = _record(concave or solver, solved, strengths[: len(solved)], null, interrupted)
    return found if expansion is None else found.expanded(expansion)


def _pilot_coef(problem: Problem, penalty: AdaptivePenalty, tolerance: float, maxiter: int) -> Coef:
    """Coefficients of the pilot fit on the same rows: at its strength, or a hundredth of its largest."""
    known = None if penalty.pilot_strength is None else np.array([penalty.pilot_strength])
    grid = {"n_strengths": _PILOT_STRENGTHS, "min_ratio": _PILOT_SHARE}
    return solve_path(problem, penalty.pilot, known, tolerance=tolerance, maxiter=maxiter, **grid).coef_matrix[-1]


def _follow(
    solver: NewtonSolver,
    point: Point,
    strengths: Strengths,
    null: NullModel,
    progress,
    concave: NewtonSolver | None,
    most_groups: int | None,
):
    """Solve strength after strength, and from each solution for `concave`; an interrupt keeps those finished."""
    solved: list[_Solution] = []
    previous, ahead = max(null.strength_max, float(strengths[0])), Extrapolation(solver)
    try:
        for strength in strengths:
            solution = _solve_one(solver, ahead, point, float(strength), previous)
            solved.append(solution if concave is None else _solve_concave(concave, solution, float(strength)))
            point, previous = solution.point, float(strength)
            if progress is not None:
                progress(len(solved), len(strengths))
            if most_groups is not None and np.count_nonzero(solver.penalty.norms(point.coef)) >= most_groups:
                break
    except KeyboardInterrupt:
        if not solved:
            raise
        return solved, True
    return solved, False


@dataclass(frozen=True)
class _Solution:
    """One strength's point, status and cost (Newton steps, passes, Hessians)."""

    point: Point
    status: Status
    counts: tuple[int, int, int]


def _solve_one(solver: NewtonSolver, ahead: Extrapolation, point: Point, strength: float, previous: float) -> _Solution:
    """Solve at one strength from the solution at the previous one, screening groups by the strong rule."""
    if not solver.has_finite_null:
        return _Solution(point, Status.NO_FINITE_MINIMUM, (0, 0, 0))
    if strength == 0.0 and solver.penalty.groups:
        solver = solver.released()
    before = solver.counts
    likely = solver.penalty.likely(point.coef, point.at.gradient, 2.0 * strength - previous)
    if strength > 0.0:
        point = ahead.closer(point, strength, likely)
    point, status = solver.solve(point, strength, likely)
    ahead.add(point, strength)
    if status is Status.CONVERGED and solver.escapes(point, _ENDLESS_STEP, strength):
        status = Status.NO_FINITE_MINIMUM
    n_iterations, n_passes, n_hessians = (b - a for a, b in zip(before, solver.counts, strict=True))
    return _Solution(point, status, (n_iterations, n_passes, n_hessians))


def _solve_concave(solver: NewtonSolver, norm: _Solution, strength: float) -> _Solution:
    """Go on from the solution under the norm, which is the same where nothing is penalised or nothing finite."""
    if strength == 0.0 or norm.status is Status.NO_FINITE_MINIMUM:
        return norm
    before = solver.counts
    point, status = solve_from_norm(solver, norm.point, strength, _ENDLESS_STEP)
    cost = np.add(norm.counts, np.subtract(solver.counts, before))
    return _Solution(point, status, (int(cost[0]), int(cost[1]), int(cost[2])))


def _record(
    solver: NewtonSolver, solved: list[_Solution], strengths: Strengths, null: NullModel, interrupted: bool
) -> Path:
    problem, penalty = solver.problem, solver.penalty
    saturated = problem.saturated_loss()
    points = [solution.point for solution in solved]
    coef = np.array([point.coef for point in points])
    if isinstance(problem, MaskedProblem):  # a step within a group leaves rounding where it was zero
        coef = coef * problem.kept
    intercept = np.array([point.intercept for point in points])
    loss = np.array([point.at.loss for point in points])
    values = np.array([penalty.value(point.coef, s) for point, s in zip(points, strengths, strict=True)])
    room = null.loss - saturated
    explained = (null.loss - loss) / room if room > 0 else np.zeros(len(points))
    kkt = [
        kkt_residual(penalty, point.coef, point.at, s, solver.scale) for point, s in zip(points, strengths, strict=True)
    ]
    gap = [
        duality_gap(penalty, point.intercept, point.coef, point.at, s, saturated) if problem.is_convex else np.nan
        for point, s in zip(points, strengths, strict=True)
    ]
    counts = np.array([solution.counts for solution in solved], dtype=np.intp)
    return Path(
        strengths=strengths,
        strength_max=null.strength_max,
        coef_matrix=coef,
        intercept=intercept[:, 0] if problem.n_intercepts == 1 else intercept,
        loss=loss,
        objective=loss + values,
        deviance_explained=explained,
        kkt_residual=np.array(kkt),
        duality_gap=np.array(gap),
        status=tuple(solution.status for solution in solved),
        n_iterations=counts[:, 0],
        n_passes=counts[:, 1],
        n_hessians=counts[:, 2],
        tolerance=solver.tolerance,
        group_labels=penalty.labels,
        group_norm_matrix=penalty.reported_norms(coef),
        layout=problem.layout,
        interrupted=interrupted,
        null_status=null.status,
    )
