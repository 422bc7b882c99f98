"""Bernoulli observations: a spike in the bin or none."""

import numpy as np

from spikesieve.observation_models._base import ObservationModel, chain
from spikesieve.observation_models._links import (
    Exponential,
    Identity,
    Logistic,
    NormalCdf,
    Softplus,
    logistic_slope,
    softplus,
)


class BernoulliObservations(ObservationModel):
    """Zeros and ones with ``P(y = 1) = mu`` and variance ``mu (1 - mu)``.

    The default inverse link is the logistic function, the canonical one: covariates multiply the odds of a spike.

    Notes
    -----
    The loss is ``-y log mu - (1 - y) log(1 - mu)``. It is convex in the linear predictor for links with ``mu`` and
    ``1 - mu`` both log-concave: logistic, normal distribution function, identity, exponential and softplus (the last
    three where they stay between 0 and 1). Not for 1/x.

    Examples
    --------
    >>> import numpy as np
    >>> bernoulli = BernoulliObservations()
    >>> bernoulli.loss(np.array([0.0, 800.0, 800.0]), np.array([1.0, 1.0, 0.0])).round(4)
    array([6.931e-01, 0.000e+00, 8.000e+02])
    """

    mean_range = (0.0, 1.0)
    convex_links = (Logistic, NormalCdf, Identity, Exponential, Softplus)

    def default_inverse_link(self):
        return Logistic()

    def variance(self, mean):
        return mean * (1.0 - mean)

    def saturated_loss(self, y):
        return np.zeros_like(y, dtype=np.float64)

    def sample(self, rng, mean, scale):
        del scale
        return rng.binomial(1, mean)

    def estimate_scale(self, mean, y, residual_dof, weight=1.0):
        del mean, y, residual_dof, weight
        return 1.0

    def invalid_observation(self, y):
        wrong = (y != 0) & (y != 1)
        if wrong.any():
            return f"Bernoulli observations must be 0 or 1, but one is {y[wrong][0]:g}; use Poisson for counts"
        return None

    def cumulant(self, linear_predictor, mean):
        if not isinstance(self.inverse_link, Logistic):
            return None
        mean[...] = self.inverse_link.mean(linear_predictor)
        return softplus(linear_predictor)

    def _evaluate_at(self, linear_predictor, mean, y):
        log_odds, slope = self.inverse_link.log_odds(linear_predictor, mean)
        return softplus(log_odds) - y * log_odds, chain(mean - y, slope)

    def _curvature_at(self, linear_predictor, mean):
        log_odds, slope = self.inverse_link.log_odds(linear_predictor, mean)
        weight = logistic_slope(log_odds)
        return weight if slope is None else weight * slope * slope

    def _log_likelihood_at(self, loss, y, scale):
        del y, scale
        return -loss

    def _mean_where_derivative_is(self, dual, y):
        return y + dual if isinstance(self.inverse_link, Logistic) else None
