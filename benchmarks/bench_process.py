"""The how-to program as a whole process, with spikesieve and, but for its import, with nemos.

Starting Python, importing, compiling, ten fits and a figure: what a user waits for. Caches are warm: every program
runs once before it is timed. Usage: python benchmarks/bench_process.py [--repeats 5]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from machine import machine_line
from rich.console import Console
from rich.table import Table

PROGRAM = Path(__file__).parent.parent / "examples" / "how_to_group_lasso.py"
IMPORT = "import spikesieve as nmo"
FIT = "model.fit(predictors, counts)"
# Before 0.2.9 nemos takes no plain dict but has a container of its own.
FIT_BEFORE_0_2_9 = "model.fit(nmo.pytrees.FeaturePytree(**predictors), counts)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    n_repeats = parser.parse_args().repeats
    console = Console(width=118)
    console.print(machine_line())
    source = PROGRAM.read_text()
    for line in (IMPORT, FIT):
        if source.count(line) != 1:
            sys.exit(f"{PROGRAM} should contain {line!r} once, to be replaced for nemos.")
    table = Table(title=f"{PROGRAM.name}, whole process, warm caches", title_justify="left")
    for column in ("library", "median [s]", "all runs [s]", "ratio"):
        table.add_column(column, justify="right")
    ours = np.nan
    for library in ("spikesieve", "nemos"):
        seconds, failure = _time(source if library == "spikesieve" else _for_nemos(source), n_repeats)
        if failure:
            table.add_row(library, failure, "", "")
            continue
        median = float(np.median(seconds))
        ours = median if library == "spikesieve" else ours
        table.add_row(library, f"{median:.2f}", " ".join(f"{s:.2f}" for s in seconds), f"{median / ours:.1f}")
    console.print(table)


def _for_nemos(source: str) -> str:
    source = source.replace(IMPORT, "import nemos as nmo")
    try:
        installed = version("nemos")
    except PackageNotFoundError:  # the table then says so
        return source
    return source if installed >= "0.2.9" else source.replace(FIT, FIT_BEFORE_0_2_9)


def _time(source: str, n_repeats: int) -> tuple[list[float], str]:
    """Seconds of each run after a first one; or how it failed."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / PROGRAM.name
        program.write_text(source)
        command = [sys.executable, "-W", "ignore", program, Path(folder) / "figure.png"]
        seconds = []
        for _ in range(n_repeats + 1):
            start = time.perf_counter()
            ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MPLBACKEND": "Agg"})
            seconds.append(time.perf_counter() - start)
            if ended.returncode:
                return [], (ended.stderr.strip().splitlines() or ["failed"])[-1]
    return seconds[1:], ""


if __name__ == "__main__":
    main()
