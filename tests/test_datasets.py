"""The bundled recording, and recordings made by hand where the right answer is known."""

import dataclasses

import numpy as np
import pytest

import spikesieve as sieve
from spikesieve.datasets._extract import read_extract

TURN = 2 * np.pi


@pytest.fixture(scope="module")
def recording():
    return sieve.datasets.load_head_direction_recording()


def walk(time, position=None, head_direction=None, spike_times=()):
    """A recording of one thalamic cell; still at the origin and facing zero unless told otherwise."""
    time = np.asarray(time, dtype=float)
    return sieve.datasets.Recording(
        name="walk",
        spike_times=(np.asarray(spike_times, dtype=float),),
        regions=("adn",),
        time=time,
        position=np.zeros((len(time), 2)) if position is None else position,
        head_direction=np.zeros(len(time)) if head_direction is None else head_direction,
        wake_epoch=(time[0], time[-1]),
    )


def test_bundled_recording_is_what_its_source_says(recording):
    assert recording.n_cells == 15
    assert recording.regions == ("adn",) * 7 + ("ca1",) * 8
    assert recording.n_spikes.sum() == 98_794
    assert recording.n_spikes[0] == 8_764
    assert len(recording.time) == 63_527
    assert (recording.time[0], recording.time[-1]) == (670.6407, 1199.99495)
    assert recording.wake_epoch == (600.0, 1200.0)
    assert np.ptp(recording.position, axis=0) == pytest.approx([0.562539, 0.757302])
    assert 0 <= recording.head_direction.min() and recording.head_direction.max() < TURN


def test_bundled_recording_names_its_source_and_licence(recording):
    assert "MIT" in recording.licence and "pynapple" in recording.licence
    assert "A2929-200711.nwb" in recording.source


def test_counts_sum_to_the_spikes_within_the_bins(recording):
    binned = recording.bin(bin_width_s=0.025)
    start, stop = binned.time[0] - 0.0125, binned.time[-1] + 0.0125
    inside = [np.sum((times >= start) & (times < stop)) for times in recording.spike_times]
    np.testing.assert_array_equal(binned.counts.sum(axis=0), inside)
    assert binned.counts.shape == (21_174, 15)
    assert np.issubdtype(binned.counts.dtype, np.integer)


def test_bundled_recording_is_tracked_throughout(recording):
    binned = recording.bin(bin_width_s=0.1)
    assert binned.tracked.all()
    assert np.isfinite(binned.position).all() and np.isfinite(binned.speed).all()
    # A mouse on a maze: it rests much of the time and hardly ever runs faster than half a metre per second.
    assert 0.005 < np.median(binned.speed) < 0.05
    assert 0.1 < binned.speed.max() < 1.0


def test_bins_start_at_the_first_tracked_sample_and_only_full_ones_are_kept():
    binned = walk(np.linspace(10.0, 11.07, 108)).bin(bin_width_s=0.25)
    np.testing.assert_allclose(binned.time, [10.125, 10.375, 10.625, 10.875])


def test_a_spike_on_an_edge_belongs_to_the_later_bin():
    binned = walk(np.arange(0.0, 2.01, 0.01), spike_times=[0.5, 0.75, 1.0, 2.0]).bin(bin_width_s=0.5)
    np.testing.assert_array_equal(binned.counts[:, 0], [0, 2, 1, 0])


def test_head_direction_is_interpolated_across_the_turn():
    binned = walk([0.0, 0.1], head_direction=np.deg2rad([350.0, 10.0])).bin(bin_width_s=0.02)
    expected = np.deg2rad([352.0, 356.0, 0.0, 4.0, 8.0])
    np.testing.assert_allclose(np.angle(np.exp(1j * (binned.head_direction - expected))), 0, atol=1e-12)
    assert np.all((binned.head_direction >= 0) & (binned.head_direction < TURN))


def test_head_direction_stays_below_one_turn_when_it_is_a_rounding_error_below_zero():
    binned = walk([0.0, 0.1], head_direction=np.array([-1e-18, -1e-18])).bin(bin_width_s=0.1)
    assert binned.head_direction.tolist() == [0.0]


