"""The program that compares selection methods on the bundled recording runs, on two of its cells."""

import runpy
from pathlib import Path

PROGRAM = Path(__file__).parent.parent / "examples" / "which_covariates.py"


def test_it_tabulates_and_draws_what_it_is_asked_for(tmp_path, capsys):
    program = runpy.run_path(str(PROGRAM))
    found = program["main"](["1se"], [0, 12], str(tmp_path / "recording.png"))
    assert found["1se"].selected_.shape == (2, 5)
    assert set(found["1se"].labels_) == set(program["SHOWN"])
    keeps = found["1se"].evidence_.selected_labels
    assert "head direction" in keeps(0) and "head direction" not in keeps(1)
    # 250 ms of history are not there for the first 10 bins.
    assert found["1se"].refit(0).sample.design.n_samples < 21_174
    assert "neuron" in capsys.readouterr().out
    assert (tmp_path / "recording.png").read_bytes().startswith(b"\x89PNG")
