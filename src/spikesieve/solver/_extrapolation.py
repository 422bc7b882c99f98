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
# A guess may meet the tolerance if the best one for the last strength would have been this many times off.
_HOPEFUL = 6.0


class Extrapolation:
    """Guesses the next solution of one solver's path, and learns from each solution how many nodes serve best."""

    def __init__(self, solver: NewtonSolver):
        self._solver = solver
        self._logs: list[float] = []
        self._points: list[Point] = []
        # How many nodes would have been best for the last strength, and how far off its linear term with them.
        self._n_nodes, self._error = 1, 0.0
        # The model of the last guess, and the linear term with 1, 2, ... nodes.
        self._used: tuple[Local, np.ndarray] | None = None

    def closer(self, point: Point, strength: float, groups: Index) -> Point:
        """Return the guess at a positive `strength`, over `groups`, if it is nearer to optimal than `point`."""
        groups = self._solver.working_groups(point, groups)
        self._used = None
        if self._solver.is_optimal(point, strength, groups):
            return point
        local, shift = self._solver.curvature_over(groups, point), 0.0
        if self._points:
            nodes = _missed(local, self._points)
            here = nodes[-1] if self._points[-1] is point else _missed(local, [point])[0]
            terms = _lagrange(self._logs, float(np.log(strength))) @ nodes
            self._used, shift = (local, terms), terms[min(self._n_nodes, len(terms)) - 1] - here
        guess = self._solver.propose(point, strength, groups, shift, self._error)
        # A guess that will need a step anyway is not worth the gradient of groups that are not worked on.
        is_last = self._error <= _HOPEFUL * self._solver.aim_at(strength)
        return self._solver.closer(point, guess, strength, groups, is_last)

    def add(self, point: Point, strength: float) -> None:
        """Take in a solution: a node of the guesses to come, which shows how good the last guess could have been."""
        if strength <= 0.0 or (self._logs and np.log(strength) >= self._logs[-1]):
            return
        self._logs = [*self._logs, float(np.log(strength))][-_MOST_NODES:]
        self._points = [*self._points, point][-_MOST_NODES:]
        if self._used is not None:
            local, terms = self._used
            off = terms - _missed(local, [point])
            errors = np.sqrt((off * off).sum(axis=1))
            self._n_nodes, self._error = 1 + int(errors.argmin()), float(errors.min())


def _missed(local: Local, points: list[Point]) -> np.ndarray:
    """Per point, the gradient of the loss less what the model's quadratic term gives there."""
    n_intercepts = len(local.matrix) - len(local.columns)
    positions, slopes = np.empty((2, len(points), len(local.matrix)))
    for position, slope, point in zip(positions, slopes, points, strict=True):
        position[:n_intercepts], position[n_intercepts:] = point.intercept, point.coef[local.columns]
        slope[:n_intercepts], slope[n_intercepts:] = point.at.intercept_gradient, point.at.gradient[local.columns]
    return slopes - (local.matrix @ positions.T).T


def _lagrange(nodes: list[float], at: float) -> np.ndarray:
    """Row ``n``: weights of the values at the last ``n + 1`` nodes in the polynomial through them, at another place."""
    weights, row, last = np.zeros((len(nodes), len(nodes))), [], len(nodes) - 1
    for n, new in enumerate(reversed(nodes)):
        of_new, row = 1.0, [w * (at - new) / (node - new) for w, node in zip(row, nodes[last - n + 1 :], strict=True)]
        for node in nodes[last - n + 1 :]:
            of_new *= (at - node) / (new - node)
        row = [of_new, *row]
        weights[n, last - n :] = row
    return weights
