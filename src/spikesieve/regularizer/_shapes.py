"""What a group pays as a function of its norm: the norm itself, or a concave penalty that stops growing.

A concave penalty leaves large groups alone, where the norm shrinks them as much as small ones. Each is a function of
the norm ``t`` and of the group's strength ``s`` (the strength times its weight), with slope ``s`` at zero: a group at
zero is optimal there exactly when it is so under the norm.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np


class Shape(ABC):
    """Penalty of a norm, and its slope."""

    is_convex: bool = False

    @abstractmethod
    def value(self, norms: np.ndarray, strengths: np.ndarray) -> np.ndarray:
        """Penalty of each group."""

    @abstractmethod
    def slope(self, norms: np.ndarray, strengths: np.ndarray) -> np.ndarray:
        """Derivative in each group's norm, non-negative; at zero that from the right."""


@dataclass(frozen=True)
class Norm(Shape):
    """``s t``."""

    is_convex = True

    def value(self, norms, strengths):
        return strengths * norms

    def slope(self, norms, strengths):
        return strengths + np.zeros_like(norms)


@dataclass(frozen=True)
class ConcaveShape(Shape):
    """A concave penalty ``p(c t) / c`` with slope ``p'(c t)``, ``c`` the curvature that `gamma` is relative to.

    Attributes
    ----------
    gamma
        How slowly the penalty flattens: the larger, the closer to the norm.
    curvature
        ``c``, a number or one per group: 1 takes `gamma` as it is. None waits for `at_curvature`.
    """

    gamma: float
    curvature: float | np.ndarray | None = 1.0

    def at_curvature(self, curvature: np.ndarray) -> "ConcaveShape":
        """Return the same shape for data of that curvature along each group."""
        return replace(self, curvature=curvature)

    def value(self, norms, strengths):
        assert self.curvature is not None, "a shape relative to the data's curvature must be told it"
        return self._value(self.curvature * norms, strengths) / self.curvature

    def slope(self, norms, strengths):
        assert self.curvature is not None, "a shape relative to the data's curvature must be told it"
        return self._slope(self.curvature * norms, strengths)

    @abstractmethod
    def _value(self, norms: np.ndarray, strengths: np.ndarray) -> np.ndarray:
        """Penalty at curvature 1."""

    @abstractmethod
    def _slope(self, norms: np.ndarray, strengths: np.ndarray) -> np.ndarray:
        """Slope at curvature 1."""


class MCP(ConcaveShape):
    """Minimax concave penalty: ``s t - t^2 / (2 gamma)`` up to ``t = gamma s``, constant beyond.

    References
    ----------
    Zhang (2010), Ann. Stat. 38, 894-942, eq. 2.1. doi:10.1214/09-AOS729
    """

    def _value(self, norms, strengths):
        inside = np.minimum(norms, self.gamma * strengths)
        return inside * (strengths - inside / (2.0 * self.gamma))

    def _slope(self, norms, strengths):
        return np.maximum(strengths - norms / self.gamma, 0.0)


class SCAD(ConcaveShape):
    """Smoothly clipped absolute deviation: the norm up to ``t = s``, then a parabola, constant from ``gamma s`` on.

    References
    ----------
    Fan & Li (2001), J. Am. Stat. Assoc. 96, 1348-1360, eq. 2.7. doi:10.1198/016214501753382273
    """

    def _value(self, norms, strengths):
        bent = np.clip(norms, strengths, self.gamma * strengths) - strengths
        return strengths * np.minimum(norms, strengths) + bent * (strengths - bent / (2.0 * (self.gamma - 1.0)))

    def _slope(self, norms, strengths):
        bent = np.maximum(norms - strengths, 0.0)
        return np.maximum(strengths - bent / (self.gamma - 1.0), 0.0)
