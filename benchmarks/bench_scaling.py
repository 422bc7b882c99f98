"""How the time and memory of a whole path on ``basis.design(...)`` grow with the recording: W(n, 10), 100 strengths.

Each length runs in a process of its own; covariates are made and tabulated one at a time, as a user with a long
recording would, so that the peak memory is that of the fit.

Usage: python benchmarks/bench_scaling.py [--bins 1e4,1e5,1e6,1e7] [--figure docs/images/scaling.png]
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from machine import machine_line
from rich.console import Console
from rich.table import Table
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

N_COVARIATES, N_FUNCTIONS, MIN_RATIO = 10, 10, 0.01
_SMOOTHING_BINS, _CORRELATION, _COEF_SCALE, _MEAN_COUNT = 20.0, 0.3, 0.8, 0.05


def main() -> None:
    options = _parse()
    if options.worker:
        print(json.dumps(measure(options.bins[0])))
        return
    console = Console(width=100)
    console.print(machine_line())
    rows = [_in_own_process(n_bins) for n_bins in options.bins]
    table = Table(title="basis.design, 10 covariates x 10 B-splines, 100 strengths down to 0.01", title_justify="left")
    for column in ("bins", "tabulating", "path", "us per bin", "passes", "design", "dense would be", "peak memory"):
        table.add_column(column, justify="right")
    for row in rows:
        n = row["n_bins"]
        table.add_row(
            f"{n:,}",
            f"{row['tabulate_s']:.2f} s",
            f"{row['path_s']:.2f} s",
            f"{1e6 * row['path_s'] / n:.2f}",
            str(row["n_passes"]),
            f"{row['design_bytes'] / 1e6:,.0f} MB",
            f"{8e-6 * n * N_COVARIATES * N_FUNCTIONS:,.0f} MB",
            f"{row['peak_bytes'] / 1e9:.2f} GB",
        )
    console.print(table)
    if options.figure:
        draw(rows, options.figure)


def measure(n_bins: int) -> dict:
    """Tabulate and fit one simulated recording; the second of two fits is timed, kernels then being loaded."""
    from spikesieve.basis import BSplineEval
    from spikesieve.glm import GLM

    rng = np.random.default_rng(0)
    common, eta, design, tabulate_s = _smooth_noise(rng, n_bins), np.zeros(n_bins), {}, 0.0
    for c in range(N_COVARIATES):
        own = _smooth_noise(rng, n_bins)
        covariate = ndtr(np.sqrt(_CORRELATION) * common + np.sqrt(1 - _CORRELATION) * own)
        label = f"covariate_{c}"
        start = time.perf_counter()
        design[label] = BSplineEval(N_FUNCTIONS, bounds=(0.0, 1.0), label=label).design(covariate)
        tabulate_s += time.perf_counter() - start
        if c < 3:
            eta += design[label].linear_predictor(rng.normal(size=N_FUNCTIONS) * _COEF_SCALE)
    mean = np.exp(eta)
    counts = rng.poisson(mean * (_MEAN_COUNT / mean.mean())).astype(float)
    del common, own, covariate, eta, mean
    model = GLM(regularizer="GroupLasso")
    model.fit_path({label: block[:20_000] for label, block in design.items()}, counts[:20_000], n_strengths=3)
    start = time.perf_counter()
    path = model.fit_path(design, counts, min_ratio=MIN_RATIO)
    assert path.converged.all()
    return {
        "n_bins": n_bins,
        "tabulate_s": tabulate_s,
        "path_s": time.perf_counter() - start,
        "n_passes": int(path.n_passes.sum()),
        "design_bytes": sum(block.n_bytes for block in design.values()),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def draw(rows: list[dict], file: str) -> None:
    """Time of the path against the number of bins, with a line of proportionality."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    bins, seconds = np.array([row["n_bins"] for row in rows]), np.array([row["path_s"] for row in rows])
    figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
    axes.loglog(bins, seconds, "o-", color="#0072B2", label="100 strengths, 10 covariates")
    axes.loglog(bins, seconds[-1] * bins / bins[-1], ":", color="0.5", label="proportional to bins")
    axes.set(xlabel="time bins", ylabel="whole path [s]")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


def _smooth_noise(rng: np.random.Generator, n_bins: int) -> np.ndarray:
    noise = gaussian_filter1d(rng.normal(size=n_bins), _SMOOTHING_BINS)
    return noise / noise.std()


def _in_own_process(n_bins: int) -> dict:
    command = [sys.executable, __file__, "--worker", "--bins", str(n_bins)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    lengths = "1e4,1e5,1e6,1e7"
    parser.add_argument("--bins", type=lambda text: [int(float(part)) for part in text.split(",")], default=lengths)
    parser.add_argument("--figure", help="draw the times to this file")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
