"""Penalties on other coordinates than the coefficients: ``coef = matrix @ latent``, and the penalty is on ``latent``.

Groups that share coefficients get each a copy of them, whose sum is the coefficient; groups with a metric of their own
get coordinates in which it is the Euclidean one. Either way the penalty on the latent coefficients is a group lasso
without overlap, and minimising over them minimises over all ways to write the coefficients: the optimality conditions
and the duality gap in ``latent`` are those of the penalty on ``coef``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from spikesieve._types import Coef, Gram, Index
from spikesieve.regularizer._groups import Grouping
from spikesieve.regularizer._penalty import Penalty

# Directions along which a group's features vary less than this share of their largest variance are left out.
_NO_VARIANCE = 1e-10


@dataclass(frozen=True)
class Expansion:
    """From latent coefficients to coefficients.

    Attributes
    ----------
    matrix
        Sparse matrix of SciPy, ``(n_coef, n_latent)``.
    components
        Where a group is a part of the coefficients rather than some of them: the latent coefficients of each.
    groups
        Otherwise: the coefficients of each group that is reported.
    labels
        Names of what is reported.
    """

    matrix: Any
    labels: tuple[str, ...]
    components: tuple[Index, ...] = ()
    groups: tuple[Index, ...] = ()

    def to_coef(self, latent: np.ndarray) -> np.ndarray:
        """Coefficients, ``(..., n_coef)``."""
        return (self.matrix @ latent.T).T

    def to_latent(self, coef: Coef) -> Coef:
        """Shortest latent coefficients that give `coef`: a place to start from."""
        return np.linalg.lstsq(self.matrix.toarray(), coef, rcond=None)[0]

    def norms(self, latent: np.ndarray) -> np.ndarray:
        """Euclidean norm of each reported group's coefficients, ``(..., n_groups)``."""
        if self.components:
            columns = self.matrix.tocsc()
            parts = [(columns[:, group] @ latent[..., group].T).T for group in self.components]
            return np.stack([np.linalg.norm(part, axis=-1) for part in parts], axis=-1)
        coef = self.to_coef(latent)
        return np.stack([np.linalg.norm(coef[..., group], axis=-1) for group in self.groups], axis=-1)


@dataclass(frozen=True)
class ExpandedPenalty:
    """``min sum_g w_g ||v_g||_{M_g}`` over all ways to write the coefficients as a sum of ``v_g`` within the groups.

    The metric is ``||v||_M^2 = v' M v`` with ``M_g = C_g + K_g``: ``C_g`` is the identity, or the covariance of the
    group's features, and ``K_g`` is what the group pays besides, for roughness.

    Attributes
    ----------
    n_coef
        Length of the coefficient vector.
    groups
        Indices of each group's coefficients; a coefficient may be in several.
    weights
        ``w_g``, positive, one per group.
    labels
        Names of what is reported.
    extra
        ``K_g``, ``(p_g, p_g)`` or None, one per group.
    standardize
        Whether ``C_g`` is the covariance.
    reported
        Coefficients whose norms are reported, one set per label; None for those of each group's own part ``v_g``.
    free
        Coefficients that have an unpenalised part besides those in groups, as those in no group have.
    """

    n_coef: int
    groups: tuple[Index, ...]
    weights: np.ndarray
    labels: tuple[str, ...]
    extra: tuple[Gram | None, ...]
    standardize: bool
    reported: tuple[Index, ...] | None
    free: Index

    @classmethod
    def of(
        cls,
        n_coef: int,
        grouping: Grouping,
        weights: np.ndarray,
        extra: tuple[Gram | None, ...] | None = None,
        standardize: bool = False,
        reported: Grouping | None = None,
    ) -> "ExpandedPenalty":
        """Penalty of some groups; norms are reported of the coefficients in `reported`, by default of each own part."""
        extra = (None,) * len(grouping.groups) if extra is None else extra
        labels, coefficients = (grouping.labels, None) if reported is None else (reported.labels, reported.groups)
        return cls(n_coef, grouping.groups, weights, labels, extra, standardize, coefficients, grouping.free)

    def expand(self, covariance: Callable[[Index], Gram], kept: np.ndarray | None = None) -> tuple[Penalty, Expansion]:
        """Penalty on the latent coefficients, and how they make the coefficients.

        `covariance` gives that of the features which some coefficients multiply; it is asked only to standardize.
        Coefficients that are not `kept`, ``(n_coef,)``, are zero whatever the latent ones are.
        """
        from scipy.sparse import coo_array

        kept = np.ones(self.n_coef) if kept is None else kept.astype(float)
        bases = [kept[group, None] * self._basis(g, covariance, kept[group]) for g, group in enumerate(self.groups)]
        free = np.union1d(self.free, np.setdiff1d(np.arange(self.n_coef), np.concatenate(self.groups)))
        n_latent, rows, columns, values, latent = len(free), [free], [np.arange(len(free))], [np.ones(len(free))], []
        for group, basis in zip(self.groups, bases, strict=True):
            own = n_latent + np.arange(basis.shape[1])
            row, column = np.nonzero(basis)
            rows.append(group[row])
            columns.append(own[column])
            values.append(basis[row, column])
            latent.append(own)
            n_latent += len(own)
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        matrix = coo_array(entries, shape=(self.n_coef, n_latent)).tocsr()
        numbered = tuple(f"group {g}" for g in range(len(latent)))
        penalty = Penalty(n_latent, tuple(latent), self.weights, numbered, np.zeros(n_latent))
        if self.reported is None:
            return penalty, Expansion(matrix, self.labels, components=tuple(latent))
        return penalty, Expansion(matrix, self.labels, groups=self.reported)

    def _basis(self, g: int, covariance: Callable[[Index], Gram], kept: np.ndarray) -> np.ndarray:
        """Coordinates of a group, ``(p_g, n_latent_of_group)``, in which its metric is the Euclidean one."""
        group, extra = self.groups[g], self.extra[g]
        if extra is None and not self.standardize:
            return np.eye(len(group))
        metric = covariance(group) if self.standardize else np.eye(len(group))
        values, vectors = np.linalg.eigh(metric if extra is None else metric + extra * kept * kept[:, None])
        seen = values > _NO_VARIANCE * max(values.max(), 0.0)
        # A group whose features are constant gets a coordinate that multiplies nothing, and stays out.
        return vectors[:, seen] / np.sqrt(values[seen]) if seen.any() else np.zeros((len(group), 1))


BoundPenalty: TypeAlias = Penalty | ExpandedPenalty
"""What a regularizer becomes once it knows the features."""
