"""The bundled recording: whole microseconds, micrometres and microdegrees, stored as differences.

``tools/extract_recording.py`` in the repository makes the file from the NWB file it comes from. See the
README beside this file for provenance and licence.
"""

from pathlib import Path

import numpy as np

from spikesieve.datasets._recording import Recording

_BUNDLED = Path(__file__).parent / "head_direction_a2929.npz"
_PER_UNIT = 1e6
_SOURCE = (
    "Mouse A2929-200711, from the test data of pynapple 0.11.4 "
    "(tests/nwbfilestest/neurosuite/pynapplenwb/A2929-200711.nwb of its source distribution)."
)
_LICENCE = "MIT, copyright (c) pynapple authors"


def load_head_direction_recording() -> Recording:
    """Load a mouse exploring a Y-shaped maze: 7 thalamic head-direction cells and 8 cells of hippocampal CA1.

    Twenty minutes of spikes of 15 cells (region ``"adn"``, anterodorsal thalamic nucleus, or ``"ca1"``);
    floor position and head direction at 120 Hz for the last 529 s, in which the mouse is awake. Its
    path traces a Y, along whose arms it could hardly head but two ways, so the thalamic cells look tuned to place
    as well: a test of whether a method can tell a confound from a cause.

    Returns
    -------
    Recording
        Times and positions are bit for bit those of the source, head direction is so to 1e-15 rad.

    Raises
    ------
    FileNotFoundError
        The installed package lacks its data file.

    References
    ----------
    Mouse A2929-200711, from the tests of pynapple 0.11.4 (MIT licence, copyright (c) pynapple authors;
    https://github.com/pynapple-org/pynapple).

    Examples
    --------
    >>> recording = load_head_direction_recording()
    >>> recording.n_cells, recording.regions.count("adn"), recording.regions.count("ca1")
    (15, 7, 8)
    >>> recording.bin(bin_width_s=0.025).counts.shape
    (21174, 15)
    """
    return read_extract(_BUNDLED)


def read_extract(path: Path) -> Recording:
    """Read a recording that ``tools/extract_recording.py`` wrote."""
    if not path.is_file():
        raise FileNotFoundError(
            f"The recording {path.name} is not in {path.parent}, where the package keeps it; reinstall spikesieve."
        )
    with np.load(path, allow_pickle=False) as stored:
        spike_steps = np.split(stored["spike_steps_us"], np.cumsum(stored["spikes_per_cell"])[:-1])
        start, stop = stored["wake_epoch_s"].tolist()
        return Recording(
            name="A2929-200711",
            spike_times=tuple(_add_up(steps) for steps in spike_steps),
            regions=tuple(stored["regions"].tolist()),
            time=_add_up(stored["time_steps_us"]),
            position=np.stack([_add_up(stored["x_steps_um"]), _add_up(stored["z_steps_um"])], axis=1),
            head_direction=np.deg2rad(_add_up(stored["head_direction_steps_udeg"])),
            wake_epoch=(start, stop),
            source=_SOURCE,
            licence=_LICENCE,
        )


def _add_up(steps: np.ndarray) -> np.ndarray:
    # Dividing by a million, and not multiplying by 1e-6, gives back the very doubles of the source.
    return np.cumsum(steps, dtype=np.int64) / _PER_UNIT
