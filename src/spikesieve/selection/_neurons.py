"""One neuron after the other: the rows that it can use, its seed, and an interrupt that keeps what is finished."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from spikesieve._progress import PathProgress
from spikesieve._types import Mask, PerSample
from spikesieve.design import Design
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import Ridge
from spikesieve.selection._contribution import contributions
from spikesieve.selection._folds import FoldsOfKeptRows
from spikesieve.selection._method import Assessment, Decisions, EvidenceStatus, NotEnoughData, PerPair, SelectionMethod
from spikesieve.selection._path_model import PathModel
from spikesieve.selection._refit import Refit, refit
from spikesieve.solver import Sample, as_sample, with_estimated_scale

_FIRST_ROWS, _CHUNK_ROWS = 64, 65_536


@dataclass(frozen=True)
class UsedRows:
    """What neurons with the same missing values share.

    Attributes
    ----------
    kept
        Which rows of the recording are complete.
    design
        Those rows of the covariates that vary in them; None if none does.
    method
        The method, with its work on the covariates done.
    folds
        Folds over the rows that are left.
    """

    kept: Mask = field(repr=False)
    design: Design | None
    method: SelectionMethod
    folds: Any


@dataclass(frozen=True)
class Neurons:
    """All neurons of one recording, to be assessed by one method.

    Attributes
    ----------
    design
        All covariates, all rows; or a function that gives those of a neuron, by number.
    labels
        Names of the covariates.
    counts
        ``(n_samples, n_neurons)``.
    seed
        Of all draws; each neuron has its own stream, whatever is assessed beside it.
    """

    design: Design | Callable[[int], Design]
    labels: tuple[str, ...]
    counts: np.ndarray = field(repr=False)
    family: ObservationModel
    method: SelectionMethod
    folds: Any
    seed: int

    @property
    def n_neurons(self) -> int:
        """How many there are."""
        return self.counts.shape[1]

    def n_spikes(self) -> np.ndarray:
        """Sum of the counts of each neuron in the rows that can be used, ``(n_neurons,)``."""
        sums = [y[self._kept(neuron)].sum() for neuron, y in enumerate(self.counts.T)]
        return np.rint(sums).astype(np.intp)

    def assessments(self, n_jobs: int | None) -> list[Assessment]:
        """Assess one neuron after the other; fewer than all if the user interrupts, none is an interrupt again."""
        jobs = (self._job(neuron, _assess) for neuron in range(self.n_neurons))
        found = _until_interrupted(jobs, self.n_neurons, n_jobs, "Assessing neurons")
        if not found:
            raise KeyboardInterrupt
        return found

    def contributions(self, selected: Decisions | None, n_jobs: int | None) -> tuple[PerPair, PerPair, PerPair]:
        """Bits per spike, deviance share and entry strength of every neuron and covariate.

        NaN for those that an interrupt left out, and for all if `selected` is None.
        """
        table = np.full((3, self.n_neurons, len(self.labels)), np.nan)
        if selected is None:
            return table[0], table[1], table[2]
        jobs = (self._job(neuron, _contribute, selected[neuron]) for neuron in range(self.n_neurons))
        found = _until_interrupted(jobs, self.n_neurons, n_jobs, "Measuring gains")
        for neuron, of_neuron in enumerate(found):
            table[:, neuron] = of_neuron
        return table[0], table[1], table[2]

    def refit(self, neuron: int, labels: Iterable[str], n_blocks: int) -> Refit | None:
        """Fit some covariates of one neuron without the lasso's shrinkage; None where it has too little data."""
        rows, y = self._rows_of(neuron), self.counts[:, neuron]
        if rows.design is None or int(rows.kept.sum()) < 2 * n_blocks or not y[rows.kept].any():
            return None
        return refit(as_sample(rows.design, y[rows.kept], self.family), self.family, labels, n_blocks)

    def _job(self, neuron: int, function: Callable, *arguments):
        rows, y = self._rows_of(neuron), self.counts[:, neuron]
        seed = np.random.SeedSequence([self.seed, 1, neuron])
        return function, (rows, y[rows.kept], self.family, self.labels, seed, *arguments)

    def _design_of(self, neuron: int) -> Design:
        if isinstance(self.design, Design):
            return self.design
        own = self.design(neuron)
        if not isinstance(own, Design) or own.labels != self.labels or own.n_samples != len(self.counts):
            raise ValueError(
                f"X({neuron}) must be a design of {len(self.counts)} rows with the covariates "
                f"{', '.join(map(repr, self.labels))}, as X(0) is; got {own!r}."
            )
        return own

    def _kept(self, neuron: int) -> Mask:
        """Complete rows that weigh anything."""
        usable = self._usable_rows if isinstance(self.design, Design) else _usable_rows(self._design_of(neuron))
        return usable & np.isfinite(self.counts[:, neuron])

    @cached_property
    def _usable_rows(self) -> Mask:
        assert isinstance(self.design, Design)
        return _usable_rows(self.design)

    @cached_property
    def _rows_by_mask(self) -> dict[bytes, UsedRows]:
        return {}

    def _rows_of(self, neuron: int) -> UsedRows:
        kept = self._kept(neuron)
        if not isinstance(self.design, Design):
            return self._use_rows(self._design_of(neuron), kept)
        key = np.packbits(kept).tobytes()
        if key not in self._rows_by_mask:
            self._rows_by_mask[key] = self._use_rows(self.design, kept)
        return self._rows_by_mask[key]

    def _use_rows(self, design: Design, kept: Mask) -> UsedRows:
        folds = FoldsOfKeptRows(self.folds, kept)
        if not kept.any():
            return UsedRows(kept, None, self.method, folds)
        design = design if kept.all() else design.take(kept)
        varying = [label for label in design.labels if _varies(design, label)]
        if not varying:
            return UsedRows(kept, None, self.method, folds)
        design = design if len(varying) == len(design.labels) else design.only(varying)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, 0]))
        return UsedRows(kept, design, self.method.prepared(design, kept, rng), folds)


