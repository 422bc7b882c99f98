"""Numbers as a user passes them, checked once and as float64: features, counts, one value per row."""

import numpy as np

from spikesieve._types import PerSample


def as_floats(values, name: str) -> np.ndarray:
    """Return an array of float64; `name` is what an error calls it.

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If they are complex.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)  # masked means missing
    array = np.asarray(values)
    if array.dtype.kind == "O" and hasattr(values, "to_numpy"):
        array = _without_missing(values, array)
    if array.dtype.kind in "USMm":
        raise TypeError(f"{name} must be numeric, got an array of {array.dtype}.")
    if np.iscomplexobj(array):
        raise ValueError(f"Complex data not supported: {name} is complex.")
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numeric, got an array of {array.dtype}: {error}.") from error


def _without_missing(values, array: np.ndarray) -> np.ndarray:
    """Nullable columns of pandas with NaN for what they mark as missing; `array` if that is not what they are."""
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return array


def per_row(values, name: str, n_samples: int) -> PerSample | None:
    """One number per row, from a number or an array; None stays None.

    Raises
    ------
    ValueError
        If there is another number of values than of rows.
    """
    if values is None:
        return None
    array = as_floats(values, name)
    if array.ndim == 0:
        return np.full(n_samples, float(array))
    if array.shape != (n_samples,):
        raise ValueError(f"{name} has shape {array.shape}, expected a number or ({n_samples},), one per time bin.")
    return array


def row_weights(values, n_samples: int) -> PerSample | None:
    """Weights of rows: as `per_row`, none of them negative; True and False mark rows to use and rows to leave out.

    Raises
    ------
    ValueError
        If a weight is negative, none is positive, or there is another number of weights than of rows.
    """
    weights = per_row(values, "sample_weight", n_samples)
    if weights is not None and ((weights < 0).any() or not (weights > 0).any()):
        raise ValueError("sample_weight must be non-negative, and cannot be zero everywhere.")
    return weights
