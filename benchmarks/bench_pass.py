"""One pass over W(n, C) on tables and codes (loss and gradient at a point), against copying the codes in memory.

Every part is timed by itself on the row chunks that the pass uses, in turns with the others, so that a busy machine
hits all alike; the smallest time of each counts.

Usage: python benchmarks/bench_pass.py [--bins 1000000] [--covariates 10] [--repeats 30]
"""

import argparse
import time
from collections.abc import Callable
from functools import reduce
from operator import add

import numpy as np
from machine import machine_line
from rich.console import Console
from rich.table import Table
from workload import N_FUNCTIONS, simulate

from spikesieve.basis import BSplineEval
from spikesieve.observation_models import PoissonObservations
from spikesieve.solver import number_of_threads
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._threads import one_blas_thread


def main() -> None:
    options = _parse()
    console = Console(width=100)
    console.print(machine_line())
    parts = _parts(options.bins, options.covariates)
    with one_blas_thread(number_of_threads(None), options.covariates * N_FUNCTIONS):
        seconds = _smallest(parts, options.repeats)
    copy = seconds["copy of the codes"]
    table = Table(title=f"one pass, {options.bins:,} bins x {options.covariates} covariates", title_justify="left")
    for column in ("", "ms", "ns per bin and covariate", "copies"):
        table.add_column(column, justify="right" if column else "left")
    for name, value in seconds.items():
        per_code = 1e9 * value / (options.bins * options.covariates)
        table.add_row(name, f"{1e3 * value:.2f}", f"{per_code:.2f}", f"{value / copy:.1f}")
    console.print(table)


def _parts(n_bins: int, n_covariates: int) -> dict[str, Callable[[], object]]:
    """What is timed, by name: the whole pass, what it is made of on one thread, and the copy."""
    workload = simulate(n_bins, n_covariates)
    basis = reduce(add, (BSplineEval(N_FUNCTIONS, bounds=(0.0, 1.0), label=label) for label in workload.labels))
    design = basis.design(*workload.covariates.T)
    family = PoissonObservations()
    single = SingleProblem(design, workload.counts, family)
    threaded = SingleProblem(design, workload.counts, family, n_threads=number_of_threads(None))
    coef = np.random.default_rng(0).normal(size=design.n_coef) * 0.3
    intercept = single.null_intercept()
    chunks = single.chunks()
    (tables,) = design.parts(np.arange(n_covariates))  # one group of all
    look_up = tables.features.predictor(coef)
    eta = np.zeros(n_bins)
    for rows in chunks:
        eta[rows] = single.linear_predictor(rows, intercept, coef)
    residual = family.derivative(eta, workload.counts)
    targets = [np.empty_like(block.axis.codes) for block in design.blocks]
    moments = tables.features.partial_gradient(slice(0, 1), residual[:1])
    scratch = eta.copy()
    return {
        "copy of the codes": lambda: [
            np.copyto(out, block.axis.codes) for out, block in zip(targets, design.blocks, strict=True)
        ],
        f"whole pass, {threaded.n_threads} threads": lambda: threaded.evaluate(intercept, coef),
        "whole pass, 1 thread": lambda: single.evaluate(intercept, coef),
        "  look-ups": lambda: [look_up(rows, scratch[rows]) for rows in chunks],
        "  exp": lambda: [np.exp(eta[rows]) for rows in chunks],
        "  loss and residual, exp included": lambda: [
            family.evaluate_sum(eta[rows], workload.counts[rows]) for rows in chunks
        ],
        "  moments": lambda: [tables.features.partial_gradient(rows, residual[rows], moments) for rows in chunks],
        "  tables before and after": lambda: (
            tables.features.predictor(coef),
            tables.features.finish_gradient(moments),
        ),
    }


def _smallest(parts: dict[str, Callable], n_repeats: int) -> dict[str, float]:
    """Smallest seconds of each part, measured in turns."""
    seconds = dict.fromkeys(parts, np.inf)
    for _ in range(n_repeats + 1):
        for name, part in parts.items():
            start = time.perf_counter()
            part()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=30)
    return parser.parse_args()


if __name__ == "__main__":
    main()
