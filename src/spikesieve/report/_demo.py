"""Which of place, heading and speed drive each cell: the analysis behind ``spikesieve demo``.

A cell *keeps* the covariates that are not zero in its group-lasso fit at the strength of the blocked
one-standard-error rule. What a covariate *gains* is then measured without the lasso's shrinkage:

    gain(c) = bits per held-out spike of the model of (kept + c) - those of the model of (kept - c),

so it is what leaving `c` out would cost where `c` is kept, and what adding `c` would bring where it is not. Both
models are fitted with a ridge as weak as one standard-normal prior per coefficient, on the folds that chose the
strength: gains of covariates that are kept are a little flattered by having been chosen there.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from spikesieve.basis import Basis, BSplineEval, CyclicBSplineEval
from spikesieve.datasets import BinnedRecording, Recording
from spikesieve.glm import GLM
from spikesieve.selection import BlockedFolds, CrossValidation, cross_validate

POSITION, HEAD_DIRECTION, SPEED = COVARIATES = ("position", "head direction", "speed")

PerFold = Float[np.ndarray, " n_folds"]


@dataclass(frozen=True)
class DemoSettings:
    """How finely the demo looks.

    All 7 thalamic cells of the bundled recording kept head direction whatever was tried: 4 to 8 place functions a
    side, 6 to 16 of speed, gaps of 0 to 5 s, 5 or 10 folds, 1 to 5 blocks in each. Position was kept by none to two
    of them: by none with one block per fold, or with 6 or 8 functions a side.

    Attributes
    ----------
    bin_width_s
        Width of a time bin [s].
    n_place, n_direction, n_speed
        Spline functions: along each side of the floor, around the circle, over the range of speeds.
    n_folds, gap_s
        Folds of five blocks each, and the time left out around each block [s]. Two seconds: by then the
        correlation of speed with itself has fallen to 0.2. That of position is still 0.65 after 20 s, about the
        length of a block, so no gap can wait for it.
    n_strengths, min_ratio
        The path: the minimum of the held-out deviance lies inside it for every cell of the recording.
    """

    bin_width_s: float = 0.025
    n_place: int = 4
    n_direction: int = 16
    n_speed: int = 16
    n_folds: int = 5
    gap_s: float = 2.0
    n_strengths: int = 40
    min_ratio: float = 1e-3


@dataclass(frozen=True)
class DemoData:
    """A recording in bins, and the features of its covariates."""

    settings: DemoSettings
    binned: BinnedRecording = field(repr=False)
    basis: Basis = field(repr=False)
    features: dict[str, np.ndarray] = field(repr=False)

    @property
    def folds(self) -> BlockedFolds:
        """The folds that every cell is judged on."""
        return BlockedFolds(self.settings.n_folds, gap=round(self.settings.gap_s / self.settings.bin_width_s))

    @property
    def ridge_strength(self) -> float:
        """One standard-normal prior per coefficient, on the scale of a mean over bins."""
        return 1.0 / int(self.binned.tracked.sum())


@dataclass(frozen=True)
class Gain:
    """Bits per held-out spike that one model has over another, with the standard error over folds."""

    bits_per_spike: float
    standard_error: float

    @property
    def is_clear(self) -> bool:
        """Whether it is more than two standard errors above zero."""
        return self.bits_per_spike > 2.0 * self.standard_error


@dataclass(frozen=True)
class CellFinding:
    """What was found for one cell.

    Attributes
    ----------
    n_spikes, rate_hz
        Spikes while the animal was tracked, and their rate [Hz].
    kept, kept_by_minimum
        Covariates of the one-standard-error rule, and those of the smallest held-out deviance.
    gains
        What each covariate gains beside the others that are kept.
    place_alone
        What position gains over a constant rate: how tuned to place the cell looks by itself.
    cross_validation
        The path and its held-out scores.
    """

    cell: int
    region: str
    n_spikes: int
    rate_hz: float
    kept: tuple[str, ...]
    kept_by_minimum: tuple[str, ...]
    gains: dict[str, Gain]
    place_alone: Gain
    cross_validation: CrossValidation = field(repr=False)


def prepare(recording: Recording, settings: DemoSettings | None = None) -> DemoData:
    """Bin the spikes and expand the covariates, one array of features per covariate."""
    settings = DemoSettings() if settings is None else settings
    binned = recording.bin(settings.bin_width_s)
    place = BSplineEval(settings.n_place, label="x") * BSplineEval(settings.n_place, label="y")
    place.label = POSITION
    heading = CyclicBSplineEval(settings.n_direction, bounds=(0.0, 2.0 * np.pi), label=HEAD_DIRECTION)
    basis = place + heading + BSplineEval(settings.n_speed, label=SPEED)
    features = basis.compute_features(*binned.position.T, binned.head_direction, binned.speed)
    return DemoData(settings, binned, basis, basis.split_by_feature(features))


def examine_cells(
    data: DemoData, cells: Iterable[int], on_finding: Callable[[CellFinding], None] | None = None
) -> tuple[CellFinding, ...]:
    """Examine cells one after the other; an interrupt from the keyboard returns those that were finished."""
    findings: list[CellFinding] = []
    try:
        for cell in cells:
            findings.append(examine_cell(data, cell))
            if on_finding is not None:
                on_finding(findings[-1])
    except KeyboardInterrupt:
        pass
    return tuple(findings)


def examine_cell(data: DemoData, cell: int) -> CellFinding:
    """Select the covariates of one cell, and measure what each gains."""
    settings, binned = data.settings, data.binned
    counts = binned.counts[:, cell]
    cv = cross_validate(
        GLM(regularizer="GroupLasso"),
        data.features,
        counts,
        folds=data.folds,
        n_strengths=settings.n_strengths,
        min_ratio=settings.min_ratio,
    )
    kept = frozenset(cv.selected("1se"))
    bits = functools.cache(functools.partial(_held_out_bits, data, cell))
    n_spikes = int(counts[binned.tracked].sum())
    return CellFinding(
        cell=cell,
        region=binned.regions[cell],
        n_spikes=n_spikes,
        rate_hz=n_spikes / (float(binned.tracked.sum()) * settings.bin_width_s),
        kept=_in_order(kept),
        kept_by_minimum=_in_order(cv.selected("min")),
        gains={name: _gain(cv, bits(kept | {name}), bits(kept - {name})) for name in COVARIATES},
        place_alone=_gain(cv, bits(frozenset({POSITION})), bits(frozenset())),
        cross_validation=cv,
    )


def refit(data: DemoData, cell: int, labels: Iterable[str]) -> GLM | None:
    """Fit all bins with the covariates `labels` and the weak ridge; None where there are none."""
    features = {name: data.features[name] for name in _in_order(labels)}
    if not features:
        return None
    model = GLM(regularizer="Ridge", regularizer_strength=data.ridge_strength)
    return model.fit(features, data.binned.counts[:, cell])


def _held_out_bits(data: DemoData, cell: int, labels: frozenset[str]) -> PerFold:
    """Bits per held-out spike over the training mean rate, of the model of `labels`."""
    if not labels:
        return np.zeros(data.settings.n_folds)
    cv = cross_validate(
        GLM(regularizer="Ridge"),
        {name: data.features[name] for name in _in_order(labels)},
        data.binned.counts[:, cell],
        folds=data.folds,
        strengths=[data.ridge_strength],
    )
    assert cv.bits_per_spike is not None
    return cv.bits_per_spike[:, 0]


def _gain(cv: CrossValidation, larger: PerFold, smaller: PerFold) -> Gain:
    """Mean and standard error over folds of a difference, weighted as the scores of `cv` are."""
    difference = replace(cv, bits_per_spike=(larger - smaller)[:, None])
    mean, error = difference.mean_and_error("bits_per_spike")
    return Gain(float(mean[0]), float(error[0]))


def _in_order(labels: Iterable[str]) -> tuple[str, ...]:
    chosen = set(labels)
    return tuple(name for name in COVARIATES if name in chosen)
