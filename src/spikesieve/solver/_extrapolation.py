"""Where the next solution of a path is likely to be, from what the quadratic model missed at the last ones.

A solution minimises the kept quadratic model plus penalty if the model's linear term is right: ``gradient(x) - S x`` at
the solution itself, with ``S`` the kept curvature. Along a path that term changes little, since ``S`` is close to the
true curvature, and smoothly in the log of the strength: a polynomial through the last solutions gives the next one,
and the model's minimiser is the guess. Groups enter and leave in it by themselves, and the kinks where they do, like
the errors of solutions that are only within the tolerance, reach the linear term multiplied by the error of ``S``.

W(10^5, 10) with 100 strengths takes 186 passes so; with cubics through the coefficients it took 249, from the last
solution alone 301.
"""

import numpy as np

from spikesieve._types import Index
from spikesieve.solver._curvature import Local
from spikesieve.solver._newton import NewtonSolver, Point

_MOST_NODES = 6


class Extrapolation:
    """Guesses the next solution of one solver's path, and learns from each solution how many nodes serve best."""

    def __init__(self, solver: NewtonSolver):
        self._solver = solver
        self._logs: list[float] = []
        self._points: list[Point] = []
        self._n_nodes = 1
        self._used: Local | None = None

    def closer(self, point: Point, strength: float, groups: Index) -> Point:
        """Return the guess at a positive `strength`, over `groups`, if it is nearer to optimal than `point`."""
        groups = self._solver.working_groups(point, groups)
        self._used = None
        if self._solver.is_optimal(point, strength, groups):
            return point
        local = self._used = self._solver.curvature_over(groups, point)
        shift = 0.0
        if self._points:
            n_nodes = min(self._n_nodes, len(self._points))
            nodes = np.array([_missed(local, node) for node in self._points[-n_nodes:]])
            shift = _lagrange(np.array(self._logs[-n_nodes:]), np.log(strength)) @ nodes - _missed(local, point)
        return self._solver.closer(point, self._solver.propose(point, strength, groups, shift), strength, groups)

    def add(self, point: Point, strength: float) -> None:
        """Take in a solution: a node of the guesses to come, which shows how good the last guess could have been."""
        if strength <= 0.0 or (self._logs and np.log(strength) >= self._logs[-1]):
            return
        self._logs = [*self._logs[-_MOST_NODES:], np.log(strength)]
        self._points = [*self._points[-_MOST_NODES:], point]
        if self._used is not None and len(self._points) > 1:
            logs, missed = np.array(self._logs), np.array([_missed(self._used, node) for node in self._points])
            errors = [
                np.linalg.norm(_lagrange(logs[-1 - n : -1], logs[-1]) @ missed[-1 - n : -1] - missed[-1])
                for n in range(1, len(logs))
            ]
            self._n_nodes = 1 + int(np.argmin(errors))


def _missed(local: Local, point: Point) -> np.ndarray:
    """Gradient of the loss at a point less what the model's quadratic term gives there."""
    position = np.concatenate([point.intercept, point.coef[local.columns]])
    return np.concatenate([point.at.intercept_gradient, point.at.gradient[local.columns]]) - local.matrix @ position


def _lagrange(nodes: np.ndarray, at: float) -> np.ndarray:
    """Weights of the values at `nodes` in the polynomial through them, at another place."""
    gaps = nodes[:, None] - nodes
    np.fill_diagonal(gaps, 1.0)
    ahead = np.tile(at - nodes, (len(nodes), 1))
    np.fill_diagonal(ahead, 1.0)
    return np.prod(ahead / gaps, axis=1)
