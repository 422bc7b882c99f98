"""The efficient score of one covariate, studentised at every alignment of its rows with the counts.

With ``U = X' r`` the score of a covariate at the fit of the others, the information ``I_gg`` of its columns, ``I_gn``
of them and the others', and `A` the covariance of the others' coefficients given the counts and their priors, the part
of the score that the others do not explain is

    U* = U - I_gn A U_n,    variance  V = I_gg - I_gn A I_ng,    statistic  T = U*' (V + D)^-1 U*

(van der Vaart 1998, Asymptotic Statistics, section 25.4; Rao's score test where the priors are flat and ``U_n = 0``;
with priors, related to the score test of a variance component, Lin 1997, doi:10.1093/biomet/84.2.309).
``U_n``, the derivative of the log-likelihood of counts and priors, is not quite zero where rows between trials take
part in the fit only: the correction is one Newton step. ``D`` is one unit of information per column in the units of its
prior: a standard-normal prior on what the column adds to the linear predictor over its range. It leaves directions
alone about which the counts say anything, and silences those (a corner visited for a second) in which ``U`` is far
from Gaussian.
"""

import numpy as np
from jaxtyping import Float

from spikesieve.selection._aligned_moments import Moments

_SINGLE_PRECISION = 1e-5
"""Share of the information that moments in single precision may be wrong by."""


def studentised_scores(
    moments: Moments, nuisance_score: Float[np.ndarray, " rank"]
) -> Float[np.ndarray, "n_alignments n_coef"]:
    """Return ``z`` with ``|z|^2 = T`` at every alignment.

    ``z = L^-1 U*`` with ``V + D = L L'`` (Cholesky), which changes smoothly from one alignment to the next.

    Parameters
    ----------
    moments
        Sums at each alignment, of columns in the units of their prior, in which ``D`` is the identity.
    nuisance_score
        ``R' U_n`` with ``R R' = A``.
    """
    score = moments.score - moments.cross @ nuisance_score.astype(moments.cross.dtype)
    variance = moments.information - moments.cross @ moments.cross.transpose(0, 2, 1)
    largest = float(moments.information.diagonal(axis1=1, axis2=2).max(initial=0.0))
    prior = (1.0 + _SINGLE_PRECISION * largest) * np.eye(score.shape[1])
    root = np.linalg.cholesky(variance.astype(np.float64) + prior)
    return np.linalg.solve(root, score[..., None])[..., 0]
