"""What every observation model offers: counts given the linear predictor.

All families are exponential families of their mean ``mu`` with variance function ``V(mu)``. With
inverse link ``mu = h(eta)`` the derivative of the negative log-likelihood is
``c (mu - y) h'(eta) / V(mu)`` and its expected curvature (Fisher weight) ``c h'(eta)^2 / V(mu)``,
which is positive for every link (McCullagh & Nelder 1989, section 2.5). For the canonical link
``h' = V`` and both simplify. ``c`` is `loss_scale`.
"""

from abc import ABC, abstractmethod

import numpy as np

from spikesieve._types import PerSample
from spikesieve.observation_models._links import InverseLink

_SMALLEST_MEAN = 1e-10


class ObservationModel(ABC):
    """One sample's loss and its derivatives in the linear predictor, elementwise over arrays.

    Parameters
    ----------
    inverse_link
        Maps the linear predictor to the mean. None takes the family's default.
    """

    loss_scale: float = 1.0

    def __init__(self, inverse_link: InverseLink | None = None):
        self.inverse_link = self.default_inverse_link() if inverse_link is None else inverse_link
        self._canonical = self.is_canonical()

    @abstractmethod
    def default_inverse_link(self) -> InverseLink:
        """Return the inverse link used where none is given."""

    @abstractmethod
    def is_canonical(self) -> bool:
        """Whether ``h'(eta) = V(h(eta))`` for the inverse link in use."""

    @abstractmethod
    def variance(self, mean: PerSample) -> PerSample:
        """Variance function of the mean, without the scale."""

    @abstractmethod
    def loss_of_mean(self, linear_predictor: PerSample, mean: PerSample, y: PerSample) -> PerSample:
        """Negative log-likelihood without terms that depend on `y` alone."""

    @abstractmethod
    def saturated_loss(self, y: PerSample) -> PerSample:
        """Smallest loss any mean attains: the loss at ``mean = y``."""

    @abstractmethod
    def log_likelihood_of_mean(self, mean: PerSample, y: PerSample, scale: float) -> PerSample:
        """Full log-likelihood per sample, every constant included [nats]."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, mean: PerSample, scale: float) -> np.ndarray:
        """Draw one observation per entry of `mean`."""

    @abstractmethod
    def estimate_scale(self, mean: PerSample, y: PerSample, residual_dof: float) -> float:
        """Dispersion of the family given the fitted mean."""

    @abstractmethod
    def invalid_observation(self, y: PerSample) -> str | None:
        """What is wrong with the observations for this family, as the end of a sentence; None if nothing."""

    @abstractmethod
    def has_finite_null(self, y: PerSample) -> bool:
        """Whether the intercept-only likelihood has a finite maximiser (False for all-zero counts)."""

    def mean(self, linear_predictor: PerSample) -> PerSample:
        """Mean given the linear predictor: expected counts per bin for count families."""
        return self.inverse_link.mean(linear_predictor)

    def evaluate(self, linear_predictor: PerSample, y: PerSample) -> tuple[PerSample, PerSample]:
        """Loss and its derivative in the linear predictor, per sample."""
        mean = self.inverse_link.mean(linear_predictor)
        loss = self.loss_of_mean(linear_predictor, mean, y)
        derivative = mean - y
        if not self._canonical:
            derivative *= self.inverse_link.derivative(linear_predictor, mean) / self.variance(mean)
        if self.loss_scale != 1.0:
            derivative *= self.loss_scale
        return loss, derivative

    def loss(self, linear_predictor: PerSample, y: PerSample) -> PerSample:
        """Negative log-likelihood per sample, without terms that depend on `y` alone."""
        return self.loss_of_mean(linear_predictor, self.mean(linear_predictor), y)

    def derivative(self, linear_predictor: PerSample, y: PerSample) -> PerSample:
        """Derivative of `loss` in the linear predictor."""
        return self.evaluate(linear_predictor, y)[1]

    def curvature(self, linear_predictor: PerSample) -> PerSample:
        """Positive curvature weight of `loss` in the linear predictor: its expected second derivative."""
        mean = self.inverse_link.mean(linear_predictor)
        if self._canonical:
            return self.loss_scale * self.variance(mean)
        slope = self.inverse_link.derivative(linear_predictor, mean)
        return self.loss_scale * slope * slope / self.variance(mean)

    def deviance(self, linear_predictor: PerSample, y: PerSample) -> PerSample:
        """Twice the log-likelihood missing to the saturated model, per sample."""
        return 2.0 / self.loss_scale * (self.loss(linear_predictor, y) - self.saturated_loss(y))

    def log_likelihood(self, linear_predictor: PerSample, y: PerSample, scale: float = 1.0) -> PerSample:
        """Full log-likelihood per sample, every constant included [nats]."""
        return self.log_likelihood_of_mean(self.mean(linear_predictor), y, scale)

    def null_linear_predictor(self, y: PerSample) -> float:
        """Linear predictor of the model with an intercept alone: the inverse link's inverse at the mean of `y`.

        Where that is infinite (all-zero counts), a finite one whose loss is within 1e-10 of the infimum.
        """
        return self.inverse_link.linear_predictor(max(float(np.mean(y)), _SMALLEST_MEAN))
