"""Inverse links: the mean as a function of the linear predictor, with its derivative.

A link also gives the log of the mean and the log odds, the coordinates in which likelihoods are written: computed
from the mean they would be lost wherever it rounds to 0 or 1.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from spikesieve.observation_models._special import special

_TINY = np.finfo(np.float64).tiny
_EPS = np.finfo(np.float64).eps / 2  # 1 - _EPS is the largest number below 1
# exp() of 710 overflows; from 37 on, softplus equals its argument to rounding.
_LARGE = 700.0

Coordinate = tuple[np.ndarray, np.ndarray | None]
"""A value and its slope in the linear predictor; the slope is None where the value is the linear predictor itself."""


class InverseLink(ABC):
    """``mean = inverse_link(linear_predictor)``, monotone and differentiable.

    To write one, implement the three abstract methods; `log_mean` and `log_odds` follow from them, and are worth
    overriding where a form exists that holds when the mean has rounded to 0 or 1.
    """

    mean_range: tuple[float, float]
    """Infimum and supremum of the means it gives; neither is attained."""
    defined_everywhere: bool = True
    """False if `mean` is NaN for some linear predictors."""

    @abstractmethod
    def mean(self, linear_predictor: np.ndarray) -> np.ndarray:
        """Mean of the observation, elementwise, as a fresh array; NaN where the link is not defined."""

    @abstractmethod
    def derivative(self, linear_predictor: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """``d mean / d linear_predictor``; `mean` is passed because many links get it from there."""

    @abstractmethod
    def linear_predictor(self, mean: Any) -> Any:
        """Invert the inverse link at a mean within its range."""

    def log_mean(self, linear_predictor: np.ndarray, mean: np.ndarray) -> Coordinate:
        """Log of the mean, and its slope."""
        positive = np.maximum(mean, _TINY)  # a mean that rounds to 0 is not one that is 0
        return np.log(positive), self.derivative(linear_predictor, mean) / positive

    def log_odds(self, linear_predictor: np.ndarray, mean: np.ndarray) -> Coordinate:
        """``log(mean / (1 - mean))``, and its slope."""
        p = np.minimum(mean, 1.0 - _EPS)  # a mean that rounds to 1 is not one that is 1
        log_mean, slope = self.log_mean(linear_predictor, mean)
        assert slope is not None, "a link with log_mean = linear_predictor has log odds of its own"
        return log_mean - np.log1p(-p), slope / (1.0 - p)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *sorted(vars(self).items(), key=lambda item: item[0])))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Exponential(InverseLink):
    """``mean = exp(linear_predictor)``: covariates multiply the rate."""

    mean_range = (0.0, np.inf)

    def mean(self, linear_predictor):
        return np.exp(linear_predictor)

    def derivative(self, linear_predictor, mean):
        del linear_predictor
        return mean

    def linear_predictor(self, mean):
        return np.log(mean)

    def log_mean(self, linear_predictor, mean):
        del mean
        return linear_predictor, None

    def log_odds(self, linear_predictor, mean):
        del mean
        complement = np.maximum(-np.expm1(linear_predictor), _EPS)
        return linear_predictor - np.log(complement), 1.0 / complement


class Softplus(InverseLink):
    """``mean = log(1 + exp(linear_predictor))``: exponential for small rates, linear for large ones."""

    mean_range = (0.0, np.inf)

    def mean(self, linear_predictor):
        return softplus(linear_predictor)

    def derivative(self, linear_predictor, mean):
        del mean
        return logistic(linear_predictor)

    def linear_predictor(self, mean):
        return mean + np.log(-np.expm1(-mean))

    def log_mean(self, linear_predictor, mean):
        log_mean, slope = np.log(mean), logistic(linear_predictor) / mean
        # softplus(eta) = exp(eta) (1 - exp(eta) / 2 + ...), of which the first term is left at -37.
        if np.min(linear_predictor, initial=0.0) < -37.0:
            low = linear_predictor < -37.0
            return np.where(low, linear_predictor, log_mean), np.where(low, 1.0, slope)
        return log_mean, slope


class Identity(InverseLink):
    """``mean = linear_predictor``: covariates add to the mean."""

    mean_range = (-np.inf, np.inf)

    def mean(self, linear_predictor):
        return np.array(linear_predictor, dtype=np.float64)

    def derivative(self, linear_predictor, mean):
        del mean
        return np.ones_like(linear_predictor, dtype=np.float64)

    def linear_predictor(self, mean):
        return mean


class Logistic(InverseLink):
    """``mean = 1 / (1 + exp(-linear_predictor))``: covariates multiply the odds."""

    mean_range = (0.0, 1.0)

    def mean(self, linear_predictor):
        return logistic(linear_predictor)

    def derivative(self, linear_predictor, mean):
        del mean
        return logistic_slope(linear_predictor)

    def linear_predictor(self, mean):
        return np.log(mean) - np.log1p(-mean)

    def log_mean(self, linear_predictor, mean):
        del mean
        return -softplus(-linear_predictor), logistic(-linear_predictor)

    def log_odds(self, linear_predictor, mean):
        del mean
        return linear_predictor, None


class Reciprocal(InverseLink):
    """``mean = 1 / linear_predictor`` for positive linear predictors.

    The other branch, negative means across a pole, is left out: no descent leads from one to the other.
    """

    mean_range = (0.0, np.inf)
    defined_everywhere = False

    def mean(self, linear_predictor):
        return np.where(linear_predictor > 0, np.reciprocal(linear_predictor, dtype=np.float64), np.nan)

    def derivative(self, linear_predictor, mean):
        del linear_predictor
        return -mean * mean

    def linear_predictor(self, mean):
        return 1.0 / mean

    def log_mean(self, linear_predictor, mean):
        return -np.log(linear_predictor), -mean


class NormalCdf(InverseLink):
    """``mean = Phi(linear_predictor)``, the normal distribution function: probit regression."""

    mean_range = (0.0, 1.0)

    def mean(self, linear_predictor):
        return special().ndtr(linear_predictor)

    def derivative(self, linear_predictor, mean):
        del mean
        return np.exp(-0.5 * np.square(linear_predictor)) / np.sqrt(2.0 * np.pi)

    def linear_predictor(self, mean):
        return special().ndtri(mean)

    def log_mean(self, linear_predictor, mean):
        del mean
        below = np.minimum(linear_predictor, 0.0)
        slope = np.where(
            linear_predictor < 0,
            self._hazard(-below),
            np.exp(-0.5 * np.square(linear_predictor)) / np.sqrt(2.0 * np.pi) / special().ndtr(linear_predictor),
        )
        return special().log_ndtr(linear_predictor), slope

    def log_odds(self, linear_predictor, mean):
        del mean
        distance = np.abs(linear_predictor)
        log_odds = special().log_ndtr(linear_predictor) - special().log_ndtr(-linear_predictor)
        return log_odds, self._hazard(distance) / special().ndtr(distance)

    @staticmethod
    def _hazard(distance):
        """``phi(x) / (1 - Phi(x))`` for ``x >= 0``, by the scaled complementary error function."""
        return np.sqrt(2.0 / np.pi) / special().erfcx(distance / np.sqrt(2.0))


# ---- Elementary functions, in NumPy's vectorised exp and log1p (SciPy's expit takes four times as long) -------------


def softplus(x):
    """``log(1 + exp(x))``, accurate in relative terms for every x."""
    if np.max(x, initial=0.0) < _LARGE:
        return np.log1p(np.exp(x))
    return np.maximum(np.log1p(np.exp(np.minimum(x, _LARGE))), x)


def logistic(x):
    """``1 / (1 + exp(-x))``; exp overflows to infinity, and so the result to 0, without harm."""
    return 1.0 / (1.0 + np.exp(-x))


def logistic_slope(x):
    """Derivative of `logistic`, accurate in both tails."""
    decay = np.exp(-np.abs(x))
    return decay / np.square(1.0 + decay)
