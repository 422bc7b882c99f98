"""From what a user passes to rows that can be fitted; every misuse of them ends here, in one sentence."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._types import Coef, Mask, PerSample, PyTree
from spikesieve.design import Design, as_design
from spikesieve.observation_models import (
    CategoricalObservations,
    NegativeBinomialObservations,
    ObservationModel,
    PoissonObservations,
)
from spikesieve.solver._masked_problem import MaskedProblem
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._protocol import Problem

_USUAL_SHARE_DROPPED, _CULPRITS_NAMED = 0.1, 3
_FEW_COUNTS, _COUNTS_LOOKED_AT = 20, 10_000


@dataclass(frozen=True)
class Sample:
    """Rows that can be fitted: finite in every covariate, in counts, offset and weight, and of positive weight."""

    design: Design
    """Without an offset and weights of its own, so that nobody adds them twice."""
    y: PerSample
    offset: PerSample | None = None
    weight: PerSample | None = None
    """None where all rows weigh the same, as when a mask chose them."""
    feature_mask: Mask | None = None
    """Features that may be used, ``(n_features,)``; None for all."""

    def linear_predictor(self, coef: Coef, intercept: float | np.ndarray = 0.0) -> PerSample:
        """``offset + intercept + X @ coef``."""
        predictor = self.design.linear_predictor(coef, intercept)
        return predictor if self.offset is None else predictor + self.offset

    @property
    def alone(self) -> "Sample":
        """The same rows, in no connection with other neurons that are being solved."""
        return self

    @property
    def carrying_design(self) -> Design:
        """The design, carrying offset and weights: for whoever takes a design and counts."""
        return self.design.with_offset(self.offset).with_weight(self.weight)

    @property
    def total_weight(self) -> float:
        """Sum of the rows' weights; their number where all weigh the same."""
        return float(len(self.y)) if self.weight is None else float(self.weight.sum())

    @property
    def relative_weight(self) -> PerSample | float:
        """Weights that average 1."""
        return 1.0 if self.weight is None else self.weight / self.weight.mean()

    def problem(self, family: ObservationModel, n_threads: int = 1) -> Problem:
        """What the solver is to minimise; only ratios of the weights matter."""
        problem = self._problem(family, n_threads)
        return problem if self.feature_mask is None else MaskedProblem(problem, self.feature_mask)

    def _problem(self, family: ObservationModel, n_threads: int) -> SingleProblem:
        weight = None if self.weight is None else np.asarray(self.relative_weight)
        problem = SingleProblem(self.design, self.y, family, self.offset, weight)
        return replace(problem, n_threads=min(n_threads, len(problem.chunks())))


def as_counts(y, n_samples: int) -> PerSample:
    """Check the shape of the observations of one neuron and convert them to floats."""
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    counts = as_floats(y, "y")
    if counts.ndim == 2 and counts.shape[1] == 1:
        counts = _column_as_vector(counts)
    if counts.ndim != 1:
        raise ValueError(
            f"y must be 1-dimensional, one count per time bin, got shape {counts.shape}. "
            "Fit several neurons one by one, or pass one column."
        )
    if len(counts) != n_samples:
        raise ValueError(f"X has {n_samples} samples but y has {len(counts)}; both must be binned alike.")
    return counts


def _column_as_vector(counts: np.ndarray) -> PerSample:
    from sklearn.exceptions import DataConversionWarning

    warnings.warn(
        "A column-vector y was passed when a 1d array was expected: its one column is fitted. Pass y.ravel().",
        DataConversionWarning,
        stacklevel=4,
    )
    return counts[:, 0]


