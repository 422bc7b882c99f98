"""W(n, C): the simulated recording that every benchmark of this folder fits.

`n_bins` time bins and `n_covariates` smooth covariates in [0, 1]: white noise smoothed with a Gaussian of 20
bins, pairwise correlation 0.3, mapped through the normal distribution function. Each is expanded in 10 cubic
B-splines; the first three drive the cell with N(0, 0.8²) coefficients, at a mean of 0.05 spikes per bin.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

N_FUNCTIONS = 10
N_ACTIVE = 3
_DEGREE = 3
_SMOOTHING_BINS = 20.0
_CORRELATION = 0.3
_COEF_SCALE = 0.8
_MEAN_COUNT = 0.05


@dataclass(frozen=True)
class Workload:
    """One simulated recording: covariates and the counts of one cell.

    Attributes
    ----------
    covariates
        Values in [0, 1], shape ``(n_bins, n_covariates)``.
    counts
        Spikes per bin, float64, shape ``(n_bins,)``.
    active
        Labels of the covariates that drive the cell.
    """

    covariates: np.ndarray
    counts: np.ndarray
    active: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the covariates; they sort in the order of the columns."""
        return tuple(f"covariate_{c:03d}" for c in range(self.covariates.shape[1]))

    def features(self) -> dict[str, np.ndarray]:
        """Dense B-spline features, ``{label: (n_bins, 10)}``, views of `matrix`."""
        matrix = self.matrix()
        return {label: matrix[:, c * N_FUNCTIONS : (c + 1) * N_FUNCTIONS] for c, label in enumerate(self.labels)}

    def matrix(self) -> np.ndarray:
        """Features side by side, in Fortran order, shape ``(n_bins, 10 n_covariates)``."""
        n_bins, n_covariates = self.covariates.shape
        matrix = np.empty((n_bins, N_FUNCTIONS * n_covariates), order="F")
        for c in range(n_covariates):
            matrix[:, c * N_FUNCTIONS : (c + 1) * N_FUNCTIONS] = splines(self.covariates[:, c])
        return matrix


def simulate(n_bins: int, n_covariates: int, seed: int = 0) -> Workload:
    """Draw W(n_bins, n_covariates); the same `seed` gives the same recording."""
    if n_covariates < N_ACTIVE:
        raise ValueError(f"n_covariates must be at least {N_ACTIVE}, the active ones; got {n_covariates}.")
    rng = np.random.default_rng(seed)
    shared = _smooth_noise(rng, n_bins)
    covariates = np.empty((n_bins, n_covariates), order="F")
    for c in range(n_covariates):
        own = _smooth_noise(rng, n_bins)
        covariates[:, c] = ndtr(np.sqrt(_CORRELATION) * shared + np.sqrt(1 - _CORRELATION) * own)
    log_mean = np.zeros(n_bins)
    for c in range(N_ACTIVE):
        log_mean += splines(covariates[:, c]) @ rng.normal(0.0, _COEF_SCALE, N_FUNCTIONS)
    log_mean += np.log(_MEAN_COUNT / np.mean(np.exp(log_mean)))
    counts = rng.poisson(np.exp(log_mean)).astype(float)
    return Workload(covariates, counts, tuple(f"covariate_{c:03d}" for c in range(N_ACTIVE)))


def splines(values: np.ndarray) -> np.ndarray:
    """Ten clamped cubic B-splines with uniform knots on [0, 1], shape ``(n_bins, 10)``."""
    inner = np.linspace(0.0, 1.0, N_FUNCTIONS - _DEGREE + 1)
    knots = np.concatenate([np.zeros(_DEGREE), inner, np.ones(_DEGREE)])
    return BSpline.design_matrix(values, knots, _DEGREE).toarray()


def _smooth_noise(rng: np.random.Generator, n_bins: int) -> np.ndarray:
    smooth = gaussian_filter1d(rng.standard_normal(n_bins), _SMOOTHING_BINS, mode="wrap")
    return smooth / smooth.std()
