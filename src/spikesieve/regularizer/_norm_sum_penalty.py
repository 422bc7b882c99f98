"""`NormSumPenalty`: norms of groups that may overlap, laid out over one flat coefficient vector."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve._types import Index
from spikesieve.regularizer._norm_sum import NormSum
from spikesieve.regularizer._penalty import Penalty
from spikesieve.regularizer._splitting import dual_norms, split, stretch


@dataclass(frozen=True)
class NormSumPenalty(Penalty):
    """``norm_sum(coef) + 1/2 sum_j q_j coef_j^2``, whose zeros are unions of groups.

    To the solver a group is what it can take or leave on its own: the coefficients that norms connect, which may be
    all of them. `weights` are the largest numbers known to make ``weight * ||coef_g||`` a lower bound on the norms
    within, so that distances over weights are on the scale of the strengths.

    Attributes
    ----------
    norm_sum
        The norms.
    reported
        Indices of the groups that users know by the names in `labels`.
    """

    norm_sum: NormSum
    reported: tuple[Index, ...]

    @classmethod
    def of(cls, norm_sum: NormSum, reported: tuple[Index, ...], labels: tuple[str, ...]) -> "NormSumPenalty":
        """Find what is connected, and what it weighs."""
        groups = norm_sum.connected()
        squares = norm_sum.absolute**2 + norm_sum.gathered((norm_sum.weights**2)[norm_sum.owner])
        weights = np.array([np.sqrt(squares[group].min()) for group in groups])
        return cls(norm_sum.n_coef, groups, weights, labels, np.zeros(norm_sum.n_coef), norm_sum, reported)

    def value(self, coef, strength=1.0):
        return strength * (self.norm_sum.value(coef) + float(0.5 * (self.quadratic * coef) @ coef))

    def bound_on_change(self, coef, step, strength):
        change = self.norm_sum.value(coef + step) - self.norm_sum.value(coef)
        return strength * (change + float(0.5 * (self.quadratic * step) @ step))

    def dual_norms(self, gradient):
        return dual_norms(self._penalised, -gradient[self.members], self._part, len(self.groups))

    def dual_bounds(self, coef, gradient, strength):
        if self.norm_sum.is_nested:
            return self.dual_norms(gradient)
        scaled = self._penalised.times(np.full(len(self.members), strength))
        found = split(scaled, coef[self.members], -gradient[self.members])
        return strength * stretch(scaled, found, self._part, len(self.groups))

    def optimality_distances(self, coef, gradient, strength):
        """Distance of ``-gradient`` to ``strength`` times the subdifferential, per connected set and over its weight.

        Where groups overlap it is an upper bound, from dual vectors found by iteration.
        """
        scaled = self._penalised.times(np.full(len(self.members), strength))
        left = split(scaled, coef[self.members], -gradient[self.members]).left
        return np.sqrt(np.add.reduceat(left * left, self.starts)) / self.weights

    def likely(self, coef, gradient, strength):
        if strength <= 0.0:
            return np.arange(len(self.groups))
        zeros = np.zeros(len(self.members))
        found = split(self._penalised.times(zeros + strength), zeros, -gradient[self.members])
        moved = np.add.reduceat(np.abs(found.left), self.starts) > 0
        return np.flatnonzero((self.norms(coef) > 0) | moved)

    def reported_norms(self, coef):
        return np.stack([np.linalg.norm(coef[..., group], axis=-1) for group in self.reported], axis=-1)

    @cached_property
    def _penalised(self) -> NormSum:
        """The norms over `members`, in that order."""
        return self.norm_sum.within(self.members)

    @cached_property
    def _part(self) -> Index:
        return np.repeat(np.arange(len(self.groups)), [len(group) for group in self.groups])

    def relative_norms(self, groups: Index) -> NormSum:
        """The norms over the coefficients of some groups, each over the weight of its connected set."""
        sizes = [len(self.groups[g]) for g in groups]
        columns = self.columns_of(groups)[len(self.ungrouped) :]
        return self.norm_sum.within(columns).times(1.0 / np.repeat(self.weights[groups], sizes))
