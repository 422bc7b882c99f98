"""Poisson counts: the number of spikes in a bin."""

import numpy as np
from scipy.special import gammaln, xlogy

from spikesieve.observation_models._base import ObservationModel
from spikesieve.observation_models._links import Exponential

_TINY = np.finfo(np.float64).tiny


class PoissonObservations(ObservationModel):
    """Spike counts per bin, ``P(y) = mu^y exp(-mu) / y!`` with mean and variance ``mu``.

    The default inverse link is the exponential, the canonical one: the loss is convex and covariates
    act multiplicatively on the rate.

    Examples
    --------
    >>> import numpy as np
    >>> poisson = PoissonObservations()
    >>> poisson.loss(np.log([1.0, 2.0]), np.array([0.0, 2.0])).round(4)
    array([1.    , 0.6137])
    >>> poisson.deviance(np.log([1.0, 2.0]), np.array([0.0, 2.0])).round(4)
    array([2., 0.])
    """

    def default_inverse_link(self):
        return Exponential()

    def is_canonical(self):
        return isinstance(self.inverse_link, Exponential)

    def variance(self, mean):
        return mean

    def loss_of_mean(self, linear_predictor, mean, y):
        if self._canonical:
            return mean - y * linear_predictor
        return mean - y * np.log(np.maximum(mean, _TINY))

    def saturated_loss(self, y):
        return y - xlogy(y, y)

    def log_likelihood_of_mean(self, mean, y, scale):
        del scale
        return xlogy(y, mean) - mean - gammaln(y + 1.0)

    def sample(self, rng, mean, scale):
        del scale
        return rng.poisson(mean)

    def estimate_scale(self, mean, y, residual_dof):
        del mean, y, residual_dof
        return 1.0

    def has_finite_null(self, y):
        return bool(y.any())

    def invalid_observation(self, y):
        if (y < 0).any():
            return f"spike counts cannot be negative, but the smallest is {y.min():g}"
        if (y != np.round(y)).any():
            first = y[y != np.round(y)][0]
            return f"Poisson counts must be whole numbers, but one is {first:g}; pass counts per bin, not rates in Hz"
        return None
