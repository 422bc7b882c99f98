"""A sum of norms whose groups may overlap: ``sum_g m_g ||x_g||_2 + sum_j a_j |x_j|``."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve._types import Coef, Index


@dataclass(frozen=True)
class NormSum:
    """Groups of two or more coefficients, which may share some, and weighted absolute values.

    Attributes
    ----------
    n_coef
        Length of the vector.
    groups
        Indices of each group's coefficients.
    weights
        ``m_g``, positive, one per group.
    absolute
        ``a_j``, non-negative, ``(n_coef,)``: the weights of the groups of one.
    """

    n_coef: int
    groups: tuple[Index, ...]
    weights: np.ndarray
    absolute: Coef

    @classmethod
    def of(cls, n_coef: int, groups: Sequence[Index], weights: Sequence[float] | np.ndarray) -> "NormSum":
        """Sort groups of one coefficient out of `groups`; those whose weight is 0 are left out."""
        absolute = np.zeros(n_coef)
        for group, weight in zip(groups, weights, strict=True):
            if len(group) == 1:
                absolute[group] += weight
        larger = [g for g, group in enumerate(groups) if len(group) > 1 and weights[g] > 0]
        return cls(n_coef, tuple(groups[g] for g in larger), np.array([weights[g] for g in larger], float), absolute)

    @cached_property
    def members(self) -> Index:
        """Indices of all groups, one group behind the other."""
        return np.concatenate(self.groups).astype(np.intp) if self.groups else np.zeros(0, dtype=np.intp)

    @cached_property
    def owner(self) -> Index:
        """Group of each entry of `members`."""
        return np.repeat(np.arange(len(self.groups)), [len(group) for group in self.groups])

    @cached_property
    def first(self) -> Index:
        """One coefficient of each group."""
        return np.array([group[0] for group in self.groups], dtype=np.intp)

    @cached_property
    def is_nested(self) -> bool:
        """Whether groups of two or more are disjoint."""
        return len(np.unique(self.members)) == len(self.members)

    def lengths(self, values: np.ndarray) -> np.ndarray:
        """Euclidean norm per group of values that lie along `members`."""
        return np.sqrt(np.bincount(self.owner, values * values, minlength=len(self.groups)))

    def gathered(self, values: np.ndarray) -> Coef:
        """Add up values that lie along `members`, per coefficient."""
        return np.bincount(self.members, values, minlength=self.n_coef)

    def norms(self, x: Coef) -> np.ndarray:
        """``||x_g||`` per group."""
        return self.lengths(x[self.members])

    def value(self, x: Coef) -> float:
        """The sum itself."""
        return float(self.weights @ self.norms(x) + self.absolute @ np.abs(x))

    def slope(self, x: Coef) -> Coef:
        """Gradient of the norms that are not zero at `x`."""
        norms = self.norms(x)
        pull = np.divide(self.weights, norms, out=np.zeros_like(norms), where=norms > 0)
        return self.gathered(pull[self.owner] * x[self.members]) + self.absolute * np.sign(x)

    def times(self, factor: Coef) -> "NormSum":
        """The same with all weights multiplied by the factor of their coefficients, equal throughout each group."""
        return NormSum(self.n_coef, self.groups, self.weights * factor[self.first], self.absolute * factor)

    @cached_property
    def total_weights(self) -> Coef:
        """Weights of everything that each coefficient is in, added up."""
        return self.absolute + self.gathered(self.weights[self.owner])

    def within(self, columns: Index) -> "NormSum":
        """The sum as a function of `columns`, numbered by their place there, all others being zero."""
        place = np.full(self.n_coef, -1)
        place[columns] = np.arange(len(columns))
        cut = [place[group] for group in self.groups]
        kept = [g for g, inside in enumerate(cut) if (inside >= 0).any()]
        groups = tuple(cut[g][cut[g] >= 0] for g in kept)
        return NormSum(len(columns), groups, self.weights[kept], self.absolute[columns])

    def connected(self) -> tuple[Index, ...]:
        """Sets of coefficients that groups connect, directly or by way of others; those in no group are left out."""
        part = np.arange(self.n_coef)
        changed = True
        while changed:
            before = part
            smallest = np.full(len(self.groups), self.n_coef)
            np.minimum.at(smallest, self.owner, part[self.members])
            part = part.copy()
            np.minimum.at(part, self.members, smallest[self.owner])
            part = part[part]
            changed = not np.array_equal(part, before)
        penalised = np.flatnonzero(self.total_weights > 0)
        return tuple(penalised[part[penalised] == p] for p in np.unique(part[penalised]))
