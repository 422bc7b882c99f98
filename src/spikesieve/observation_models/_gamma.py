"""Gamma observations: positive and skewed, as fluorescence transients, durations or powers are."""

import numpy as np

from spikesieve.observation_models._base import ObservationModel, chain
from spikesieve.observation_models._links import Exponential, Reciprocal
from spikesieve.observation_models._special import special


class GammaObservations(ObservationModel):
    """Positive values with mean ``mu`` and variance ``scale * mu^2``: a constant coefficient of variation.

    The default inverse link is 1/x, the canonical one, as in NeMoS. It is defined for positive linear predictors only;
    the exponential is defined for all.

    Notes
    -----
    The loss is ``y / mu + log mu``. It is convex in the linear predictor for 1/x and the exponential alone. The
    scale does not move the fit; it is estimated by Pearson's statistic over the residual degrees of freedom
    (McCullagh & Nelder 1989, section 8.3.6).

    Examples
    --------
    >>> import numpy as np
    >>> gamma = GammaObservations(Exponential())
    >>> gamma.loss(np.array([0.0, 800.0]), np.array([2.0, 2.0]))
    array([  2., 800.])
    """

    mean_range = (0.0, np.inf)
    convex_links = (Reciprocal, Exponential)

    def default_inverse_link(self):
        return Reciprocal()

    def variance(self, mean):
        return mean * mean

    def saturated_loss(self, y):
        return 1.0 + np.log(y)

    def sample(self, rng, mean, scale):
        return rng.gamma(1.0 / scale, np.asarray(mean) * scale)

    def estimate_scale(self, mean, y, residual_dof, weight=1.0):
        if residual_dof <= 0:
            return np.nan
        return float(np.sum(weight * np.square(y / mean - 1.0)) / residual_dof)

    def invalid_observation(self, y):
        if (y <= 0).any():
            return f"Gamma observations must be positive, but the smallest is {y.min():g}"
        return None

    def _evaluate_at(self, linear_predictor, mean, y):
        log_mean, slope = self.inverse_link.log_mean(linear_predictor, mean)
        ratio = y / mean
        return ratio + log_mean, chain(1.0 - ratio, slope)

    def _curvature_at(self, linear_predictor, mean):
        _, slope = self.inverse_link.log_mean(linear_predictor, mean)
        return np.ones_like(mean) if slope is None else slope * slope

    def _log_likelihood_at(self, loss, y, scale):
        shape = 1.0 / scale
        return shape * (np.log(shape) - loss) - special().gammaln(shape) + (shape - 1.0) * np.log(y)

    def _mean_where_derivative_is(self, dual, y):
        if isinstance(self.inverse_link, Reciprocal):
            return y - dual
        if isinstance(self.inverse_link, Exponential):
            return np.where(dual <= 1.0, y / (1.0 - dual), np.nan)
        return None
