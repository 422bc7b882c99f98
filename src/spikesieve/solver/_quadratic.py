"""The quadratic group-lasso model in coefficient space: ``1/2 x' S x - q' x + sum_g m_g ||x_g||``.

Two steps alternate. A sweep of block coordinate descent, each group minimised exactly in the eigenbasis
of its own Gram matrix, finds which groups are zero. A Newton step on the groups that are not, where the model is
smooth, then gets the digits that coordinate descent is slow to find when groups are correlated.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve.regularizer import minimise_group
from spikesieve.solver._factorise import factorise

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
    def _eigen(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Eigenvalues and -vectors of the groups that a sweep has visited."""
        return {}

    def _eigen_of(self, g: int, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        if g not in self._eigen:
            values, vectors = np.linalg.eigh(self.matrix[columns, columns])
            self._eigen[g] = np.maximum(values, 0.0), vectors
        return self._eigen[g]

    def minimise(self, linear: np.ndarray, thresholds: np.ndarray, x0: np.ndarray, tolerance: np.ndarray):
        """Minimiser from `x0`, every group's optimality distance within `tolerance` (one per group)."""
        x = x0.copy()
        pull = linear - self.matrix @ x
        for _ in range(_MAX_ROUNDS):
            # Newton first: along a path the groups are mostly right, and a sweep costs an eigenbasis for each of them.
            active = self.norms(x) > 0
            if active.any():
                self._polish(x, linear, thresholds, active, tolerance)
                pull = linear - self.matrix @ x
            if self._optimal(x, pull, thresholds, tolerance):
                break
            self._sweep(x, pull, thresholds)
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
            if self.sizes[g] == 1:
                self._minimise_single(self.starts[g], x, pull, thresholds[g])
                continue
            columns = slice(self.starts[g], self.starts[g] + self.sizes[g])
            values, vectors = self._eigen_of(int(g), columns)
            rotated = vectors.T @ (pull[columns]) + values * (vectors.T @ x[columns])
            new = vectors @ minimise_group(values, rotated, thresholds[g])
            change = new - x[columns]
            if change.any():
                pull -= self.matrix[:, columns] @ change
                x[columns] = new

    def _minimise_single(self, j, x, pull, threshold) -> None:
        """Soft-threshold a group of one: the lasso's many groups have no time for eigenvectors."""
        curvature, old = self.matrix[j, j], x[j]
        linear = pull[j] + curvature * old
        if abs(linear) <= threshold:
            new = 0.0
        elif curvature > 0.0:
            new = (linear - np.copysign(threshold, linear)) / curvature
        else:
            return  # no minimiser: the step would be endless
        if new != old:
            pull -= self.matrix[:, j] * (new - old)
            x[j] = new

    def _polish(self, x, linear, thresholds, active, tolerance) -> None:
        """Newton steps on the active groups, where the norms are smooth; never leaves the model worse."""
        columns = np.flatnonzero(np.repeat(active, self.sizes))
        smooth = _SmoothPart(
            self.matrix[np.ix_(columns, columns)], linear[columns], thresholds[active], self.sizes[active]
        )
        z = x[columns]
        current = smooth.value(z)
        for _ in range(_NEWTON_STEPS_PER_ROUND):
            for step in smooth.steps(z, tolerance[active]):
                trial = smooth.value(z + step)
                if trial < current:
                    break
            else:
                break
            z = z + step
            decrease, current = current - trial, trial
            if decrease <= 1e-15 * abs(current) or not smooth.norms(z).all():
                break
        x[columns] = z


class _SmoothPart:
    """The model on groups that are not zero: ``1/2 z' S z - q' z + sum_g m_g ||z_g||``."""

    def __init__(self, matrix: np.ndarray, linear: np.ndarray, thresholds: np.ndarray, sizes: np.ndarray):
        self.matrix, self.linear, self.thresholds, self.sizes = matrix, linear, thresholds, sizes
        self.starts = np.cumsum([0, *sizes])[:-1].astype(np.intp)

    def norms(self, z: np.ndarray) -> np.ndarray:
        return np.sqrt(np.add.reduceat(z * z, self.starts))

    def value(self, z: np.ndarray) -> float:
        return float(0.5 * z @ (self.matrix @ z) - self.linear @ z + self.thresholds @ self.norms(z))

    def steps(self, z: np.ndarray, tolerance: np.ndarray):
        """Steps to try in turn, none at an optimum: Newton's, and the same with a majorised radial curvature.

        A norm has no curvature along its own direction, so where the model has none either (more coefficients than
        rows) Newton's step throws small groups across zero. ``||z|| <= ||z||^2 / (2 c) + c / 2`` with equality at
        ``c = ||z||`` adds the curvature ``m / c`` along it and cannot increase the model (Hunter & Lange 2004, The
        American Statistician 58, 30-37, doi:10.1198/0003130042836): it is used for groups that would move by
        more than half of their norm. Groups that Newton's step would turn round are tried at exactly zero.
        """
        norms = self.norms(z)
        unit = z / np.repeat(norms, self.sizes)
        descent = self.linear - self.matrix @ z - np.repeat(self.thresholds, self.sizes) * unit
        if (self.norms(descent) <= tolerance).all():
            return
        radial = np.ones(len(norms))
        step = self._solve(descent, unit, norms, radial)
        turned = np.add.reduceat(z * (z + step), self.starts) <= 0.0
        if turned.any() and not turned.all():
            yield self._step_dropping(turned, z, descent, unit, norms)
        yield step
        for _ in range(2):
            radial[self.norms(step) > 0.5 * norms] = 0.0
            step = self._solve(descent, unit, norms, radial)
        yield step
        step = self._solve(descent, unit, norms, np.zeros(len(norms)))
        yield step

    def _step_dropping(self, dropped, z, descent, unit, norms) -> np.ndarray:
        """Newton step of the other groups while those `dropped` go to zero."""
        out = np.repeat(dropped, self.sizes)
        kept = ~out
        step = np.where(out, -z, 0.0)
        others = _SmoothPart(
            self.matrix[np.ix_(kept, kept)], self.linear, self.thresholds[~dropped], self.sizes[~dropped]
        )
        right = descent[kept] - self.matrix[np.ix_(kept, out)] @ step[out]
        step[kept] = others._solve(right, unit[kept], norms[~dropped], np.ones(len(others.sizes)))
        return step

    def _solve(self, descent, unit, norms, radial) -> np.ndarray:
        """Newton step; `radial` is 1 where a group's norm is taken as it is, 0 where it is majorised."""
        hessian, curvatures = self.matrix.copy(), self.thresholds / norms
        hessian.flat[:: len(hessian) + 1] += np.repeat(curvatures, self.sizes)
        rows, columns, groups = self._pairs
        hessian[rows, columns] -= (curvatures * radial)[groups] * unit[rows] * unit[columns]
        return factorise(hessian)(descent)

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows and columns of all entries that lie within a group, and their groups."""
        per_row = np.repeat(self.sizes, self.sizes)
        rows = np.repeat(np.arange(len(per_row)), per_row)
        first = np.repeat(np.repeat(self.starts, self.sizes), per_row)
        behind = np.arange(len(rows)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        return rows, first + behind, np.repeat(np.repeat(np.arange(len(self.sizes)), self.sizes), per_row)
