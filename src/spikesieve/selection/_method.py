"""`SelectionMethod`: from one neuron's sample to evidence, and from the evidence of all neurons to decisions.

The two steps are apart because error rates are about all pairs of neurons and covariates together, while everything
that looks at the data looks at one neuron.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

from spikesieve._types import Mask
from spikesieve.design import Design
from spikesieve.observation_models import ObservationModel
from spikesieve.selection._multiplicity import benjamini_hochberg, e_benjamini_hochberg
from spikesieve.solver import Path, Sample

PerCovariate = Float[np.ndarray, " n_covariates"]
PerPair = Float[np.ndarray, "n_neurons n_covariates"]
Decisions = Bool[np.ndarray, "n_neurons n_covariates"]


class NotEnoughData(ValueError):
    """The recording cannot answer the question for this neuron; the message says what is missing."""


class EvidenceStatus(enum.IntEnum):
    """Whether the data of a neuron and covariate allow an answer."""

    TESTED = 0
    """There is an answer."""
    NOT_ENOUGH_DATA = 1
    """Too few spikes, covariates or shifts for the method: not selected, and that is no evidence of absence."""
    CONSTANT = 2
    """The covariate does not vary in the rows that can be used, so nothing can depend on it."""
    NOT_CONVERGED = 3
    """A fit on which the answer rests did not reach its optimum."""
    UNSUITABLE = 4
    """What the method assumes visibly fails for this covariate."""
    NOT_REACHED = 5
    """The analysis was interrupted before this neuron."""

    @property
    def words(self) -> str:
        """How it reads in a table."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Assessment:
    """What a method found about one neuron; arrays have one entry per covariate, None where the method has none.

    Attributes
    ----------
    labels
        Names of the covariates.
    status
        An `EvidenceStatus` per covariate.
    note
        A sentence about what went wrong or what to mind, empty if nothing.
    chosen
        What the method keeps looking at this neuron alone; None where it decides across neurons.
    entry_strength
        Largest strength of the group lasso path at which the covariate is not zero.
    selection_probability
        Share of subsamples in which it was selected.
    statistic
        The method's own, larger for stronger evidence.
    p_value, e_value
        Evidence against "the neuron does not depend on this covariate given the others".
    """

    labels: tuple[str, ...]
    status: tuple[EvidenceStatus, ...]
    note: str = ""
    chosen: Bool[np.ndarray, " n_covariates"] | None = None
    entry_strength: PerCovariate | None = None
    selection_probability: PerCovariate | None = None
    statistic: PerCovariate | None = None
    p_value: PerCovariate | None = None
    e_value: PerCovariate | None = None

    @classmethod
    def tested(cls, labels: Sequence[str], **evidence) -> "Assessment":
        """Return an assessment in which every covariate could be tested."""
        return cls(tuple(labels), (EvidenceStatus.TESTED,) * len(labels), **evidence)

    @classmethod
    def untested(cls, labels: Sequence[str], status: EvidenceStatus, note: str) -> "Assessment":
        """Return an assessment in which none could, and why."""
        return cls(tuple(labels), (status,) * len(labels), note)

    def with_constant(self, labels: Sequence[str]) -> "Assessment":
        """Widen to all of `labels`; those that were left out for being constant are marked so."""
        if tuple(labels) == self.labels:
            return self
        where = [self.labels.index(label) if label in self.labels else -1 for label in labels]
        status = tuple(EvidenceStatus.CONSTANT if i < 0 else self.status[i] for i in where)
        wide = {name: _spread(getattr(self, name), where, np.nan) for name in EVIDENCE}
        return replace(self, labels=tuple(labels), status=status, chosen=_spread(self.chosen, where, False), **wide)


EVIDENCE = ("entry_strength", "selection_probability", "statistic", "p_value", "e_value")
"""Fields of an `Assessment` that hold one number per covariate."""


@dataclass(frozen=True)
class SelectionMethod(ABC):
    """A way to decide which covariates matter, with its options.

    Subclasses are frozen dataclasses that state in their docstring what they assume, what error rate they promise
    under it, and who described them.
    """

    @abstractmethod
    def assess(self, sample: Sample, family: ObservationModel, rng: np.random.Generator) -> Assessment:
        """Look at one neuron.

        Parameters
        ----------
        sample
            Rows without missing values, in order of time; every covariate varies.
        family
            Observation model and link, its dispersion fixed.
        rng
            The only source of randomness, seeded per neuron.

        Raises
        ------
        NotEnoughData
            If the sample cannot answer; the neuron is then marked, and the others go on.
        """

    @abstractmethod
    def decide(self, assessments: Sequence[Assessment], fdr: float) -> Decisions:
        """Decide about all neurons and covariates together, at a false discovery rate of `fdr` if there is one."""

    def prepared(self, design: Design, kept: Mask, rng: np.random.Generator) -> "SelectionMethod":
        """Return a method that has done what depends on the covariates alone, once for all neurons.

        Parameters
        ----------
        design
            As the samples will have it.
        kept
            Which rows of the recording it holds: folds and epochs are about the whole recording.
        rng
            The only source of randomness.
        """
        del design, kept, rng
        return self

    def with_defaults(self, folds, fdr: float) -> Self:
        """Return the method with the selector's folds and rate, where it uses them and was not given its own."""
        del folds, fdr
        return self


def decide_by_p_values(assessments: Sequence[Assessment], fdr: float) -> Decisions:
    """Benjamini-Hochberg over all neurons and covariates that were tested."""
    with np.errstate(invalid="ignore"):
        return benjamini_hochberg(gathered(assessments, "p_value")) <= fdr


def decide_by_e_values(assessments: Sequence[Assessment], fdr: float) -> Decisions:
    """Decide by e-BH over all neurons and covariates that were tested."""
    return e_benjamini_hochberg(gathered(assessments, "e_value"), fdr)


def decide_each(assessments: Sequence[Assessment], fdr: float) -> Decisions:
    """Keep what the method chose neuron by neuron."""
    del fdr
    return np.array([np.zeros(len(a.labels), dtype=bool) if a.chosen is None else a.chosen for a in assessments])


def gathered(assessments: Sequence[Assessment], name: str) -> PerPair:
    """One kind of evidence of all neurons, ``(n_neurons, n_covariates)``; NaN where there is none."""
    rows = [getattr(a, name) for a in assessments]
    rows = [np.full(len(a.labels), np.nan) if row is None else row for a, row in zip(assessments, rows, strict=True)]
    values = np.array(rows, dtype=np.float64)
    status = np.array([a.status for a in assessments])
    return np.where((status == EvidenceStatus.TESTED) | (name == "entry_strength"), values, np.nan)


def entry_strengths(path: Path) -> PerCovariate:
    """Entry strength of every group of a path, in its order."""
    return np.array(list(path.entry_strengths().values()))


def _spread(values: np.ndarray | None, where: list[int], filling) -> np.ndarray | None:
    if values is None:
        return None
    return np.array([filling if i < 0 else values[i] for i in where])
