"""Covariates as arrays: what comes in is checked once, here, and pynapple objects are recognised.

pynapple is never imported: an object of its time series classes can only exist if the program has
imported it.
"""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

ArrayLike = Any
"""An array, a (nested) list of numbers, or a pynapple time series."""


def as_samples(covariate: ArrayLike, name: str) -> Float[np.ndarray, " n_samples *columns"]:
    """Return the samples of one covariate, in time order along the first axis, as float64."""
    values = values_of(covariate)
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(float), np.nan)  # masked means missing
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}: a covariate must be an array of real numbers; got dtype {values.dtype}. "
            "Convert it first, or use basis.Category for labels."
        )
    if values.size == 0:
        raise ValueError(f"{name}: the covariate has no samples (shape {values.shape}).")
    return np.atleast_1d(np.asarray(values, dtype=float))


def check_number_of_inputs(covariates: tuple, n_inputs: int, name: str) -> None:
    """Refuse a call with more or fewer covariates than the basis has inputs."""
    if len(covariates) != n_inputs:
        raise TypeError(
            f"{name} expects {n_inputs} covariate{'s' if n_inputs != 1 else ''}, one per input in order; "
            f"got {len(covariates)}."
        )


def check_same_length(covariates: tuple, name: str) -> None:
    """Refuse covariates that were not sampled in the same time bins."""
    lengths = [n_samples_of(x) for x in covariates]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"{name}: the covariates must have the same number of samples; got {lengths}. "
            "Bring them to the same time bins first."
        )
    series = [x for x in covariates if is_time_series(x)]
    for other in series[1:]:
        if not np.array_equal(series[0].t, other.t):
            raise ValueError(
                f"{name}: the covariates are pynapple objects with different time stamps. "
                "Bring them to the same time bins first, for example with value_from or bin_average."
            )


def n_samples_of(covariate: ArrayLike) -> int:
    """Length of the first axis; a single number is one sample. Reads nothing from disk."""
    values = values_of(covariate)
    shape = values.shape if hasattr(values, "shape") else np.shape(values)
    return int(shape[0]) if shape else 1


def is_time_series(covariate: ArrayLike) -> bool:
    """Whether this is a pynapple Tsd, TsdFrame or TsdTensor."""
    return type(covariate).__module__.partition(".")[0] == "pynapple" and hasattr(covariate, "values")


def values_of(covariate: ArrayLike) -> ArrayLike:
    """Return the numbers of a pynapple object, and anything else unchanged."""
    return covariate.values if is_time_series(covariate) else covariate


def like_inputs(features: np.ndarray, *covariates: ArrayLike) -> ArrayLike:
    """Give features the time axis of the first pynapple input, if there is one."""
    for covariate in covariates:
        if is_time_series(covariate):
            import pynapple

            return pynapple.TsdFrame(t=covariate.t, d=features, time_support=covariate.time_support)
    return features


def n_columns(input_shape: tuple[int, ...] | None) -> int:
    """Columns of a covariate of this shape per sample; one while the shape is not known."""
    return math.prod(input_shape or ())
