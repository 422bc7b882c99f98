"""Inverse links: the mean as a function of the linear predictor, with its derivative."""

from abc import ABC, abstractmethod

import numpy as np


class InverseLink(ABC):
    """``mean = inverse_link(linear_predictor)``, increasing and differentiable."""

    @abstractmethod
    def mean(self, linear_predictor: np.ndarray) -> np.ndarray:
        """Mean of the observation, elementwise."""

    @abstractmethod
    def derivative(self, linear_predictor: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """``d mean / d linear_predictor``; `mean` is passed because many links get it from there."""

    @abstractmethod
    def linear_predictor(self, mean: float) -> float:
        """Invert the inverse link at one mean: used to start at the null model."""


class Exponential(InverseLink):
    """``mean = exp(linear_predictor)``."""

    def mean(self, linear_predictor):
        return np.exp(linear_predictor)

    def derivative(self, linear_predictor, mean):
        del linear_predictor
        return mean

    def linear_predictor(self, mean):
        return float(np.log(mean))
