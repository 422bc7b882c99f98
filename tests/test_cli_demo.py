"""The demo's analysis, on a simulated animal whose cells are known."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from spikesieve.datasets import Recording
from spikesieve.report import _demo
from spikesieve.report._demo import COVARIATES, DemoSettings, Gain, examine_cells, prepare, refit
from spikesieve.report._demo_figure import draw_findings
from spikesieve.report._demo_table import selection_table, summary, write_csv
from spikesieve.report._demo_tuning import tuning_of

SETTINGS = DemoSettings(n_direction=8, n_speed=6, n_strengths=15, gap_s=1.0, n_shifts=200)
STEP_S = 0.025


def smooth(rng, n_samples, width):
    """Noise of unit variance that stays what it is for about `width` samples."""
    kernel = np.exp(-0.5 * (np.arange(-3 * width, 3 * width + 1) / width) ** 2)
    noise = np.convolve(rng.standard_normal(n_samples + 6 * width), kernel, mode="valid")[:n_samples]
    return noise / noise.std()


def simulated_recording(seed=3, n_samples=9000):
    """Cell 0 fires with head direction, cell 1 with nothing."""
    rng = np.random.default_rng(seed)
    heading = np.mod(np.cumsum(smooth(rng, n_samples, 20)) * 0.12, 2 * np.pi)
    position = 0.3 * np.tanh(np.stack([smooth(rng, n_samples, 120) for _ in range(2)], axis=1))
    log_rates = [np.log(4.0) + 2.0 * np.cos(heading - 2.0), np.full(n_samples, np.log(8.0))]
    time = STEP_S * np.arange(n_samples)
    return Recording(
        name="simulated",
        spike_times=tuple(np.repeat(time, rng.poisson(STEP_S * np.exp(log_rate))) for log_rate in log_rates),
        regions=("adn", "ca1"),
        time=time,
        position=position,
        head_direction=heading,
        wake_epoch=(0.0, float(time[-1])),
    )


@pytest.fixture(scope="module")
def data():
    return prepare(simulated_recording(), SETTINGS)


@pytest.fixture(scope="module")
def findings(data):
    return examine_cells(data, [0, 1])


def text_of(table):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_the_covariate_that_drives_a_cell_is_kept_and_no_other(findings):
    assert findings[0].kept == ("head direction",)
    assert findings[1].kept == ()


def test_what_drives_a_cell_gains_and_what_does_not_gains_nothing(findings):
    assert findings[0].gains["head direction"].is_clear
    assert findings[0].gains["head direction"].bits_per_spike > 0.5
    for finding in findings:
        for name in set(COVARIATES) - set(finding.kept):
            assert finding.gains[name].bits_per_spike < 0.02


def test_a_gain_is_a_difference_of_held_out_log_likelihoods(data, findings):
    counts, heading = data.binned.counts[:, 0], data.features["head direction"]
    gained = spikes = 0.0
    for train, test in data.folds.split(counts):
        fold = replace(data, binned=replace(data.binned, counts=data.binned.counts[train]))
        fold = replace(fold, features={name: leaf[train] for name, leaf in data.features.items()})
        model = _demo.GLM(regularizer="Ridge", regularizer_strength=data.ridge_strength)
        mean = model.fit({"head direction": heading[train]}, fold.binned.counts[:, 0])
        mean = mean.predict({"head direction": heading[test]})
        constant = counts[train].mean()
        gained += np.sum(counts[test] * np.log2(mean / constant) - (mean - constant) / np.log(2))
        spikes += counts[test].sum()
    assert findings[0].gains["head direction"].bits_per_spike == pytest.approx(gained / spikes, rel=1e-5)


def test_spikes_and_rate_are_those_of_the_tracked_bins(data, findings):
    counts = data.binned.counts[:, 1]
    assert findings[1].n_spikes == counts.sum()
    assert findings[1].rate_hz == pytest.approx(counts.sum() / (len(counts) * STEP_S))


def test_curves_average_to_the_rate_of_the_cell(data, findings):
    curve, recorded, predicted = tuning_of(data, findings[0])
    assert curve.grid[0] == 0 and curve.grid[-1] == pytest.approx(360)
    assert curve.grid[np.argmax(curve.rate_hz)] == pytest.approx(np.degrees(2.0), abs=15)
    dots = np.isfinite(curve.observed_hz)
    assert np.mean(np.abs(curve.observed_hz - curve.rate_hz)[dots]) < 0.15 * curve.rate_hz.max()
    mean_rate = refit(data, 0, findings[0].kept).predict({"head direction": data.features["head direction"]}).mean()
    assert mean_rate / STEP_S == pytest.approx(findings[0].rate_hz, rel=1e-3)
    assert recorded.rate_hz.shape == predicted.rate_hz.shape == tuple(map(len, recorded.grid))


def test_a_cell_that_keeps_nothing_is_drawn_at_its_mean_rate(data, findings):
    curve, _, predicted = tuning_of(data, findings[1])
    np.testing.assert_allclose(curve.rate_hz, findings[1].rate_hz)
    np.testing.assert_allclose(predicted.rate_hz[np.isfinite(predicted.rate_hz)], findings[1].rate_hz)
    assert "the mean rate" in predicted.label


def test_the_table_fits_a_terminal_of_80_columns_and_dots_what_is_kept(findings):
    lines = text_of(selection_table(findings)).splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    (row,) = [line for line in lines if " ADn " in line]
    gain = findings[0].gains["head direction"]
    assert f"● {gain.bits_per_spike:5.2f} ± {gain.standard_error:.2f}" in row
    assert row.count("●") == 1 and row.split()[:4] == ["0", "ADn", str(findings[0].n_spikes), "8.7"]


def test_the_summary_counts_cells_and_names_where_rule_and_gain_disagree(findings):
    known = replace(
        findings[1],
        kept=("position", "speed"),
        kept_by_rule={"1se": ("speed",), "min": COVARIATES},
        gains={"position": Gain(0.01, 0.02), "head direction": Gain(0.3, 0.1), "speed": Gain(0.3, 0.1)},
    )
    text = " ".join(summary([findings[0], known]))
    assert "hippocampus (CA1), 1 cell: head direction kept by 0 (0, 1); speed kept by 1 (1, 1)" in text
    assert "Kept, but gains less than two standard errors: position in cell 1." in text
    assert "Not kept, but would gain more than two standard errors: head direction in cell 1." in text


def test_the_csv_has_a_row_per_cell_and_covariate(findings, tmp_path):
    write_csv(findings, tmp_path / "demo.csv")
    with (tmp_path / "demo.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["cell"], row["covariate"]) for row in rows] == [(c, name) for c in "01" for name in COVARIATES]
    assert [row["kept"] for row in rows] == ["0", "1", "0", "0", "0", "0"]


@pytest.mark.parametrize("kept", [(), ("head direction",), ("position", "speed"), COVARIATES])
def test_every_selection_can_be_drawn(data, findings, kept, tmp_path):
    drawn = replace(findings[0], kept=kept)
    draw_findings(data, [drawn, findings[1]], drawn, [tmp_path / "demo.png", tmp_path / "demo.pdf"])
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "demo.pdf").read_bytes().startswith(b"%PDF")


def test_an_interrupt_keeps_the_cells_that_were_finished(data, findings, monkeypatch):
    def until_interrupted(data, cell, evidence, number):
        assert cell == number
        if cell == 1:
            raise KeyboardInterrupt
        return findings[cell]

    monkeypatch.setattr(_demo, "examine_cell", until_interrupted)
    seen = []
    assert examine_cells(data, [0, 1], seen.append) == findings[:1] == tuple(seen)
