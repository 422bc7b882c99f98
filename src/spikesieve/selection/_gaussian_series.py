"""A covariate as one or two Gaussian time series, and back: as an order of its rows.

A copy of a covariate consists of the covariate's own rows in another order, so it has the same distribution and the
same features whatever the basis. The order is that of a Gaussian series: the row with the third-smallest value goes
where the series is third-smallest. For two series (a direction on a circle, a place on a plane) "order" is that along
the circle, or along a Hilbert curve, which keeps neighbours on the plane close.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, ndtri

from spikesieve._types import Index
from spikesieve.basis import Basis
from spikesieve.design import Block, TabulatedBlock, TabulatedPlaneBlock

_HILBERT_BITS = 12
# A second principal component below this share of the first is rounding.
_SMALLEST_SHARE = 1e-6


@dataclass(frozen=True)
class GaussianSeries:
    """One covariate's standard normal series, and the rows in the order that they define.

    Attributes
    ----------
    series
        ``(n_samples, 1)``, or 2 columns for circles and planes.
    is_circular
        Whether the two columns are cosine and sine of an angle.
    rows
        Row numbers in increasing order of the covariate.
    """

    series: np.ndarray = field(repr=False)
    is_circular: bool
    rows: Index = field(repr=False)

    @classmethod
    def of_block(cls, block: Block, basis: Basis | None) -> "GaussianSeries":
        """Series of a covariate: its own values where the block tells them.

        Of stored features that are bumps in a row (splines, raised cosines) the centre of mass tells where the
        covariate is; of others, two principal components have to do, and `_faithful_copies` may say that they do not.
        """
        # Levels of a function of several covariates are in no order.
        if isinstance(block, TabulatedBlock) and getattr(basis, "n_inputs", 1) == 1:
            position = block.axis.coordinates()
            if getattr(basis, "is_cyclic", False):
                angle = 2 * np.pi * position
                return cls._ordered(np.column_stack([np.cos(angle), np.sin(angle)]), True)
            return cls._ordered(_gaussianised(position[:, None]), False)
        if isinstance(block, TabulatedPlaneBlock):
            positions = np.column_stack([block.first.coordinates(), block.second.coordinates()])
            return cls._ordered(_gaussianised(positions), False)
        features = np.asarray(block.as_matrix(slice(0, block.n_samples)))
        if not _are_bumps(features):
            return cls._ordered(_gaussianised(_principal_components(features)), False)
        if (features[:, 0] * features[:, -1] > 0).any():
            turns = np.exp(2j * np.pi * np.arange(features.shape[1]) / features.shape[1])
            angle = np.angle(features @ turns)
            return cls._ordered(np.column_stack([np.cos(angle), np.sin(angle)]), True)
        centre = features @ np.arange(features.shape[1]) / features.sum(axis=1)
        return cls._ordered(_gaussianised(centre[:, None]), False)

    @classmethod
    def _ordered(cls, series: np.ndarray, is_circular: bool) -> "GaussianSeries":
        scaled = (series - series.mean(axis=0)) / series.std(axis=0)
        return cls(scaled, is_circular, _order(scaled, is_circular))

    def rows_of(self, order: Index) -> Index:
        """Which row of the original each row of a copy is, given the copy's `order`."""
        rows = np.empty_like(self.rows)
        rows[order] = self.rows
        return rows

    def order(self, copy: np.ndarray) -> Index:
        """Where the rows go, in the order of `rows`: position ``order[i]`` of the copy holds row ``rows[i]``."""
        return _order(copy, self.is_circular)


def _order(series: np.ndarray, is_circular: bool) -> Index:
    """Rows sorted by value, by angle, or along the Hilbert curve.

    Keys of 16 bits are sorted digit by digit: 20 000 rows in 0.1 ms instead of 1.6 ms.
    """
    if is_circular:
        share = np.arctan2(series[:, 1], series[:, 0]) / (2 * np.pi) + 0.5
    elif series.shape[1] == 2:
        share = hilbert_index(series) / 4.0**_HILBERT_BITS
    else:
        share = ndtr(series[:, 0])
    key = np.minimum(share * 2**16, 2**16 - 1).astype(np.uint16)
    return np.argsort(key, kind="stable").astype(np.int32)


def hilbert_index(points: np.ndarray) -> np.ndarray:
    """Position along a Hilbert curve over the normal distribution function of each coordinate, ``(n_points,)``.

    The bitwise algorithm of Hamilton & Rau-Chaplin (2008), doi:10.1016/j.ipl.2007.08.034, in two dimensions.

    Examples
    --------
    >>> corners = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
    >>> np.argsort(hilbert_index(corners)).tolist()
    [0, 1, 2, 3]
    """
    side = 1 << _HILBERT_BITS
    x, y = np.minimum((ndtr(points.T) * side).astype(np.int64), side - 1)
    index = np.zeros(len(points), dtype=np.int64)
    size = side >> 1
    while size:
        right, up = (x & size) > 0, (y & size) > 0
        index += size * size * ((3 * right) ^ up)
        flip = ~up & right
        x, y = np.where(flip, side - 1 - x, x), np.where(flip, side - 1 - y, y)
        x, y = np.where(~up, y, x), np.where(~up, x, y)
        size >>= 1
    return index


def _gaussianised(values: np.ndarray) -> np.ndarray:
    """Each column by its ranks to a standard normal."""
    from scipy.stats import rankdata  # late: its import takes half a second, as long as the rest of a small fit

    return ndtri((rankdata(values, axis=0) - 0.5) / len(values))


def _are_bumps(features: np.ndarray) -> bool:
    """Whether every row has non-negative features of which at most one run, on a line or a circle, is positive."""
    smallest = _SMALLEST_SHARE * np.abs(features).max()
    if features.shape[1] < 3 or (features < -smallest).any() or (features.sum(axis=1) <= 0).any():
        return False
    positive = features > smallest
    starts = positive & ~np.roll(positive, 1, axis=1)
    return bool((starts.sum(axis=1) == 1).all() and not positive.all(axis=1).any())


def _principal_components(features: np.ndarray) -> np.ndarray:
    """Scores on the leading two principal components of the features, or the only feature there is."""
    features = features - features.mean(axis=0)
    values, vectors = np.linalg.eigh(features.T @ features)
    leading = np.flatnonzero(values > _SMALLEST_SHARE * values[-1])[-2:][::-1]
    return features @ vectors[:, leading]