def test_speed_is_in_metres_per_second():
    time = np.arange(0.0, 5.0, 0.01)
    position = np.stack([0.3 * time, -0.4 * time], axis=1)
    np.testing.assert_allclose(walk(time, position).bin(bin_width_s=0.05).speed, 0.5)


def test_tracking_noise_of_a_still_animal_makes_little_speed():
    rng = np.random.default_rng(0)
    time = np.arange(0.0, 20.0, 0.01)
    noisy = walk(time, rng.normal(0, 1e-3, (len(time), 2)))
    smoothed, raw = noisy.bin(speed_smoothing_s=0.1), noisy.bin(speed_smoothing_s=1e-3)
    assert smoothed.speed.mean() < 0.1 * raw.speed.mean()


def test_bins_in_a_long_gap_are_not_tracked_and_short_gaps_are_bridged():
    time = np.delete(np.arange(0.0, 3.001, 0.01), np.r_[51:55, 101:150])
    binned = walk(time).bin(bin_width_s=0.1, max_gap_s=0.1)
    np.testing.assert_array_equal(np.flatnonzero(~binned.tracked), [10, 11, 12, 13, 14])
    assert np.isnan(binned.position[10]).all() and np.isnan(binned.speed[10])
    np.testing.assert_array_equal(np.isnan(binned.speed), ~binned.tracked)


def test_lost_samples_are_a_gap_like_missing_ones():
    time = np.arange(0.0, 2.001, 0.01)
    position = np.zeros((len(time), 2))
    position[60:140] = np.nan
    np.testing.assert_array_equal(np.flatnonzero(~walk(time, position).bin(0.2).tracked), [3, 4, 5, 6])


def test_motion_does_not_leak_across_a_gap():
    time = np.r_[np.arange(0.0, 1.0, 0.01), np.arange(2.0, 3.0, 0.01)]
    jumped = np.stack([np.where(time < 1.5, 0.0, 5.0), np.zeros(len(time))], axis=1)
    np.testing.assert_allclose(np.nan_to_num(walk(time, jumped).bin(0.05).speed), 0)


def test_thalamic_cells_prefer_a_heading_and_ca1_cells_hardly(recording):
    binned = recording.bin()
    phase = np.exp(1j * binned.head_direction)
    resultant = np.abs(phase @ binned.counts) / binned.counts.sum(axis=0)
    assert resultant[:7].min() > 0.4
    assert np.median(resultant[7:]) < 0.3


def test_records_cannot_be_changed(recording):
    with pytest.raises(dataclasses.FrozenInstanceError):
        recording.name = "another"


@pytest.mark.parametrize("argument", ["bin_width_s", "speed_smoothing_s", "max_gap_s"])
@pytest.mark.parametrize("value", [0.0, -0.1, np.nan, np.inf])
def test_durations_must_be_positive(argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be a positive number of seconds"):
        walk([0.0, 1.0]).bin(**{argument: value})


def test_a_bin_longer_than_the_tracking_is_an_error():
    with pytest.raises(ValueError, match="lasts 1 s, less than one bin of bin_width_s=2"):
        walk([0.0, 1.0]).bin(bin_width_s=2.0)


def test_arrays_that_do_not_belong_together_are_an_error():
    with pytest.raises(ValueError, match=r"position must be \(3, 2\)"):
        walk([0.0, 1.0, 2.0], position=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="strictly increasing"):
        walk([0.0, 2.0, 1.0])
    with pytest.raises(ValueError, match="spike times of cell 0 must increase"):
        walk([0.0, 1.0], spike_times=[0.5, 0.2])
    with pytest.raises(ValueError, match="one region per cell"):
        dataclasses.replace(walk([0.0, 1.0]), regions=("adn", "ca1"))


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="lost.npz is not in .*; reinstall spikesieve"):
        read_extract(tmp_path / "lost.npz")
