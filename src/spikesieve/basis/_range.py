"""The range that a covariate is scaled by: bounds that the user gave, or what the first samples spanned."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Range:
    """Lowest and highest value, per column of the covariate; 0-dimensional for a covariate of one column."""

    low: Float[np.ndarray, " *columns"]
    high: Float[np.ndarray, " *columns"]

    def scale(self, x: Float[np.ndarray, " *shape"]) -> Float[np.ndarray, " *shape"]:
        """Map the range to [0, 1]; a range of a single value maps that value to 0."""
        width = self.high - self.low
        scaled = x - self.low
        # Division, not multiplication by the reciprocal: it maps the highest value to exactly 1.
        scaled /= np.where(width > 0, width, 1.0)
        return scaled


def range_of_bounds(bounds: tuple[float, float]) -> Range:
    """Return the range that `bounds` states."""
    return Range(np.asarray(bounds[0], dtype=float), np.asarray(bounds[1], dtype=float))


def range_of_samples(x: Float[np.ndarray, " n_samples *columns"], name: str) -> Range:
    """Return the range that the finite samples of each column span."""
    if np.isfinite(x).all():
        return Range(x.min(axis=0), x.max(axis=0))
    finite = np.isfinite(x)
    if not finite.any(axis=0).all():
        raise ValueError(
            f"{name}: a covariate without a single finite sample has no range. "
            "Drop it, or give the basis bounds=(lowest, highest)."
        )
    return Range(np.min(x, axis=0, where=finite, initial=np.inf), np.max(x, axis=0, where=finite, initial=-np.inf))


def check_bounds(bounds: tuple[float, float] | None, name: str) -> None:
    """Refuse bounds that are not (lowest, highest)."""
    if bounds is None:
        return
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: bounds must be None or two numbers (lowest, highest); got {bounds!r}.") from error
    if not low < high:
        raise ValueError(f"{name}: the lower bound must be below the upper bound; got {bounds!r}.")


def outside(x: Float[np.ndarray, " *shape"], bounds: tuple[float, float] | None) -> Bool[np.ndarray, " *shape"]:
    """Where a sample lies outside `bounds`; nowhere without bounds, and not where it is NaN."""
    if bounds is None:
        return np.zeros(x.shape, dtype=bool)
    return (x < bounds[0]) | (x > bounds[1])
