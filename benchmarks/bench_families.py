"""Whole group lasso paths of Gaussian, Bernoulli and Poisson observations against adelie, on the covariates of W(n, C).

Each family's observations are drawn from a linear predictor like the workload's: counts at 0.05 per bin, a spike or
none at the same mean, or the predictor plus noise of unit variance. "design" is this library on `basis.design(...)`,
whose features are within 1e-4 of the dense ones, so that its excess on the dense features is not zero.

Equal answers first: by how much each objective exceeds the best one, at worst over the path. Every library runs in a
process of its own, with both cores.

Usage: python benchmarks/bench_families.py [--bins 100000] [--covariates 10] [--repeats 3]
       [--families Gaussian,Bernoulli,Poisson]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from machine import machine_line
from rich.console import Console
from rich.table import Table
from workload import N_FUNCTIONS, Workload, simulate, splines

FAMILIES = ("Gaussian", "Bernoulli", "Poisson")
# adelie: its default tolerance, and one that brings its objective to where ours is.
RUNS = (("spikesieve", ""), ("design", ""), ("adelie", ""), ("adelie", "1e-12"))
N_STRENGTHS, MIN_RATIO = 100, 0.01
_WEIGHT = np.sqrt(N_FUNCTIONS)


@dataclass(frozen=True)
class Solutions:
    """Coefficients of a path, ``(n_strengths, n_coef)``, and the seconds of each repetition."""

    intercept: np.ndarray
    coef: np.ndarray
    seconds: np.ndarray


def observe(workload: Workload, family: str, seed: int = 1) -> Workload:
    """Replace the counts by observations of a family with the same active covariates."""
    if family == "Poisson":
        return workload
    rng = np.random.default_rng(seed)
    predictor = sum(
        splines(workload.covariates[:, c]) @ rng.normal(0.0, 0.8, N_FUNCTIONS) for c in range(len(workload.active))
    )
    if family == "Gaussian":
        return replace(workload, counts=predictor + rng.standard_normal(len(predictor)))
    rate = np.exp(predictor)
    return replace(workload, counts=(rng.random(len(rate)) < np.minimum(0.05 * rate / rate.mean(), 1.0)).astype(float))


def fit_spikesieve(
    workload: Workload, family: str, strengths: np.ndarray, n_repeats: int, on_design: bool
) -> Solutions:
    """Whole path with `GLM.fit_path` at its default tolerance."""
    from spikesieve.basis import BSplineEval
    from spikesieve.glm import GLM

    features = workload.features()
    if on_design:
        bases = (BSplineEval(N_FUNCTIONS, bounds=(0.0, 1.0), label=label) for label in workload.labels)
        features = reduce(add, bases).design(*workload.covariates.T)
    model = GLM(family, regularizer="GroupLasso")
    seconds, path = timed(lambda: model.fit_path(features, workload.counts, strengths=strengths), n_repeats)
    return Solutions(path.intercept, path.coef_matrix, seconds)


def fit_adelie(workload: Workload, family: str, strengths, n_repeats: int, tolerance: str) -> Solutions:
    """Whole path with `adelie.grpnet`; its Gaussian loss has a half that ours has not, so strengths are halved too."""
    import adelie

    matrix, halved = workload.matrix(), 0.5 if family == "Gaussian" else 1.0
    kind = {"Gaussian": "gaussian", "Bernoulli": "binomial", "Poisson": "poisson"}[family]
    settings = {"tol": float(tolerance)} if tolerance else {}
    if tolerance and family != "Gaussian":
        settings["irls_tol"] = float(tolerance)

    def fit():
        return adelie.grpnet(
            matrix,
            getattr(adelie.glm, kind)(workload.counts),
            groups=np.arange(0, matrix.shape[1], N_FUNCTIONS),
            lmda_path=halved * strengths,
            early_exit=False,
            n_threads=os.cpu_count(),
            progress_bar=False,
            **settings,
        )

    seconds, state = timed(fit, n_repeats)
    return Solutions(np.asarray(state.intercepts), state.betas.toarray(), seconds)


def objective(workload: Workload, family: str, strengths: np.ndarray, found: Solutions) -> np.ndarray:
    """Mean loss without terms in the observations alone plus penalty, on the dense features, ``(n_strengths,)``."""
    y, matrix = workload.counts, workload.matrix()
    values = []
    for strength, intercept, coef in zip(strengths, found.intercept, found.coef, strict=True):
        eta = matrix @ coef + intercept
        loss = {
            "Gaussian": lambda eta: np.square(y - eta),
            "Bernoulli": lambda eta: np.logaddexp(0.0, eta) - y * eta,
            "Poisson": lambda eta: np.exp(eta) - y * eta,
        }[family](eta)
        norms = np.linalg.norm(coef.reshape(-1, N_FUNCTIONS), axis=1)
        values.append(loss.mean() + strength * _WEIGHT * norms.sum())
    return np.array(values)


def strongest(workload: Workload, family: str) -> float:
    """Smallest strength at which every covariate is out: all three links are canonical."""
    y = workload.counts
    gradient = (2.0 if family == "Gaussian" else 1.0) * workload.matrix().T @ (y - y.mean()) / len(y)
    return float(np.linalg.norm(gradient.reshape(-1, N_FUNCTIONS), axis=1).max() / _WEIGHT)


def timed(run, n_repeats: int):
    """Seconds of each of `n_repeats` runs, and the result of the last."""
    seconds, result = [], None
    for _ in range(n_repeats):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return np.array(seconds), result


def work(library: str, tolerance: str, family: str, n_bins: int, n_covariates: int, n_repeats: int, out: str) -> None:
    """One library in this process."""
    workload = observe(simulate(n_bins, n_covariates), family)
    strengths = strongest(workload, family) * np.geomspace(1.0, MIN_RATIO, N_STRENGTHS)
    if library == "adelie":
        found = fit_adelie(workload, family, strengths, n_repeats, tolerance)
    else:
        found = fit_spikesieve(workload, family, strengths, n_repeats, library == "design")
    values = objective(workload, family, strengths, found)
    np.savez(out, objective=values, seconds=found.seconds)


def main() -> None:
    options = _parse()
    console = Console(width=100)
    console.print(machine_line())
    title = f"{N_STRENGTHS} strengths down to {MIN_RATIO:g}, n = {options.bins}, {options.covariates} covariates"
    table = Table(title=title, title_justify="left")
    for column in ("family", "library", "tolerance"):
        table.add_column(column)
    for column in ("excess", "seconds", "(min, max)", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    for family in options.families.split(","):
        found = [_in_own_process(library, tolerance, family, options) for library, tolerance in RUNS]
        best = np.min([run["objective"] for run in found], axis=0)
        ours = float(np.median(found[0]["seconds"]))
        for (library, tolerance), run in zip(RUNS, found, strict=True):
            seconds = run["seconds"]
            table.add_row(
                *(family, library, tolerance or "default", f"{np.max(run['objective'] - best):.1e}"),
                *(f"{np.median(seconds):.3f}", f"{seconds.min():.3f}, {seconds.max():.3f}"),
                f"{np.median(seconds) / ours:.1f}",
            )
    console.print(table)


def _in_own_process(library: str, tolerance: str, family: str, options) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.npz"
        arguments = [library, tolerance, family, options.bins, options.covariates, options.repeats, out]
        subprocess.run([sys.executable, __file__, "--work", *map(str, arguments)], check=True)
        with np.load(out, allow_pickle=False) as stored:
            return dict(stored)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=lambda text: int(float(text)), default=100_000)
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--families", default=",".join(FAMILIES))
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        library, tolerance, family, n_bins, n_covariates, n_repeats, out = sys.argv[2:]
        work(library, tolerance, family, int(n_bins), int(n_covariates), int(n_repeats), out)
    else:
        main()