def _usable_rows(design: Design) -> Mask:
    finite = design.finite_rows()
    return finite if design.sample_weight is None else finite & (design.sample_weight > 0)


def _assess(rows: UsedRows, y: PerSample, family, labels, seed) -> Assessment:
    if rows.design is None:
        why = "No covariate varies in the rows that can be used." if rows.kept.any() else "No row can be used."
        status = EvidenceStatus.CONSTANT if rows.kept.any() else EvidenceStatus.NOT_ENOUGH_DATA
        return Assessment.untested(labels, status, why)
    sample = as_sample(rows.design, y, family)
    try:
        _check_enough(sample)
        found = rows.method.assess(sample, _with_scale(family, sample), np.random.default_rng(seed))
    except NotEnoughData as reason:
        found = Assessment.untested(rows.design.labels, EvidenceStatus.NOT_ENOUGH_DATA, str(reason))
    return found.with_constant(labels)


def _contribute(rows: UsedRows, y: PerSample, family, labels, seed, selected) -> np.ndarray:
    """Gains and entry strength of every covariate, ``(3, n_covariates)``."""
    del seed
    wide = np.full((3, len(labels)), np.nan)
    if rows.design is None or not y.any():
        return wide
    sample = as_sample(rows.design, y, family)
    inside = np.array([label in rows.design.labels for label in labels])
    wide[:, inside] = contributions(sample, _with_scale(family, sample), selected[inside], rows.folds)
    return wide


def _with_scale(family: ObservationModel, sample: Sample) -> ObservationModel:
    """Dispersion at the fit with all covariates, as good as unpenalised."""
    strength = np.array([1.0 / sample.design.n_samples])

    def fit(fixed: ObservationModel, start):
        return PathModel(fixed, Ridge()).fit_path(sample.carrying_design, sample.y, strength, start=start)

    return with_estimated_scale(family, sample, fit).family


def _check_enough(sample: Sample) -> None:
    y, n_covariates = sample.y, len(sample.design.labels)
    are_counts = (y >= 0).all() and (y == np.round(y)).all()
    if are_counts and y.sum() < n_covariates:
        raise NotEnoughData(
            f"There are {int(y.sum())} spikes for {n_covariates} covariates: too few for any statement about them."
        )


def _varies(design: Design, label: str) -> bool:
    """Whether a covariate changes at all. Most do within the first rows; constants alone are read to the end."""
    block = design.blocks[design.labels.index(label)]
    first, start, n_rows = block.as_matrix(slice(0, 1)), 0, _FIRST_ROWS
    while start < design.n_samples:
        if (block.as_matrix(slice(start, start + n_rows)) != first).any():
            return True
        start, n_rows = start + n_rows, min(4 * n_rows, _CHUNK_ROWS)
    return False


def _until_interrupted(jobs: Iterable, total: int, n_jobs: int | None, description: str) -> list:
    """Results in order, up to an interrupt from the keyboard."""
    found = []
    try:
        with PathProgress(description) as progress:
            for result in _results(jobs, n_jobs):
                found.append(result)
                progress(len(found), total)
    except KeyboardInterrupt:
        pass
    return found


def _results(jobs: Iterable, n_jobs: int | None) -> Iterable:
    if n_jobs in (None, 1):
        return (function(*arguments) for function, arguments in jobs)
    from joblib import Parallel, delayed

    return Parallel(n_jobs=n_jobs, return_as="generator")(delayed(function)(*arguments) for function, arguments in jobs)
