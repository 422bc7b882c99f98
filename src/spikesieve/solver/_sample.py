"""From what a user passes to rows that can be fitted; every misuse of them ends here, in one sentence."""

import warnings
from dataclasses import dataclass

import numpy as np

from spikesieve._types import PerSample, PyTree
from spikesieve.design import Design, as_design, as_floats
from spikesieve.observation_models import NegativeBinomialObservations, ObservationModel, PoissonObservations

_USUAL_SHARE_DROPPED = 0.1
_FEW_COUNTS, _COUNTS_LOOKED_AT = 20, 10_000


@dataclass(frozen=True)
class Sample:
    """Rows that can be fitted: finite in every covariate, in the counts, in offset and weight."""

    design: Design
    y: PerSample
    offset: PerSample | None = None
    weight: PerSample | None = None


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


def as_sample(X: PyTree, y, family: ObservationModel, sample_weight=None, offset=None) -> Sample:
    """Check and convert everything of one length, and drop rows with NaN or infinity, as NeMoS does.

    Raises
    ------
    ValueError
        If lengths differ, no row is left, weights are negative or all zero, or the family cannot have such counts.
    """
    design = as_design(X)
    if design.n_samples == 0:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    counts = as_counts(y, design.n_samples)
    per_row = [
        _per_row(values, name, design.n_samples)
        for values, name in ((offset, "offset"), (sample_weight, "sample_weight"))
    ]
    finite = design.finite_rows() & np.isfinite(counts)
    for values in per_row:
        if values is not None:
            finite &= np.isfinite(values)
    if not finite.any():
        culprits = _never_finite(design, {"y": counts, "offset": per_row[0], "sample_weight": per_row[1]})
        raise ValueError(
            f"Every one of the {design.n_samples} samples has a NaN or infinity: nothing is left to fit. "
            f"Never finite: {culprits}."
        )
    _warn_if_many_are_dropped(finite)
    if not finite.all():
        design, counts = design.take(finite), counts[finite]
        per_row = [None if values is None else values[finite] for values in per_row]
    problem = family.invalid_observation(counts)
    if problem is not None:
        raise ValueError(f"y does not fit {type(family).__name__}: {problem}.")
    _warn_if_not_counts(counts, family)
    offset, weight = per_row
    if weight is not None and ((weight < 0).any() or not weight.any()):
        raise ValueError("sample_weight must be non-negative, and cannot be zero everywhere.")
    return Sample(design, counts, offset, weight)


def _per_row(values, name: str, n_samples: int) -> PerSample | None:
    """One number per row, from a scalar or an array; None stays None."""
    if values is None:
        return None
    array = as_floats(values, name)
    if array.ndim == 0:
        return np.full(n_samples, float(array))
    if array.shape != (n_samples,):
        raise ValueError(f"{name} has shape {array.shape}, expected a number or ({n_samples},), one per time bin.")
    return array


def _never_finite(design: Design, per_row: dict) -> str:
    labels = [
        label or "X"
        for label, block in zip(design.layout.labels, design.blocks, strict=True)
        if not block.finite_rows().any()
    ]
    labels += [name for name, values in per_row.items() if values is not None and not np.isfinite(values).any()]
    return ", ".join(labels) or "nothing by itself; each row has one somewhere in X, y, offset or sample_weight"


def _warn_if_many_are_dropped(finite: np.ndarray) -> None:
    """Say so when more than a tenth of the recording is not used: wrong bounds or units do this silently."""
    n_dropped = int((~finite).sum())
    if n_dropped > _USUAL_SHARE_DROPPED * len(finite):
        warnings.warn(
            f"{n_dropped} of {len(finite)} samples have a NaN or infinity and are left out. If that is not meant, "
            "check the units of the covariates against the bounds of their bases.",
            UserWarning,
            stacklevel=4,
        )


def _warn_if_not_counts(y: PerSample, family: ObservationModel) -> None:
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
