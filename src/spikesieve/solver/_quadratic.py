"""The quadratic group-lasso model in coefficient space: ``1/2 x' S x - q' x + sum_g m_g ||x_g||``.

Two steps alternate. A sweep of block coordinate descent, each group minimised exactly in the eigenbasis
of its own Gram matrix, finds which groups are zero. A Newton step on the groups that are not, where the model is
smooth, then gets the digits that coordinate descent is slow to find when groups are correlated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from spikesieve._types import Coef, Index
from spikesieve.regularizer import minimise_group
from spikesieve.solver._blocks import part_of
from spikesieve.solver._factorise import factorise

_MAX_ROUNDS = 100
_NEWTON_STEPS_PER_ROUND = 4


@dataclass(frozen=True)
class _Partition:
    """Where groups of some sizes lie, one behind the other."""

    sizes: Index

    @cached_property
    def starts(self) -> Index:
        """First coefficient of each group."""
        return np.cumsum([0, *self.sizes])[:-1].astype(np.intp)

    @cached_property
    def owner(self) -> Index:
        """Group of each coefficient."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def pairs(self) -> tuple[Index, Index]:
        """Rows and columns of all entries of a matrix that lie within a group."""
        per_row = np.repeat(self.sizes, self.sizes)
        rows = np.repeat(np.arange(len(per_row)), per_row)
        first = np.repeat(np.repeat(self.starts, self.sizes), per_row)
        behind = np.arange(len(rows)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        return rows, first + behind

    def norms(self, x: Coef) -> np.ndarray:
        """Euclidean norm of each group."""
        return np.sqrt(np.add.reduceat(x * x, self.starts))


@lru_cache(maxsize=32)
def _partition(sizes: tuple[int, ...]) -> _Partition:
    """Partition into groups of some sizes: the same few come again at every step of a path."""
    return _Partition(np.array(sizes, dtype=np.intp))


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
    def _parts(self) -> _Partition:
        return _partition(tuple(self.sizes.tolist()))

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
        x, norms = x0.copy(), self._parts.norms
        for _ in range(_MAX_ROUNDS):
            # Newton first: along a path the groups are mostly right, and a sweep costs an eigenbasis for each of them.
            active = norms(x) > 0
            if active.any():
                self._polish(x, linear, thresholds, active, tolerance)
            pull = linear - self.matrix @ x
            if self._optimal(x, pull, thresholds, tolerance):
                break
            self._sweep(x, pull, thresholds)
            if self._optimal(x, pull, thresholds, tolerance):
                break
        return x

    def _optimal(self, x, pull, thresholds, tolerance) -> bool:
        parts = self._parts
        norms = parts.norms(x)
        active = norms > 0
        slope = np.divide(thresholds, norms, out=np.zeros_like(norms), where=active)
        remaining = parts.norms(pull - slope[parts.owner] * x)
        return bool((np.where(active, remaining, remaining - thresholds) <= tolerance).all())

    def _sweep(self, x, pull, thresholds) -> None:
        """One pass of exact block minimisations; `x` and `pull = linear - S x` are updated in place."""
        norms = self._parts.norms
        candidates = np.flatnonzero((norms(x) > 0) | (norms(pull) > thresholds))
        for g in candidates:
            self._minimise_group(int(g), x, pull, thresholds[g])

    def _minimise_group(self, g: int, x: np.ndarray, pull: np.ndarray, threshold: float) -> None:
        if self.sizes[g] == 1:
            self._minimise_single(self._parts.starts[g], x, pull, threshold)
            return
        columns = slice(self._parts.starts[g], self._parts.starts[g] + self.sizes[g])
        values, vectors = self._eigen_of(g, columns)
        rotated = vectors.T @ (pull[columns]) + values * (vectors.T @ x[columns])
        new = vectors @ minimise_group(values, rotated, threshold)
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
        smooth, columns = self._smooth_part(linear, thresholds, active)
        current, allowed = smooth.at(x[columns]), tolerance[active]
        for _ in range(_NEWTON_STEPS_PER_ROUND):
            for step in smooth.steps(current, allowed):
                trial = smooth.at(current.z + step)
                if trial.value < current.value:
                    break
            else:
                break
            decrease, current = current.value - trial.value, trial
            if decrease <= 1e-15 * abs(current.value) or not current.norms.all():
                break
        x[columns] = current.z

    def _smooth_part(self, linear, thresholds, active) -> tuple["SmoothPart", Index | slice]:
        """The model on the active groups, and their coefficients."""
        if active.all():
            return self._smooth(self.matrix, linear, thresholds, self._parts), slice(None)
        columns, parts = np.flatnonzero(active[self._parts.owner]), _partition(tuple(self.sizes[active].tolist()))
        return self._smooth(part_of(self.matrix, columns), linear[columns], thresholds[active], parts), columns

    def _smooth(self, *parts) -> "SmoothPart":
        return SmoothPart(*parts)


class At(NamedTuple):
    """What is had of the smooth part at one point."""

    z: np.ndarray
    norms: np.ndarray
    product: np.ndarray
    """``S z``."""
    value: float


@dataclass(frozen=True, eq=False)
class SmoothPart:
    """The model on groups that are not zero: ``1/2 z' S z - q' z + sum_g m_g ||z_g||``."""

    matrix: np.ndarray
    linear: np.ndarray
    thresholds: np.ndarray
    parts: _Partition

    def at(self, z: np.ndarray) -> At:
        """Norms of the groups and value at a point."""
        norms, product = self.parts.norms(z), self.matrix @ z
        return At(z, norms, product, float(z @ (0.5 * product - self.linear) + self.thresholds @ norms))

    def steps(self, at: At, tolerance: np.ndarray) -> Iterator[np.ndarray]:
        """Steps to try in turn, none at an optimum: Newton's, and the same with a majorised radial curvature.

        A norm has no curvature along its own direction, so where the model has none either (more coefficients than
        rows) Newton's step throws small groups across zero. ``||z|| <= ||z||^2 / (2 c) + c / 2`` with equality at
        ``c = ||z||`` adds the curvature ``m / c`` along it and cannot increase the model (Hunter & Lange 2004, The
        American Statistician 58, 30-37, doi:10.1198/0003130042836): it is used for groups that would move by
        more than half of their norm. Groups that Newton's step would turn round are tried at exactly zero.
        """
        z, norms, starts = at.z, at.norms, self.parts.starts
        descent = self.linear - at.product - (self.thresholds / norms)[self.parts.owner] * z
        if (self.parts.norms(descent) <= tolerance).all():
            return
        radial = np.ones(len(norms))
        step = self._solve(descent, at, radial)
        turned = np.add.reduceat(z * (z + step), starts) <= 0.0
        if turned.any() and not turned.all():
            yield self._step_dropping(turned, at, descent)
        yield step
        for _ in range(2):
            radial[self.parts.norms(step) > 0.5 * norms] = 0.0
            step = self._solve(descent, at, radial)
        yield step
        step = self._solve(descent, at, np.zeros(len(norms)))
        yield step

    def _step_dropping(self, dropped: np.ndarray, at: At, descent: np.ndarray) -> np.ndarray:
        """Newton step of the other groups while those `dropped` go to zero."""
        out = dropped[self.parts.owner]
        kept = ~out
        step = np.where(out, -at.z, 0.0)
        parts = _partition(tuple(self.parts.sizes[~dropped].tolist()))
        matrix = part_of(self.matrix, np.flatnonzero(kept))
        others = type(self)(matrix, self.linear[kept], self.thresholds[~dropped], parts)
        right = descent[kept] - (self.matrix @ step)[kept]
        there = at._replace(z=at.z[kept], norms=at.norms[~dropped])
        step[kept] = others._solve(right, there, np.ones(len(parts.sizes)))
        return step

    def _solve(self, descent: np.ndarray, at: At, radial: np.ndarray) -> np.ndarray:
        """Newton step; `radial` is 1 where a group's norm is taken as it is, 0 where it is majorised."""
        hessian, curvatures, owner = self.matrix.copy(), self.thresholds / at.norms, self.parts.owner
        hessian.flat[:: len(hessian) + 1] += curvatures[owner]
        rows, columns = self.parts.pairs
        outward = (np.sqrt(curvatures * radial) / at.norms)[owner] * at.z
        hessian[rows, columns] -= outward[rows] * outward[columns]
        return factorise(hessian)(descent)
