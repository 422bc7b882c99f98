"""One strength: proximal Newton steps on a working set of groups, then a check of all the others.

Gradients are exact, curvature approximate: a kept matrix is refreshed only when the KKT residual stops falling fast.
The method is that of Lee, Sun & Saunders 2014 (SIAM J. Optim. 24, 1420-1443, doi:10.1137/130921428); the working set
follows the sequential strong rule (Tibshirani et al. 2012, J. R. Stat. Soc. B 74, 245-266,
doi:10.1111/j.1467-9868.2011.01004.x), whose mistakes the check repairs.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve._errors import Status
from spikesieve._types import Coef, Index, Intercepts
from spikesieve.regularizer import Penalty
from spikesieve.solver._certificate import Scale, group_distances, kkt_residual
from spikesieve.solver._curvature import CurvatureModel, Local
from spikesieve.solver._protocol import Evaluation, Problem

# A step that leaves more than this share of the residual calls for fresh curvature.
_SLOW = 0.5
# Armijo's fraction, and the noise of an objective summed over many rows.
_SUFFICIENT, _NOISE = 1e-4, 1e-13
_MAX_HALVINGS = 60
# Below a hundredth of the largest strength the aim is tightened in proportion, so that the certificate means as much
# there (the duality gap grows like residual / strength), down to what rounding allows.
_TIGHTEN, _TIGHTEST = 100.0, 1e-4
# The model is minimised to these shares of the residual it starts from, or of what is aimed at.
_RELATIVE_INNER, _INNER, _EXACT = 0.02, 0.1, 1e-6
# Steps in a row that change neither objective nor residual before a fit counts as stalled.
_PATIENCE = 5
# A step cut to this share by the edge of the family's means makes next to no way; Newton steps that merely start too
# long (Gamma counts under the identity link) were cut to a tenth, a few times.
_CUT = 1e-3


@dataclass(frozen=True)
class Point:
    """Coefficients and what one pass there found; `complete` if the gradient covers every block."""

    intercept: Intercepts
    coef: Coef
    at: Evaluation
    complete: bool


class NewtonSolver:
    """Solves one strength after another, keeping curvature between them."""

    def __init__(self, problem: Problem, penalty: Penalty, scale: Scale, tolerance: float, maxiter: int):
        self.problem, self.penalty, self.scale = problem, penalty, scale
        self.relative_tolerance, self.tolerance = tolerance, tolerance * scale.strength
        self.maxiter = maxiter
        self.curvature = CurvatureModel(problem, penalty)
        self.n_passes = 0
        self.n_iterations = 0
        self._n_cut = 0
        self._rate, self._aim = 0.1, self.tolerance
        self._working_set = np.zeros(0, dtype=np.intp)
        # What is asked for again and again, for the same groups and the same point.
        self._blocks: tuple[Index | None, Index | None] = (None, None)
        self._distances: tuple[Point | None, float, np.ndarray] = (None, 0.0, np.zeros(0))

    def solve(self, start: Point, strength: float, groups: Index) -> tuple[Point, Status]:
        """Solve at `strength` from `start` (with a complete gradient), first on `groups`."""
        self._aim = self.aim_at(strength)
        point, budget = start, self.n_iterations + self.maxiter
        while True:
            groups = self.working_groups(point, groups)
            point, status = self._solve_on(point, strength, groups, budget)
            if not point.complete:
                point = self.evaluate(point.intercept, point.coef)
            distances = self._distances_at(point, strength).copy()
            distances[groups] = -np.inf
            violators = np.flatnonzero(~(distances <= self._aim))  # so that NaN is one
            if status is not Status.CONVERGED or len(violators) == 0:
                return point, status
            # The worst first, and never more than double: a cold start at a small strength would take in all.
            room = max(10, len(groups))
            groups = np.union1d(groups, violators[np.argsort(-distances[violators])[:room]])

    def working_groups(self, point: Point, groups: Index) -> Index:
        """Take `groups` and those that are not zero into the working set, and return it, the same array if it has them.

        Groups stay once they were in: curvature learned on the working set holds while it does not change.
        """
        belongs = self.penalty.norms(point.coef) > 0
        belongs[groups] = belongs[self._working_set] = True
        if np.count_nonzero(belongs) > len(self._working_set):
            self._working_set = np.flatnonzero(belongs)
        return self._working_set

    def curvature_over(self, groups: Index, point: Point) -> Local:
        """Kept curvature over the unpenalised coefficients and `groups`, of `point` if there is none."""
        self._refresh(point, groups)
        return self.curvature.over(groups)

    def propose(
        self, point: Point, strength: float, groups: Index, shift: np.ndarray | float, error: float
    ) -> tuple[Intercepts, Coef]:
        """Minimiser of the model at `strength`, its gradient at `point` shifted over what `curvature_over` covers.

        `error` is how far off the shift may be: the model is not minimised much more precisely than that.
        """
        gradient = self.penalty.smooth_gradient(point.coef, point.at.gradient, strength).copy()
        local, n_intercepts = self.curvature.over(groups), self.problem.n_intercepts
        shift = np.broadcast_to(shift, len(local.matrix))
        gradient[local.columns] += shift[n_intercepts:]
        intercept_gradient = point.at.intercept_gradient + shift[:n_intercepts]
        tolerance = max(_RELATIVE_INNER * error, _INNER * self.aim_at(strength))
        intercept_step, step = self.curvature.propose(
            point.coef, gradient, intercept_gradient, groups, strength, tolerance
        )
        return point.intercept + intercept_step, point.coef + step

    def closer(
        self, point: Point, guess: tuple[Intercepts, Coef], strength: float, groups: Index, complete: bool
    ) -> Point:
        """Return the point at `guess` if it is nearer to optimal at `strength` on `groups` than `point`, else `point`.

        Its gradient covers every block if `complete`, else those of `groups`.
        """
        residual, current = self._residual(point, strength, groups), self._objective(point, strength)
        new = self.evaluate(*guess, None if complete else self._blocks_of(groups))
        # The residual alone does not tell: it vanishes where the loss is infinite, too.
        falls = self._objective(new, strength) <= current + _NOISE * abs(current)
        if not (falls and self._residual(new, strength, groups) < residual):
            return point
        self._learn(point, new)
        return new

    def is_optimal(self, point: Point, strength: float, groups: Index) -> bool:
        """Whether `point` is within what is aimed at for `strength`, on `groups` and the unpenalised coefficients."""
        return self._residual(point, strength, groups) <= self.aim_at(strength)

    def solve_unpenalised(self, start: Point) -> Point:
        """Fit the intercepts and the unpenalised coefficients, with every group left at zero."""
        nothing = np.zeros(0, dtype=np.intp)
        point, _ = self._solve_on(start, 0.0, nothing, self.n_iterations + self.maxiter)
        return point if point.complete else self.evaluate(point.intercept, point.coef)

    def released(self) -> "NewtonSolver":
        """Solver of the same problem with all groups unpenalised: strength 0."""
        penalty = self.penalty.without_groups()
        rms = self.problem.column_rms(penalty.ungrouped)
        scale = Scale(self.scale.intercept, rms * self.scale.intercept, self.scale.intercept)
        return NewtonSolver(self.problem, penalty, scale, self.relative_tolerance, self.maxiter)

    def escapes(self, point: Point, endless_step: float, strength: float) -> bool:
        """Whether a Newton step from a converged point is still large: the minimum is then at infinity.

        Only coefficients without any penalty can escape, groups on the flat part of a concave one among them.
        """
        flat = np.flatnonzero(self.penalty.thresholds(self.penalty.norms(point.coef), strength) == 0.0)
        free = self.penalty.columns_of(flat)
        if len(free) == 0 or self.penalty.quadratic[free].all() or self.problem.is_quadratic:
            return False
        curvature = CurvatureModel(self.problem, self.penalty)
        curvature.build(point.intercept, point.coef, flat)
        gradient, intercept_gradient = point.at.gradient, point.at.intercept_gradient
        exact = _EXACT * self.tolerance  # far below the gradient of a converged point, which would be no step else
        _, step = curvature.propose(point.coef, gradient, intercept_gradient, flat, strength, exact)
        return bool((np.abs(step[free]) * self.problem.column_peak(free) > endless_step).any())

    @cached_property
    def has_finite_null(self) -> bool:
        """Whether the intercepts alone have a finite best value."""
        return self.problem.has_finite_null()

    @property
    def counts(self) -> tuple[int, int, int]:
        """Newton steps, passes and Hessians so far."""
        return self.n_iterations, self.n_passes, self.curvature.n_built

    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Point:
        """One counted pass."""
        self.n_passes += 1
        at = self.problem.evaluate(intercept, coef, blocks)
        return Point(intercept, coef, at, blocks is None)

    def aim_at(self, strength: float) -> float:
        """Residual that is aimed at for `strength`."""
        return self.tolerance * min(1.0, max(_TIGHTEN * strength / self.scale.strength, _TIGHTEST))

    def _solve_on(self, point: Point, strength: float, groups: Index, budget: int) -> tuple[Point, Status]:
        blocks = self._blocks_of(groups)
        residual = self._residual(point, strength, groups)
        best, idle, self._n_cut = residual, 0, 0
        while not residual <= self._aim < np.inf:
            if not np.isfinite(residual + self._aim):
                return point, Status.NOT_FINITE
            if self.n_iterations >= budget:
                return point, self._ended(residual, Status.ITERATION_LIMIT)
            self.n_iterations += 1
            fresh = self._refresh(point, groups)
            last = residual * self._rate <= self._aim
            new = self._step(point, strength, groups, residual, None if last else blocks)
            if self._n_cut > _PATIENCE or (new is None and fresh and self.curvature.stride == 1):
                return point, self._ended(residual, Status.AT_BOUNDARY if self._n_cut else Status.STALLED)
            if new is not None:
                self._learn(point, new)
                gain = self._objective(point, strength) - self._objective(new, strength)
                previous, point, residual = residual, new, self._residual(new, strength, groups)
                self._rate = min(residual / previous, 1.0)
                progressed = residual < 0.9 * best or gain > _NOISE * abs(point.at.loss)
                best, idle = min(best, residual), 0 if progressed else idle + 1
                if idle > _PATIENCE:
                    return point, self._ended(residual, Status.AT_BOUNDARY if self._n_cut else Status.STALLED)
            if new is None or self._rate > _SLOW:
                if fresh:
                    self.curvature.refine()
                self.curvature.outdate()
        return point, Status.CONVERGED

    def _ended(self, residual: float, status: Status) -> Status:
        """A point within the tolerance has converged, even if it is short of what was aimed at."""
        return Status.CONVERGED if residual <= self.tolerance else status

    def _learn(self, old: Point, new: Point) -> None:
        change = new.at.gradient - old.at.gradient
        intercept_change = new.at.intercept_gradient - old.at.intercept_gradient
        self.curvature.learn(new.intercept - old.intercept, new.coef - old.coef, intercept_change, change)

    def _refresh(self, point: Point, groups: Index) -> bool:
        """Build curvature if it is missing or was found wanting; True if it is of this very point."""
        if self.curvature.covers(groups):
            return False
        self.curvature.build(point.intercept, point.coef, self._groups_to_build(groups))
        return True

    def _groups_to_build(self, groups: Index) -> Index:
        """All groups if they are few, else the working set: the matrix then serves the whole path."""
        everything = np.arange(len(self.penalty.groups))
        return everything if self.penalty.n_coef <= max(200, 2 * self._n_columns(groups)) else groups

    def _n_columns(self, groups: Index) -> int:
        return sum(len(self.penalty.groups[g]) for g in groups)

    def _step(self, point: Point, strength: float, groups: Index, residual: float, blocks) -> Point | None:
        """Newton step with backtracking; None if no step decreases the objective.

        Under a concave penalty the step to the model's own stationary point is tried before that under its tangent,
        which always descends.
        """
        gradient = self.penalty.smooth_gradient(point.coef, point.at.gradient, strength)
        inner = max(_RELATIVE_INNER * residual, _INNER * self._aim)
        for bend in (False,) if self.penalty.shape.is_convex else (True, False):
            intercept_step, step = self.curvature.propose(
                point.coef, gradient, point.at.intercept_gradient, groups, strength, inner, bend
            )
            new = self._search(point, intercept_step, step, gradient, strength, blocks, bend)
            if new is not None:
                return new
        return None

    def _search(self, point: Point, intercept_step, step: Coef, gradient: Coef, strength: float, blocks, bend: bool):
        """Point along a step that decreases the objective enough, None if there is none.

        A step with `bend` need not start downhill: it is taken whole or not at all.
        """
        current = self._objective(point, strength)
        change = (self.penalty.change if bend else self.penalty.bound_on_change)(point.coef, step, strength)
        expected = gradient @ step + point.at.intercept_gradient @ intercept_step + change
        scale, left = 1.0, False
        for _ in range(1 if bend else _MAX_HALVINGS):
            coef = point.coef + scale * step
            new = self.evaluate(point.intercept + scale * intercept_step, coef, blocks)
            objective = self._objective(new, strength)
            if objective <= current + _SUFFICIENT * scale * min(expected, 0.0) + _NOISE * abs(current):
                self._n_cut = self._n_cut + 1 if left and scale <= _CUT else 0
                return new
            left |= self.problem.has_boundary and not np.isfinite(objective)
            scale *= 0.5 if np.isfinite(objective) else 0.1
            if abs(scale * expected) < _NOISE * abs(current) or (left and scale < _CUT**2):
                break
        self._n_cut += left
        return None

    def _objective(self, point: Point, strength: float) -> float:
        return point.at.loss + self.penalty.value(point.coef, strength)

    def _residual(self, point: Point, strength: float, groups: Index) -> float:
        distances = self._distances_at(point, strength)[groups]
        return kkt_residual(self.penalty, point.coef, point.at, strength, self.scale, distances)

    def _distances_at(self, point: Point, strength: float) -> np.ndarray:
        """Optimality distances of all groups; without meaning in blocks that the point's gradient does not cover."""
        if self._distances[0] is not point or self._distances[1] != strength:
            self._distances = point, strength, group_distances(self.penalty, point.coef, point.at, strength)
        return self._distances[2]

    def _blocks_of(self, groups: Index) -> Index | None:
        """Blocks that `groups` and the unpenalised coefficients need; None for all."""
        if self._blocks[0] is not groups:
            blocks = self.problem.blocks_of(self.penalty.columns_of(groups))
            self._blocks = groups, None if len(blocks) == self.problem.n_blocks else blocks
        return self._blocks[1]
