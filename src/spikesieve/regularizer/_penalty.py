"""`Penalty`: a regularizer laid out over one flat coefficient vector.

``penalty(coef) = sum_g shape(||coef_g||_2; s w_g) + s / 2 sum_j q_j coef_j^2`` at strength ``s``; for the norm that is
``s (sum_g w_g ||coef_g||_2 + 1/2 sum_j q_j coef_j^2)``. Groups do not overlap; a coefficient in no group and with
``q_j = 0`` is unpenalised.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from spikesieve._types import Coef, Index
from spikesieve.regularizer._shapes import ConcaveShape, Norm, Shape


@dataclass(frozen=True)
class Penalty:
    """Groups, their weights, what their norms cost, and an optional quadratic part.

    Attributes
    ----------
    n_coef
        Length of the coefficient vector.
    groups
        Indices of each group's coefficients.
    weights
        ``w_g``, positive, one per group.
    labels
        One name per group.
    quadratic
        ``q_j``, non-negative, ``(n_coef,)``.
    shape
        What a group pays for its norm.
    """

    n_coef: int
    groups: tuple[Index, ...]
    weights: np.ndarray
    labels: tuple[str, ...]
    quadratic: np.ndarray
    shape: Shape = field(default=Norm(), kw_only=True)

    @cached_property
    def members(self) -> Index:
        """Indices of all groups, one group behind the other."""
        return np.concatenate(self.groups) if self.groups else np.zeros(0, dtype=np.intp)

    @cached_property
    def starts(self) -> Index:
        """Where each group starts in `members`."""
        return np.cumsum([0, *(len(group) for group in self.groups)])[:-1].astype(np.intp)

    @cached_property
    def owner(self) -> Index:
        """Group of each of the `members`."""
        return np.repeat(np.arange(len(self.groups)), self._sizes)

    @cached_property
    def ungrouped(self) -> Index:
        """Coefficients in no group."""
        return np.setdiff1d(np.arange(self.n_coef), self.members)

    def columns_of(self, groups: Index) -> Index:
        """Indices of the coefficients in no group, then of those of some groups, in the order given."""
        return np.concatenate([self.ungrouped, *(self.groups[g] for g in groups)]).astype(np.intp)

    def norms(self, coef: Coef) -> np.ndarray:
        """Euclidean norm of each group, ``(n_groups,)``; leading axes of `coef` are kept."""
        if not self.groups:
            return np.zeros((*coef.shape[:-1], 0))
        picked = self._of_members(coef)
        return np.sqrt(np.add.reduceat(picked * picked, self.starts, axis=-1))

    def reported_norms(self, coef: np.ndarray) -> np.ndarray:
        """Norms of the groups that `labels` name, ``(..., n_labels)`` for coefficients ``(..., n_coef)``."""
        return self.norms(coef)

    def value(self, coef: Coef, strength: float = 1.0) -> float:
        """Penalty at a strength."""
        of_norms = float(self.shape.value(self.norms(coef), strength * self.weights).sum())
        return of_norms + 0.5 * strength * float((self.quadratic * coef) @ coef) if self.has_quadratic else of_norms

    def smooth_gradient(self, coef: Coef, gradient: Coef, strength: float) -> Coef:
        """Gradient of the loss, and of the quadratic part at a strength."""
        return gradient + strength * self.quadratic * coef if self.has_quadratic else gradient

    def thresholds(self, norms: np.ndarray, strength: float) -> np.ndarray:
        """Slope of the penalty in each group's norm: ``strength * w_g`` for the norm, less for a concave shape."""
        return self.shape.slope(norms, strength * self.weights)

    def change(self, coef: Coef, step: Coef, strength: float) -> float:
        """The penalty's change along `step`, less the slope of its quadratic part."""
        slope = float((self.quadratic * coef) @ step)
        return self.value(coef + step, strength) - self.value(coef, strength) - strength * slope

    def bound_on_change(self, coef: Coef, step: Coef, strength: float) -> float:
        """Upper bound on the penalty's change along `step`, less the slope of its quadratic part; exact for the norm.

        A concave shape lies below its tangent (Hunter & Li 2005, Ann. Stat. 33, 1617-1642, section 3.2,
        doi:10.1214/009053605000000200).
        """
        norms = self.norms(coef)
        along = self.thresholds(norms, strength) @ (self.norms(coef + step) - norms)
        return float(along + 0.5 * strength * (self.quadratic * step) @ step)

    def conjugate(self, dual: Coef, strength: float) -> float:
        """Upper bound on the convex conjugate of the penalty at a dual point; exact where ``q_j`` is equal in a group.

        ``sup_x u'x - s w ||x|| - s q/2 ||x||^2 = (||u|| - s w)_+^2 / (2 s q)``. The point must be feasible: within the
        strength in every group without quadratic part.
        """
        quadratic = strength * self.group_quadratic
        excess = np.maximum(self.norms(dual) - strength * self.weights, 0.0)
        in_groups = np.divide(excess**2, 2.0 * quadratic, out=np.zeros_like(excess), where=quadratic > 0)
        free = self.ungrouped
        return float(in_groups.sum() + np.sum(dual[free] ** 2 / (2.0 * strength * self.quadratic[free])))

    @cached_property
    def group_quadratic(self) -> np.ndarray:
        """Smallest ``q_j`` of each group, ``(n_groups,)``."""
        if not self.groups:
            return np.zeros(0)
        return np.minimum.reduceat(self.quadratic[self.members], self.starts)

    def dual_norms(self, gradient: Coef) -> np.ndarray:
        """``||gradient_g||_2 / w_g``: the strength below which a group at zero must enter."""
        return self.norms(gradient) / self.weights

    def dual_bounds(self, coef: Coef, gradient: Coef, strength: float) -> np.ndarray:
        """Upper bounds on `dual_norms`, exact where that is cheap, close to it near the solution at `strength`."""
        del coef, strength
        return self.dual_norms(gradient)

    def likely(self, coef: Coef, gradient: Coef, strength: float) -> Index:
        """Groups that are not zero, or that a gradient would make so at some strength."""
        del coef
        return np.flatnonzero(self.dual_norms(gradient) >= strength)

    def optimality_distances(self, coef: Coef, gradient: Coef, strength: float) -> np.ndarray:
        """Distance of ``-gradient_g`` to ``threshold_g * subdifferential of ||coef_g||``, over ``w_g``.

        `gradient` is that of the smooth part, quadratic included. Zero for every group exactly at a
        stationary point, the solution if the shape is convex; on the scale of the strengths.
        """
        if not self.groups:
            return np.zeros(0)
        norms = self.norms(coef)
        active = norms > 0
        slope = np.divide(self.thresholds(norms, strength), norms, out=np.zeros_like(norms), where=active)
        left = self._of_members(gradient) + slope[self.owner] * self._of_members(coef)
        remaining = np.sqrt(np.add.reduceat(left * left, self.starts)) / self.weights
        return np.where(active, remaining, np.maximum(remaining - strength, 0.0))

    def without_groups(self) -> "Penalty":
        """The same with every group unpenalised: what is left at strength 0."""
        return Penalty(self.n_coef, (), np.zeros(0), (), np.zeros(self.n_coef))

    @property
    def awaits_curvature(self) -> bool:
        """Whether the shape is relative to a curvature of the data that is not known yet."""
        return isinstance(self.shape, ConcaveShape) and self.shape.curvature is None

    def at_curvature(self, curvature: np.ndarray) -> "Penalty":
        """Return the same with a shape that knows the data's curvature along each group."""
        assert isinstance(self.shape, ConcaveShape)
        return replace(self, shape=self.shape.at_curvature(curvature))

    def convex(self) -> "Penalty":
        """Return the same with the norm in place of a concave shape; itself if there is none."""
        return self if self.shape.is_convex else replace(self, shape=Norm())

    @cached_property
    def has_quadratic(self) -> bool:
        """Whether any coefficient pays for its square."""
        return bool(self.quadratic.any())

    def _of_members(self, coef: Coef) -> Coef:
        """Coefficients of all groups, one group behind the other."""
        return coef if self._members_are_all else coef[..., self.members]

    @cached_property
    def _members_are_all(self) -> bool:
        return np.array_equal(self.members, np.arange(self.n_coef))

    @cached_property
    def _sizes(self) -> np.ndarray:
        return np.array([len(group) for group in self.groups], dtype=np.intp)
