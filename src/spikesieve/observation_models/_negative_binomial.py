"""Negative binomial counts: spikes more variable than Poisson."""

from typing import Self

import numpy as np

from spikesieve._arguments import is_real, shown
from spikesieve._types import PerSample
from spikesieve.observation_models._base import ObservationModel, chain
from spikesieve.observation_models._counts import invalid_counts
from spikesieve.observation_models._links import Exponential, InverseLink, logistic, softplus
from spikesieve.observation_models._special import special

# Between these the scale is searched. At the smaller one a mean of 1000 counts has a variance of 1000.01: Poisson.
_SCALES = 1e-8, 1e8


class NegativeBinomialObservations(ObservationModel):
    """Counts with mean ``mu`` and variance ``mu + scale * mu^2``: Poisson counts whose rate is Gamma distributed.

    Parameters
    ----------
    scale
        Dispersion, fixed as in NeMoS (whose default is 1). None, the default: to be estimated, by alternating fits at a
        fixed scale (`with_scale`) with `estimate_scale`; until then the loss is evaluated at 1.
    inverse_link
        None for the exponential.

    Notes
    -----
    The loss is ``(y + 1/scale) log(1 + scale mu) - y log(scale mu)``, convex in the linear predictor for the
    exponential alone. Given the mean, the scale is estimated by maximum likelihood (Lawless 1987, Can. J. Stat.
    15, 209-225, whose form of the score does not cancel when counts are nearly Poisson). Mean and scale are
    orthogonal parameters, so that few alternations suffice (Venables & Ripley 2002, Modern Applied Statistics
    with S, section 7.4).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> mean = np.full(20_000, 3.0)
    >>> counts = NegativeBinomialObservations().sample(rng, mean, scale=0.5)
    >>> round(NegativeBinomialObservations().estimate_scale(mean, counts, len(counts) - 1), 1)
    0.5
    """

    mean_range = (0.0, np.inf)
    convex_links = (Exponential,)

    def __init__(self, scale: float | None = None, inverse_link: InverseLink | None = None):
        if scale is not None and not (is_real(scale) and 0 < scale < np.inf):
            raise ValueError(f"scale must be a positive number, or None to estimate it, got {shown(scale)}.")
        self.scale = scale
        self._scale = 1.0 if scale is None else float(scale)
        super().__init__(inverse_link)

    def default_inverse_link(self):
        return Exponential()

    @property
    def estimates_scale(self):
        return self.scale is None

    def with_scale(self, scale: float) -> Self:
        return type(self)(scale, self.inverse_link)

    def variance(self, mean):
        return mean * (1.0 + self._scale * mean)

    def saturated_loss(self, y):
        shape = 1.0 / self._scale
        return special().xlog1py(y + shape, self._scale * y) - special().xlogy(y, self._scale * y)

    def sample(self, rng, mean, scale):
        return rng.poisson(rng.gamma(1.0 / scale, np.asarray(mean) * scale))

    def estimate_scale(self, mean, y, residual_dof, weight=1.0):
        del residual_dof
        return _most_likely_scale(mean, y, weight) if self.scale is None else self._scale

    def invalid_observation(self, y):
        return invalid_counts(y, "Negative binomial")

    def __repr__(self):
        return f"NegativeBinomialObservations(scale={self.scale!r}, inverse_link={self.inverse_link!r})"

    def _evaluate_at(self, linear_predictor, mean, y):
        log_mean, slope = self.inverse_link.log_mean(linear_predictor, mean)
        log_odds = log_mean + np.log(self._scale)  # of the negative binomial's "success"
        total = y + 1.0 / self._scale
        return total * softplus(log_odds) - y * log_odds, chain(total * logistic(log_odds) - y, slope)

    def _curvature_at(self, linear_predictor, mean):
        log_mean, slope = self.inverse_link.log_mean(linear_predictor, mean)
        weight = logistic(log_mean + np.log(self._scale)) / self._scale
        return weight if slope is None else weight * slope * slope

    def _log_likelihood_at(self, loss, y, scale):
        del scale
        shape = 1.0 / self._scale
        # log of Gamma(y + shape) / (Gamma(shape) y!): the difference of two large log-Gammas would cancel.
        return -loss - special().betaln(y + 1.0, shape) - np.log(y + shape)

    def _mean_where_derivative_is(self, dual, y):
        if not isinstance(self.inverse_link, Exponential):
            return None
        return np.where(self._scale * dual <= 1.0, (y + dual) / (1.0 - self._scale * dual), np.nan)


def _most_likely_scale(mean: PerSample, y: PerSample, weight: PerSample | float) -> float:
    """Maximum-likelihood scale given the means; the smallest where counts vary no more than Poisson or are all 0."""
    from scipy.optimize import root_scalar

    # With the products of the likelihood written out, sum_i sum_{j < y_i} log(1 + scale j) is a sum over j alone.
    weight = np.broadcast_to(weight, y.shape)
    n_above = weight.sum() - np.cumsum(np.bincount(y.astype(np.int64), weight))[:-1]
    j = np.arange(len(n_above))

    def score(log_scale: float) -> float:
        scale = np.exp(log_scale)
        spread = scale * mean
        excess = (np.log1p(spread) / scale - (1.0 + scale * y) * mean / (1.0 + spread)) / scale
        return float((n_above * j / (1.0 + scale * j)).sum() + weight @ excess)

    low, high = np.log(_SCALES)
    if not y.any() or score(low) <= 0.0:
        return _SCALES[0]
    if score(high) >= 0.0:
        return _SCALES[1]
    return float(np.exp(root_scalar(score, bracket=(low, high), xtol=1e-10).root))
