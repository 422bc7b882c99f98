"""A cell's tuning in Hz: curves of what it keeps, and its place map as recorded and as the model predicts it."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from spikesieve._types import PerSample
from spikesieve.glm import GLM
from spikesieve.report._demo import HEAD_DIRECTION, POSITION, SPEED, CellFinding, DemoData, refit
from spikesieve.selection import TuningCurve
from spikesieve.selection import refit as refit_with_bands
from spikesieve.solver import as_sample

_CURVES = ("rate_hz", "observed_hz", "lower_hz", "upper_hz", "simultaneous_lower_hz", "simultaneous_upper_hz")
_N_GRID = 121
_GRID_POINTS_PER_DOT = 4
_LARGEST_SPEED_PERCENTILE = 99.0
"""Of the speeds: above, single dashes make single dots."""
_PLACE_BIN_CM = 3.0
_SHORTEST_VISIT_S = 0.25
"""Places visited for less have no rate to speak of."""


def tuning_of(data: DemoData, finding: CellFinding) -> list[TuningCurve]:
    """Curves of head direction and speed where kept, then the place map, recorded and predicted.

    A curve is the refitted rate at each value of its covariate, averaged over the values that the other kept
    covariates took, with its pointwise and simultaneous 95 % bands. Where neither is kept, head direction is shown with
    the model's flat rate. The predicted map is the mean, per place, of the rate that the kept covariates predict in
    every bin of time: where position is not among them, all its structure comes from where the animal was when it
    headed or ran as it did.
    """
    model = refit(data, finding.cell, finding.kept)
    counts = data.binned.counts[:, finding.cell].astype(np.float64)
    predicted = _predicted_counts(data, counts, model)
    shown = [name for name in (HEAD_DIRECTION, SPEED) if name in finding.kept] or [HEAD_DIRECTION]
    return [
        *(_curve(data, counts, model, name) for name in shown),
        _place_map(data, counts, f"{POSITION}, as recorded"),
        _place_map(data, predicted, f"{POSITION}, predicted from {_named(finding.kept)}"),
    ]


def _named(kept: tuple[str, ...]) -> str:
    return "all three" if len(kept) == 3 else " + ".join(kept) or "the mean rate"


def _predicted_counts(data: DemoData, counts: PerSample, model: GLM | None) -> PerSample:
    if model is None:
        return np.full(len(counts), counts[data.binned.tracked].mean())
    return model.predict({name: data.features[name] for name in model.coef_})


def _curve(data: DemoData, counts: PerSample, model: GLM | None, name: str) -> TuningCurve:
    values, grid, (per_unit, unit_name) = _values_and_grid(data, name)
    if model is not None and name in model.coef_:
        sample = as_sample(data.design, counts, model.family)
        found = refit_with_bands(sample, model.family, model.coef_)
        curve = found.tuning_curve(name, data.settings.bin_width_s, n_points=_N_GRID)
        shown = np.asarray(curve.grid) <= grid[-1]
        parts = {part: getattr(curve, part)[shown] for part in _CURVES}
        return replace(curve, grid=curve.grid[shown] * per_unit, axis_labels=(f"{name} [{unit_name}]",), **parts)
    return TuningCurve(
        label=name,
        grid=grid * per_unit,
        rate_hz=np.full(len(grid), counts[data.binned.tracked].mean() / data.settings.bin_width_s),
        observed_hz=_observed_rate(values, counts, grid) / data.settings.bin_width_s,
        axis_labels=(f"{name} [{unit_name}]",),
    )


def _values_and_grid(data: DemoData, name: str):
    """The covariate, values at which to give the rate, and the unit to show them in."""
    if name == HEAD_DIRECTION:
        return data.binned.head_direction, np.linspace(0.0, 2.0 * np.pi, _N_GRID), (180.0 / np.pi, "degrees")
    speed = data.binned.speed
    top = np.nanpercentile(speed, _LARGEST_SPEED_PERCENTILE)
    return speed, np.linspace(np.nanmin(speed), top, _N_GRID), (100.0, "cm/s")


def _observed_rate(values: PerSample, counts: PerSample, grid) -> Float[np.ndarray, " n_grid"]:
    """Counts per bin of time around every few grid points, NaN at the others."""
    centres = np.arange(_GRID_POINTS_PER_DOT // 2, len(grid), _GRID_POINTS_PER_DOT)
    step = grid[1] - grid[0]
    edges = np.append(grid[centres] - 0.5 * _GRID_POINTS_PER_DOT * step, grid[centres[-1]] + 2.0 * step)
    visited = np.histogram(values, edges)[0].astype(np.float64)
    observed = np.full(len(grid), np.nan)
    observed[centres] = np.histogram(values, edges, weights=counts)[0] / np.where(visited > 0, visited, np.nan)
    return observed


def _place_map(data: DemoData, counts: PerSample, label: str) -> TuningCurve:
    """Rate per square of the floor; NaN where the animal hardly was."""
    tracked = data.binned.tracked
    place_cm = 100.0 * data.binned.position[tracked]
    place_cm = place_cm - place_cm.min(axis=0)
    edges = [np.arange(0.0, side + _PLACE_BIN_CM, _PLACE_BIN_CM) for side in place_cm.max(axis=0)]
    visited_s = data.settings.bin_width_s * np.histogram2d(place_cm[:, 0], place_cm[:, 1], edges)[0]
    spikes = np.histogram2d(place_cm[:, 0], place_cm[:, 1], edges, weights=counts[tracked])[0]
    return TuningCurve(
        label=label,
        grid=(edges[0][:-1] + _PLACE_BIN_CM / 2, edges[1][:-1] + _PLACE_BIN_CM / 2),
        rate_hz=spikes / np.where(visited_s >= _SHORTEST_VISIT_S, visited_s, np.nan),
        axis_labels=("x [cm]", "y [cm]"),
    )
