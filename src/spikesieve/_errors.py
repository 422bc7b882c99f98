"""How a fit can end, and the words for it.

Misuse is an exception at the boundary. A numerical outcome is data: a `Status` in the record, which
the estimators turn into a warning.
"""

import enum
import sys


class Status(enum.IntEnum):
    """How the solver left one solution."""

    CONVERGED = 0
    """The optimality certificate is within the tolerance."""
    ITERATION_LIMIT = 1
    """`maxiter` Newton steps were taken before the certificate was within the tolerance."""
    STALLED = 2
    """No step decreases the objective any more in floating point, and the certificate is above the tolerance."""
    NO_FINITE_MINIMUM = 3
    """The likelihood increases for ever along some direction (separable or all-zero counts)."""
    AT_BOUNDARY = 4
    """The objective still falls towards means that the family cannot have: the inverse link lets them be reached."""
    NOT_FINITE = 5
    """Loss, gradient or certificate overflow, or are not defined."""

    @property
    def message(self) -> str:
        """One sentence: what happened, why it usually happens, what to do."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.CONVERGED: "Converged: the optimality certificate is within the tolerance.",
    Status.ITERATION_LIMIT: (
        "The fit did not converge: it used all its Newton steps. "
        "Raise solver_kwargs={'maxiter': ...} or the regularizer strength."
    ),
    Status.STALLED: (
        "The fit stopped at the limit of floating-point precision before it reached its tolerance. "
        "Usual causes: features of very different scale, or tol smaller than the data allow. "
        "Rescale the features or raise solver_kwargs={'tol': ...}."
    ),
    Status.NO_FINITE_MINIMUM: (
        "The likelihood has no finite maximum: the counts are all zero, or a combination of features "
        "separates silent bins from the rest. The returned coefficients reach the infimum to the tolerance, "
        "but their size is arbitrary. Use a penalty (or a larger strength), or drop the features concerned."
    ),
    Status.AT_BOUNDARY: (
        "The fit ended at the edge of what the observation model allows: with this inverse link the best coefficients "
        "would give some bins an impossible mean (a negative rate, a probability above 1). The returned coefficients "
        "are possible but not optimal. Use the family's default inverse link, a larger strength, or fewer features."
    ),
    Status.NOT_FINITE: (
        "The fit met numbers beyond the range of floating point: the returned coefficients mean nothing. "
        "Usual cause: features or observations of the order of 1e100 and more. Rescale them."
    ),
}


def callers_level() -> int:
    """``stacklevel`` with which a warning of the calling function points at the first line outside the package.

    Python shows a warning once per line that it points at: of fits on different lines each is to be told.
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "spikesieve":
        level, frame = level + 1, frame.f_back
    return level
