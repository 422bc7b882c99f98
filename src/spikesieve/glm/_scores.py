"""Log-likelihood and pseudo-R2 of a linear predictor."""

from collections.abc import Callable

import numpy as np

from spikesieve._arguments import is_word, shown
from spikesieve._types import PerOutput, PerSample
from spikesieve.observation_models import CategoricalObservations, ObservationModel
from spikesieve.solver import Sample, null_linear_predictor

SCORE_TYPES = ("log-likelihood", "pseudo-r2-McFadden", "pseudo-r2-Cohen")


def score_of(
    family: ObservationModel,
    linear_predictor: PerSample,
    sample: Sample,
    scale: float,
    score_type: str,
    aggregate: Callable,
) -> float | np.ndarray:
    """Score as documented at ``GLM.score``; `linear_predictor` includes the offset."""
    _check(score_type, SCORE_TYPES, aggregate)
    y, weight = sample.y, sample.relative_weight
    if score_type == "log-likelihood":
        return _number(aggregate(weight * family.log_likelihood(linear_predictor, y, scale)))
    if not family.has_finite_null(y):
        return float("nan")  # the null model is perfect: there is nothing to explain a share of
    null = null_linear_predictor(family, y, sample.offset, sample.weight)
    if score_type == "pseudo-r2-McFadden":
        model, reference = (
            aggregate(weight * family.log_likelihood(eta, y, scale)) for eta in (linear_predictor, null)
        )
        return _number(1.0 - model / reference)
    model, reference = (aggregate(weight * family.deviance(eta, y)) for eta in (linear_predictor, null))
    return _number((reference - model) / reference)


def categorical_score_of(
    family: CategoricalObservations, linear_predictor: PerOutput, sample: Sample, score_type: str, aggregate: Callable
) -> float | np.ndarray:
    """Score as documented at ``ClassifierGLM.score``."""
    _check(score_type, (*SCORE_TYPES, "accuracy"), aggregate)
    labels, weight = sample.y.astype(np.intp), sample.relative_weight
    if score_type == "accuracy":
        return _number(aggregate(weight * (linear_predictor.argmax(axis=1) == labels)))
    model = aggregate(weight * family.log_likelihood(linear_predictor, labels))
    if score_type == "log-likelihood":
        return _number(model)
    if (labels == labels[0]).all():
        return float("nan")  # the null model is perfect: there is nothing to explain a share of
    null = family.null_linear_predictor(labels, linear_predictor.shape[1], sample.weight)
    reference = aggregate(weight * family.log_likelihood(np.tile(null, (len(labels), 1)), labels))
    return _number(1.0 - model / reference)


def _check(score_type, known: tuple[str, ...], aggregate) -> None:
    if not is_word(score_type, known):
        raise ValueError(f"score_type must be one of {', '.join(known)}, got {shown(score_type)}.")
    if not callable(aggregate):
        raise TypeError(f"aggregate_sample_scores must be a function, as numpy.mean, got {shown(aggregate)}.")


def _number(score) -> float | np.ndarray:
    """A float where there is one number: an aggregate may keep several."""
    return float(score) if np.ndim(score) == 0 else np.asarray(score)
