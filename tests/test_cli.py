"""The command line: what it prints, what it writes, and how it ends."""

import csv

import pytest
from typer.testing import CliRunner

from spikesieve import __version__
from spikesieve.cli import app
from spikesieve.report import _demo
from spikesieve.report._demo import DemoSettings


def run(*arguments):
    # Wide, so that sentences stay on one line; a terminal of 80 columns is tried in test_cli_demo.
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "300", "TERM": "dumb"})


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    """Cells 0 (thalamus) and 12 (CA1) of the bundled recording."""
    folder = tmp_path_factory.mktemp("demo") / "made" / "anew"
    return run("demo", "--cell", 12, "--cell", 0, "--output", folder), folder


def test_demo_keeps_heading_for_a_thalamic_cell_and_position_for_a_place_cell(examined):
    result, folder = examined
    assert result.exit_code == 0, result.output
    with (folder / "demo.csv").open(newline="") as file:
        kept = {(row["cell"], row["covariate"]) for row in csv.DictReader(file) if row["kept"] == "1"}
    assert ("0", "head direction") in kept and ("0", "position") not in kept
    assert ("12", "position") in kept


def test_demo_prints_a_row_per_cell_and_what_the_numbers_mean(examined):
    lines = examined[0].output.splitlines()
    rows = [line.split()[:4] for line in lines if " ADn " in line or " CA1 " in line]
    assert rows == [["0", "ADn", "2709", "5.1"], ["12", "CA1", "967", "1.8"]]
    assert "bits per held-out spike ± standard error over folds" in " ".join(examined[0].output.split())
    assert any(line.startswith("thalamus (ADn), 1 cell: head direction kept by 1") for line in lines)


def test_demo_says_last_where_the_results_are(examined):
    result, folder = examined
    files = [folder / name for name in ("demo.png", "demo.pdf", "demo.csv")]
    assert result.output.splitlines()[-1] == f"Results: {', '.join(map(str, files))}"
    assert files[0].read_bytes().startswith(b"\x89PNG") and files[1].read_bytes().startswith(b"%PDF")


def test_nothing_but_results_goes_to_a_pipe(examined):
    assert examined[0].stderr == ""
    assert "\x1b" not in examined[0].stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--cell", 15], "there is no cell 15: the recording has cells 0 to 14."),
        (["--cell", -1], "there is no cell -1: the recording has cells 0 to 14."),
        (["--cell", "two"], "valid integer"),
        (["--cell", 0, "--cell", 4, "--draw", 3], "cell 3 is not among the cells to examine (0, 4)."),
        (["--strength", 3], "No such option: --strength"),
    ],
)
def test_a_wrong_option_gets_one_sentence(arguments, sentence, tmp_path):
    result = run("demo", "--output", tmp_path / "results", *arguments)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "results").exists()


def test_an_output_that_is_a_file_is_refused_before_the_work(tmp_path):
    (tmp_path / "results").write_text("a file")
    result = run("demo", "--output", tmp_path / "results")
    assert result.exit_code == 2
    assert "cannot be made a folder (File exists)." in result.output


def test_ctrl_c_writes_the_cells_that_were_finished(monkeypatch, tmp_path):
    examine_cell, few = _demo.examine_cell, DemoSettings(n_strengths=10, n_shifts=100)

    def interrupted_at_the_second(data, cell, *evidence):
        if cell > 0:
            raise KeyboardInterrupt
        return examine_cell(data, cell, *evidence)

    monkeypatch.setattr(_demo, "examine_cell", interrupted_at_the_second)
    monkeypatch.setattr(_demo, "DemoSettings", lambda: few)
    cells = [part for cell in (0, 8, 9) for part in ("--cell", cell)]
    result = run("demo", *cells, "--draw", 9, "--output", tmp_path)
    assert result.exit_code == 130
    assert "Interrupted: these are 1 of 3 cells." in result.output
    assert " ADn " in result.output and " CA1 " not in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.csv", "demo.pdf", "demo.png"]


def test_ctrl_c_before_the_first_cell_writes_nothing(monkeypatch, tmp_path):
    def interrupted(data, cells):
        raise KeyboardInterrupt

    monkeypatch.setattr(_demo, "select", interrupted)
    result = run("demo", "--output", tmp_path)
    assert result.exit_code == 130
    assert "nothing was written" in result.output
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_commands():
    assert "demo" in run("--help").output
    assert "--cell" in run("demo", "--help").output


def test_version_is_that_of_the_package():
    assert run("--version").output == f"spikesieve {__version__}\n"
