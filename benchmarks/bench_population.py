"""Whole paths of many neurons that share their covariates, against one path after the other.

The covariates are those of W(n, C), as a design that is never materialised; each neuron has three active covariates of
its own. Single paths are timed before and after those of the population, so that a busy machine hits both alike, and
have counts that are contiguous. Answers are compared first: the largest difference between coefficients by both ways,
relative to the largest; both are within the tolerance, not equal.

Usage: python benchmarks/bench_population.py [--bins 1e5] [--covariates 10] [--neurons 50] [--singles 10]
"""

import argparse
import resource
import time

import numpy as np
from machine import machine_line
from workload import simulate

from spikesieve.basis import BSplineEval
from spikesieve.glm import GLM, PopulationGLM

N_COEF, N_ACTIVE, MEAN_COUNT, STEP = 10, 3, 0.05, 0.8
PATH = {"n_strengths": 100, "min_ratio": 0.01}


def main() -> None:
    options = _parse()
    print(machine_line())
    design, counts = population(options.bins, options.covariates, options.neurons)
    together, single = PopulationGLM(regularizer="GroupLasso"), GLM(regularizer="GroupLasso")
    few = min(options.bins, 20_000)
    single.fit_path(design[:few], counts[:few, 0], n_strengths=3)
    together.fit_path(design[:few], counts[:few, :8], n_strengths=3)

    chosen = np.unique(np.linspace(0, options.neurons - 1, options.singles).astype(int))
    half = len(chosen) // 2
    singles = {n: _timed(lambda n=n: single.fit_path(design, counts[:, n].copy(), **PATH)) for n in chosen[:half]}
    paths, seconds, of_processor = _timed(lambda: together.fit_path(design, counts, **PATH))
    singles |= {n: _timed(lambda n=n: single.fit_path(design, counts[:, n].copy(), **PATH)) for n in chosen[half:]}

    difference = max(
        np.abs(paths[n].coef_matrix - path.coef_matrix).max() / np.abs(path.coef_matrix).max()
        for n, (path, _, _) in singles.items()
    )
    alone, of_processor_alone = (np.mean([timed[k] for timed in singles.values()]) for k in (1, 2))
    n_passes = np.mean([path.n_passes.sum() for path in paths])
    print(f"{options.neurons} neurons, {options.bins} bins, {options.covariates} covariates x {N_COEF}, 100 strengths")
    print(f"largest difference {difference:.1e}; all converged: {bool(paths.converged.all())}")
    print(f"together {seconds:.1f} s, {of_processor:.1f} s of processor time, {n_passes:.0f} passes a path")
    print(
        f"one by one {alone * options.neurons:.1f} s, {of_processor_alone * options.neurons:.1f} s of processor time "
        f"({len(chosen)} measured)"
    )
    print(
        f"gain {alone * options.neurons / seconds:.2f} times, in processor time "
        f"{of_processor_alone * options.neurons / of_processor:.2f}; "
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB"
    )


def _timed(work):
    """Result, seconds, and seconds of processor time."""
    start, of_processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - start, time.process_time() - of_processor


def population(n_bins: int, n_covariates: int, n_neurons: int):
    """Design and counts, ``(n_bins, n_neurons)``."""
    workload = simulate(n_bins, n_covariates)
    basis = BSplineEval(N_COEF, label="c00", bounds=(0, 1))
    for c in range(1, n_covariates):
        basis = basis + BSplineEval(N_COEF, label=f"c{c:02d}", bounds=(0, 1))
    design = basis.design(*workload.covariates.T)
    rng = np.random.default_rng(1)
    counts = np.empty((n_bins, n_neurons), order="F")
    for n in range(n_neurons):
        coef = np.zeros((n_covariates, N_COEF))
        coef[rng.choice(n_covariates, N_ACTIVE, replace=False)] = STEP * rng.normal(size=(N_ACTIVE, N_COEF))
        rate = np.exp(design.linear_predictor(coef.ravel()))
        counts[:, n] = rng.poisson(rate * MEAN_COUNT / rate.mean())
    return design, counts


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=lambda text: int(float(text)), default=100_000)
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--neurons", type=int, default=50)
    parser.add_argument("--singles", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
