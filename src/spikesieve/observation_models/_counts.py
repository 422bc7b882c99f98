"""What counts have to be."""

import numpy as np

from spikesieve._types import PerSample


def invalid_counts(y: PerSample, family: str) -> str | None:
    """What is wrong with `y` as counts per bin, as the end of a sentence; None if nothing."""
    if (y < 0).any():
        return f"spike counts cannot be negative, but the smallest is {y.min():g}"
    if (y != np.round(y)).any():
        first = y[y != np.round(y)][0]
        return f"{family} counts must be whole numbers, but one is {first:g}; pass counts per bin, not rates in Hz"
    return None
