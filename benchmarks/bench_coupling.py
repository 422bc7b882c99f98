"""Which neurons drive this one? A whole path over 100 neurons' filtered spike trains, and adelie on dense features.

Each of 100 Poisson neurons (5 Hz, 1 ms bins) is convolved with 8 raised cosines on a logarithmic axis over 100 bins;
five of them drive the neuron that is fitted. The design holds events and filters, adelie the matrix of all 800 columns.
50 strengths down to a hundredth of the largest; every library in a process of its own; objectives are compared on the
dense features, chunk by chunk.

Usage: python benchmarks/bench_coupling.py [--bins 300000] [--neurons 100] [--libraries design;adelie] [--profile]
"""

import argparse
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

N_FUNCTIONS, WINDOW, N_STRENGTHS, MIN_RATIO = 8, 100, 50, 0.01
RATE_PER_BIN, N_DRIVING, _CHUNK_ROWS = 0.005, 5, 16_384
# adelie's default tolerances leave it further from the optimum; these bring it to where the design's path is.
ADELIE_TOLERANCES = {"adelie": {}, "adelie, fine": {"tol": 1e-12, "irls_tol": 1e-12}}


def main() -> None:
    options = _parse()
    if options.worker:
        found = WORKERS[options.worker](options)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        np.savez(options.output, peak_bytes=peak, **found)
        return
    console = Console(width=110)
    console.print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        runs, strengths = {}, Path(folder) / "strengths.npy"
        for library in options.libraries:
            runs[library] = _in_own_process(library, options, Path(folder), strengths)
            if not strengths.exists():
                np.save(strengths, runs[library]["strengths"])
        console.print(_table(runs, options))
        if options.profile:
            console.print(str(runs["design"]["profile"]))