def as_sample(
    X: PyTree, y, family: ObservationModel | CategoricalObservations, sample_weight=None, offset=None
) -> Sample:
    """Check and convert everything of one length; drop rows with NaN or infinity, as NeMoS does, and rows of weight 0.

    Raises
    ------
    ValueError
        If lengths differ, no row is left, weights are negative or all zero, the family cannot have such counts, or an
        offset or weights are passed although the design carries some.
    """
    design = as_design(X, offset, sample_weight)
    if design.n_samples == 0:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    counts = as_counts(y, design.n_samples)
    used, finite = _weighs(design), design.finite_rows() & np.isfinite(counts)
    if not (finite & used).any():
        raise ValueError(
            f"Every one of the {int(used.sum())} samples has a NaN or infinity: nothing is left to fit. "
            f"Never finite: {_never_finite(_missing(design, counts, used), int(used.sum()))}."
        )
    _warn_if_many_are_dropped(finite[used], lambda: _missing(design, counts, used))
    used &= finite
    if not used.all():
        design, counts = design.take(used), counts[used]
    problem = family.invalid_observation(counts)
    if problem is not None:
        raise ValueError(f"y does not fit {type(family).__name__}: {problem}.")
    _warn_if_not_counts(counts, family)
    offset, weight = design.offset, design.sample_weight
    is_mask = weight is not None and bool((weight == weight[0]).all())
    return Sample(design.with_offset(None).with_weight(None), counts, offset, None if is_mask else weight)


def _weighs(design: Design) -> np.ndarray:
    """Rows that are not masked."""
    if design.sample_weight is None:
        return np.ones(design.n_samples, dtype=bool)
    weighs = design.sample_weight != 0
    if not weighs.any():
        raise ValueError("sample_weight is zero in every sample: nothing is left to fit.")
    return weighs


def _missing(design: Design, counts: PerSample, used: np.ndarray) -> dict[str, int]:
    """Number of samples that are not finite, of whatever has any; covariates with the bounds of their basis."""
    finite = {}
    for label, block in zip(design.layout.labels, design.blocks, strict=True):
        bounds = getattr(design.basis_of(label), "bounds", None)
        finite[(label or "X") + (f" with bounds {bounds}" if bounds is not None else "")] = block.finite_rows()
    per_row = {"y": counts, "offset": design.offset, "sample_weight": design.sample_weight}
    finite |= {name: np.isfinite(values) for name, values in per_row.items() if values is not None}
    return {name: n for name, rows in finite.items() if (n := int((~rows[used]).sum()))}


def _never_finite(missing: dict[str, int], n_samples: int) -> str:
    labels = [name for name, n in missing.items() if n == n_samples]
    return ", ".join(labels) or "nothing by itself; each row has one somewhere in X, y, offset or sample_weight"


def _warn_if_many_are_dropped(finite: np.ndarray, missing: Callable[[], dict[str, int]]) -> None:
    """Say so when more than a tenth of the recording is not used: wrong bounds or units do this silently."""
    n_dropped = int((~finite).sum())
    if n_dropped > _USUAL_SHARE_DROPPED * len(finite):
        worst = sorted(missing().items(), key=lambda pair: -pair[1])[:_CULPRITS_NAMED]
        warnings.warn(
            f"{n_dropped} of {len(finite)} samples have a NaN or infinity and are left out: "
            f"{', '.join(f'{n} in {name}' for name, n in worst)}. If that is not meant, check the units of the "
            "covariates against the bounds of their bases.",
            UserWarning,
            stacklevel=4,
        )


def _warn_if_not_counts(y: PerSample, family: ObservationModel | CategoricalObservations) -> None:
    """Say so when all counts are multiples of one number: rates in Hz of bins of 25 ms are multiples of 40."""
    if not isinstance(family, PoissonObservations | NegativeBinomialObservations):
        return
    positive = y[y > 0][:_COUNTS_LOOKED_AT].astype(np.int64)
    divisor = int(np.gcd.reduce(positive)) if len(positive) >= _FEW_COUNTS else 1
    if divisor > 1:
        warnings.warn(
            f"All counts are multiples of {divisor}: are they rates? Pass counts per bin, not Hz.",
            UserWarning,
            stacklevel=4,
        )
