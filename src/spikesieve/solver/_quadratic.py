"""The quadratic group-lasso model in coefficient space: ``1/2 x' S x - q' x + sum_g m_g ||x_g||``.

Two steps alternate. A sweep of block coordinate descent, each group minimised exactly in the eigenbasis
of its own Gram matrix, finds which groups are zero. A Newton step on the groups that are not, where the model is
smooth, then gets the digits that coordinate descent is slow to find when groups are correlated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from spikesieve.regularizer import minimise_group

_MAX_ROUNDS = 100
_NEWTON_STEPS_PER_ROUND = 4


@dataclass(frozen=True)
class QuadraticModel:
    """The model around one curvature matrix, kept while the linear term changes.

    Attributes
    ----------
    matrix
        ``S``, symmetric positive semi-definite, ``(n, n)``, of penalised coefficients only.
    sizes
        Number of coefficients of each group; groups lie one behind the other.
    """

    matrix: np.ndarray
    sizes: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """First coefficient of each group."""
        return np.cumsum([0, *self.sizes])[:-1].astype(np.intp)

    @cached_property
    def _eigen(self) -> list[tuple[np.ndarray, np.ndarray]]:
        pairs = []
        for start, size in zip(self.starts, self.sizes, strict=True):
            values, vectors = np.linalg.eigh(self.matrix[start : start + size, start : start + size])
            pairs.append((np.maximum(values, 0.0), vectors))
        return pairs

    def minimise(self, linear: np.ndarray, thresholds: np.ndarray, x0: np.ndarray, tolerance: np.ndarray):
        """Minimiser from `x0`, every group's optimality distance within `tolerance` (one per group)."""
        x = x0.copy()
        pull = linear - self.matrix @ x
        for _ in range(_MAX_ROUNDS):
            self._sweep(x, pull, thresholds)
            if self._optimal(x, pull, thresholds, tolerance):
                break
            active = self.norms(x) > 0
            if active.any():
                self._polish(x, linear, thresholds, active)
                pull = linear - self.matrix @ x
                if self._optimal(x, pull, thresholds, tolerance):
                    break
        return x

    def norms(self, x: np.ndarray) -> np.ndarray:
        """Euclidean norm of each group."""
        return np.sqrt(np.add.reduceat(x * x, self.starts))

    def _optimal(self, x, pull, thresholds, tolerance) -> bool:
        norms = self.norms(x)
        active = norms > 0
        slope = np.divide(thresholds, norms, out=np.zeros_like(norms), where=active)
        remaining = self.norms(pull - np.repeat(slope, self.sizes) * x)
        return bool((np.where(active, remaining, remaining - thresholds) <= tolerance).all())

    def _sweep(self, x, pull, thresholds) -> None:
        """One pass of exact block minimisations; `x` and `pull = linear - S x` are updated in place."""
        candidates = np.flatnonzero((self.norms(x) > 0) | (self.norms(pull) > thresholds))
        for g in candidates:
            columns = slice(self.starts[g], self.starts[g] + self.sizes[g])
            values, vectors = self._eigen[g]
            rotated = vectors.T @ (pull[columns]) + values * (vectors.T @ x[columns])
            new = vectors @ minimise_group(values, rotated, thresholds[g])
            change = new - x[columns]
            if change.any():
                pull -= self.matrix[:, columns] @ change
                x[columns] = new

    def _polish(self, x, linear, thresholds, active) -> None:
        """Newton steps on the active groups, where the norms are smooth; never leaves the model worse."""
        sizes = self.sizes[active]
        columns = np.flatnonzero(np.repeat(active, self.sizes))
        starts = np.cumsum([0, *sizes])[:-1].astype(np.intp)
        matrix, linear, thresholds = self.matrix[np.ix_(columns, columns)], linear[columns], thresholds[active]
        z = x[columns]

        def value(z):
            return 0.5 * z @ (matrix @ z) - linear @ z + thresholds @ np.sqrt(np.add.reduceat(z * z, starts))

        current = value(z)
        for _ in range(_NEWTON_STEPS_PER_ROUND):
            norms = np.sqrt(np.add.reduceat(z * z, starts))
            unit = z / np.repeat(norms, sizes)
            gradient = matrix @ z - linear + np.repeat(thresholds, sizes) * unit
            hessian = matrix.copy()
            for start, size, curvature in zip(starts, sizes, thresholds / norms, strict=True):
                group = slice(start, start + size)
                hessian[group, group] += curvature * (np.eye(size) - np.outer(unit[group], unit[group]))
            step = factorise(hessian)(-gradient)
            for scale in (1.0, 0.5, 0.1):
                trial = value(z + scale * step)
                if trial < current:
                    break
            else:
                break
            z = z + scale * step
            decrease, current = current - trial, trial
            if decrease <= 1e-15 * abs(current):
                break
        x[columns] = z


def factorise(matrix: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Solver for a positive semi-definite matrix, damped relative to its diagonal until it factorises.

    The damping is scale-free, so columns of very different units are treated alike; along directions without
    curvature (a B-spline block and the intercept always have one) the solution stays small.
    """
    diagonal = np.diagonal(matrix)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix * scale * scale[:, None]
    damping = 1e-13 * max(len(matrix), 1)
    while damping < 1e3:
        damped = scaled.copy()
        damped[np.diag_indices_from(damped)] += damping
        try:
            factor = cho_factor(damped, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            damping *= 100.0
            continue
        return lambda right: (scale * cho_solve(factor, (scale * right.T).T, check_finite=False).T).T
    return lambda right: np.zeros_like(right)
