"""How much each covariate may say about the counts: the precisions of Gaussian priors, learned from the counts.

Coefficients of covariate `k` are taken as drawn from a normal distribution of precision ``lambda_k``. At the maximum
of the marginal likelihood, with `A` the inverse of information plus precisions and `b` its posterior mode,

    lambda_k = (p_k - lambda_k tr A_kk) / |b_k|^2

(the fixed point of Fellner and Schall; Wood & Fasiolo 2017, Biometrics 73, 1071-1081, doi:10.1111/biom.12666, show that
each step raises a restricted likelihood; MacKay 1992, doi:10.1162/neco.1992.4.3.448, has it as evidence maximisation).
A covariate with nothing to say is silenced: its precision grows without end. All of it is algebra in the coefficients.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.linalg import get_lapack_funcs

SMALLEST = 0.1
"""A standard deviation of 3 in the linear predictor over the range of a column, while precisions are learned."""
SILENT = 1e3
"""Precision over information at which a covariate is silent: it keeps a thousandth of what the counts say of it."""

_MAX_STEPS, _TOLERANCE = 20, 5e-3
_TOLD_NOTHING = 1e-12

_potrf, _potrs, _potri = get_lapack_funcs(("potrf", "potrs", "potri"), dtype=np.float64)

PerBlock = Float[np.ndarray, " n_blocks"]
Vector = Float[np.ndarray, " n_columns"]
Square = Float[np.ndarray, "n_columns n_columns"]


def learn_precisions(
    information: Square, working: Vector, spans: Sequence[slice], precisions: PerBlock
) -> tuple[PerBlock, float]:
    """Return likelier precisions, one per covariate, and how much they differ from those before.

    The difference is that of the largest share that a prior leaves of what the counts say about a covariate.

    Parameters
    ----------
    information
        ``Z' W Z`` of an intercept and all columns, in units in which coefficients have the same prior.
    working
        ``Z' W z`` with `z` the working response: information times coefficients, plus score.
    spans
        Columns of each covariate.
    precisions
        Where to start.

    Raises
    ------
    numpy.linalg.LinAlgError
        If information and precisions together are not positive definite: numbers of the features differ by too much.
    """
    sizes = np.array([span.stop - span.start for span in spans])
    of_each = np.array([np.trace(information[span, span]) for span in spans]) / sizes
    largest = SILENT * max(float(np.diagonal(information)[1:].max(initial=0.0)), SMALLEST)
    start = known = of_each / (of_each + precisions)
    for _ in range(_MAX_STEPS):
        coef, variance = _posterior(information + np.diag(spread(precisions, spans, len(working))), working)
        told = sizes - precisions * np.array([variance[span].sum() for span in spans])
        squares = np.array([coef[span] @ coef[span] for span in spans])
        has_said = (told > _TOLD_NOTHING * sizes) & (squares > 0)
        precisions = np.clip(told / np.where(has_said, squares, 1.0), SMALLEST, largest)
        precisions[~has_said] = largest
        before, known = known, of_each / (of_each + precisions)
        if np.abs(known - before).max(initial=0.0) <= _TOLERANCE:
            break
    return precisions, float(np.abs(known - start).max(initial=0.0))


def spread(precisions: PerBlock, spans: Sequence[slice], n_columns: int) -> Vector:
    """Precision of each column; none for the intercept."""
    per_column = np.zeros(n_columns)
    for span, precision in zip(spans, precisions, strict=True):
        per_column[span] = precision
    return per_column


def evidence_of_effect(coef: np.ndarray, covariance: np.ndarray, precision: float) -> float:
    """Log of the likelihood of the counts with a covariate's prior over that without the covariate.

    From the mode and covariance of its coefficients: their posterior density at zero over their prior density there
    (Savage and Dickey; Verdinelli & Wasserman 1995, doi:10.1080/01621459.1995.10476554).
    """
    distance = float(coef @ np.linalg.solve(covariance, coef))
    return 0.5 * (distance + np.linalg.slogdet(covariance)[1] + len(coef) * np.log(precision))


def _posterior(total: Square, working: Vector) -> tuple[Vector, Vector]:
    """Mode and variances, given information plus precisions."""
    factor, failed = _potrf(total, lower=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError("Information and precisions together are not positive definite.")
    mode, _ = _potrs(factor, working, lower=1)
    inverse, _ = _potri(factor, lower=1, overwrite_c=1)
    return mode, np.diagonal(inverse)
