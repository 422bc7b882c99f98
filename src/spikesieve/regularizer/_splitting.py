"""Splitting a pull over the dual vectors of a sum of norms: optimality, proximal operator and dual norm.

The subdifferential at ``x`` is a sum of one dual vector per group: ``m_g x_g / ||x_g||`` where the group is not zero,
anything of length at most ``m_g`` where it is. A pull is the negative gradient of the smooth part; what cannot be
split of it over these vectors is how far ``x`` is from optimal.
"""

from dataclasses import dataclass

import numpy as np

from spikesieve._types import Coef, Index
from spikesieve.regularizer._norm_sum import NormSum
from spikesieve.regularizer._smoothed import minimise_smoothed

_MAX_STEPS = 50
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Split:
    """Dual vectors and what they leave.

    Attributes
    ----------
    duals
        Vectors of the groups, along `NormSum.members`.
    singles
        Those of the absolute values, ``(n_coef,)``.
    left
        What they leave of the pull, ``(n_coef,)``.
    """

    duals: np.ndarray
    singles: Coef
    left: Coef


def split(norms: NormSum, x: Coef, pull: Coef) -> Split:
    """Split `pull` over a subgradient at `x` that leaves as little as possible.

    Where groups overlap it is computed by iteration; the dual vectors are always admissible, so what they leave is
    never less than the distance of the pull from the subdifferential.
    """
    lengths = norms.norms(x)
    slope = np.divide(norms.weights, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    duals = slope[norms.owner] * x[norms.members]
    singles = norms.absolute * np.sign(x)
    idle = np.flatnonzero(lengths == 0.0)
    groups = tuple(norms.groups[g] for g in idle)
    at_zero = NormSum(norms.n_coef, groups, norms.weights[idle], np.where(x == 0.0, norms.absolute, 0.0))
    rest = _split_at_zero(at_zero, pull - norms.gathered(duals) - singles)
    duals[np.isin(norms.owner, idle)] = rest.duals
    return Split(duals, singles + rest.singles, rest.left)


def remainder(norms: NormSum, x: Coef, pull: Coef) -> Coef:
    """What is left of `pull` after the nearest subgradient at `x`: zero exactly if it is one."""
    return split(norms, x, pull).left


def _split_at_zero(norms: NormSum, pull: Coef) -> Split:
    """Split at ``x = 0``; what is left is the proximal operator, the minimiser of ``1/2 ||x - pull||^2 + norms(x)``.

    Without overlap first absolute values and then groups, in one pass (Jenatton, Mairal, Obozinski & Bach 2011,
    JMLR 12, 2297-2334, theorem 1).
    """
    if norms.is_nested or not norms.weights.any():
        singles = np.clip(pull, -norms.absolute, norms.absolute)
        left = pull - singles
        lengths = norms.norms(left)
        share = np.divide(norms.weights, lengths, out=np.ones_like(lengths), where=lengths > norms.weights)
        duals = share[norms.owner] * left[norms.members]
        left[norms.members] -= duals
        return Split(duals, singles, left)
    columns = np.flatnonzero(norms.total_weights > 0)
    found = minimise_smoothed(np.eye(len(columns)), pull[columns], norms.within(columns))
    singles = np.zeros(norms.n_coef)
    singles[columns] = found.singles
    best = Split(found.duals, singles, pull - norms.gathered(found.duals) - singles)
    for _ in range(_MAX_STEPS):
        new = _admissible(norms, _spread(norms, best), pull)
        if not new.left @ new.left < 0.9 * (best.left @ best.left):
            break
        best = new
    return best


def _spread(norms: NormSum, found: Split) -> Split:
    """Give what is left to the dual vectors of each coefficient, in proportion to their weights."""
    total = norms.total_weights
    share = np.divide(found.left, total, out=np.zeros_like(found.left), where=total > 0)
    duals = found.duals + norms.weights[norms.owner] * share[norms.members]
    return Split(duals, found.singles + norms.absolute * share, np.zeros_like(found.left))


def _admissible(norms: NormSum, found: Split, pull: Coef) -> Split:
    """Dual vectors cut to their weights, and what they then leave."""
    duals = found.duals / np.maximum(norms.lengths(found.duals) / norms.weights, 1.0)[norms.owner]
    singles = np.clip(found.singles, -norms.absolute, norms.absolute)
    return Split(duals, singles, pull - norms.gathered(duals) - singles)


def dual_norms(norms: NormSum, pull: Coef, part: Index, n_parts: int) -> np.ndarray:
    """Largest ``pull' x / norms(x)`` in each part of the coefficients, which must all be in some group.

    It is the smallest multiple of the norms at which ``x = 0`` balances the pull. With ``x`` the proximal point at a
    multiple ``t`` below it, ``pull' x / norms(x)`` lies between ``t`` and the answer, and repeating this converges
    quadratically (Dinkelbach 1967, Management Science 13, 492-498, doi:10.1287/mnsc.13.7.492). Returned is the
    bound from above that the last split gives.

    Parameters
    ----------
    part
        Number of the part of each coefficient, the same throughout each group.
    """
    bound, x = np.zeros(n_parts), pull
    for _ in range(_MAX_STEPS):
        along = np.bincount(part, pull * x, minlength=n_parts)
        cost = np.bincount(part, norms.absolute * np.abs(x), minlength=n_parts)
        cost += np.bincount(part[norms.first], norms.weights * norms.norms(x), minlength=n_parts)
        better = np.divide(along, cost, out=np.zeros(n_parts), where=cost > 0)
        if (better <= bound * (1.0 + _ROUNDING)).all():
            break
        bound = np.maximum(bound, better)
        found = split(norms.times(bound[part]), np.zeros_like(pull), pull)
        x = found.left
    return bound * np.maximum(stretch(norms.times(bound[part]), found, part, n_parts), 1.0) if bound.any() else bound


def stretch(norms: NormSum, found: Split, part: Index, n_parts: int) -> np.ndarray:
    """Upper bound on how much the weights of each part would have to grow to split the pull without remainder."""
    spread = _spread(norms, found)
    grown = np.zeros(n_parts)
    used = norms.absolute > 0
    np.maximum.at(grown, part[used], np.abs(spread.singles[used]) / norms.absolute[used])
    # A part that nothing pulls on, as features that are all zero, has been given weights of zero.
    lengths = norms.lengths(spread.duals)
    longer = np.divide(lengths, norms.weights, out=np.zeros_like(lengths), where=norms.weights > 0)
    np.maximum.at(grown, part[norms.first], longer)
    return grown
