"""One number per row, as a user passes them: offsets and weights."""

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._types import PerSample


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
