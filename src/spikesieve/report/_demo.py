"""Which of place, heading and speed drive each cell: the analysis behind ``spikesieve demo``.

A cell *keeps* the covariates that fit its spikes better where they are than moved in time, given the others, at a
false discovery rate over all cells and covariates (`spikesieve.selection.Shift`). What the rules of cross-validation
would keep is reported beside it. What a covariate *gains* is measured without the lasso's shrinkage:

    gain(c) = bits per held-out spike of the model of (kept + c) - those of the model of (kept - c),

so it is what leaving `c` out would cost where `c` is kept, and what adding it would bring where it is not. Both
models are fitted with a ridge as weak as one standard-normal prior per coefficient.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from spikesieve.basis import Basis, BSplineEval, CyclicBSplineEval
from spikesieve.datasets import BinnedRecording, Recording
from spikesieve.design import Design
from spikesieve.glm import GLM
from spikesieve.selection import (
    BlockedFolds,
    CovariateSelector,
    CrossValidation,
    Evidence,
    EvidenceStatus,
    Shift,
    cross_validate,
)

POSITION, HEAD_DIRECTION, SPEED = COVARIATES = ("position", "head direction", "speed")

PerFold = Float[np.ndarray, " n_folds"]


@dataclass(frozen=True)
class DemoSettings:
    """How finely the demo looks.

    Attributes
    ----------
    bin_width_s
        Width of a time bin [s].
    n_place, n_direction, n_speed
        Spline functions: along each side of the floor, around the circle, over the range of speeds.
    fdr
        Share of false ones to tolerate among all that is kept, in expectation.
    n_shifts
        Shifts to compare with.
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
    fdr: float = 0.1
    n_shifts: int = 1000
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
    design: Design = field(repr=False)
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
    kept
        Covariates that are kept.
    q_values
        The smallest false discovery rate at which each covariate would be; NaN where there is too little data.
    kept_by_rule
        What the rules ``"1se"`` and ``"min"`` of cross-validation would keep.
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
    q_values: dict[str, float]
    kept_by_rule: dict[str, tuple[str, ...]]
    gains: dict[str, Gain]
    place_alone: Gain
    cross_validation: CrossValidation = field(repr=False)


def prepare(recording: Recording, settings: DemoSettings | None = None) -> DemoData:
    """Bin the spikes and expand the covariates."""
    settings = DemoSettings() if settings is None else settings
    binned = recording.bin(settings.bin_width_s)
    place = BSplineEval(settings.n_place, label="x") * BSplineEval(settings.n_place, label="y")
    place.label = POSITION
    heading = CyclicBSplineEval(settings.n_direction, bounds=(0.0, 2.0 * np.pi), label=HEAD_DIRECTION)
    basis = place + heading + BSplineEval(settings.n_speed, label=SPEED)
    covariates = *binned.position.T, binned.head_direction, binned.speed
    features = basis.split_by_feature(basis.compute_features(*covariates))
    return DemoData(settings, binned, basis, basis.design(*covariates), features)


def examine_cells(
    data: DemoData, cells: Iterable[int], on_finding: Callable[[CellFinding], None] | None = None
) -> tuple[CellFinding, ...]:
    """Examine cells one after the other; an interrupt from the keyboard returns those that were finished."""
    cells = list(cells)
    findings: list[CellFinding] = []
    try:
        evidence = select(data, cells)
        for number, cell in enumerate(cells):
            if (evidence.status[number] == EvidenceStatus.NOT_REACHED).all():
                break
            findings.append(examine_cell(data, cell, evidence, number))
            if on_finding is not None:
                on_finding(findings[-1])
    except KeyboardInterrupt:
        pass
    return tuple(findings)


def select(data: DemoData, cells: list[int]) -> Evidence:
    """Test all covariates of some cells, and decide about all together."""
    method = Shift(n_shifts=data.settings.n_shifts)
    selector = CovariateSelector(method, fdr=data.settings.fdr, contributions=False)
    return selector.fit(data.design, data.binned.counts[:, cells]).evidence_


def examine_cell(data: DemoData, cell: int, evidence: Evidence, number: int) -> CellFinding:
    """Measure what each covariate gains for the cell that is neuron `number` of the evidence."""
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
    kept = frozenset(evidence.selected_labels(number))
    bits = functools.cache(functools.partial(_held_out_bits, data, cell))
    n_spikes = int(counts[binned.tracked].sum())
    return CellFinding(
        cell=cell,
        region=binned.regions[cell],
        n_spikes=n_spikes,
        rate_hz=n_spikes / (float(binned.tracked.sum()) * settings.bin_width_s),
        kept=_in_order(kept),
        q_values=dict(zip(evidence.labels, evidence.q_value[number].tolist(), strict=True)),
        kept_by_rule={rule: _in_order(cv.selected(rule)) for rule in ("1se", "min")},
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
