"""Gaussian observations: calcium traces, field potentials, anything with symmetric noise."""

import numpy as np

from spikesieve.observation_models._base import ObservationModel, chain
from spikesieve.observation_models._links import Identity


class GaussianObservations(ObservationModel):
    """Real values with mean ``mu`` and variance ``scale``.

    The default inverse link is the identity, the canonical one.

    Notes
    -----
    The loss is ``(y - mu)^2``, as in NeMoS, *without* the factor 1/2 of the negative log-likelihood: strengths are
    twice those of programs that have it (glmnet, scikit-learn). It is convex in the linear predictor for the
    identity alone. The scale, residual sum of squares over residual degrees of freedom, does not move the fit.

    Examples
    --------
    >>> import numpy as np
    >>> gaussian = GaussianObservations()
    >>> gaussian.loss(np.array([1.0, 2.0]), np.array([1.0, 5.0]))
    array([0., 9.])
    """

    loss_scale = 2.0
    mean_range = (-np.inf, np.inf)
    convex_links = (Identity,)

    @property
    def is_quadratic(self):
        return isinstance(self.inverse_link, Identity)

    def default_inverse_link(self):
        return Identity()

    def variance(self, mean):
        return np.ones_like(mean)

    def saturated_loss(self, y):
        return np.zeros_like(y, dtype=np.float64)

    def sample(self, rng, mean, scale):
        return rng.normal(mean, np.sqrt(scale))

    def estimate_scale(self, mean, y, residual_dof, weight=1.0):
        if residual_dof <= 0:
            return np.nan
        return float(np.sum(weight * np.square(y - mean)) / residual_dof)

    def invalid_observation(self, y):
        del y
        return None

    def _evaluate_at(self, linear_predictor, mean, y):
        excess = mean - y
        return excess * excess, chain(2.0 * excess, self._slope(linear_predictor, mean))

    def _curvature_at(self, linear_predictor, mean):
        slope = self._slope(linear_predictor, mean)
        return np.full_like(mean, 2.0) if slope is None else 2.0 * slope * slope

    def _log_likelihood_at(self, loss, y, scale):
        del y
        return -0.5 * (loss / scale + np.log(2.0 * np.pi * scale))

    def _mean_where_derivative_is(self, dual, y):
        return y + 0.5 * dual if isinstance(self.inverse_link, Identity) else None

    def _slope(self, linear_predictor, mean):
        link = self.inverse_link
        return None if isinstance(link, Identity) else link.derivative(linear_predictor, mean)
