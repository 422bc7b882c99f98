"""Whole paths of many neurons that share their covariates, against one path after the other.

The covariates are those of W(n, C), as a design that is never materialised; each neuron has three active covariates of
its own. Answers are compared first: the largest difference between coefficients by both ways, relative to the largest.

Usage: python benchmarks/bench_population.py [--bins 100000] [--covariates 10] [--neurons 50] [--singles 5]
"""

import argparse
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
    population_model, single = PopulationGLM(regularizer="GroupLasso"), GLM(regularizer="GroupLasso")
    single.fit_path(design[: min(options.bins, 5000)], counts[: min(options.bins, 5000), 0], n_strengths=3)
    population_model.fit_path(design[:5000], counts[:5000, :2], n_strengths=3)
    start = time.perf_counter()
    paths = population_model.fit_path(design, counts, **PATH)
    together = time.perf_counter() - start
    chosen = np.unique(np.linspace(0, options.neurons - 1, options.singles).astype(int))
    start = time.perf_counter()
    singles = {n: single.fit_path(design, counts[:, n], **PATH) for n in chosen}
    alone = (time.perf_counter() - start) / len(chosen) * options.neurons
    difference = max(
        np.abs(paths[n].coef_matrix - path.coef_matrix).max() / np.abs(path.coef_matrix).max()
        for n, path in singles.items()
    )
    passes = np.mean([path.n_passes.sum() for path in paths])
    print(f"{options.neurons} neurons, {options.bins} bins, {options.covariates} covariates x {N_COEF}, 100 strengths")
    print(
        f"largest difference {difference:.1e}; all converged: {bool(paths.converged.all())}; {passes:.0f} passes a path"
    )
    print(f"together {together:.2f} s, one by one {alone:.2f} s ({len(chosen)} measured): {alone / together:.2f} times")


def population(n_bins: int, n_covariates: int, n_neurons: int):
    """Design and counts, ``(n_bins, n_neurons)``."""
    workload = simulate(n_bins, n_covariates)
    basis = BSplineEval(N_COEF, label="c00", bounds=(0, 1))
    for c in range(1, n_covariates):
        basis = basis + BSplineEval(N_COEF, label=f"c{c:02d}", bounds=(0, 1))
    design = basis.design(*workload.covariates.T)
    rng = np.random.default_rng(1)
    counts = np.empty((n_bins, n_neurons))
    for n in range(n_neurons):
        coef = np.zeros((n_covariates, N_COEF))
        coef[rng.choice(n_covariates, N_ACTIVE, replace=False)] = STEP * rng.normal(size=(N_ACTIVE, N_COEF))
        rate = np.exp(design.linear_predictor(coef.ravel()))
        counts[:, n] = rng.poisson(rate * MEAN_COUNT / rate.mean())
    return design, counts


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=int, default=100_000)
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--neurons", type=int, default=50)
    parser.add_argument("--singles", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
