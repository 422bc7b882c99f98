"""What each covariate is worth: beside the selected ones in bits per spike and deviance, and its entry into the path.

The first two without the lasso's shrinkage, which would make weak covariates look worthless:

    gain(c) = score of the model of (selected + c) - score of the model of (selected - c),

so it is what leaving `c` out would cost where `c` is selected, and what adding it would bring where it is not. All
models have a ridge as weak as one standard-normal prior per coefficient.
"""

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import Ridge
from spikesieve.selection._cross_validate import cross_validate
from spikesieve.selection._method import NotEnoughData, PerCovariate, entry_strengths
from spikesieve.selection._path_model import PathModel
from spikesieve.solver import Sample

# What the selector shows of every neuron whatever the method: a path as fine as that of the rules.
_N_STRENGTHS = 50


def contributions(
    sample: Sample, family: ObservationModel, selected: np.ndarray, folds: Any
) -> tuple[PerCovariate, PerCovariate, PerCovariate]:
    """Gain in bits per held-out spike, share of the null deviance, and entry strength of every covariate.

    The first two are NaN where the folds hold too few spikes to tell; the first also where `y` are not counts.
    """
    labels = sample.design.labels
    kept = frozenset(label for label, keep in zip(labels, selected, strict=True) if keep)

    @functools.cache
    def scores(chosen: frozenset[str]) -> np.ndarray:
        return _scores(sample, family, [label for label in labels if label in chosen], folds)

    try:
        gained = np.array([scores(kept | {label}) - scores(kept - {label}) for label in labels])
    except NotEnoughData:
        gained = np.full((len(labels), 2), np.nan)
    path = PathModel(family).fit_path(sample.carrying_design, sample.y, n_strengths=_N_STRENGTHS)
    return gained[:, 0], gained[:, 1], entry_strengths(path)


def _scores(sample: Sample, family: ObservationModel, labels: Iterable[str], folds: Any) -> np.ndarray:
    """Bits per held-out spike over the training mean, and deviance explained in all data."""
    labels = list(labels)
    if not labels:
        return np.zeros(2)
    strength = np.array([1.0 / sample.design.n_samples])
    cv = cross_validate(PathModel(family, Ridge()), sample.carrying_design.only(labels), sample.y, folds, strength)
    bits = np.nan if cv.bits_per_spike is None else cv.mean_and_error("bits_per_spike")[0][0]
    return np.array([bits, cv.path.deviance_explained[0]])
