"""From what a user passes for a population to rows that can be fitted."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._types import Mask, PerOutput, PyTree
from spikesieve.design import as_design
from spikesieve.observation_models import CategoricalObservations, ObservationModel
from spikesieve.solver import (
    CategoricalPopulationProblem,
    MaskedProblem,
    PopulationProblem,
    Problem,
    Sample,
    as_sample,
)


class PopulationSample:
    """The rows that at least one neuron can use, and the counts of all neurons there."""

    def __init__(self, X: PyTree, y, sample_weight, offset):
        design = as_design(X, offset, sample_weight)
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        counts = as_floats(y, "y")
        if counts.ndim != 2:
            raise ValueError(f"y must be 2-dimensional, (n_samples, n_neurons), got shape {counts.shape}.")
        if counts.shape[1] == 0:
            raise ValueError(f"y has no neurons: expected one column of counts for each, got shape {counts.shape}.")
        if len(counts) != design.n_samples:
            raise ValueError(f"X has {design.n_samples} samples but y has {len(counts)}; both must be binned alike.")
        any_neuron = np.asarray(np.isfinite(counts).any(axis=1))
        # The number of each row stands in for its count, and comes back for the rows that are used.
        numbers = np.where(any_neuron, np.arange(len(counts), dtype=float), np.nan)
        used = as_sample(design, numbers, CategoricalObservations())
        everything = len(used.y) == len(counts)
        self.design, self.offset, self.weight = used.design, used.offset, used.weight
        # Neuron by neuron: a single path that reads every fiftieth number took 1.1 times as long.
        self.counts = np.asfortranarray(counts if everything else counts[used.y.astype(np.intp)])
        self.n_neurons = counts.shape[1]

    def sample_of(self, neuron: int, family: ObservationModel | CategoricalObservations) -> Sample:
        """Rows of one neuron."""
        return as_sample(self.design, self.counts[:, neuron], family, self.weight, self.offset)

    def complete_rows(self, family: ObservationModel | CategoricalObservations, kept: Mask | None) -> "JointRows":
        """Rows that every neuron can use; `kept` are the features that each may use, ``(n_features, n_neurons)``."""
        for neuron in range(self.n_neurons):
            self.sample_of(neuron, family)  # says what is wrong with a neuron's counts
        complete = np.asarray(np.isfinite(self.counts).all(axis=1))
        numbers = np.where(complete, np.arange(len(complete), dtype=float), np.nan)
        sample = as_sample(self.design, numbers, CategoricalObservations(), self.weight, self.offset)
        return JointRows(sample, np.ascontiguousarray(self.counts[sample.y.astype(np.intp)]), kept)


@dataclass(frozen=True)
class JointRows:
    """Rows that every neuron can use, for neurons that are solved together."""

    sample: Sample
    """With the numbers of the rows for counts."""
    counts: PerOutput
    """Counts, or class numbers."""
    kept: Mask | None

    def problem(self, family: ObservationModel, n_threads: int) -> Problem:
        """What the solver is to minimise for counts."""
        sample = self.sample
        problem = PopulationProblem(
            design=sample.design,
            n_outputs=self.counts.shape[1],
            offset=None if sample.offset is None else sample.offset[:, None],
            row_weights=None if sample.weight is None else np.asarray(sample.relative_weight),
            n_threads=n_threads,
            counts=self.counts,
            family=family,
        )
        return problem if self.kept is None else MaskedProblem(problem, self.kept.ravel())

    def categorical_problem(self, n_classes: int, n_threads: int, **common: Any) -> Problem:
        """What the solver is to minimise for class numbers; `common` is of `common_directions`."""
        problem = CategoricalPopulationProblem(
            design=self.sample.design,
            n_outputs=self.counts.shape[1] * n_classes,
            row_weights=None if self.sample.weight is None else np.asarray(self.sample.relative_weight),
            n_threads=n_threads,
            labels=self.counts.astype(np.intp),
            **common,
        )
        return problem if self.kept is None else MaskedProblem(problem, np.repeat(self.kept.ravel(), n_classes))
