"""The quadratic group-lasso model where curvature comes in blocks and groups reach over them: neurons joined."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve._types import Index
from spikesieve.regularizer import minimise_group
from spikesieve.solver._blocks import Blocks, with_diagonal
from spikesieve.solver._factorise import factorise
from spikesieve.solver._quadratic import At, QuadraticModel, SmoothPart


@dataclass(frozen=True)
class BlockQuadraticModel(QuadraticModel):
    """`QuadraticModel` whose ``matrix`` is symmetric `Blocks`; no matrix over all coefficients is ever made."""

    matrix: Blocks

    @cached_property
    def _shares(self) -> dict[int, list["_Share"]]:
        """What the groups that a sweep has visited have in each block."""
        return {}

    def _minimise_group(self, g: int, x: np.ndarray, pull: np.ndarray, threshold: float) -> None:
        if g not in self._shares:
            first = int(self._parts.starts[g])
            self._shares[g] = self._shares_of(first, first + int(self.sizes[g]))
        shares = self._shares[g]
        rotated = [s.vectors.T @ pull[s.own] + s.values * (s.vectors.T @ x[s.own]) for s in shares]
        curvature = np.concatenate([share.values for share in shares])
        new = minimise_group(curvature, np.concatenate(rotated), threshold)
        stops = np.cumsum([len(share.own) for share in shares])[:-1]
        for share, part in zip(shares, np.split(new, stops), strict=True):
            moved = share.vectors @ part
            pull[share.rows] -= share.columns @ (moved - x[share.own])
            x[share.own] = moved

    def _shares_of(self, first: int, stop: int) -> list["_Share"]:
        found = []
        for rows, values in zip(self.matrix.rows, self.matrix.values, strict=True):
            inside = np.flatnonzero((rows >= first) & (rows < stop))
            if len(inside):
                curvature, vectors = np.linalg.eigh(values[np.ix_(inside, inside)])
                found.append(_Share(rows, rows[inside], values[:, inside], np.maximum(curvature, 0.0), vectors))
        return found

    def _smooth(self, *parts) -> "_BlockSmoothPart":
        return _BlockSmoothPart(*parts)


@dataclass(frozen=True)
class _Share:
    """A group's part of one block: the block's rows, the group's own, its columns, and their eigenbasis."""

    rows: Index
    own: Index
    columns: np.ndarray
    values: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True, eq=False)
class _BlockSmoothPart(SmoothPart):
    matrix: Blocks

    def _solve(self, descent: np.ndarray, at: At, radial: np.ndarray) -> np.ndarray:
        """Newton step: what the norms add between blocks is of the rank of the groups.

        ``(B - U U')^-1 = B^-1 + B^-1 U (1 - U' B^-1 U)^-1 U' B^-1`` with B the blocks and the norms' part of the
        diagonal, and U the groups' outward directions (Woodbury).
        """
        curvatures, owner = self.thresholds / at.norms, self.parts.owner
        outward = (np.sqrt(curvatures * radial) / at.norms)[owner] * at.z
        step, along, capacity = np.zeros_like(descent), np.zeros(len(curvatures)), np.eye(len(curvatures))
        bent = []
        matrix = with_diagonal(self.matrix, curvatures[owner])
        for rows, values in zip(matrix.rows, matrix.values, strict=True):
            groups, which = np.unique(owner[rows], return_inverse=True)
            directions = np.zeros((len(rows), len(groups)))
            directions[np.arange(len(rows)), which] = outward[rows]
            solved = factorise(values)(np.column_stack([descent[rows], directions]))
            step[rows] = solved[:, 0]
            along[groups] += directions.T @ solved[:, 0]
            capacity[np.ix_(groups, groups)] -= directions.T @ solved[:, 1:]
            bent.append((rows, groups, solved[:, 1:]))
        weights = factorise(capacity)(along)
        for rows, groups, directions in bent:
            step[rows] += directions @ weights[groups]
        return step
