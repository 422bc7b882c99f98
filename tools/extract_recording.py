"""Cut the recording that the package bundles out of its NWB file (run once; kept so that it can be repeated).

Usage: python tools/extract_recording.py A2929-200711.nwb [OUTPUT.npz]        (needs h5py)

The file stores every time in whole microseconds, positions in whole micrometres, and head direction in whole
microdegrees (converted to radians, hence exact to 1e-15 rad only). Those integers are stored, as differences
because these compress well, and `spikesieve.datasets` adds them up again. The script checks the round trip.
"""

import sys
from pathlib import Path

import h5py
import numpy as np

OUTPUT = Path(__file__).parent.parent / "src/spikesieve/datasets/head_direction_a2929.npz"


def main(nwb_path: Path, output: Path = OUTPUT) -> None:
    """Read, encode, write, and compare what was written with what was read."""
    with h5py.File(nwb_path) as nwb:
        spike_times = nwb["units/spike_times"][:]
        cell_ends = nwb["units/spike_times_index"][:].astype(np.int64)
        regions = np.array([region.decode() for region in nwb["units/location"][:]])
        time = nwb["acquisition/Position/x/timestamps"][:]
        position = np.stack([nwb[f"acquisition/Position/{axis}/data"][:] for axis in "xz"], axis=1)
        head_direction = nwb["acquisition/CompassDirection/ry/data"][:]
        assert np.array_equal(nwb["acquisition/CompassDirection/ry/timestamps"][:], time)
        epochs = nwb["intervals/epochs"]
        wake = [tag.decode() for tag in epochs["tags"][:]].index("wake")
        wake_epoch = np.array([epochs["start_time"][wake], epochs["stop_time"][wake]])
    cells = np.split(spike_times, cell_ends[:-1])
    np.savez_compressed(
        output,
        spike_steps_us=np.concatenate([_steps(times, 1e6) for times in cells]),
        spikes_per_cell=np.diff(cell_ends, prepend=0),
        regions=regions,
        time_steps_us=_steps(time, 1e6),
        x_steps_um=_steps(position[:, 0], 1e6),
        z_steps_um=_steps(position[:, 1], 1e6),
        head_direction_steps_udeg=_steps(np.rad2deg(head_direction), 1e6),
        wake_epoch_s=wake_epoch,
    )
    _check(output, spike_times, time, position, head_direction)
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB, {len(cells)} cells, {len(spike_times)} spikes")


def _steps(values: np.ndarray, per_unit: float) -> np.ndarray:
    ticks = np.round(values * per_unit).astype(np.int32)
    return np.diff(ticks, prepend=np.int32(0))


def _check(output, spike_times, time, position, head_direction) -> None:
    from spikesieve.datasets._extract import read_extract

    recording = read_extract(output)
    assert np.array_equal(np.concatenate(recording.spike_times), spike_times)
    assert np.array_equal(recording.time, time)
    assert np.array_equal(recording.position, position)
    assert np.max(np.abs(recording.head_direction - head_direction)) < 1e-14


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
