"""The Newton model: one curvature matrix, kept over steps and strengths until convergence slows.

Unpenalised coefficients (always the intercepts) are eliminated by a Schur complement, which also takes out
most of the correlation between groups: a block of B-splines sums to one, like an intercept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spikesieve._types import Coef, Index, Intercepts
from spikesieve.regularizer import Penalty
from spikesieve.solver._blocks import Curvature, corrected, eliminate, part_of, with_diagonal
from spikesieve.solver._models import Model, model_of
from spikesieve.solver._protocol import Problem

# A first, approximate Hessian uses a quarter of the rows within these bounds and so many per coefficient: with
# 30 rows per coefficient a Hessian of independent rows is within about 2 * sqrt(1 / 30) = 0.37 of the full one in its
# own metric. W(n, 10) takes 7 % less time at 10^4 bins and 2 % at 2 * 10^4 with 5000 rows than with 10 000, 10 % more
# at 10^5, where a pass costs more than a Hessian.
_MIN_ROWS, _MAX_ROWS, _ROWS_PER_COEF = 5_000, 10_000, 30
# Tangents of a concave penalty per step: 40 strengths of GroupMCP on 12 groups took 298 passes with them, 553 with one.
_MAX_BENDS = 30


class CurvatureModel:
    """Curvature over the unpenalised coefficients and some groups, and the steps it proposes."""

    def __init__(self, problem: Problem, penalty: Penalty):
        self.problem = problem
        self.penalty = penalty
        n_rows = min(max(problem.n_samples // 4, _MIN_ROWS), _MAX_ROWS)
        self.stride = max(1, problem.n_samples // max(n_rows, _ROWS_PER_COEF * penalty.n_coef))
        self.n_built = 0
        self._n_free = problem.n_intercepts + len(penalty.ungrouped)
        self._groups, self._has = np.zeros(0, dtype=np.intp), np.zeros(len(penalty.groups), dtype=bool)
        self._gram: Curvature | None = None
        self._local: Local | None = None
        self._reduced: tuple[float | None, _Reduced] | None = None

    def covers(self, groups: Index) -> bool:
        """Whether the matrix in hand includes these groups."""
        return self._gram is not None and bool(self._has[groups].all())

    def build(self, intercept: Intercepts, coef: Coef, groups: Index) -> None:
        """Compute the matrix at a point, over the unpenalised coefficients and `groups`."""
        self._groups, self._has = groups, np.zeros(len(self.penalty.groups), dtype=bool)
        self._has[groups] = True
        self._gram = self.problem.hessian(intercept, coef, self.penalty.columns_of(groups), self.stride)
        self._local = self._reduced = None
        self.n_built += 1

    def outdate(self) -> None:
        """Have the matrix built anew before the next step."""
        self._gram = None

    def refine(self) -> None:
        """Use four times the rows from the next build on."""
        self.stride = max(1, self.stride // 4)

    def over(self, groups: Index) -> "Local":
        """Return the part of the matrix that concerns the unpenalised coefficients and `groups`, as learned so far."""
        kept = self._local
        if kept is None or not (kept.groups is groups or np.array_equal(kept.groups, groups)):
            kept = self._local = self._extract(groups)
            self._reduced = None
        return kept

    def propose(
        self,
        coef: Coef,
        gradient: Coef,
        intercept_gradient: Intercepts,
        groups: Index,
        strength: float,
        tolerance: float,
        bend: bool = False,
    ) -> tuple[Intercepts, Coef]:
        """Step to the minimiser of the model over the unpenalised coefficients and `groups`.

        `gradient` is that of the smooth part at the current point; `tolerance` bounds the model's own
        optimality distance, on the scale of the strengths. A concave penalty is replaced by its tangent at `coef`, or,
        with `bend`, by those at one minimiser after another until they agree.
        """
        reduced = self._reduce(groups, strength)
        free, penalised = self.penalty.ungrouped, reduced.columns
        free_gradient = np.concatenate([intercept_gradient, gradient[free]])
        step = np.zeros(self.penalty.n_coef)
        if len(groups):
            x = coef[penalised]
            linear = reduced.model.matrix @ x - gradient[penalised] + reduced.coupling.T @ free_gradient
            allowed, moved, last = tolerance * self.penalty.weights[groups], coef.copy(), None
            for _ in range(_MAX_BENDS if bend else 1):
                thresholds = self.penalty.thresholds(self.penalty.norms(moved), strength)[groups]
                if last is not None and (np.abs(thresholds - last) <= allowed).all():
                    break
                moved[penalised] = reduced.model.minimise(linear, thresholds, moved[penalised], allowed)
                last = thresholds
            step[penalised] = moved[penalised] - x
        free_step = -reduced.solve_free(free_gradient) - reduced.coupling @ step[penalised]
        n_intercepts = self.problem.n_intercepts
        step[free] = free_step[n_intercepts:]
        return free_step[:n_intercepts], step

    def learn(self, intercept_step: Intercepts, step: Coef, intercept_change: Intercepts, change: Coef) -> None:
        """Correct the matrix by what a step showed: the loss's gradient changed by `change` along `step`.

        The BFGS update (Nocedal & Wright 2006, eq. 6.19) keeps the matrix positive and makes it exact along the step,
        which costs no pass. It holds until the working set changes or the matrix is built anew.
        """
        local = self._local
        if local is None:
            return
        s = np.concatenate([intercept_step, step[local.columns]])
        y = np.concatenate([intercept_change, change[local.columns]])
        matrix = corrected(local.matrix, s, y)
        if matrix is not None:
            self._local, self._reduced = replace(local, matrix=matrix), None

    def _reduce(self, groups: Index, strength: float) -> "_Reduced":
        """Schur complement over `groups`, kept while neither they nor the quadratic part change."""
        local, key = self.over(groups), strength if self.penalty.has_quadratic else None
        if self._reduced is None or self._reduced[0] != key:
            self._reduced = (key, self._schur(local, strength))
        return self._reduced[1]

    def _extract(self, groups: Index) -> "Local":
        penalty = self.penalty
        sizes = [len(penalty.groups[g]) for g in self._groups]
        starts = self._n_free + np.cumsum([0, *sizes])
        where = {g: np.arange(starts[i], starts[i + 1]) for i, g in enumerate(self._groups.tolist())}
        inside = np.concatenate([np.arange(self._n_free), *(where[g] for g in groups.tolist())]).astype(np.intp)
        assert self._gram is not None
        return Local(groups, penalty.columns_of(groups), part_of(self._gram, inside))

    def _schur(self, local: "Local", strength: float) -> "_Reduced":
        n_free, n_intercepts = self._n_free, self.problem.n_intercepts
        matrix = local.matrix
        if self.penalty.has_quadratic:
            added = strength * self.penalty.quadratic[local.columns]
            matrix = with_diagonal(matrix, np.concatenate([np.zeros(n_intercepts), added]))
        left = eliminate(matrix, n_free)
        model = model_of(self.penalty, local.groups, left.schur)
        return _Reduced(local.columns[n_free - n_intercepts :], left.solve_free, left.coupling, model)


@dataclass(frozen=True)
class Local:
    """Curvature over the intercepts and `columns`: the unpenalised coefficients, then those of `groups`."""

    groups: Index
    columns: Index
    matrix: Curvature


@dataclass(frozen=True)
class _Reduced:
    """The model with the unpenalised coefficients eliminated."""

    columns: Index
    solve_free: Callable[[np.ndarray], np.ndarray]
    coupling: Any
    model: Model
