"""Do the bands of tuning curves cover? Simulated recordings, nominal 95 %: pointwise and whole-curve coverage.

    python benchmarks/bench_intervals.py [recordings per cell]

Three covariates, correlated 0.3, drive the cell through 10 B-splines each; curves of all three are compared with the
rate that made the counts, averaged over the other covariates and over the drift that the model does not know.
"""

import sys
import time

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

from spikesieve.basis import BSplineEval
from spikesieve.observation_models import PoissonObservations
from spikesieve.selection import refit
from spikesieve.solver import as_sample

N_BINS, N_POINTS, LEVEL = 20_000, 60, 0.95
LABELS = ("a", "b", "c")
# Smoothing of the covariates [bins], standard deviation of a drift of the log rate smoothed over 1000 bins, mean count.
CELLS = {
    "fast covariates": (20, 0.0, 0.05),
    "fast covariates, few spikes": (20, 0.0, 0.01),
    "slow covariates": (200, 0.0, 0.05),
    "fast covariates, drift": (20, 0.5, 0.05),
    "slow covariates, drift": (200, 0.5, 0.05),
}


def smooth(rng: np.random.Generator, width: float) -> np.ndarray:
    noise = gaussian_filter1d(rng.standard_normal(N_BINS), width, mode="wrap")
    return noise / noise.std()


def coverage(seed: int, width: float, drift: float, mean_count: float) -> tuple[float, float]:
    """Share of grid points covered by the pointwise band, and of curves by the simultaneous one."""
    rng = np.random.default_rng(seed)
    shared = smooth(rng, width)
    covariates = [ndtr(np.sqrt(0.7) * smooth(rng, width) + np.sqrt(0.3) * shared) for _ in LABELS]
    bases = [BSplineEval(10, bounds=(0, 1), label=label) for label in LABELS]
    coef = rng.normal(0.0, 0.8, (len(LABELS), 10))
    effects = [basis.compute_features(x) @ c for basis, x, c in zip(bases, covariates, coef, strict=True)]
    log_mean = sum(effects) + (drift * smooth(rng, 1000) if drift else 0.0)
    log_mean += np.log(mean_count / np.exp(log_mean).mean())
    family = PoissonObservations()
    sample = as_sample((bases[0] + bases[1] + bases[2]).design(*covariates), rng.poisson(np.exp(log_mean)), family)
    found = refit(sample, family, LABELS)
    points, curves = [], []
    for label, basis, effect, c in zip(LABELS, bases, effects, coef, strict=True):
        curve = found.tuning_curve(label, bin_width_s=1.0, n_points=N_POINTS, level=LEVEL)
        truth = np.exp(log_mean - effect).mean() * np.exp(basis.evaluate_on_grid(N_POINTS)[1] @ c)
        seen = np.isfinite(curve.rate_hz)  # there is no curve where the covariate never was
        points.append(((truth >= curve.lower_hz) & (truth <= curve.upper_hz))[seen].mean())
        curves.append(((truth >= curve.simultaneous_lower_hz) & (truth <= curve.simultaneous_upper_hz))[seen].all())
    return float(np.mean(points)), float(np.mean(curves))


def main(n_recordings: int) -> None:
    table = Table(title=f"Coverage of 95 % bands, {n_recordings} recordings of {N_BINS} bins a row (± standard error)")
    for name in ("recordings", "pointwise", "whole curve", "s per recording"):
        table.add_column(name, justify="left" if name == "recordings" else "right")
    for name, settings in CELLS.items():
        start = time.perf_counter()
        shares = np.array([coverage(seed, *settings) for seed in range(n_recordings)])
        error = shares.std(axis=0, ddof=1) / np.sqrt(n_recordings)
        cells = [f"{m:.3f} ± {e:.3f}" for m, e in zip(shares.mean(axis=0), error, strict=True)]
        table.add_row(name, *cells, f"{(time.perf_counter() - start) / n_recordings:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
