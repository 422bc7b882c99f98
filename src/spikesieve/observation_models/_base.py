"""What every observation model offers: observations given the linear predictor.

All families are exponential families of their mean ``mu`` with variance function ``V(mu)``. With inverse link
``mu = h(eta)`` the derivative of the negative log-likelihood is ``c (mu - y) h'(eta) / V(mu)`` and its expected
curvature (Fisher weight) ``c h'(eta)^2 / V(mu)``, positive for every link (McCullagh & Nelder 1989, Generalized
Linear Models, 2nd ed., section 2.5); ``c`` is `loss_scale`.

Neither is computed like that, because ``mu`` under- and overflows long before the loss does. Each family reads
the linear predictor in the coordinate in which its loss is tame (the log of the mean, the log odds, the mean itself),
and each link gives that coordinate and its slope without passing through ``mu`` where it can.
"""

import copy
from abc import ABC, abstractmethod
from typing import Self

import numpy as np

from spikesieve._arguments import shown
from spikesieve._types import PerSample
from spikesieve.observation_models._links import InverseLink

# How far from the end of its range a mean is put when the intercept-only likelihood is largest at that end.
_MARGIN = 1e-10
_TINY = np.finfo(np.float64).tiny


class ObservationModel(ABC):
    """One sample's loss and its derivatives in the linear predictor, elementwise over arrays.

    Where the link gives a mean that the family cannot have (a negative rate under the identity link), the loss is
    ``+inf``, so that a line search turns back, and its derivative 0.

    Two of the same type with equal parameters are equal, as scikit-learn's searches and comparisons expect.

    Parameters
    ----------
    inverse_link
        Maps the linear predictor to the mean. None takes the family's default.
    """

    loss_scale: float = 1.0
    """The loss is this times the negative log-likelihood at scale 1."""
    mean_range: tuple[float, float]
    """Smallest and largest mean of the family, both included."""
    convex_links: tuple[type[InverseLink], ...]
    """Links with which the loss is convex in the linear predictor for every observation."""

    def __init__(self, inverse_link: InverseLink | None = None):
        self._bind(self.default_inverse_link() if inverse_link is None else inverse_link)

    @abstractmethod
    def default_inverse_link(self) -> InverseLink:
        """Return the inverse link used where none is given."""

    @abstractmethod
    def variance(self, mean: PerSample) -> PerSample:
        """Variance function of the mean, without the dispersion."""

    @abstractmethod
    def saturated_loss(self, y: PerSample) -> PerSample:
        """Smallest loss any mean attains: the loss at ``mean = y``."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, mean: PerSample, scale: float) -> np.ndarray:
        """Draw one observation per entry of `mean`."""

    @abstractmethod
    def estimate_scale(
        self, mean: PerSample, y: PerSample, residual_dof: float, weight: PerSample | float = 1.0
    ) -> float:
        """Dispersion of the family given the fitted mean; NaN where no degrees of freedom are left to tell it.

        `weight` averages 1 over the samples.
        """

    @abstractmethod
    def invalid_observation(self, y: PerSample) -> str | None:
        """What is wrong with the observations for this family, as the end of a sentence; None if nothing."""

    @abstractmethod
    def _evaluate_at(self, linear_predictor, mean, y) -> tuple[PerSample, PerSample]:
        """Loss and its derivative, where the mean is one of the family's."""

    @abstractmethod
    def _curvature_at(self, linear_predictor, mean) -> PerSample:
        """Expected second derivative of the loss, where the mean is one of the family's."""

    @abstractmethod
    def _log_likelihood_at(self, loss: PerSample, y: PerSample, scale: float) -> PerSample:
        """Full log-likelihood from the loss."""

    @abstractmethod
    def _mean_where_derivative_is(self, dual: PerSample, y: PerSample) -> PerSample | None:
        """Solve ``d loss / d eta = dual`` for the mean; None without a closed form for the link in use."""

    @property
    def is_convex(self) -> bool:
        """Whether the loss is known to be convex in the linear predictor, for every observation.

        Only then is a point with zero gradient a global minimum, and only then does Fenchel's equality give the
        conjugate on which a duality gap rests. False for links given as functions, about which nothing is known.
        """
        return isinstance(self.inverse_link, self.convex_links)

    @property
    def is_quadratic(self) -> bool:
        """Whether the loss is ``(y - eta)^2`` in the linear predictor ``eta``."""
        return False

    @property
    def has_boundary(self) -> bool:
        """Whether some linear predictors give a mean that the family cannot have: the loss is infinite there."""
        return self._may_leave

    @property
    def estimates_scale(self) -> bool:
        """Whether the loss depends on a dispersion that is to be estimated: then fit and `with_scale` alternate."""
        return False

    def with_inverse_link(self, inverse_link: InverseLink) -> Self:
        """Return the same family with another inverse link."""
        other = copy.copy(self)
        other._bind(inverse_link)
        return other

    def with_scale(self, scale: float) -> Self:
        """Return the family with its dispersion fixed; itself where the loss does not depend on it."""
        del scale
        return self

    def mean(self, linear_predictor: PerSample) -> PerSample:
        """Mean given the linear predictor: expected counts per bin for count families."""
        with np.errstate(all="ignore"):
            return self.inverse_link.mean(linear_predictor)

    def evaluate(self, linear_predictor: PerSample, y: PerSample) -> tuple[PerSample, PerSample]:
        """Loss and its derivative in the linear predictor, per sample, as fresh arrays.

        The innermost step of every fit, called once per row chunk. It alone leaves the silencing of floating-point
        warnings (from means that overflow) to the caller, who can do it once per pass.
        """
        mean = self.inverse_link.mean(linear_predictor)
        loss, derivative = self._evaluate_at(linear_predictor, mean, y)
        if self._may_leave:
            outside = self._outside(mean)
            if outside.any():
                return np.where(outside, np.inf, loss), np.where(outside, 0.0, derivative)
        return loss, derivative

    def evaluate_sum(
        self, linear_predictor: PerSample, y: PerSample, weights: PerSample | None = None
    ) -> tuple[float, PerSample]:
        """Loss summed over the samples and its derivative per sample, both weighted: what a pass needs of `evaluate`.

        Families whose sum is cheaper than its terms override it; floating-point warnings are the caller's to silence.
        """
        loss, derivative = self.evaluate(linear_predictor, y)
        return (float(loss.sum()), derivative) if weights is None else (float(weights @ loss), weights * derivative)

    def cumulant(self, linear_predictor: PerSample, mean: PerSample) -> PerSample | None:
        """Values of ``A`` where the loss is ``A(linear_predictor) - y * linear_predictor``; None where it is not.

        Its derivative, the mean, is written to `mean`, which the values may be too. Floating-point warnings are the
        caller's to silence.
        """
        del linear_predictor, mean
        return None

    def loss(self, linear_predictor: PerSample, y: PerSample) -> PerSample:
        """Negative log-likelihood per sample, without terms that depend on `y` alone, times `loss_scale`."""
        with np.errstate(all="ignore"):
            return self.evaluate(linear_predictor, y)[0]

    def derivative(self, linear_predictor: PerSample, y: PerSample) -> PerSample:
        """Derivative of `loss` in the linear predictor."""
        with np.errstate(all="ignore"):
            return self.evaluate(linear_predictor, y)[1]

    def curvature(self, linear_predictor: PerSample) -> PerSample:
        """Positive curvature weight of `loss` in the linear predictor: its expected second derivative.

        Where that underflows, and outside the family's means, it is the smallest normal number.
        """
        with np.errstate(all="ignore"):
            mean = self.inverse_link.mean(linear_predictor)
            weight = self._curvature_at(linear_predictor, mean)
            if self._may_leave:
                weight = np.where(self._outside(mean), _TINY, weight)
            return np.maximum(weight, _TINY)

    def deviance(self, linear_predictor: PerSample, y: PerSample) -> PerSample:
        """Twice the log-likelihood missing to the saturated model, per sample, at scale 1."""
        missing = self.loss(linear_predictor, y) - self.saturated_loss(y)
        return 2.0 / self.loss_scale * np.maximum(missing, 0.0)

    def log_likelihood(self, linear_predictor: PerSample, y: PerSample, scale: float | None = None) -> PerSample:
        """Full log-likelihood per sample, every constant included [nats]; None is the family's own scale, or 1."""
        model = self if scale is None else self.with_scale(scale)
        return model._log_likelihood_at(model.loss(linear_predictor, y), y, 1.0 if scale is None else scale)

    def conjugate(self, dual: PerSample, y: PerSample) -> PerSample | None:
        """Convex conjugate ``sup_eta dual * eta - loss(eta, y)``; None without a closed form for the link in use."""
        with np.errstate(all="ignore"):
            mean = self._mean_where_derivative_is(dual, y)
            if mean is None:
                return None
            low, high = self.mean_range
            # At the ends of the range the supremum is a limit, which the nearest number inside gives to rounding.
            inside = np.clip(mean, np.nextafter(low, high) if low else _TINY, np.nextafter(high, low))
            eta = self.inverse_link.linear_predictor(inside)
            value = dual * eta - self._evaluate_at(eta, inside, y)[0]
            return np.where((mean >= low) & (mean <= high), value, np.inf)

    def has_finite_null(self, y: PerSample) -> bool:
        """Whether the intercept-only likelihood has a finite maximiser (False for all-zero counts)."""
        low, high = self._reachable_means()
        return bool(low < np.mean(y) < high)

    def null_linear_predictor(self, y: PerSample) -> float:
        """Linear predictor of the model with an intercept alone: the inverse link's inverse at the mean of `y`.

        Where that is infinite or does not exist (all-zero counts), a finite one whose mean lies 1e-10 inside the end
        of the range.
        """
        low, high = self._reachable_means()
        mean = float(np.mean(y))
        mean = low + _MARGIN if mean <= low else high - _MARGIN if mean >= high else mean
        return float(self.inverse_link.linear_predictor(mean))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *sorted(vars(self).items(), key=lambda item: item[0])))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(inverse_link={self.inverse_link!r})"

    def _bind(self, inverse_link: InverseLink) -> None:
        if not isinstance(inverse_link, InverseLink):
            raise TypeError(
                f"inverse_link of {type(self).__name__} must be an InverseLink, as Softplus(), got "
                f"{shown(inverse_link)}; names and functions are for inverse_link_function of a model."
            )
        self.inverse_link = inverse_link
        low, high = inverse_link.mean_range
        reachable = self.mean_range[0] <= low and high <= self.mean_range[1]
        self._may_leave = not (reachable and inverse_link.defined_everywhere)

    def _outside(self, mean):
        low, high = self.mean_range
        return ~((mean >= low) & (mean <= high))  # so that NaN is outside

    def _reachable_means(self) -> tuple[float, float]:
        low, high = self.inverse_link.mean_range
        return max(low, self.mean_range[0]), min(high, self.mean_range[1])


def chain(derivative: PerSample, slope: PerSample | None) -> PerSample:
    """Derivative in the linear predictor from that in a coordinate; `slope` None if they are the same."""
    return derivative if slope is None else derivative * slope
