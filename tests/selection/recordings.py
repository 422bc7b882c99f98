"""Small simulated recordings whose true covariates are known."""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

from spikesieve.basis import BSplineEval


def smooth_covariates(rng, n_bins, n_covariates, smoothing=10.0, correlation=0.3):
    """Uniform on [0, 1], smooth in time, equally correlated, ``(n_bins, n_covariates)``."""
    noise = gaussian_filter1d(rng.standard_normal((n_bins, n_covariates + 1)), smoothing, axis=0)
    noise /= noise.std(axis=0)
    return ndtr(np.sqrt(correlation) * noise[:, :1] + np.sqrt(1 - correlation) * noise[:, 1:])


def recording(seed=0, n_bins=4000, n_covariates=4, n_active=2, n_neurons=1, rate=0.3, size=1.5, **kinds):
    """A design, counts ``(n_bins, n_neurons)`` and the labels of the first `n_active`, which drive all neurons."""
    rng = np.random.default_rng(seed)
    covariates = smooth_covariates(rng, n_bins, n_covariates, **kinds)
    labels = [f"c{c:02d}" for c in range(n_covariates)]
    basis = sum((BSplineEval(5, label=label) for label in labels[1:]), BSplineEval(5, label=labels[0]))
    log_rate = np.zeros((n_bins, n_neurons))
    for c in range(n_active):
        phase = rng.uniform(0, np.pi, n_neurons)
        log_rate += size * np.sin(2 * np.pi * covariates[:, c, None] + phase)
    mean = rate * np.exp(log_rate) / np.exp(log_rate).mean(axis=0)
    return basis.design(*covariates.T), rng.poisson(mean).astype(float), tuple(labels[:n_active])
