"""Whether copies of a covariate can pass for it: as slow as the original, and as related to the other covariates.

What copies are compared by knows nothing of the spikes, so looking at it first breaks no promise.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from spikesieve.selection._relations import inverse_root

Features = Float[np.ndarray, "n_samples n_features"]

# Copies of head direction and speed of a real mouse lost 0.1 where the original's autocorrelation was a half; those of
# its place in a maze, along a Hilbert curve, 0.5.
_HALF, _LARGEST_LOSS = 0.5, 0.15
_LARGEST_SHARE_LOST = 0.1
_RANK_TOLERANCE = 1e-9


def forgets(features: Features, copies: Sequence[Features]) -> bool:
    """Whether copies' features are clearly less correlated with their own past than the original's, on average.

    Compared at the lag at which the original's autocorrelation has fallen to a half. A copy that forgets faster makes
    the original look special beside any slow rate.
    """
    features = features - features.mean(axis=0)
    previous = 1
    for lag in np.unique(np.geomspace(1, len(features) // 4, 20).astype(int)):
        if _autocorrelation(features, lag) < _HALF:
            break
        previous = lag
    centred = [copy - copy.mean(axis=0) for copy in copies]
    losses = [
        _autocorrelation(features, at) - np.mean([_autocorrelation(copy, at) for copy in centred])
        for at in (previous, lag)
    ]
    return bool(max(losses) > _LARGEST_LOSS)


def is_less_related(features: Features, copies: Sequence[Features], others: Features) -> bool:
    """Whether the other covariates explain clearly less of copies' features than of the original's, on average.

    A copy that is less related to what drives the neuron lets the original stand in for it. Copies have the coherence
    of the originals, but not what goes beyond it: an animal turns where it is slow, whatever its average speed. Of
    simulated Gaussian covariates the shares explained differ by 0.02, by 0.05 where they are worth 20 independent
    values; of a mouse's speed 0.64 is explained and 0.28 of its copies'.
    """
    others = others - others.mean(axis=0)
    basis = others @ inverse_root(others.T @ others, _RANK_TOLERANCE)
    loss = _explained(features, basis) - np.mean([_explained(copy, basis) for copy in copies])
    return bool(loss > _LARGEST_SHARE_LOST)


def _explained(features: Features, basis: np.ndarray) -> float:
    """Share of the features' variance in the span of an orthonormal basis."""
    centred = features - features.mean(axis=0)
    return float(np.square(basis.T @ centred).sum() / np.square(centred).sum())


def _autocorrelation(centred: Features, lag: int) -> float:
    return float(np.einsum("ij,ij->", centred[lag:], centred[:-lag]) / np.einsum("ij,ij->", centred, centred))
