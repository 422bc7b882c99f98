"""Convolutions against their definition: direction, shift, epochs, missing samples, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesieve.basis import BSplineConv, HistoryConv, RaisedCosineLogConv
from spikesieve.convolve import create_convolutional_predictor

RNG = np.random.default_rng(0)


def by_definition(kernel, x, first_lag):
    """Row t is sum_k kernel[k] x[t - first_lag - k]; NaN where a sample does not exist."""
    rows = np.full((len(x), kernel.shape[1]), np.nan)
    for t in range(len(x)):
        lags = [t - first_lag - k for k in range(len(kernel))]
        if min(lags) >= 0 and max(lags) < len(x):
            rows[t] = sum(kernel[k] * x[lag] for k, lag in enumerate(lags))
    return rows


@given(
    window_size=st.integers(1, 6),
    n=st.integers(6, 20),
    setting=st.sampled_from(
        [("causal", None), ("causal", False), ("acausal", None), ("anti-causal", None), ("anti-causal", False)]
    ),
)
def test_every_direction_follows_its_definition(window_size, n, setting):
    causality, shift = setting
    kernel, x = RNG.normal(size=(window_size, 2)), RNG.normal(size=n)
    moved = shift is None
    first_lag = {
        "causal": int(moved),
        "acausal": -(window_size // 2),
        "anti-causal": -(window_size - 1) - int(moved),
    }[causality]
    ours = create_convolutional_predictor(kernel, x, predictor_causality=causality, shift=shift)
    np.testing.assert_allclose(ours, by_definition(kernel, x, first_lag), atol=1e-12)


def test_long_series_are_convolved_in_blocks():
    kernel, x = RNG.normal(size=(150, 3)), RNG.normal(size=3000)
    ours = create_convolutional_predictor(kernel, x)
    expected = np.stack([np.convolve(x, k, mode="valid")[:-1] for k in kernel.T], axis=1)
    np.testing.assert_allclose(ours[150:], expected, atol=1e-11)
    assert np.isnan(ours[:150]).all()


def test_no_window_reaches_across_a_gap():
    x = np.arange(10.0)
    ours = create_convolutional_predictor(np.ones((3, 1)), x, epochs=[(0, 5), (5, 10)])[:, 0]
    np.testing.assert_array_equal(ours, [np.nan] * 3 + [3, 6] + [np.nan] * 3 + [18, 21])


def test_an_epoch_shorter_than_the_window_is_missing():
    ours = create_convolutional_predictor(np.ones((3, 1)), np.arange(10.0), epochs=[(0, 2), (2, 10)])
    assert np.isnan(ours[:5]).all() and np.isfinite(ours[5:]).all()


def test_a_series_shorter_than_the_window_is_refused():
    with pytest.raises(ValueError, match="window is 30 samples long, but the longest uninterrupted stretch .* only 10"):
        BSplineConv(5, window_size=30).compute_features(np.zeros(10))


def test_trees_and_axes():
    kernel, x = RNG.normal(size=(3, 2)), RNG.normal(size=(12, 4))
    whole = create_convolutional_predictor(kernel, x)
    assert whole.shape == (12, 4, 2)
    tree = create_convolutional_predictor(kernel, {"a": x, "b": x[:, 0]})
    np.testing.assert_array_equal(tree["a"], whole)
    np.testing.assert_array_equal(tree["b"], whole[:, 0])
    turned = create_convolutional_predictor(kernel, x.T, axis=1)
    np.testing.assert_array_equal(turned, whole.transpose(1, 0, 2))


def test_features_of_a_filter_are_its_convolution():
    basis = RaisedCosineLogConv(4, window_size=10)
    counts = RNG.poisson(1.0, (50, 3)).astype(float)
    whole = create_convolutional_predictor(basis.kernel(), counts)
    np.testing.assert_array_equal(basis.compute_features(counts), whole.reshape(50, 12))


def test_a_spike_does_not_predict_itself():
    spike = np.zeros(12)
    spike[5] = 1
    features = HistoryConv(3).compute_features(spike)
    assert not features[5].any() and features[6].tolist() == [1, 0, 0] and features[8].tolist() == [0, 0, 1]


def test_missing_samples_spoil_the_windows_they_are_in():
    x = np.arange(12.0)
    x[4] = np.nan
    missing = np.isnan(BSplineConv(4, window_size=4).compute_features(x)).any(axis=1)
    assert np.flatnonzero(missing).tolist() == [0, 1, 2, 3, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("conv_kwargs", "message"),
    [
        ({"axis": 1}, "no 'axis'"),
        ({"foo": 1}, "conv_kwargs has no 'foo'"),
        ({"predictor_causality": "sideways"}, "must be one of causal, acausal, anti-causal; got 'sideways'"),
        ({"predictor_causality": "acausal", "shift": True}, "no direction to shift"),
    ],
)
def test_settings_that_make_no_sense_are_refused(conv_kwargs, message):
    with pytest.raises(ValueError, match=message):
        HistoryConv(3, conv_kwargs=conv_kwargs)


@pytest.mark.parametrize("window_size", [0, 3.5, True])
def test_a_window_is_a_number_of_bins(window_size):
    with pytest.raises(ValueError, match="window_size must be an integer of at least 1"):
        HistoryConv(window_size)


@pytest.mark.parametrize("epochs", [[(0, 20)], [(5, 2)], [(0, 5), (3, 8)], [0, 5], [(0.0, 5.0)]])
def test_epochs_are_rows_in_order(epochs):
    with pytest.raises(ValueError, match="epochs must be rows"):
        create_convolutional_predictor(np.ones((2, 1)), np.zeros(10), epochs=epochs)


def test_kernels_are_a_matrix():
    with pytest.raises(ValueError, match=r"shape \(window_size, n_basis_funcs\); got shape \(3,\)"):
        create_convolutional_predictor(np.ones(3), np.zeros(10))
    with pytest.raises(ValueError, match="axis 2 is no axis"):
        create_convolutional_predictor(np.ones((3, 1)), np.zeros((10, 2)), axis=2)
