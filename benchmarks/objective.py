"""The yardstick: what every library is asked to minimise, evaluated here, for all of them alike."""

from dataclasses import dataclass

import numpy as np
from workload import N_FUNCTIONS, Workload

_CHUNK_ROWS = 16_384
_WEIGHT = np.sqrt(N_FUNCTIONS)


@dataclass(frozen=True)
class Evaluation:
    """Objective and KKT residual of every solution, shape ``(n_strengths,)`` each.

    The residual is the largest distance of a group's gradient from the optimality condition, divided by the
    group's weight, or the intercept's gradient if that is larger: on the scale of the strengths.
    """

    objective: np.ndarray
    kkt_residual: np.ndarray


def strongest(workload: Workload) -> float:
    """Smallest strength at which every covariate is out: largest group gradient of the null model."""
    null = np.log(workload.counts.mean())
    n_coef = workload.covariates.shape[1] * N_FUNCTIONS
    _, gradient, _ = _loss_and_gradient(workload, np.array([null]), np.zeros((1, n_coef)))
    return float(np.linalg.norm(gradient.reshape(-1, N_FUNCTIONS), axis=1).max() / _WEIGHT)


def evaluate(workload: Workload, strengths: np.ndarray, intercept: np.ndarray, coef: np.ndarray) -> Evaluation:
    """Mean negative log-likelihood plus penalty, and how far from optimal."""
    loss, gradient, intercept_gradient = _loss_and_gradient(workload, intercept, coef)
    groups = coef.reshape(len(coef), -1, N_FUNCTIONS)
    gradient = gradient.reshape(groups.shape)
    norms = np.linalg.norm(groups, axis=2)
    bound = strengths[:, None] * _WEIGHT
    direction = groups / np.where(norms > 0, norms, 1.0)[:, :, None]
    residual = np.where(
        norms > 0,
        np.linalg.norm(gradient + bound[:, :, None] * direction, axis=2),
        np.maximum(np.linalg.norm(gradient, axis=2) - bound, 0.0),
    )
    return Evaluation(
        objective=loss + strengths * _WEIGHT * norms.sum(axis=1),
        kkt_residual=np.maximum(residual.max(axis=1) / _WEIGHT, np.abs(intercept_gradient)),
    )


def _loss_and_gradient(workload: Workload, intercept: np.ndarray, coef: np.ndarray):
    """Per solution; in chunks of rows, so that many strengths of a long recording fit in memory."""
    n_bins = len(workload.counts)
    loss, gradient, intercept_gradient = np.zeros(len(coef)), np.zeros(coef.shape), np.zeros(len(coef))
    for start in range(0, n_bins, _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        counts = workload.counts[rows, None]
        matrix = Workload(workload.covariates[rows], workload.counts[rows], ()).matrix()
        log_mean = matrix @ coef.T + intercept
        mean = np.exp(log_mean)
        loss += (mean - counts * log_mean).sum(axis=0)
        gradient += (mean - counts).T @ matrix
        intercept_gradient += (mean - counts).sum(axis=0)
    return loss / n_bins, gradient / n_bins, intercept_gradient / n_bins
