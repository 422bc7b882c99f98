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

_RANK_TOLERANCE = 1e-9


def studentised_scores(
    moments: Moments, column_range: Float[np.ndarray, " n_coef"]
) -> Float[np.ndarray, "n_alignments n_coef"]:
    """Return ``z`` with ``|z|^2 = T`` at every alignment.

    ``z = (V + D)^(-1/2) U*`` with the symmetric root, so that alignments can be compared direction by direction.

    Parameters
    ----------
    moments
        Sums at each alignment.
    column_range
        Largest minus smallest entry of each column of the covariate.
    """
    root = _inverse_root(moments.nuisance / moments.share)
    cross = moments.cross / moments.share @ root
    score = moments.score - cross @ (root.T @ moments.nuisance_score)
    variance = moments.information / moments.share - cross @ cross.transpose(0, 2, 1)
    # In units of each column's range D is the identity, and the result does not depend on the covariate's units.
    unit = np.where(column_range > 0, column_range, 1.0)
    values, vectors = np.linalg.eigh(variance / np.outer(unit, unit) + np.eye(len(unit)))
    rotated = np.einsum("aij,ai->aj", vectors, score / unit) / np.sqrt(np.maximum(values, 1.0))
    return np.einsum("aij,aj->ai", vectors, rotated)


def _inverse_root(matrix: np.ndarray) -> np.ndarray:
    """``R`` with ``R R' `` the pseudo-inverse of a positive semi-definite matrix, whatever the scale of its columns."""
    size = np.sqrt(np.diagonal(matrix))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(matrix / size / size[:, None])
    kept = values > _RANK_TOLERANCE * values[-1]
    return vectors[:, kept] / np.sqrt(values[kept]) / size[:, None]
