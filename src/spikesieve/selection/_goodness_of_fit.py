"""Does the model account for when the spikes came? Time rescaling and its Kolmogorov-Smirnov plot.

If the model is right, the expected counts accumulated between successive spikes are independent exponential
variables of mean 1, and ``z = 1 - exp(-interval)`` is uniform (Brown et al. 2002). In bins that theorem holds only
as bins shrink: spikes sit at bin edges, and the KS plot strays from the diagonal although the model is right.
The cure is to place each spike at random within its bin, from the distribution that the model itself implies
(Haslinger, Pipa & Brown 2010); it makes `z` exactly uniform at any bin width:

- Poisson counts: `n` spikes of a bin lie in rescaled time like `n` uniform points over the expected count of that bin
  (the order statistics of a Poisson process). Bins with several spikes are thereby covered too.
- at most one spike per bin, with probability `p`: rescaled time advances by ``q = -log(1 - p)`` per bin, and the
  spike lies where the first event of a unit-rate process would, given that there is one: at ``-log(1 - u p)``, `u`
  uniform. The next interval starts with the next bin.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikesieve._types import PerSample

_CORRECTIONS = ("poisson", "bernoulli", "none")
# Quantiles of the Kolmogorov distribution: limits of sqrt(n) times the largest distance.
_BANDS = {0.95: 1.3581, 0.99: 1.6276}


@dataclass(frozen=True)
class TimeRescaling:
    """Rescaled intervals between spikes, and how far they are from what the model implies.

    Attributes
    ----------
    z
        One number per spike, sorted, uniform on [0, 1] if the model is right.
    ks_statistic
        Largest distance between their empirical distribution and the diagonal.
    p_value
        Exact probability of a larger distance if the model is right and was not fitted to these spikes.
    """

    z: np.ndarray = field(repr=False)
    ks_statistic: float
    p_value: float

    @property
    def n_spikes(self) -> int:
        """Number of intervals: one per spike, the first counted from the start of the recording."""
        return len(self.z)

    def band(self, level: float = 0.95) -> float:
        """Half-width of the asymptotic band around the diagonal at confidence `level`, 0.95 or 0.99."""
        if level not in _BANDS:
            raise ValueError(f"level must be one of {', '.join(map(str, _BANDS))}; got {level!r}.")
        return _BANDS[level] / np.sqrt(self.n_spikes)

    def within_band(self, level: float = 0.95) -> bool:
        """Whether the KS plot stays within the band."""
        return bool(self.ks_statistic <= self.band(level))

    def plot(self, ax: Any = None):
        """Draw the KS plot with its 95 % and 99 % bands; returns the Axes."""
        from spikesieve.plotting import plot_time_rescaling

        return plot_time_rescaling(self, ax=ax)


def time_rescaling(y: PerSample, mean: PerSample, correction: str = "poisson", seed: int = 0) -> TimeRescaling:
    """Test a model's expected counts against the spikes by time rescaling.

    Judge a model on spikes that it was not fitted to: after fitting the same spikes the bands are too wide to
    find much fault. Bins must follow one another: test trials or held-out stretches one by one, or concatenate
    them, whereby intervals run from the end of one into the next, which the theorem allows.

    Parameters
    ----------
    y
        Spikes per bin, whole numbers.
    mean
        Expected spikes per bin from the model, positive (for ``"bernoulli"`` the probability of a spike, below 1).
    correction
        ``"poisson"`` for counts, the default; ``"bernoulli"`` for at most one spike per bin; ``"none"`` for the theorem
        of Brown et al. as it stands, spikes at the ends of their bins, to see what the correction is worth.
    seed
        Of the random placement within bins. Repeat with other seeds to see what depends on it.

    Raises
    ------
    ValueError
        If shapes differ, values are out of range, or there is no spike.

    References
    ----------
    Brown, E. N., Barbieri, R., Ventura, V., Kass, R. E. & Frank, L. M. (2002). The time-rescaling theorem and its
    application to neural spike train data analysis. Neural Comput. 14, 325-346. doi:10.1162/08997660252741149
    Haslinger, R., Pipa, G. & Brown, E. (2010). Discrete time rescaling theorem: determining goodness of fit for
    discrete time statistical models of neural spiking. Neural Comput. 22, 2477-2506. doi:10.1162/NECO_a_00015

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> mean = np.exp(np.sin(np.arange(5000) / 50) - 1)
    >>> y = rng.poisson(mean)
    >>> time_rescaling(y, mean).within_band(), time_rescaling(y, np.full(5000, y.mean())).within_band()
    (True, False)
    """
    y, mean = np.asarray(y, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    _check(y, mean, correction)
    intervals = _rescaled_intervals(y.astype(int), mean, correction, np.random.default_rng(seed))
    z = np.sort(-np.expm1(-intervals))
    from scipy.stats import kstest

    result: Any = kstest(z, "uniform")
    return TimeRescaling(z, float(result.statistic), float(result.pvalue))


def _rescaled_intervals(y: np.ndarray, mean: PerSample, correction: str, rng: np.random.Generator) -> np.ndarray:
    """Rescaled time from each spike to the next, the first from the start."""
    bin_of_spike = np.repeat(np.arange(len(y)), y)
    uniform = rng.random(len(bin_of_spike))
    if correction == "bernoulli":
        end_of_bin = np.cumsum(-np.log1p(-mean))
        start = end_of_bin[bin_of_spike] + np.log1p(-mean[bin_of_spike])
        within = -np.log1p(-uniform * mean[bin_of_spike])
        # After a spike the rest of its bin cannot hold another: time runs on from the end of the bin.
        return start + within - np.concatenate([[0.0], end_of_bin[bin_of_spike[:-1]]])
    end_of_bin = np.cumsum(mean)
    if correction == "none":
        return np.diff(end_of_bin[bin_of_spike], prepend=0.0)
    placed = end_of_bin[bin_of_spike] - uniform * mean[bin_of_spike]
    return np.diff(np.sort(placed), prepend=0.0)


def _check(y: np.ndarray, mean: np.ndarray, correction: str) -> None:
    if correction not in _CORRECTIONS:
        raise ValueError(f"correction must be one of {', '.join(map(repr, _CORRECTIONS))}; got {correction!r}.")
    if y.ndim != 1 or y.shape != mean.shape:
        raise ValueError(f"y and mean must be one-dimensional and alike; their shapes are {y.shape} and {mean.shape}.")
    if not (np.isfinite(y).all() and np.isfinite(mean).all()):
        raise ValueError("y and mean must be finite: leave out bins with NaN before testing the fit.")
    if (y < 0).any() or (y != np.round(y)).any():
        raise ValueError("y must be spikes per bin: whole numbers, none negative.")
    if (mean < 0).any() or mean[y > 0].min(initial=1.0) <= 0:
        raise ValueError("mean must not be negative, and positive where there are spikes.")
    if correction == "bernoulli" and (y.max(initial=0) > 1 or mean.max(initial=0.0) >= 1):
        raise ValueError("correction='bernoulli' needs at most one spike per bin and probabilities below 1.")
    if not y.any():
        raise ValueError("There are no spikes: nothing can be said about when they came.")