def simulate(n_bins: int, n_neurons: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts of the neurons, and of the one that some of them drive."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(RATE_PER_BIN, size=(n_bins, n_neurons)).astype(np.int8)
    kernel = _basis().kernel()
    eta = np.zeros(n_bins)
    for neuron in range(N_DRIVING):
        shape = kernel @ rng.normal(size=N_FUNCTIONS)
        eta[1:] += np.convolve(counts[:, neuron], shape / np.abs(shape).max() * 1.5)[: n_bins - 1]
    mean = np.exp(eta)
    return counts, rng.poisson(mean * (RATE_PER_BIN / mean.mean())).astype(float)


def fit_design(options) -> dict:
    """``basis.design`` and ``fit_path``; the second of two paths is timed, kernels then being loaded."""
    from spikesieve.glm import GLM

    counts, y = simulate(options.bins, options.neurons)
    start = time.perf_counter()
    design = _design(counts)
    design_s = time.perf_counter() - start
    model = GLM(regularizer="GroupLasso")
    model.fit_path(design[: 20 * WINDOW], y[: 20 * WINDOW] + np.arange(20 * WINDOW) % 2, n_strengths=2)
    start = time.perf_counter()
    path = model.fit_path(design, y, **_strengths(options))
    seconds = time.perf_counter() - start
    detail = (
        f"{path.converged.sum()} converged, {path.n_passes.sum()} passes, {path.n_hessians.sum()} Hessians, "
        f"KKT {path.kkt_residual.max() / path.strength_max:.0e}"
    )
    found = {"intercept": path.intercept, "coef": path.coef_matrix, "strengths": path.strengths, "detail": detail}
    if options.profile:
        found["profile"] = _profile(lambda: model.fit_path(design, y, strengths=path.strengths))
    return found | {"seconds": seconds, "prepared": design_s, "held": sum(b.n_bytes for b in design.blocks)}


def fit_adelie(options) -> dict:
    """The same on the dense matrix, made chunk by chunk."""
    import adelie

    counts, y = simulate(options.bins, options.neurons)
    start = time.perf_counter()
    matrix = np.empty((options.bins - WINDOW, N_FUNCTIONS * options.neurons), order="F")
    for rows, chunk in _dense_chunks(counts):
        matrix[rows] = chunk
    prepared = time.perf_counter() - start
    strengths = np.load(options.strengths)
    start = time.perf_counter()
    state = adelie.grpnet(
        matrix,
        adelie.glm.poisson(y[WINDOW:]),
        groups=np.arange(0, matrix.shape[1], N_FUNCTIONS),
        lmda_path=strengths,
        early_exit=False,
        n_threads=2,
        progress_bar=False,
        **ADELIE_TOLERANCES[options.worker],
    )
    seconds = time.perf_counter() - start
    found = {"intercept": np.asarray(state.intercepts), "coef": state.betas.toarray(), "strengths": state.lmdas}
    detail = f"{len(state.lmdas)} returned"
    return found | {"seconds": seconds, "prepared": prepared, "held": matrix.nbytes, "detail": detail}


WORKERS = {"design": fit_design} | dict.fromkeys(ADELIE_TOLERANCES, fit_adelie)


def objectives(run: dict, options) -> np.ndarray:
    """Objective of every solution on the dense features, one chunk of rows at a time."""
    counts, y = simulate(options.bins, options.neurons)
    loss, y = np.zeros(len(run["coef"])), y[WINDOW:]
    for rows, chunk in _dense_chunks(counts):
        eta = chunk @ run["coef"].T + run["intercept"]
        loss += (np.exp(eta) - y[rows, None] * eta).sum(axis=0)
    norms = np.linalg.norm(run["coef"].reshape(len(run["coef"]), -1, N_FUNCTIONS), axis=2)
    return loss / len(y) + run["strengths"] * np.sqrt(N_FUNCTIONS) * norms.sum(axis=1)


def _table(runs: dict, options) -> Table:
    found = {library: objectives(run, options) for library, run in runs.items() if "coef" in run}
    n = min((len(values) for values in found.values()), default=0)
    best = np.min([values[:n] for values in found.values()], axis=0) if found else None
    title = f"{options.neurons} neurons x {N_FUNCTIONS} filters of {WINDOW} bins, {options.bins:,} bins"
    table = Table(title=f"{title}, {N_STRENGTHS} strengths", title_justify="left")
    for column in ("library", "path", "prepared in", "features held", "peak memory", "excess", "ended"):
        table.add_column(column, justify="left" if column in ("library", "ended") else "right")
    for library, run in runs.items():
        if "failure" in run:
            table.add_row(library, "", "", "", "", "", str(run["failure"]))
            continue
        table.add_row(
            library,
            f"{run['seconds']:.1f} s",
            f"{run['prepared']:.1f} s",
            f"{run['held'] / 1e6:,.1f} MB",
            f"{run['peak_bytes'] / 1e9:.2f} GB",
            f"{(found[library][:n] - best).max():.0e}",
            str(run["detail"]),
        )
    return table


def _in_own_process(library: str, options, folder: Path, strengths: Path) -> dict:
    output = folder / f"{library}.npz"
    command = [sys.executable, __file__, "--worker", library, "--output", str(output), "--strengths", str(strengths)]
    command += ["--bins", str(options.bins), "--neurons", str(options.neurons), *(["--profile"] * options.profile)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.time_out)
    except subprocess.TimeoutExpired:
        return {"failure": f"not finished after {options.time_out} s"}
    if not output.exists():
        return {"failure": f"exit {done.returncode}: {(done.stderr.strip().splitlines() or ['killed'])[-1]}"}
    return dict(np.load(output))


def _basis():
    from spikesieve.basis import RaisedCosineLogConv

    return RaisedCosineLogConv(N_FUNCTIONS, window_size=WINDOW)


def _design(counts: np.ndarray):
    """One covariate per neuron, so that each is a group."""
    from spikesieve.design import as_design

    return as_design({f"neuron_{i:03d}": _basis().design(counts[:, i]) for i in range(counts.shape[1])})


def _dense_chunks(counts: np.ndarray):
    design = _design(counts)[WINDOW:]
    for start in range(0, design.n_samples, _CHUNK_ROWS):
        rows = slice(start, min(start + _CHUNK_ROWS, design.n_samples))
        yield rows, design[rows].to_dense()


def _strengths(options) -> dict:
    if options.strengths and Path(options.strengths).exists():
        return {"strengths": np.load(options.strengths)}
    return {"n_strengths": N_STRENGTHS, "min_ratio": MIN_RATIO}


def _profile(run) -> str:
    import cProfile
    import io
    import pstats

    profile, text = cProfile.Profile(), io.StringIO()
    profile.runcall(run)
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(20)
    return text.getvalue()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=lambda text: int(float(text)), default=300_000)
    parser.add_argument("--neurons", type=int, default=100)
    known = ";".join(WORKERS)
    parser.add_argument("--libraries", type=lambda text: text.split(";"), default=list(WORKERS), help=f"of {known}")
    parser.add_argument("--time-out", type=float, default=600.0)
    parser.add_argument("--profile", action="store_true", help="show where the design's path spends its time")
    for name in ("--worker", "--output", "--strengths"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
