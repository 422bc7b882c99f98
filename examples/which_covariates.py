"""Which of place, heading, speed, spike history and the other cells drive each of 15 recorded cells, by every method.

    python examples/which_covariates.py [--methods shift,1se,forward] [--cells 0,1] [--figure recording.png]

History and coupling are a cell's own covariates: the selector takes a function that gives the design of each cell.
"""

import argparse
import time

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console

import spikesieve as sieve
from spikesieve.basis import BSplineEval, CyclicBSplineEval, RaisedCosineLogConv
from spikesieve.plotting import plot_selection_matrix
from spikesieve.selection import BlockedFolds, CovariateSelector

BIN_WIDTH_S = 0.025
HISTORY_BINS = 10  # 250 ms
METHODS = ("shift", "1se", "min", "forward")
REGIONS = {"adn": "thalamus (ADn)", "ca1": "hippocampus (CA1)"}
SHOWN = ("position", "head direction", "speed", "history", "coupling")


def designs_of(recording):
    """A function from the number of a cell to its design."""
    place = BSplineEval(5, label="x") * BSplineEval(5, label="y")
    place.label = "position"
    heading = CyclicBSplineEval(16, bounds=(0.0, 2.0 * np.pi), label="head direction")
    history = RaisedCosineLogConv(5, window_size=HISTORY_BINS, label="history")
    coupling = RaisedCosineLogConv(3, window_size=HISTORY_BINS, label="coupling")
    basis = place + heading + BSplineEval(10, label="speed") + history + coupling
    counts = recording.counts.astype(float)

    def design_of(cell):
        others = np.delete(counts, cell, axis=1)
        return basis.design(*recording.position.T, recording.head_direction, recording.speed, counts[:, cell], others)

    return design_of


def select(recording, method: str, cells: list[int]) -> CovariateSelector:
    """All covariates of some cells, by one method, at a false discovery rate of 0.1 if it controls one."""
    design_of = designs_of(recording)
    folds = BlockedFolds(10 if method == "forward" else 5, gap=round(2.0 / BIN_WIDTH_S))
    selector = CovariateSelector(method, fdr=0.1, folds=folds, contributions=method == "shift")
    return selector.fit(lambda number: design_of(cells[number]), recording.counts[:, cells])


def draw(recording, found: dict[str, CovariateSelector], cells: list[int], path: str) -> None:
    """One matrix of cells by covariates per method."""
    figure = Figure(figsize=(3.5 * len(found) + 0.8, 5.2), layout="constrained")
    for ax, (method, selector) in zip(np.ravel(figure.subplots(1, len(found))), found.items(), strict=True):
        order = [selector.labels_.index(label) for label in SHOWN]
        plot_selection_matrix(
            selector.selected_[:, order],
            cells=[str(cell) for cell in cells],
            covariates=[label.replace(" ", "\n") for label in SHOWN],
            regions=[REGIONS[recording.regions[cell]] for cell in cells] if method == next(iter(found)) else None,
            ax=ax,
        )
        ax.set_title(f'"{method}"', fontweight="bold")
    figure.savefig(path, dpi=160)


def main(methods: list[str], cells: list[int], figure: str | None) -> dict[str, CovariateSelector]:
    """Print a table per method; draw them side by side."""
    console, found = Console(), {}
    recording = sieve.datasets.load_head_direction_recording().bin(bin_width_s=BIN_WIDTH_S)
    for method in methods:
        start = time.process_time()
        found[method] = select(recording, method, cells)
        console.print(found[method].table(), f"{method}: {time.process_time() - start:.0f} s of processor time\n")
    if figure is not None:
        draw(recording, found, cells, figure)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--cells", default=",".join(map(str, range(15))))
    parser.add_argument("--figure")
    given = parser.parse_args()
    main(given.methods.split(","), [int(cell) for cell in given.cells.split(",")], given.figure)
