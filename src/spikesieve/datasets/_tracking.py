"""Tracked samples to covariates at any time, interpolated where no long gap interrupts the tracking."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from spikesieve._types import PerSample

_TURN = 2 * np.pi


@dataclass(frozen=True)
class Covariates:
    """Position [m], head direction [rad] and speed [m/s] at requested times; NaN where not tracked."""

    position: Float[np.ndarray, "n_samples 2"]
    head_direction: PerSample
    speed: PerSample


@dataclass(frozen=True)
class Track:
    """The valid tracked samples, cut into runs wherever two of them are too far apart."""

    runs: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]

    @classmethod
    def from_samples(cls, time, position, head_direction, max_gap_s: float) -> "Track":
        """Drop NaN samples and cut at gaps longer than `max_gap_s` [s]."""
        valid = np.isfinite(position).all(axis=1) & np.isfinite(head_direction)
        time, position, head_direction = time[valid], position[valid], head_direction[valid]
        cuts = np.flatnonzero(np.diff(time) > max_gap_s) + 1
        columns = (np.split(column, cuts) for column in (time, position, head_direction))
        return cls(tuple(run for run in zip(*columns, strict=True) if len(run[0]) > 0))

    def at(self, times: PerSample, speed_smoothing_s: float) -> Covariates:
        """Interpolate at increasing `times` [s]; a Gaussian of `speed_smoothing_s` [s] smooths velocity."""
        result = Covariates(
            position=np.full((len(times), 2), np.nan),
            head_direction=np.full(len(times), np.nan),
            speed=np.full(len(times), np.nan),
        )
        for run_time, run_position, run_direction in self.runs:
            rows = slice(np.searchsorted(times, run_time[0]), np.searchsorted(times, run_time[-1], side="right"))
            velocity = _velocity(run_time, run_position, speed_smoothing_s)
            for axis in range(2):
                result.position[rows, axis] = np.interp(times[rows], run_time, run_position[:, axis])
            result.head_direction[rows] = _interpolate_angle(times[rows], run_time, run_direction)
            result.speed[rows] = np.interp(times[rows], run_time, np.hypot(*velocity.T))
        return result


def _interpolate_angle(times: PerSample, sample_times: PerSample, angles: PerSample) -> PerSample:
    """Interpolate along the shorter arc between neighbours; the result is in [0, 2 pi)."""
    angle = np.mod(np.interp(times, sample_times, np.unwrap(angles)), _TURN)
    # The remainder of a negative number too small to matter rounds to 2 pi itself.
    return np.where(angle < _TURN, angle, 0.0)


def _velocity(time: PerSample, position: np.ndarray, smoothing_s: float) -> np.ndarray:
    if len(time) < 2:
        # One sample alone between two gaps: there is a place but no motion to speak of.
        return np.full(position.shape, np.nan)
    velocity = np.gradient(position, time, axis=0)
    return gaussian_filter1d(velocity, smoothing_s / np.median(np.diff(time)), axis=0, mode="nearest")
