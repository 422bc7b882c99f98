"""Poisson counts: the number of spikes in a bin."""

import numpy as np

from spikesieve.observation_models._base import ObservationModel, chain
from spikesieve.observation_models._counts import invalid_counts
from spikesieve.observation_models._links import Exponential, Identity, Softplus
from spikesieve.observation_models._special import special


class PoissonObservations(ObservationModel):
    """Spike counts per bin, ``P(y) = mu^y exp(-mu) / y!`` with mean and variance ``mu``.

    The default inverse link is the exponential, the canonical one: covariates act multiplicatively on the rate.

    Notes
    -----
    The loss is ``mu - y log mu``. It is convex in the linear predictor for links that are convex and log-concave
    (Paninski 2004, Network 15, 243-262): exponential, softplus, identity (where positive). Not for 1/x, nor for
    those that level off.

    Examples
    --------
    >>> import numpy as np
    >>> poisson = PoissonObservations()
    >>> poisson.loss(np.log([1.0, 2.0]), np.array([0.0, 2.0])).round(4)
    array([1.    , 0.6137])
    >>> poisson.deviance(np.log([1.0, 2.0]), np.array([0.0, 2.0])).round(4)
    array([2., 0.])
    """

    mean_range = (0.0, np.inf)
    convex_links = (Exponential, Softplus, Identity)

    def default_inverse_link(self):
        return Exponential()

    def variance(self, mean):
        return mean

    def saturated_loss(self, y):
        return y - y * np.log(np.where(y > 0, y, 1.0))

    def sample(self, rng, mean, scale):
        del scale
        return rng.poisson(mean)

    def estimate_scale(self, mean, y, residual_dof, weight=1.0):
        del mean, y, residual_dof, weight
        return 1.0

    def invalid_observation(self, y):
        return invalid_counts(y, "Poisson")

    def evaluate_sum(self, linear_predictor, y, weights=None):
        if not isinstance(self.inverse_link, Exponential):
            return super().evaluate_sum(linear_predictor, y, weights)
        # Sums without the terms: half the time of `evaluate`, and most of what is left is exp.
        mean = self.inverse_link.mean(linear_predictor)
        if weights is None:
            loss = float(mean.sum() - y @ linear_predictor)
            return loss, np.subtract(mean, y, out=mean)
        loss = float(weights @ mean - (weights * y) @ linear_predictor)
        return loss, weights * np.subtract(mean, y, out=mean)

    def cumulant(self, linear_predictor, mean):
        return np.exp(linear_predictor, out=mean) if isinstance(self.inverse_link, Exponential) else None

    def _evaluate_at(self, linear_predictor, mean, y):
        log_mean, slope = self.inverse_link.log_mean(linear_predictor, mean)
        return mean - y * log_mean, chain(mean - y, slope)

    def _curvature_at(self, linear_predictor, mean):
        _, slope = self.inverse_link.log_mean(linear_predictor, mean)
        return mean if slope is None else mean * slope * slope

    def _log_likelihood_at(self, loss, y, scale):
        del scale
        return -loss - special().gammaln(y + 1.0)

    def _mean_where_derivative_is(self, dual, y):
        return y + dual if isinstance(self.inverse_link, Exponential) else None
