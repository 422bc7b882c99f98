import numpy as np
import pytest
from scipy.stats import kstwobign

from spikesieve.selection._goodness_of_fit import TimeRescaling, time_rescaling


def rate(n_samples, mean):
    wave = np.exp(0.8 * np.sin(np.arange(n_samples) / 40))
    return mean * wave / wave.mean()


def p_values(draw, correction, mean, n_repeats=300, n_samples=1500):
    rng = np.random.default_rng(0)
    expected = rate(n_samples, mean)
    return np.array(
        [time_rescaling(draw(rng, expected), expected, correction, seed).p_value for seed in range(n_repeats)]
    )


def poisson(rng, mean):
    return rng.poisson(mean)


def bernoulli(rng, mean):
    return (rng.random(len(mean)) < mean).astype(float)


@pytest.mark.parametrize(
    ("draw", "correction", "mean"),
    [(poisson, "poisson", 0.1), (poisson, "poisson", 1.5), (bernoulli, "bernoulli", 0.3)],
)
def test_the_true_model_is_rejected_at_the_nominal_rate_at_any_bin_width(draw, correction, mean):
    p = p_values(draw, correction, mean)
    # Binomial 99.9 % limits for 300 repeats at 0.05 and 0.5.
    assert 0.01 <= np.mean(p < 0.05) <= 0.1
    assert 0.4 <= np.mean(p < 0.5) <= 0.6


@pytest.mark.parametrize(("draw", "mean"), [(poisson, 1.5), (bernoulli, 0.3)])
def test_without_the_correction_wide_bins_reject_the_true_model(draw, mean):
    assert np.mean(p_values(draw, "none", mean, n_repeats=50) < 0.05) > 0.9


def test_in_narrow_bins_the_corrections_and_the_plain_theorem_agree():
    mean = rate(200_000, 0.002)
    y = bernoulli(np.random.default_rng(1), mean)
    plain = time_rescaling(y, mean, "none")
    for correction in ("poisson", "bernoulli"):
        np.testing.assert_allclose(time_rescaling(y, mean, correction).z, plain.z, atol=0.01)


def test_a_model_without_the_modulation_or_the_refractoriness_is_found_out():
    rng = np.random.default_rng(2)
    mean = rate(5000, 0.3)
    y = rng.poisson(mean)
    assert time_rescaling(y, mean).within_band()
    assert not time_rescaling(y, np.full(5000, y.mean())).within_band(0.99)
    regular = np.zeros(5000)
    regular[::5] = 1
    assert time_rescaling(regular, np.full(5000, 0.2)).p_value < 1e-6


def test_intervals_without_correction_are_sums_of_expected_counts():
    y = np.array([0, 1, 0, 0, 1, 1])
    mean = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    expected = np.sort(1 - np.exp(-np.array([0.3, 1.2, 0.6])))
    np.testing.assert_allclose(time_rescaling(y, mean, "none").z, expected)


def test_spikes_stay_in_their_bins():
    y, mean = np.array([2, 0, 1]), np.array([0.5, 1.0, 2.0])
    for seed in range(20):
        times = np.cumsum(np.sort(-np.log1p(-time_rescaling(y, mean, "poisson", seed).z)))
        assert 1.5 <= times[-1] <= 3.5


def test_one_seed_is_one_answer():
    mean = rate(500, 0.5)
    y = np.random.default_rng(3).poisson(mean)
    np.testing.assert_array_equal(time_rescaling(y, mean, seed=7).z, time_rescaling(y, mean, seed=7).z)


def test_bands_are_the_kolmogorov_quantiles():
    record = TimeRescaling(np.linspace(0, 1, 400), 0.0, 1.0)
    for level in (0.95, 0.99):
        assert record.band(level) == pytest.approx(kstwobign.ppf(level) / 20, rel=1e-4)
    with pytest.raises(ValueError, match="level must be one of"):
        record.band(0.9)


def test_the_plot_shows_quantiles_diagonal_and_bands():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    mean = rate(500, 0.3)
    record = time_rescaling(np.random.default_rng(4).poisson(mean), mean)
    lines = {line.get_label(): line for line in record.plot().lines}
    np.testing.assert_array_equal(lines[f"{record.n_spikes} spikes"].get_ydata(), record.z)
    np.testing.assert_allclose(lines["95% band"].get_ydata(), np.array([0, 1]) + record.band())
    plt.close("all")


@pytest.mark.parametrize(
    ("y", "mean", "correction", "message"),
    [
        ([0, 0], [0.1, 0.1], "poisson", "no spikes"),
        ([1, 0], [0.1], "poisson", "their shapes are"),
        ([1, np.nan], [0.1, 0.1], "poisson", "finite"),
        ([1.5, 0], [0.1, 0.1], "poisson", "whole numbers"),
        ([1, 0], [0.0, 0.1], "poisson", "positive where there are spikes"),
        ([2, 0], [0.1, 0.1], "bernoulli", "at most one spike"),
        ([1, 0], [1.0, 0.1], "bernoulli", "below 1"),
        ([1, 0], [0.1, 0.1], "haslinger", "correction must be one of"),
    ],
)
def test_what_cannot_be_tested_is_refused(y, mean, correction, message):
    with pytest.raises(ValueError, match=message):
        time_rescaling(np.array(y), np.array(mean), correction)
