"""How much a fit would change if a stretch of time were left out: errors that respect autocorrelation.

With ``S_b`` the sum of the scores (derivatives of the loss) of block ``b`` at the fit and ``H_b`` its curvature, one
Newton step of the fit without that block moves the coefficients by ``(H - H_b)^-1 S_b``. The sum of their squares is
the jackknife over blocks (Kunsch 1989, Ann. Stat. 17, 1217-1241, doi:10.1214/aos/1176347265), to first order the
sandwich estimate with scores that are correlated within blocks and independent across them, corrected for the leverage
of each block (the CR3 of Bell & McCaffrey 2002, Survey Methodology 28, 169-181). It holds however counts are
distributed within a block, so spike history and slow changes that the model leaves out are in it, as far as they are
shorter than a block.
"""

import numpy as np
from jaxtyping import Float

from spikesieve._types import Coef
from spikesieve.observation_models import ObservationModel
from spikesieve.solver import Sample

Changes = Float[np.ndarray, "n_blocks n_coef_and_intercept"]

_CHUNK_VALUES = 2**22
"""Entries of the feature matrix held at a time: 32 MB."""
# Directions of the curvature below this share of the largest (features scaled alike) are not determined by the data,
# such as the constant of a spline basis beside the intercept: tuning curves do not depend on them.
_UNDETERMINED = 1e-9


def changes_without_blocks(
    sample: Sample, family: ObservationModel, intercept: float, coef: Coef, ridge: float, n_blocks: int
) -> Changes:
    """Change of (intercept, coefficients) when each of `n_blocks` equal stretches of time is left out.

    `ridge` is the strength of the ridge penalty of the fit, on the scale of the mean loss.
    """
    n = sample.design.n_samples
    edges = np.linspace(0, n, n_blocks + 1).astype(int)
    parts = [
        _score_and_curvature(sample, family, intercept, coef, slice(a, b))
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]
    total = sum(curvature for _, curvature in parts)
    penalty = np.full(len(coef) + 1, ridge * sample.total_weight)
    penalty[0] = 0.0
    return np.array([_solve(total - curvature + np.diag(penalty), score) for score, curvature in parts])


def _score_and_curvature(sample, family, intercept, coef, rows: slice):
    """Sums over some rows of the score and of the expected curvature in (intercept, coefficients)."""
    size = len(coef) + 1
    score, curvature = np.zeros(size), np.zeros((size, size))
    step = max(1, _CHUNK_VALUES // size)
    for start in range(rows.start, rows.stop, step):
        chunk = slice(start, min(start + step, rows.stop))
        columns = [np.ones((chunk.stop - chunk.start, 1)), *(b.as_matrix(chunk) for b in sample.design.blocks)]
        matrix = np.hstack(columns)
        eta = matrix[:, 1:] @ coef + intercept
        if sample.offset is not None:
            eta += sample.offset[chunk]
        residual, weight = family.derivative(eta, sample.y[chunk]), family.curvature(eta)
        if sample.weight is not None:
            residual, weight = residual * sample.weight[chunk], weight * sample.weight[chunk]
        score += matrix.T @ residual
        curvature += (matrix * weight[:, None]).T @ matrix
    return score, curvature


def _solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solution of least size where the matrix is singular."""
    diagonal = np.diagonal(matrix)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(matrix * scale * scale[:, None])
    inverse = np.where(values > _UNDETERMINED * values[-1], 1.0 / np.maximum(values, _UNDETERMINED * values[-1]), 0.0)
    return scale * (vectors @ (inverse * (vectors.T @ (scale * right))))
