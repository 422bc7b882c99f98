"""Covariates as arrays: what comes in is checked once, here, and pynapple objects are recognised.

pynapple is never imported: an object of its time series classes can only exist if the program has
imported it.
"""

import math
import numbers
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
    try:
        values = np.asarray(values)
    except ValueError as error:  # NumPy's words for rows of different lengths
        raise ValueError(f"{name}: a covariate must be an array of numbers, and this is none: {error}") from error
    if values.dtype.kind == "O":
        values = _numbers_in(values, name)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name}: a covariate must be an array of real numbers; {_what_else(values)}")
    if values.size == 0:
        raise ValueError(f"{name}: the covariate has no samples (shape {values.shape}).")
    return np.atleast_1d(np.asarray(values, dtype=float))


def _numbers_in(values: np.ndarray, name: str) -> np.ndarray:
    """Numbers in an array of Python objects, NaN for None and for what pandas marks as missing."""
    flat = [np.nan if _is_missing(value) else value for value in values.ravel()]
    others = [value for value in flat if not isinstance(value, numbers.Real)]
    if others:
        raise TypeError(
            f"{name}: a covariate must be an array of real numbers; this one holds {type(others[0]).__name__} "
            f"values such as {others[0]!r}. Convert it first, or use basis.Category for labels."
        )
    return np.array(flat, dtype=float).reshape(values.shape)


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _what_else(values: np.ndarray) -> str:
    """What an array holds instead of numbers, and what to do about it."""
    if values.dtype.kind in "SU":
        return f"this one holds text such as {str(values.ravel()[0])!r}. Use basis.Category for labels."
    if values.dtype.kind in "mM":
        return f"this one holds times ({values.dtype}). Convert them to seconds first."
    return f"got dtype {values.dtype}. Convert it first."


def check_number_of_inputs(covariates: tuple, n_inputs: int, name: str) -> None:
    """Refuse a call with more or fewer covariates than the basis has inputs."""
    if len(covariates) != n_inputs:
        raise TypeError(
            f"{name} expects {n_inputs} covariate{'s' if n_inputs != 1 else ''}, one per input in order; "
            f"got {len(covariates)}."
        )


def check_same_length(covariates: tuple, name: str) -> None:
    """Refuse covariates that were not sampled in the same time bins."""
    for number, covariate in enumerate(covariates, start=1):
        if covariate is None:
            raise TypeError(f"{name}: covariate {number} of {len(covariates)} is None; every basis needs one.")
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
    if hasattr(values, "shape"):
        return int(values.shape[0]) if values.shape else 1
    return len(values) if hasattr(values, "__len__") else 1


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
