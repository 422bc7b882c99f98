"""Families whose loss depends on a dispersion: fit and estimate in turn until both agree."""

from collections.abc import Callable

import numpy as np

from spikesieve.observation_models import ObservationModel
from spikesieve.solver._record import Path
from spikesieve.solver._sample import Sample

_MAX_ROUNDS, _TOLERANCE = 25, 1e-6


def with_estimated_scale(
    family: ObservationModel, sample: Sample, fit: Callable[[ObservationModel, tuple | None], Path]
) -> ObservationModel:
    """Return the family at the dispersion that is most likely given its own fit; itself if there is none to estimate.

    `fit` solves at one strength for a family of fixed dispersion, from a start. Mean and dispersion are orthogonal
    parameters, so few rounds suffice (Venables & Ripley 2002, Modern Applied Statistics with S, section 7.4).
    """
    if not family.estimates_scale:
        return family
    scale, start = 1.0, None
    for _ in range(_MAX_ROUNDS):
        solution = fit(family.with_scale(scale), start)
        start = solution.intercept[-1:], solution.coef_matrix[-1]
        predictor = sample.design.linear_predictor(start[1], start[0])
        mean = family.mean(predictor if sample.offset is None else predictor + sample.offset)
        n, weight = float(np.size(sample.y)), sample.relative_weight
        previous, scale = scale, family.estimate_scale(mean, sample.y, n, weight)
        if abs(scale - previous) <= _TOLERANCE * scale:
            break
    return family.with_scale(scale)
