"""The Newton model: one curvature matrix, kept over steps and strengths until convergence slows.

Unpenalised coefficients (always the intercept) are eliminated by a Schur complement, which also takes out
most of the correlation between groups: a block of B-splines sums to one, like the intercept.
"""

import numpy as np

from spikesieve._types import Coef, Index
from spikesieve.regularizer import Penalty
from spikesieve.solver._problem import Problem
from spikesieve.solver._quadratic import QuadraticModel, factorise

# Rows that a first, approximate Hessian uses at least, and per coefficient: with 30 rows per coefficient
# a Hessian of independent rows is within about 2 * sqrt(1 / 30) = 0.37 of the full one in its own metric.
_MIN_ROWS, _ROWS_PER_COEF = 20_000, 30


class CurvatureModel:
    """Curvature over the unpenalised coefficients and some groups, and the steps it proposes."""

    def __init__(self, problem: Problem, penalty: Penalty):
        self.problem = problem
        self.penalty = penalty
        self.stride = max(1, problem.n_samples // max(_MIN_ROWS, _ROWS_PER_COEF * penalty.n_coef))
        self.n_built = 0
        self._groups = np.zeros(0, dtype=np.intp)
        self._gram: np.ndarray | None = None
        self._reduced: tuple[object, _Reduced] | None = None

    def covers(self, groups: Index) -> bool:
        """Whether the matrix in hand includes these groups."""
        return self._gram is not None and bool(np.isin(groups, self._groups).all())

    def build(self, intercept: float, coef: Coef, groups: Index) -> None:
        """Compute the matrix at a point, over the unpenalised coefficients and `groups`."""
        self._groups = groups
        columns = np.concatenate([self.penalty.ungrouped, *(self.penalty.groups[g] for g in groups)])
        self._gram = self.problem.hessian(intercept, coef, columns, self.stride)
        self._reduced = None
        self.n_built += 1

    def outdate(self) -> None:
        """Have the matrix built anew before the next step."""
        self._gram = None

    def refine(self) -> None:
        """Use four times the rows from the next build on."""
        self.stride = max(1, self.stride // 4)

    def propose(
        self, coef: Coef, gradient: Coef, intercept_gradient: float, groups: Index, strength: float, tolerance: float
    ) -> tuple[float, Coef]:
        """Step to the minimiser of the model over the unpenalised coefficients and `groups`.

        `gradient` is that of the smooth part at the current point; `tolerance` bounds the model's own
        optimality distance, on the scale of the strengths.
        """
        reduced = self._reduce(groups, strength)
        free, penalised = self.penalty.ungrouped, reduced.columns
        free_gradient = np.concatenate([[intercept_gradient], gradient[free]])
        step = np.zeros(self.penalty.n_coef)
        if len(groups):
            x = coef[penalised]
            linear = reduced.model.matrix @ x - gradient[penalised] + reduced.coupling.T @ free_gradient
            weights = self.penalty.weights[groups]
            new = reduced.model.minimise(linear, strength * weights, x, tolerance * weights)
            step[penalised] = new - x
        free_step = -reduced.solve_free(free_gradient) - reduced.coupling @ step[penalised]
        step[free] = free_step[1:]
        return float(free_step[0]), step

    def _reduce(self, groups: Index, strength: float) -> "_Reduced":
        """Schur complement over `groups`, kept while neither they nor the quadratic part change."""
        has_quadratic = bool(self.penalty.quadratic.any())
        key = (groups.tobytes(), strength if has_quadratic else None)
        if self._reduced is None or self._reduced[0] != key:
            self._reduced = (key, self._schur(groups, strength))
        return self._reduced[1]

    def _schur(self, groups: Index, strength: float) -> "_Reduced":
        penalty = self.penalty
        n_free = 1 + len(penalty.ungrouped)
        sizes_built = np.array([len(penalty.groups[g]) for g in self._groups], dtype=np.intp)
        starts_built = n_free + np.cumsum([0, *sizes_built])[:-1]
        where = dict(zip(self._groups.tolist(), zip(starts_built, sizes_built, strict=True), strict=True))
        picked = [np.arange(where[g][0], where[g][0] + where[g][1]) for g in groups.tolist()]
        inside = np.concatenate([np.arange(n_free), *picked]).astype(np.intp)
        columns = np.concatenate([np.zeros(0, dtype=np.intp), *(penalty.groups[g] for g in groups)])
        assert self._gram is not None
        matrix = self._gram[np.ix_(inside, inside)]
        quadratic = np.concatenate([[0.0], penalty.quadratic[penalty.ungrouped], penalty.quadratic[columns]])
        matrix[np.diag_indices_from(matrix)] += strength * quadratic
        solve_free = factorise(matrix[:n_free, :n_free])
        coupling = solve_free(matrix[:n_free, n_free:])
        schur = matrix[n_free:, n_free:] - matrix[n_free:, :n_free] @ coupling
        sizes = np.array([len(penalty.groups[g]) for g in groups], dtype=np.intp)
        return _Reduced(columns, solve_free, coupling, QuadraticModel(0.5 * (schur + schur.T), sizes))


class _Reduced:
    """The model with the unpenalised coefficients eliminated."""

    def __init__(self, columns: Index, solve_free, coupling: np.ndarray, model: QuadraticModel):
        self.columns = columns
        self.solve_free = solve_free
        self.coupling = coupling
        self.model = model
