"""`Recording`, spikes and tracking as recorded, and `BinnedRecording`, the same on equal time bins."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from spikesieve._types import PerSample
from spikesieve.datasets._tracking import Track

Position = Float[np.ndarray, "n_samples 2"]
Counts = Int[np.ndarray, "n_samples n_cells"]


@dataclass(frozen=True)
class BinnedRecording:
    """A recording on equal time bins: one row per bin.

    Bins without tracking have NaN covariates, which the estimators drop when they fit.

    Attributes
    ----------
    bin_width_s
        Width of a bin [s].
    regions
        Brain region of each cell.
    time
        Centres of the bins [s].
    counts
        Spikes per bin, one column per cell.
    position
        Floor position at the centres [m].
    head_direction
        Head direction at the centres [rad], in [0, 2 pi).
    speed
        Speed over the floor [m/s].
    """

    bin_width_s: float
    regions: tuple[str, ...]
    time: PerSample = field(repr=False)
    counts: Counts = field(repr=False)
    position: Position = field(repr=False)
    head_direction: PerSample = field(repr=False)
    speed: PerSample = field(repr=False)

    @property
    def tracked(self) -> Bool[np.ndarray, " n_samples"]:
        """Whether the animal was tracked at the centre of each bin."""
        return ~np.isnan(self.head_direction)


@dataclass(frozen=True)
class Recording:
    """Spike times of several cells, with the animal's floor position and head direction.

    Attributes
    ----------
    name
        What the recording is called.
    spike_times
        Increasing spike times [s], one array per cell.
    regions
        Brain region of each cell.
    time
        Increasing times of the tracked samples [s].
    position
        Floor position [m]. NaN where tracking was lost.
    head_direction
        Head direction [rad], on a circle of 2 pi. NaN where tracking was lost.
    wake_epoch
        Start and stop of the epoch in which the animal was awake [s].
    source, licence
        Where the data come from, and on what terms.

    Raises
    ------
    ValueError
        Times are not increasing, or the arrays do not belong together.
    """

    name: str
    spike_times: tuple[Float[np.ndarray, " n_spikes"], ...] = field(repr=False)
    regions: tuple[str, ...]
    time: PerSample = field(repr=False)
    position: Position = field(repr=False)
    head_direction: PerSample = field(repr=False)
    wake_epoch: tuple[float, float]
    source: str = ""
    licence: str = ""

    def __post_init__(self):
        if len(self.regions) != len(self.spike_times):
            raise ValueError(
                f"Recording needs one region per cell: got {len(self.regions)} regions "
                f"for {len(self.spike_times)} cells."
            )
        n_samples = len(self.time)
        shapes = np.shape(self.position), np.shape(self.head_direction)
        if shapes != ((n_samples, 2), (n_samples,)):
            raise ValueError(
                f"Recording has {n_samples} tracked times, so position must be ({n_samples}, 2) and "
                f"head_direction ({n_samples},); got {shapes[0]} and {shapes[1]}."
            )
        if n_samples < 2 or not np.all(np.diff(self.time) > 0):
            raise ValueError("Recording needs at least two times, strictly increasing [s]; sort the samples.")
        for cell, times in enumerate(self.spike_times):
            if np.any(np.diff(times) < 0):
                raise ValueError(f"The spike times of cell {cell} must increase; sort them.")

    @property
    def n_cells(self) -> int:
        """Number of recorded cells."""
        return len(self.spike_times)

    @property
    def n_spikes(self) -> Int[np.ndarray, " n_cells"]:
        """Spikes of each cell in the whole recording, tracked or not."""
        return np.array([len(times) for times in self.spike_times])

    def bin(
        self, bin_width_s: float = 0.025, speed_smoothing_s: float = 0.1, max_gap_s: float = 0.1
    ) -> BinnedRecording:
        """Count spikes and interpolate the covariates on equal bins from the first tracked sample on.

        Parameters
        ----------
        bin_width_s
            Width of a bin [s]. A spike on an edge belongs to the later bin; a last bin that the tracking
            does not fill is left out.
        speed_smoothing_s
            Standard deviation [s] of the Gaussian that smooths the velocity before its length is taken,
            as tracking noise would otherwise only ever add to the speed.
        max_gap_s
            A bin whose centre lies between two valid samples further apart than this [s] counts as not
            tracked: its covariates are NaN. Shorter gaps are interpolated.

        Returns
        -------
        BinnedRecording
            Head direction is interpolated on the circle: halfway between 350 and 10 degrees is 0, not 180.

        Raises
        ------
        ValueError
            An argument is not positive and finite, or the tracking is shorter than one bin.
        """
        _check_positive("bin_width_s", bin_width_s)
        _check_positive("speed_smoothing_s", speed_smoothing_s)
        _check_positive("max_gap_s", max_gap_s)
        start, stop = float(self.time[0]), float(self.time[-1])
        n_bins = int(np.floor((stop - start) / bin_width_s + 1e-9))
        if n_bins < 1:
            raise ValueError(
                f"The tracking of recording {self.name!r} lasts {stop - start:.6g} s, less than one bin of "
                f"bin_width_s={bin_width_s:g}; use shorter bins."
            )
        edges = start + bin_width_s * np.arange(n_bins + 1)
        centres = start + bin_width_s * (np.arange(n_bins) + 0.5)
        track = Track.from_samples(self.time, self.position, self.head_direction, max_gap_s)
        covariates = track.at(centres, speed_smoothing_s)
        counts = [np.diff(np.searchsorted(times, edges)) for times in self.spike_times]
        return BinnedRecording(
            bin_width_s=float(bin_width_s),
            regions=self.regions,
            time=centres,
            counts=np.stack(counts, axis=1) if counts else np.zeros((n_bins, 0), dtype=np.int64),
            position=covariates.position,
            head_direction=covariates.head_direction,
            speed=covariates.speed,
        )


def _check_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number of seconds; got {value!r}.")
