"""A small version of benchmarks/selection_accuracy: methods keep their promises, and the benchmark counts right."""

import sys
from pathlib import Path

import numpy as np
import pytest

from spikesieve.selection import Knockoffs, Shift

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def accuracy():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import selection_accuracy
        import selection_recordings

        yield selection_accuracy, selection_recordings
    for name in ("selection_accuracy", "selection_recordings", "workload", "machine"):
        sys.modules.pop(name, None)


def small(recordings, **changes):
    options = {"n_bins": 4000, "n_covariates": 6, "n_active": 2, "memory_bins": 10.0, "n_spikes": 1500}
    return recordings.Cell("small", **(options | changes))


@pytest.mark.parametrize("method", ["knockoffs", "shift"])
@pytest.mark.parametrize("changes", [{}, {"drift": 0.7}], ids=["stationary", "drift"])
def test_methods_with_a_rate_keep_it_and_have_power(accuracy, monkeypatch, method, changes):
    """Ten recordings: a broken method finds null covariates in most of them, a kept rate of 0.1 allows a few."""
    module, recordings = accuracy
    quick = {"knockoffs": Knockoffs(n_draws=1), "shift": Shift(n_shifts=300)}
    monkeypatch.setattr(module, "method_of", lambda name, cell: quick[name])
    cell = small(recordings, **changes)
    found = [module.examine(recordings.simulate("small", cell, i), method, cell, i) for i in range(10)]
    assert np.mean([row["false_share"] for row in found]) <= 0.2
    assert np.mean([row["power"] for row in found]) >= 0.6


def test_recordings_are_as_described(accuracy):
    recordings = accuracy[1]
    for name in ("base", "hidden", "real", "neurons-3"):
        cell = recordings.CELLS[name]
        drawn, again = (recordings.simulate(name, cell, 3) for _ in range(2))
        np.testing.assert_array_equal(drawn.counts, again.counts)
        np.testing.assert_allclose(drawn.counts.sum(axis=0), np.full(cell.n_neurons, cell.n_spikes), rtol=0.15)
        assert {label for _, label in drawn.active} <= set(drawn.design.labels)
        assert len(drawn.active) == cell.n_neurons * (cell.n_active - cell.hidden)
    offered = recordings.simulate("hidden", recordings.CELLS["hidden"], 0).design.labels
    assert len(offered) == 9 and "covariate_02" not in offered


def test_a_run_is_resumed_where_it_was_cut_off(accuracy, tmp_path, monkeypatch):
    from rich.console import Console

    module, recordings = accuracy
    calls = []

    def examine(recording, method, cell, seed):
        calls.append((method, seed))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return {"n_true": 2, "false_share": 0.5, "power": 1.0, "exact": False, "n_untested": 0, "seconds": 1.0}

    monkeypatch.setattr(module, "examine", examine)
    monkeypatch.setattr(module, "_warm_up", lambda methods: None)
    output, cells = tmp_path / "rows.jsonl", {"small": small(recordings)}
    arguments = cells, ["min", "1se"], 2, output, Console(quiet=True)
    with pytest.raises(KeyboardInterrupt):
        module.run(*arguments)
    with output.open("a") as file:
        file.write('{"cell": "sm')  # cut off in the middle of a line
        file.write("\n")
    module.run(*arguments)
    assert calls[2:] == [("1se", 0), ("min", 1), ("1se", 1)]
    assert len(module.read(output)) == 4
    module.run(*arguments)
    assert len(calls) == 5


def test_summaries_are_means_with_their_errors(accuracy, tmp_path):
    module, recordings = accuracy
    shares = [0.0, 0.5, 0.25, 0.25]
    rows = [
        {"cell": "small", "method": "shift", "n_true": 2, "false_share": s, "power": 0.5, "exact": s == 0}
        | {"n_untested": 0, "seconds": 2.0}
        for s in shares
    ]
    summary = module.summarise(rows)
    assert summary["small", "shift"]["false_share"] == 0.25 and summary["small", "shift"]["exact"] == 0.25
    assert summary["small", "shift"]["false_share_error"] == pytest.approx(np.std(shares, ddof=1) / 2)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{module.START}\nold\n{module.STOP}\nafter\n")
    module.write_docs(summary, {"small": small(recordings)}, page)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| small | shift | 4 | 0.25 ± 0.10 | 0.50 ± 0.00 | 0.25 |  | 2.00 |" in text
