"""Which selection method to trust: false discovery rate, power and time on simulated recordings.

Every recording and method is one line of the output file, written at once, so that a run can be interrupted (Ctrl-C
prints the table so far) and resumed by the same command. Recordings are taken one by one across all cells, so a partial
run is balanced. Times are CPU seconds of one process, after a warm-up.

``oracle`` is the forward search told how many covariates are true. Power of methods is to be read against it: some
simulated covariates do next to nothing.

Usage: OMP_NUM_THREADS=1 python benchmarks/selection_accuracy.py [--recordings 100] [--cells base,drift]
       [--methods shift,knockoffs] [--output selection_accuracy.jsonl] [--docs docs/selection.md] [--table-only]
"""

import argparse
import json
import time
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from machine import machine_line
from rich.console import Console
from rich.table import Table
from selection_recordings import CELLS, Cell, Recording, simulate

from spikesieve.selection import (
    BlockedFolds,
    CovariateSelector,
    CrossValidated,
    EvidenceStatus,
    Forward,
    Knockoffs,
    Shift,
    Stability,
)

FDR = 0.1
METHODS = ("min", "1se", "stability", "knockoffs", "shift", "forward", "oracle")
RATED = ("knockoffs", "shift")
"""Methods that promise a false discovery rate."""
START, STOP = "<!-- accuracy: start -->", "<!-- accuracy: stop -->"


