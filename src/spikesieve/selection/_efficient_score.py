"""The efficient score of one covariate, studentised at every alignment of its rows with the counts.

With ``U = X' r`` the score of a covariate at the model fitted without it, and the information blocks ``I_gg``,
``I_gn``, ``I_nn`` of it and of the other covariates, the part of the score that the others cannot explain is

    U* = U - I_gn I_nn^-1 U_n,    variance  V = I_gg - I_gn I_nn^-1 I_ng,    statistic  T = U*' (V + D)^-1 U*

(van der Vaart 1998, Asymptotic Statistics, section 25.4; Rao's score test where ``U_n = 0``). ``U_n``, the score of
the others, is not quite zero because they were fitted with a weak ridge: the correction is one Newton step without it.
``D`` is one unit of information per column, measured over the column's range: a standard-normal prior on what the
column adds to the linear predictor. It leaves directions alone about which the counts say anything, and silences those
(a corner visited for a second) in which ``U`` is far from Gaussian.
"""

import numpy as np
from jaxtyping import Float

from spikesieve.selection._aligned_moments import Moments


def studentised_scores(
    moments: Moments, nuisance_score: Float[np.ndarray, " rank"], column_range: Float[np.ndarray, " n_coef"]
) -> Float[np.ndarray, "n_alignments n_coef"]:
    """Return ``z`` with ``|z|^2 = T`` at every alignment.

    ``z = L^-1 U*`` with ``V + D = L L'`` (Cholesky), which changes smoothly from one alignment to the next.

    Parameters
    ----------
    moments
        Sums at each alignment.
    nuisance_score
        Score of the others in the columns that make their information the identity, ``R' U_n``.
    column_range
        Largest minus smallest entry of each column of the covariate.
    """
    score = moments.score - moments.cross @ nuisance_score
    explained = moments.cross @ moments.cross.transpose(0, 2, 1)
    variance = (moments.information - explained) / moments.share
    # In units of each column's range D is the identity, and the result does not depend on the covariate's units.
    unit = np.where(column_range > 0, column_range, 1.0)
    root = np.linalg.cholesky(variance / np.outer(unit, unit) + np.eye(len(unit)))
    return np.linalg.solve(root, (score / unit)[..., None])[..., 0]
