"""A recording larger than the memory allowed: a path over columns on disk, in a process that may not hold them.

The features (50 covariates of 10 columns by default) lie in an HDF5 file as 4-byte floats, as an earlier analysis might
have left them. The same path is taken twice, each time in a process of its own: with the columns in memory, and from
the file under ``resource.setrlimit(RLIMIT_AS)`` (what ``ulimit -v`` sets) at the memory that the program has after its
imports plus `--room`. Answers are compared.

Usage: python benchmarks/bench_disk.py [--bins 200000] [--covariates 50] [--room 150] [--strengths 10]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import machine_line
from rich.console import Console
from rich.table import Table

N_COLUMNS, MIN_RATIO, _CHUNK_ROWS = 10, 0.1, 16_384


def main() -> None:
    options = _parse()
    if options.worker:
        print(json.dumps(measure(options)))
        return
    console = Console(width=110)
    console.print(machine_line())
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        file = Path(folder) / "recording.h5"
        write(file, options.bins, options.covariates)
        rows = {worker: _in_own_process(worker, file, options) for worker in ("memory", "disk")}
    dense = 8e-6 * options.bins * options.covariates * N_COLUMNS
    title = f"{options.covariates} x {N_COLUMNS} columns, {options.bins:,} bins: {dense:,.0f} MB as float64"
    table = Table(title=title, title_justify="left")
    for column in ("columns in", "room", "path", "passes", "peak memory", "objective at the end"):
        table.add_column(column, justify="right")
    for worker, row in rows.items():
        room = f"{options.room} MB" if worker == "disk" else "any"
        peak = f"{row['peak_bytes'] / 1e6:,.0f} MB"
        table.add_row(worker, room, f"{row['seconds']:.1f} s", str(row["passes"]), peak, f"{row['objective'][-1]:.12f}")
    console.print(table)
    difference = np.abs(np.subtract(rows["memory"]["objective"], rows["disk"]["objective"])).max()
    console.print(f"largest difference of an objective: {difference:.0e}")


def write(file: Path, n_bins: int, n_covariates: int) -> None:
    """Smooth columns in groups, and counts that three groups drive; never more than a chunk in memory."""
    import h5py

    rng = np.random.default_rng(0)
    coef = rng.normal(scale=0.3, size=(3, N_COLUMNS))
    with h5py.File(file, "w") as recording:
        shape, y = (n_bins, N_COLUMNS), np.empty(n_bins)
        sets = [
            recording.create_dataset(f"X/x{i:03d}", shape, "f4", chunks=(_CHUNK_ROWS, N_COLUMNS))
            for i in range(n_covariates)
        ]
        for start in range(0, n_bins, _CHUNK_ROWS):
            rows = slice(start, min(start + _CHUNK_ROWS, n_bins))
            eta = np.full(rows.stop - start, -1.0)
            for i, columns in enumerate(sets):
                values = rng.normal(size=(rows.stop - start, N_COLUMNS))
                columns[rows] = values
                if i < len(coef):
                    eta += values @ coef[i]
            y[rows] = rng.poisson(np.exp(eta))
        recording["y"] = y


def measure(options) -> dict:
    """One path, with the columns in memory or under a limit that they do not fit."""
    import h5py

    from spikesieve.glm import GLM

    rng = np.random.default_rng(0)
    model = GLM(regularizer="GroupLasso")
    small = {label: rng.normal(size=(3000, N_COLUMNS)) for label in "ab"}
    model.fit_path(small, rng.poisson(1.0, 3000), n_strengths=3)
    # HDF5 keeps pieces of every data set that was read, 8 MB of each by default since version 2.
    with h5py.File(options.file, rdcc_nbytes=2**20) as recording:
        y = recording["y"][:]
        if options.worker == "disk":
            limit = _address_space() + options.room * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            X = dict(recording["X"].items())
        else:
            X = {label: columns[:].astype(float) for label, columns in recording["X"].items()}
        start = time.perf_counter()
        path = model.fit_path(X, y, n_strengths=options.strengths, min_ratio=MIN_RATIO)
        seconds = time.perf_counter() - start
    assert path.converged.all()
    return {
        "seconds": seconds,
        "passes": int(path.n_passes.sum()),
        "objective": path.objective.tolist(),
        "peak_bytes": _peak_bytes(),
    }


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _address_space() -> int:
    """Bytes of address space in use; only Linux says, and only Linux holds a process to a limit of it."""
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[0]) * resource.getpagesize()


def _in_own_process(worker: str, file: Path, options) -> dict:
    command = [sys.executable, __file__, "--worker", worker, "--file", str(file)]
    command += ["--room", str(options.room), "--strengths", str(options.strengths)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{worker} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=lambda text: int(float(text)), default=200_000)
    parser.add_argument("--covariates", type=int, default=50)
    parser.add_argument("--room", type=int, default=150, help="memory allowed beyond the imports [MB]")
    parser.add_argument("--strengths", type=int, default=10)
    parser.add_argument("--folder", help="where the file is written; by default where temporary files go")
    for name in ("--worker", "--file"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