def method_of(name: str, cell: Cell):
    """A method with the folds that suit a cell: gaps as long as its covariates remember, but shorter than blocks."""
    gap = int(min(3 * cell.memory_bins, cell.n_bins // 200))
    five, ten = BlockedFolds(5, gap=gap), BlockedFolds(10, gap=gap)
    return {
        "min": CrossValidated("min", five),
        "1se": CrossValidated("1se", five),
        "stability": Stability(),
        "knockoffs": Knockoffs(),
        "shift": Shift(),
        "forward": Forward(ten),
        "oracle": Forward(ten, n_keep=cell.n_active - cell.hidden),
    }[name]


def examine(recording: Recording, name: str, cell: Cell, seed: int) -> dict:
    """Let one method select on one recording, and compare with the truth."""
    selector = CovariateSelector(method_of(name, cell), fdr=FDR, contributions=False, random_state=seed)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what cannot be answered is counted below
        evidence = selector.fit(recording.design, recording.counts).evidence_
    seconds = time.process_time() - start
    selected = {(n, label) for n in range(cell.n_neurons) for label in evidence.selected_labels(n)}
    n_false = len(selected - recording.active)
    return {
        "n_spikes": int(recording.counts.sum()),
        "n_true": len(recording.active),
        "selected": sorted(selected),
        "n_untested": int((evidence.status != EvidenceStatus.TESTED).sum()),
        "false_share": n_false / max(len(selected), 1),
        "power": len(selected & recording.active) / max(len(recording.active), 1),
        "exact": selected == recording.active,
        "seconds": round(seconds, 4),
    }


def run(cells: dict[str, Cell], methods: list[str], n_recordings: int, output: Path, console: Console) -> None:
    """Do what is not yet in the output file."""
    done = {(row["cell"], row["recording"], row["method"]) for row in read(output)}
    todo = [(name, number) for number in range(n_recordings) for name in cells]
    todo = [(name, number, [m for m in methods if (name, number, m) not in done]) for name, number in todo]
    todo = [(name, number, missing) for name, number, missing in todo if missing]
    if not todo:
        return
    _warm_up(methods)
    with output.open("a", encoding="utf-8") as file:
        for count, (name, number, missing) in enumerate(todo, start=1):
            recording = simulate(name, cells[name], number)
            for method in missing:
                row = {"cell": name, "recording": number, "method": method}
                file.write(json.dumps(row | examine(recording, method, cells[name], number)) + "\n")
                file.flush()
            console.print(f"{count}/{len(todo)} {name} {number}", style="dim", end="\r")


def _warm_up(methods: list[str]) -> None:
    """Compile and import what a first fit would wait for."""
    small = Cell("warm-up", n_bins=2000, n_covariates=4, n_active=1, memory_bins=5.0, n_spikes=500)
    for method in methods:
        examine(simulate("warm-up", small, 0), method, small, 0)


def read(output: Path) -> list[dict]:
    """Rows of the output file; a last line that an interrupt cut short is left out."""
    rows = []
    for line in output.read_text(encoding="utf-8").splitlines() if output.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def summarise(rows: list[dict]) -> dict[tuple[str, str], dict[str, float]]:
    """Means over recordings, with Monte Carlo standard errors, per cell and method."""
    by_pair = defaultdict(list)
    for row in rows:
        by_pair[row["cell"], row["method"]].append(row)
    return {pair: _summary(found) for pair, found in by_pair.items()}


def _summary(found: list[dict]) -> dict[str, float]:
    numbers = {name: np.array([row[name] for row in found], dtype=float) for name in ("false_share", "power", "exact")}
    n = len(found)
    errors = {f"{name}_error": values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan for name, values in numbers.items()}
    return {
        "n": n,
        **{name: float(values.mean()) for name, values in numbers.items()},
        **{name: float(value) for name, value in errors.items()},
        "seconds": float(np.median([row["seconds"] for row in found])),
        "untested": float(np.mean([row["n_untested"] for row in found])),
        "has_true": any(row["n_true"] for row in found),
    }


def lines_of(summary: dict, cells: dict[str, Cell]) -> list[tuple[str, ...]]:
    """One line per cell and method: changes, method, n, FDR, power, exact recovery, untested, seconds."""
    lines = []
    for name, cell in cells.items():
        present = [method for method in METHODS if (name, method) in summary]
        for method in present:
            s = summary[name, method]
            above = s["false_share"] - FDR > 2 * (s["false_share_error"] if np.isfinite(s["false_share_error"]) else 0)
            mark = (" (!)" if method in cell.broken else " !") if above and method in RATED else ""
            lines.append(
                (
                    cell.changes if method == present[0] else "",
                    method,
                    str(s["n"]),
                    f"{s['false_share']:.2f} ± {s['false_share_error']:.2f}{mark}",
                    f"{s['power']:.2f} ± {s['power_error']:.2f}" if s["has_true"] else "",
                    f"{s['exact']:.2f}",
                    f"{s['untested']:.1f}" if s["untested"] else "",
                    f"{s['seconds']:.2f}",
                )
            )
    return lines


HEADINGS = ("recordings", "method", "n", "FDR", "power", "exact", "untested", "CPU s")


def print_table(summary: dict, cells: dict[str, Cell], console: Console) -> None:
    table = Table(title=f"Selection at a nominal FDR of {FDR:g} (± Monte Carlo error)", title_justify="left")
    for heading in HEADINGS:
        is_kind = heading == HEADINGS[0]
        side = "left" if heading in HEADINGS[:2] else "right"
        table.add_column(heading, justify=side, no_wrap=not is_kind, max_width=30 if is_kind else None)
    for line in lines_of(summary, cells):
        if line[0] and table.rows:
            table.add_section()
        table.add_row(*line)
    console.print(table)
    console.print("! more than two errors above the nominal rate; (!) where the assumptions do not hold.")


def write_docs(summary: dict, cells: dict[str, Cell], page: Path) -> None:
    """Put the table between the markers of a page."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *lines_of(summary, cells)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(STOP)
    page.write_text(f"{before}{START}\n{machine_line()}\n\n{table}\n{STOP}{after}", encoding="utf-8")


def main() -> None:
    options = _parse()
    console = Console(width=120)
    console.print(machine_line())
    cells = {name: CELLS[name] for name in options.cells}
    try:
        if not options.table_only:
            run(cells, options.methods, options.recordings, options.output, console)
    except KeyboardInterrupt:
        console.print("Interrupted; the same command goes on from here.")
    summary = summarise(read(options.output))
    print_table(summary, cells, console)
    if options.docs:
        write_docs(summary, cells, options.docs)


def _parse() -> argparse.Namespace:
    def listed(known):
        def parse(text: str) -> list[str]:
            chosen = text.split(",")
            unknown = [name for name in chosen if name not in known]
            if unknown:
                raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
            return chosen

        return parse

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recordings", type=int, default=100, help="recordings per cell")
    parser.add_argument("--cells", type=listed(CELLS), default=list(CELLS), help=", ".join(CELLS))
    parser.add_argument("--methods", type=listed(METHODS), default=list(METHODS), help=", ".join(METHODS))
    parser.add_argument("--output", type=Path, default=Path("selection_accuracy.jsonl"))
    parser.add_argument("--docs", type=Path, default=None, help="page whose table to replace")
    parser.add_argument("--table-only", action="store_true", help="simulate nothing, show what is in the output")
    return parser.parse_args()


if __name__ == "__main__":
    main()
