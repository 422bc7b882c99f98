"""What a family of basis functions is: functions on the unit interval.

Bases differ in what they do with a covariate (evaluate at its samples, convolve it); the functions
that they share live here, one family a file, and know nothing of samples, bounds or labels.
"""

import abc

import numpy as np
from jaxtyping import Float


class UnitFunctions(abc.ABC):
    """A family of functions of one coordinate in [0, 1]."""

    @abc.abstractmethod
    def evaluate(self, u: Float[np.ndarray, " *shape"]) -> Float[np.ndarray, " *shape n_functions"]:
        """Values at coordinates `u` in [0, 1]; NaN where `u` is NaN."""

    @property
    def pieces(self) -> tuple[int, int] | None:
        """Number of equal intervals on which every function is a polynomial, and its degree; None for others."""
        return None

    @abc.abstractmethod
    def derivative_bound(self, order: int) -> Float[np.ndarray, " n_functions"]:
        """Upper bound on each function's absolute value (`order` 0), first or second derivative.

        Infinite where there is none: for order 1 because the function jumps, for order 2 because its slope
        does.
        """
