"""What the demo found, in words and numbers: a table for people, the same as CSV, and what it amounts to."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from rich import box
from rich.table import Table
from rich.text import Text

from spikesieve.report._demo import COVARIATES, HEAD_DIRECTION, POSITION, SPEED, CellFinding, Gain

REGION_NAMES = {"adn": "thalamus (ADn)", "ca1": "hippocampus (CA1)"}
_SHORT_REGION_NAMES = {"adn": "ADn", "ca1": "CA1"}

_CAPTION = (
    "● kept: fits the spikes better where it is than moved in time, given the others (shift null, false discovery rate "
    "0.1 over the table). Numbers: bits per held-out spike ± standard error over folds; where kept, what leaving the "
    "covariate out would cost, where not, what adding it would gain beside the others that are kept."
)
_CSV_COLUMNS = (
    "cell region spikes rate_hz covariate kept q_value kept_by_1se kept_by_minimum bits_per_spike_gained standard_error"
)


def selection_table(findings: Sequence[CellFinding]) -> Table:
    """One row per cell, with what each covariate is worth to it; kept ones carry a dot and are bold."""
    table = Table(box=box.SIMPLE_HEAD, caption=_CAPTION, caption_justify="left", padding=(0, 1, 0, 0))
    for heading in ("cell", "region", "spikes", "Hz"):
        table.add_column(heading, justify="left" if heading == "region" else "right", no_wrap=True)
    for name in COVARIATES:
        table.add_column(f"  {name}", no_wrap=True)
    for index, finding in enumerate(findings):
        if index > 0 and finding.region != findings[index - 1].region:
            table.add_section()
        table.add_row(
            str(finding.cell),
            _SHORT_REGION_NAMES.get(finding.region, finding.region),
            str(finding.n_spikes),
            f"{finding.rate_hz:.1f}",
            *(_entry(finding.gains[name], name in finding.kept) for name in COVARIATES),
        )
    return table


def summary(findings: Sequence[CellFinding]) -> list[str]:
    """Sentences: what each region keeps, what the rules of cross-validation would, and where to be careful."""
    regions = dict.fromkeys(finding.region for finding in findings)
    tallies = [_tally(region, [f for f in findings if f.region == region]) for region in regions]
    rules = "In brackets: what cross-validation would keep by its one-standard-error rule, and by its minimum."
    return [*tallies, rules, *_confound(findings), *_borderline(findings)]


def write_csv(findings: Sequence[CellFinding], path: Path) -> None:
    """Write the table with one row per cell and covariate."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_CSV_COLUMNS.split())
        for finding in findings:
            for name in COVARIATES:
                writer.writerow(_csv_row(finding, name))


def _csv_row(finding: CellFinding, name: str) -> list[str | int]:
    gain = finding.gains[name]
    about_cell = [finding.cell, finding.region, finding.n_spikes, f"{finding.rate_hz:.6g}"]
    kept = [int(name in finding.kept), f"{finding.q_values[name]:.4g}"]
    by_rule = [int(name in finding.kept_by_rule[rule]) for rule in ("1se", "min")]
    return [*about_cell, name, *kept, *by_rule, f"{gain.bits_per_spike:.6g}", f"{gain.standard_error:.6g}"]


def _entry(gain: Gain, is_kept: bool) -> Text:
    # Adding zero turns the -0.00 that rounding makes of small negative numbers into 0.00.
    bits = round(gain.bits_per_spike, 2) + 0.0
    text = f"{'●' if is_kept else ' '} {bits:5.2f} ± {gain.standard_error:.2f}"
    return Text(text, style="bold green" if is_kept else "dim")


def _tally(region: str, cells: Sequence[CellFinding]) -> str:
    parts = []
    for name in (HEAD_DIRECTION, SPEED, POSITION):
        kept, *by_rule = (
            sum(name in labels for labels in names)
            for names in ([f.kept for f in cells], *([f.kept_by_rule[rule] for f in cells] for rule in ("1se", "min")))
        )
        parts.append(f"{name} kept by {kept} ({by_rule[0]}, {by_rule[1]})")
    plural = "cell" if len(cells) == 1 else "cells"
    return f"{REGION_NAMES.get(region, region)}, {len(cells)} {plural}: {'; '.join(parts)}."


def _confound(findings: Sequence[CellFinding]) -> list[str]:
    cells = [f for f in findings if f.region == "adn" and HEAD_DIRECTION in f.kept]
    if not cells:
        return []
    alone = median(f.place_alone.bits_per_spike for f in cells)
    beside = round(median(f.gains[POSITION].bits_per_spike for f in cells), 2) + 0.0
    return [
        "On the arms of a maze, place and heading go together, so thalamic cells look tuned to place. To those that "
        f"keep head direction, position is worth {alone:.2f} bits per spike by itself (median), and {beside:.2f} "
        "beside what else they keep."
    ]


def _borderline(findings: Sequence[CellFinding]) -> list[str]:
    """Where test and gain disagree: what matters may be worth little to a prediction."""
    weak = _where(findings, lambda gain, is_kept: is_kept and not gain.is_clear)
    missed = _where(findings, lambda gain, is_kept: gain.is_clear and not is_kept)
    sentences = []
    if weak:
        sentences.append(f"Kept, but gains less than two standard errors: {weak}.")
    if missed:
        sentences.append(f"Not kept, but would gain more than two standard errors: {missed}.")
    return sentences


def _where(findings: Sequence[CellFinding], holds: Callable[[Gain, bool], bool]) -> str:
    found = []
    for name in COVARIATES:
        cells = [str(f.cell) for f in findings if holds(f.gains[name], name in f.kept)]
        if cells:
            found.append(f"{name} in {'cell' if len(cells) == 1 else 'cells'} {', '.join(cells)}")
    return "; ".join(found)
