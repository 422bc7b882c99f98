"""Whole group lasso paths against adelie, and one strength against nemos, on W(n, C).

"design" is this library on `basis.design(...)`, whose features are within 1e-4 of the dense ones.

Equal answers first: for each library the table says by how much its objective exceeds the best one found, and its
KKT residual, before it says how long it took. Every library runs in a process of its own.

Usage: python benchmarks/bench_path.py [--bins 1e5,1e6] [--covariates 10] [--repeats 3] [--time-out 300]
       [--libraries spikesieve,design,adelie,nemos] [--adelie default,1e-12,1e-16]
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import machine_line
from objective import Evaluation, evaluate, strongest
from rich.console import Console
from rich.table import Table
from workload import Workload, simulate

N_STRENGTHS = 100
MIN_RATIO = 0.01
# nemos fits one strength in minutes, so it is asked for one: where the active covariates have just come in.
ONE_STRENGTH_RATIO = 0.1
# adelie: its default, the loosest that brings its KKT residual to where ours is, and the finest that it finishes.
TOLERANCES = {
    "spikesieve": ["default"],
    "design": ["default"],
    "adelie": ["default", "1e-12", "1e-16"],
    "nemos": ["default", "1e-7"],
}
LEGEND = (
    "excess: objective above the best of all, at worst; KKT: residual by the largest strength, at worst, both with the "
    "exact features (those of a design are within 1e-4 of them: see its own KKT); seconds: median; ratio: to "
    "spikesieve's median; above: peak memory beyond that of the input and its dense features."
)
# Objectives that differ by less are the same answer.
EQUAL = 1e-7


@dataclass(frozen=True)
class Run:
    """One library with one tolerance: its solutions, or why there are none."""

    library: str
    tolerance: str
    failure: str = ""
    result: dict | None = None
    evaluation: Evaluation | None = None

    @property
    def seconds(self) -> float:
        """Median over the repetitions [s]."""
        return float(np.median(self.result["seconds"])) if self.result else np.nan


def main() -> None:
    options = _parse()
    console = Console(width=118)
    console.print(machine_line())
    TOLERANCES["adelie"] = options.adelie.split(",")
    for n_bins in options.bins:
        _compare_on(simulate(n_bins, options.covariates), console, options)


def _compare_on(workload: Workload, console: Console, options) -> None:
    dense_gb = workload.covariates.size * 10 * 8 / 1e9
    console.print(
        f"W({len(workload.counts)}, {options.covariates}): {workload.counts.mean():.4f} spikes per bin, "
        f"{options.covariates} covariates x 10 cubic B-splines, dense design {dense_gb:.3f} GB"
    )
    strength_max = strongest(workload)
    path = strength_max * np.geomspace(1.0, MIN_RATIO, N_STRENGTHS)
    libraries = options.libraries.split(",")
    _compare(
        console,
        f"whole path: {N_STRENGTHS} strengths from the largest to {MIN_RATIO:g} of it",
        [run for library in libraries if library != "nemos" for run in _runs(library, workload, path, options)],
        strength_max,
    )
    if "nemos" in libraries:
        one = np.array([ONE_STRENGTH_RATIO * strength_max])
        _compare(
            console,
            f"one strength: {ONE_STRENGTH_RATIO:g} of the largest",
            [run for library in libraries for run in _runs(library, workload, one, options)],
            strength_max,
        )


def _runs(library: str, workload: Workload, strengths: np.ndarray, options) -> list[Run]:
    # One repetition of nemos: it compiles anew at every fit, so there is no warm one to wait for.
    n_repeats = 1 if library == "nemos" else options.repeats
    return [_run(library, t, workload, strengths, n_repeats, options.time_out) for t in TOLERANCES[library]]


def _run(library, tolerance, workload, strengths, n_repeats, time_out) -> Run:
    n_bins, n_covariates = workload.covariates.shape
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "strengths.npy", Path(folder) / "found.npz"
        np.save(given, strengths)
        arguments = [library, n_bins, n_covariates, n_repeats, tolerance, given, found]
        command = [sys.executable, Path(__file__).parent / "worker.py", *map(str, arguments)]
        try:
            subprocess.run(command, check=True, timeout=time_out, capture_output=True, text=True)
        except subprocess.TimeoutExpired:
            return Run(library, tolerance, f"more than {time_out:g} s")
        except subprocess.CalledProcessError as error:
            return Run(library, tolerance, (error.stderr.strip().splitlines() or ["failed"])[-1])
        with np.load(found, allow_pickle=False) as stored:
            result = dict(stored)
    return Run(
        library,
        tolerance,
        result=result,
        evaluation=evaluate(workload, strengths, result["intercept"], result["coef"]),
    )


def _compare(console: Console, title: str, runs: list[Run], strength_max: float) -> None:
    finished = [run for run in runs if run.evaluation is not None]
    if not finished:
        console.print(f"{title}: nothing finished: " + "; ".join(f"{r.library}: {r.failure}" for r in runs))
        return
    best = np.min([run.evaluation.objective for run in finished], axis=0)
    ours = next((run.seconds for run in finished if run.library == "spikesieve"), np.nan)
    table = Table(title=title, title_justify="left", caption=LEGEND, caption_justify="left")
    for column in ("library", "tolerance", "how it ended"):
        table.add_column(column)
    for column in ("excess", "KKT", "seconds", "(min, max)", "ratio", "peak", "above"):
        table.add_column(column, justify="right", no_wrap=True)
    for run in runs:
        table.add_row(run.library, *_cells(run, best, strength_max, ours))
    console.print(table)
    for run in finished:
        for peer in finished:
            if run.library in ("spikesieve", "design") and peer.library not in ("spikesieve", "design"):
                console.print(_verdict(run, peer, strength_max))


def _verdict(run: Run, peer: Run, strength_max: float) -> str:
    """How much faster, and whether for the same answer."""
    apart = np.max(run.evaluation.objective - peer.evaluation.objective)
    kkt = [np.max(each.evaluation.kkt_residual) / strength_max for each in (run, peer)]
    return (
        f"{run.library} is {peer.seconds / run.seconds:.1f} times as fast as {peer.library} ({peer.tolerance}); its "
        f"objective is {'no more than' if apart <= EQUAL else 'MORE THAN'} {EQUAL:g} above (at worst {apart:.1e}), "
        f"KKT {kkt[0]:.1e} against {kkt[1]:.1e}"
    )


def _cells(run: Run, best: np.ndarray, strength_max: float, ours: float) -> list[str]:
    if run.evaluation is None:
        return [run.tolerance, run.failure, *[""] * 7]
    seconds = run.result["seconds"]
    return [
        run.tolerance,
        str(run.result["detail"]),
        f"{np.max(run.evaluation.objective - best):.1e}",
        f"{np.max(run.evaluation.kkt_residual) / strength_max:.1e}",
        f"{run.seconds:.3f}",
        f"{seconds.min():.3f}, {seconds.max():.3f}",
        f"{run.seconds / ours:.1f}",
        f"{run.result['peak_bytes'] / 1e9:.2f} GB",
        f"{run.result['extra_bytes'] / 1e9:.2f} GB",
    ]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=lambda text: [int(float(part)) for part in text.split(",")], default="1e5")
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--time-out", type=float, default=300.0, help="seconds a library may take per setting")
    parser.add_argument("--libraries", default="spikesieve,design,adelie,nemos")
    parser.add_argument("--adelie", default=",".join(TOLERANCES["adelie"]), help="tolerances of adelie")
    return parser.parse_args()


if __name__ == "__main__":
    main()
