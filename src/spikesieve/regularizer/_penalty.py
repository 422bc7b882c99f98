"""`Penalty`: a regularizer laid out over one flat coefficient vector.

``penalty(coef) = sum_g w_g ||coef_g||_2 + 1/2 sum_j q_j coef_j^2``, to be multiplied by the strength.
Groups do not overlap; a coefficient in no group and with ``q_j = 0`` is unpenalised.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve._types import Coef, Index


@dataclass(frozen=True)
class Penalty:
    """Groups, their weights, and an optional quadratic part.

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
    """

    n_coef: int
    groups: tuple[Index, ...]
    weights: np.ndarray
    labels: tuple[str, ...]
    quadratic: np.ndarray

    @cached_property
    def members(self) -> Index:
        """Indices of all groups, one group behind the other."""
        return np.concatenate(self.groups) if self.groups else np.zeros(0, dtype=np.intp)

    @cached_property
    def starts(self) -> Index:
        """Where each group starts in `members`."""
        return np.cumsum([0, *(len(group) for group in self.groups)])[:-1].astype(np.intp)

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
        picked = coef[..., self.members]
        return np.sqrt(np.add.reduceat(picked * picked, self.starts, axis=-1))

    def reported_norms(self, coef: np.ndarray) -> np.ndarray:
        """Norms of the groups that `labels` name, ``(..., n_labels)`` for coefficients ``(..., n_coef)``."""
        return self.norms(coef)

    def value(self, coef: Coef) -> float:
        """Penalty at strength 1."""
        return float(self.weights @ self.norms(coef) + 0.5 * (self.quadratic * coef) @ coef)

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
        """Distance of ``-gradient_g`` to ``strength * w_g * subdifferential of ||coef_g||``, over ``w_g``.

        `gradient` is that of the smooth part, quadratic included. Zero for every group exactly at the
        solution; on the scale of the strengths.
        """
        norms = self.norms(coef)
        pull = np.zeros(self.n_coef)
        active = norms > 0
        slope = np.divide(strength * self.weights, norms, out=np.zeros_like(norms), where=active)
        pull[self.members] = np.repeat(slope, self._sizes) * coef[self.members]
        remaining = self.norms(gradient + pull) / self.weights
        return np.where(active, remaining, np.maximum(remaining - strength, 0.0))

    def without_groups(self) -> "Penalty":
        """The same with every group unpenalised: what is left at strength 0."""
        return Penalty(self.n_coef, (), np.zeros(0), (), np.zeros(self.n_coef))

    @cached_property
    def _sizes(self) -> np.ndarray:
        return np.array([len(group) for group in self.groups], dtype=np.intp)
