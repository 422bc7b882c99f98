"""The command line: ``spikesieve demo``.

What a command needs is imported when it runs, so that ``spikesieve --help`` is quick.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Which covariates drive this neuron? Group lasso GLMs along whole regularization paths.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_INTERRUPTED = 130
"""What a shell makes of a program that Ctrl-C ended: 128 + SIGINT."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"spikesieve {version('spikesieve')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Which covariates drive this neuron? Group lasso GLMs along whole regularization paths."""


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the figure and the table; made if it is missing.")
    ] = Path("demo-results"),
    cell: Annotated[
        list[int] | None, typer.Option("--cell", help="Examine this cell only; may be repeated. All if not given.")
    ] = None,
    draw: Annotated[
        int | None, typer.Option("--draw", help="Draw this cell's path and tuning curves; the first if not given.")
    ] = None,
) -> None:
    """Select among place, head direction and speed for 15 recorded cells of a mouse on a maze.

    Prints a table and writes it (demo.csv) with a figure (demo.png, demo.pdf). Ctrl-C keeps the cells finished.
    """
    from spikesieve.datasets import load_head_direction_recording

    recording = load_head_direction_recording()
    cells = _checked_cells(cell, recording.n_cells)
    if draw is not None and draw not in cells:
        raise typer.BadParameter(
            f"cell {draw} is not among the cells to examine ({_listed(cells)}).", param_hint="--draw"
        )
    _make_folder(output)
    _run_demo(recording, cells, cells[0] if draw is None else draw, output)


def _run_demo(recording, cells: list[int], draw: int, output: Path) -> None:
    from rich.console import Console

    from spikesieve.report._demo import prepare
    from spikesieve.report._demo_figure import draw_findings
    from spikesieve.report._demo_table import selection_table, summary, write_csv

    console = Console()
    data = prepare(recording)
    findings = _examine_watched(data, cells)
    if not findings:
        console.print("Interrupted before the first cell was finished; nothing was written.")
        raise typer.Exit(_INTERRUPTED)
    console.print(selection_table(findings))
    for line in summary(findings):
        console.print(line)
    drawn = next((f for f in findings if f.cell == draw), findings[0])
    draw_findings(data, findings, drawn, [output / "demo.png", output / "demo.pdf"])
    write_csv(findings, output / "demo.csv")
    files = ", ".join(str(output / f"demo.{kind}") for kind in ("png", "pdf", "csv"))
    console.print(f"\nResults: {files}", soft_wrap=True)
    if len(findings) < len(cells):
        console.print(f"Interrupted: these are {len(findings)} of {len(cells)} cells.")
        raise typer.Exit(_INTERRUPTED)


def _examine_watched(data, cells: list[int]):
    """Examine the cells, with a progress bar on standard error where a terminal watches."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from spikesieve.report._demo import examine_cells

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    watched = Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with watched as progress:
        task = progress.add_task("Examining cells", total=len(cells))
        return examine_cells(data, cells, on_finding=lambda _: progress.advance(task))


def _checked_cells(wanted: list[int] | None, n_cells: int) -> list[int]:
    for cell in wanted or []:
        if not 0 <= cell < n_cells:
            raise typer.BadParameter(
                f"there is no cell {cell}: the recording has cells 0 to {n_cells - 1}.", param_hint="--cell"
            )
    return sorted(set(wanted)) if wanted else list(range(n_cells))


def _listed(cells: list[int]) -> str:
    return ", ".join(map(str, cells))


def _make_folder(output: Path) -> None:
    """Before the work, not after it: results that cannot be written would be lost."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(
            f"{output} cannot be made a folder ({error.strerror}).", param_hint="--output"
        ) from error
