"""Convolved blocks against the dense convolution and against their definition, and what they refuse."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesieve.convolve import create_convolutional_predictor
from spikesieve.design._convolved import ConvolvedBlock
from spikesieve.design._held_signals import as_signals
from spikesieve.design._signals import ContinuousSignals, EventTrains
from tests.design.cases import slow_convolution
from tests.design.contract import check_all


def dense(kernel, signals, epochs, **settings):
    features = create_convolutional_predictor(kernel, signals.astype(float), epochs=epochs, **settings)
    return features.reshape(len(signals), -1)


@st.composite
def recordings(draw):
    """Signals (mostly zero or not), a kernel, its place, and epochs with gaps, one of them long enough."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    window_size = draw(st.integers(1, 9))
    lengths = draw(st.lists(st.integers(0, 20), max_size=4)) + [window_size + draw(st.integers(0, 30))]
    gaps = [draw(st.integers(0, 3)) for _ in lengths]
    stops = np.cumsum(lengths) + np.cumsum(gaps)
    epochs = [(int(stop - length), int(stop)) for stop, length in zip(stops, lengths, strict=True)]
    n_samples = int(stops[-1]) + draw(st.integers(0, 3))
    shape = n_samples, draw(st.integers(1, 3))
    signals = rng.poisson(draw(st.sampled_from([0.0, 0.05, 0.5])), size=shape)
    if draw(st.booleans()):
        signals = signals + rng.normal(size=shape)
    kernel = rng.normal(size=(window_size, draw(st.integers(1, 3))))
    return signals, kernel, draw(st.integers(-window_size - 1, 2 * window_size)), epochs


@given(recordings(), st.sampled_from([EventTrains.from_matrix, ContinuousSignals]))
def test_features_follow_their_definition(recording, held_as):
    signals, kernel, row_offset, epochs = recording
    block = ConvolvedBlock(held_as(signals), kernel, row_offset, epochs)
    expected = slow_convolution(signals, kernel, row_offset, epochs)
    check_all(block, expected)
    finite = np.isfinite(expected).all(axis=1)
    check_all(block.take(finite), expected[finite])


@pytest.mark.parametrize("events", [True, False])
@pytest.mark.parametrize(
    ("causality", "shift", "row_offset"),
    [
        ("causal", True, 7),
        ("causal", False, 6),
        ("acausal", False, 3),
        ("anti-causal", True, -1),
        ("anti-causal", False, 0),
    ],
)
def test_columns_are_those_of_the_dense_convolution(causality, shift, row_offset, events):
    rng = np.random.default_rng(0)
    signals = rng.poisson(0.05 if events else 3.0, size=(300, 4))
    kernel, epochs = rng.normal(size=(7, 3)), [(0, 100), (100, 105), (120, 300)]
    block = ConvolvedBlock(signals, kernel, row_offset, epochs)
    assert isinstance(block.signals, EventTrains) == events
    check_all(block, dense(kernel, signals, epochs, predictor_causality=causality, shift=shift))


def test_spike_trains_come_as_bins_or_as_counts():
    counts = np.zeros((50, 2))
    counts[[3, 20, 21], 0], counts[[0, 49], 1] = [1, 2, 1], [1, 3]
    listed = EventTrains([np.array([3, 20, 21]), np.array([0, 49])], 50, [np.array([1, 2, 1]), np.array([1, 3])])
    kernel = np.random.default_rng(0).normal(size=(4, 2))
    rows = slice(0, 50)
    np.testing.assert_array_equal(
        ConvolvedBlock(listed, kernel, 4).as_matrix(rows), ConvolvedBlock(counts, kernel, 4).as_matrix(rows)
    )
    assert listed.n_events == 5


def test_mostly_zero_signals_are_held_as_events():
    signal = np.zeros(100)
    signal[::10] = 1.0
    assert isinstance(as_signals(signal), EventTrains)
    assert isinstance(as_signals(signal + 0.1), ContinuousSignals)


def test_continuous_signals_are_not_copied():
    signals = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    block = ConvolvedBlock(signals, np.ones((3, 1)), 3)
    taken = block.take(np.arange(50, 90)).take(slice(3, None))
    assert np.shares_memory(taken.signals.values, signals)


def test_a_hundred_channels_need_memory_for_their_events_only():
    rng = np.random.default_rng(0)
    bins = [np.flatnonzero(rng.random(10_000) < 0.005) for _ in range(100)]
    block = ConvolvedBlock(EventTrains(bins, 10_000), rng.normal(size=(100, 8)), 100)
    kept = block.take(block.finite_rows())
    assert kept.n_bytes < 16 * sum(map(len, bins)) + 10_000
    assert kept.n_bytes < 0.01 * 8 * kept.n_samples * kept.n_coef


def test_channels_with_zero_coefficients_add_nothing():
    rng = np.random.default_rng(0)
    counts, kernel = rng.poisson(0.1, size=(200, 3)), rng.normal(size=(5, 2))
    block = ConvolvedBlock(counts, kernel, 5).take(slice(5, None))
    coef = np.array([0.0, 0.0, 1.0, -2.0, 0.0, 0.0])
    out = np.zeros(195)
    block.add_linear_predictor(slice(0, 195), coef, out)
    expected = slow_convolution(counts, kernel, 5, [(0, 200)])[5:] @ coef
    np.testing.assert_allclose(out, expected, atol=1e-13)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ConvolvedBlock(np.zeros(9), np.ones((10, 1)), 10), ValueError, "window is 10 samples.* only 9"),
        (lambda: ConvolvedBlock(np.zeros(30), np.ones((10, 1)), 10, [(0, 9), (9, 15)]), ValueError, "only 9"),
        (lambda: ConvolvedBlock(np.zeros(30), np.ones(3), 3), ValueError, r"shape \(window_size, n_basis\)"),
        (lambda: ConvolvedBlock(np.array(["a"] * 30), np.ones((3, 1)), 3), TypeError, "real numbers"),
        (lambda: ConvolvedBlock(np.zeros((30, 2, 2)), np.ones((3, 1)), 3), ValueError, r"\(30, 2, 2\), expected"),
        (lambda: EventTrains([np.array([3, 2])], 10), ValueError, "Channel 0.* must increase"),
        (lambda: EventTrains([np.array([1]), np.array([10])], 10), ValueError, "Channel 1.* from 0 to 9"),
        (lambda: EventTrains([np.array([0.5])], 10), ValueError, "whole numbers"),
        (lambda: EventTrains([np.array([1, 2])], 10, [np.ones(3)]), ValueError, "one entry per event"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_numba_is_imported_only_when_events_are_used():
    program = """
import sys
import numpy as np
import spikesieve.design
from spikesieve.design._convolved import ConvolvedBlock
ConvolvedBlock(np.arange(30.0), np.ones((3, 1)), 3).as_matrix(slice(0, 30))
block = ConvolvedBlock(np.eye(30)[5], np.ones((3, 1)), 3)
assert "numba" not in sys.modules
block.as_matrix(slice(0, 30))
assert "numba" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
