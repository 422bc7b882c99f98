"""Tuning curves in Hz, with bands that respect autocorrelation.

The rate at a value ``x`` of one covariate is the model's, averaged over what the other covariates were:

    rate(x) = mean_i h(intercept + f(x) + eta_i) / bin width,    eta_i from the other covariates in bin i.

Errors are those of its logarithm (of the mean itself where it may be negative), to first order in the coefficients,
whose own come from leaving out blocks of time. The pointwise band takes a t quantile with one degree of freedom less
than there are blocks; the simultaneous one replaces it by the quantile of the largest standardised error along the
curve (sup-t: Montiel Olea & Plagborg-Moller 2019, J. Appl. Econometrics 34, 1-17, doi:10.1002/jae.2656).
"""

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from spikesieve.observation_models import Exponential

_N_DRAWS = 2000
# A value was visited if the covariate came as near as this share of its range.
_NEARBY = 0.02
_LEAST_FREEDOM, _TINY = 3.0, 1e-300
# Bins over which a rate is averaged where no closed form spares the others.
_ROWS_AVERAGED = 4000


@dataclass(frozen=True)
class TuningCurve:
    """Firing rate over the range of one covariate, or of a pair of covariates.

    Attributes
    ----------
    label
        Name of the covariate; the title of its panel.
    grid
        Where the rate is given: one increasing 1-D array, or a pair of them for a map.
    rate_hz
        Firing rate [Hz], shape ``(n,)``, or ``(n_first, n_second)`` for a map. NaN where the covariate
        was never visited.
    lower_hz, upper_hz
        Pointwise band [Hz]; None for none. Of maps it is not drawn.
    axis_labels
        Names and units of the axes, e.g. ``("head direction [rad]",)``. Empty takes `label`.
    observed_hz
        Spikes over occupancy in bins around the grid points [Hz], drawn as dots to judge the fit by eye;
        None draws none.
    simultaneous_lower_hz, simultaneous_upper_hz
        Band that holds for the whole curve at once [Hz]; None for none.
    """

    label: str
    grid: np.ndarray | tuple[np.ndarray, np.ndarray]
    rate_hz: np.ndarray = field(repr=False)
    lower_hz: np.ndarray | None = field(default=None, repr=False)
    upper_hz: np.ndarray | None = field(default=None, repr=False)
    axis_labels: tuple[str, ...] = ()
    observed_hz: np.ndarray | None = field(default=None, repr=False)
    simultaneous_lower_hz: np.ndarray | None = field(default=None, repr=False)
    simultaneous_upper_hz: np.ndarray | None = field(default=None, repr=False)

    @property
    def is_map(self) -> bool:
        """Whether the rate is given over a pair of covariates."""
        return np.ndim(self.rate_hz) == 2


def tuning_curve(refit, label: str, bin_width_s: float, n_points: int, level: float, seed: int) -> TuningCurve:
    """Tuning curve of one covariate of a `Refit`, as documented there."""
    basis = _basis_of(refit, label)
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}.")
    if not bin_width_s > 0:
        raise ValueError(f"bin_width_s must be the positive width of a bin in seconds, got {bin_width_s}.")
    *grids, features = basis.evaluate_on_grid(*[n_points] * basis.n_inputs)
    shape, features = features.shape[:-1], features.reshape(-1, features.shape[-1])
    mean, slopes = _mean_and_slopes(refit, label, features)
    is_positive = refit.family.mean_range[0] >= 0.0
    value = np.log(mean) if is_positive else mean
    errors = (slopes / mean[:, None] if is_positive else slopes) @ refit.changes.T
    n_blocks = len(refit.changes)
    error = np.sqrt((n_blocks - 1) / n_blocks * np.square(errors).sum(axis=1))
    pointwise, simultaneous = _quantiles(errors, level, seed)

    visited, observed = _visits(refit, label, shape)

    def in_hz(values):
        rate = np.exp(values) if is_positive else values
        return np.where(visited, (rate / bin_width_s).reshape(shape), np.nan)

    return TuningCurve(
        label=label,
        grid=grids[0] if len(grids) == 1 else (grids[0][:, 0], grids[1][0]),
        observed_hz=None if observed is None else observed / bin_width_s,
        rate_hz=in_hz(value),
        lower_hz=in_hz(value - pointwise * error),
        upper_hz=in_hz(value + pointwise * error),
        simultaneous_lower_hz=in_hz(value - simultaneous * error),
        simultaneous_upper_hz=in_hz(value + simultaneous * error),
    )


def has_tuning_curve(basis: Any) -> bool:
    """Whether features of this basis are functions of one covariate or two, in the same bin."""
    if basis is None or any(part.is_convolved for part in basis.walk()):
        return False
    return basis.n_inputs <= 2 and basis.n_input_columns == 1


def _basis_of(refit, label: str) -> Any:
    if label not in refit.labels:
        raise ValueError(f"{label!r} is not in this model; it has {', '.join(map(repr, refit.labels)) or 'nothing'}.")
    basis = refit.sample.design.basis_of(label)
    if not has_tuning_curve(basis):
        why = "was given as bare features" if basis is None else f"is expanded in {type(basis).__name__}"
        raise ValueError(
            f"There is no tuning curve of {label!r}, which {why}: it needs a basis that is a function of one or two "
            "covariates at the same time, given through basis.design(...)."
        )
    return basis


def _mean_and_slopes(refit, label: str, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean count at each row of `features`, and its derivatives in (intercept, coefficients)."""
    design, link, coef = refit.sample.design, refit.family.inverse_link, refit.coef[label]
    multiplies = isinstance(link, Exponential)
    rows = slice(0, design.n_samples, 1 if multiplies else max(1, design.n_samples // _ROWS_AVERAGED))
    number = design.labels.index(label)
    others = refit.linear_predictor[rows].copy()
    design.blocks[number].add_linear_predictor(rows, -coef, others)
    weight = np.ones(len(others)) if refit.sample.weight is None else refit.sample.weight[rows]
    weight = weight / weight.sum()
    effect = features @ coef
    if multiplies:  # mean = exp(effect) * average: one sum over the bins serves every value
        by_bin, factor = (weight * np.exp(others))[:, None], np.exp(effect)
        mean = factor * by_bin.sum()
    else:
        predictor = others[:, None] + effect
        by_bin, factor = weight[:, None] * link.derivative(predictor, link.mean(predictor)), np.ones(len(effect))
        mean = weight @ link.mean(predictor)
    slopes = np.empty((len(features), 1 + design.n_coef))
    slopes[:, 0] = factor * by_bin.sum(axis=0)
    for block, columns in zip(design.blocks, design.layout.leaf_slices, strict=True):
        average = np.zeros((block.n_coef, by_bin.shape[1]))
        block.add_gradient(rows, by_bin, average)
        slopes[:, 1 + columns.start : 1 + columns.stop] = factor[:, None] * average.T
    own = design.layout.leaf_slices[number]
    slopes[:, 1 + own.start : 1 + own.stop] = slopes[:, :1] * features
    return mean, slopes


def _visits(refit, label: str, shape: tuple[int, ...]) -> tuple[Any, np.ndarray | None]:
    """Where on the grid the covariate was seen nearby, and the mean count around every few points of a curve.

    Both from the codes of a tabulated covariate; without codes, everywhere and None.
    """
    from scipy.ndimage import uniform_filter

    sample, block = refit.sample, refit.sample.design[label].blocks[0]
    axes = [getattr(block, name) for name in ("axis", "first", "second") if hasattr(block, name)]
    if len(axes) != len(shape):
        return True, None
    # Of boxcars the codes tell no more than the interval: its visits are spread over it.
    spread = np.random.default_rng(0).uniform(-0.5, 0.5, (len(axes), len(sample.y)))
    coordinates = [axis.coordinates() + axis.width * part for axis, part in zip(axes, spread, strict=True)]
    weight = np.ones(len(sample.y)) if sample.weight is None else sample.weight
    bins = [(-0.5 / (n - 1), 1.0 + 0.5 / (n - 1)) if n > 1 else (0.0, 1.0) for n in shape]
    time, spikes = (
        np.histogramdd(coordinates, shape, bins, weights=weights)[0] for weights in (weight, weight * sample.y)
    )
    reach = [2 * int(_NEARBY * n) + 1 for n in shape]
    near, counted = (uniform_filter(sums, size=cast(Any, reach), mode="constant") for sums in (time, spikes))
    visited = near > 1e-9 * weight.mean() / np.prod(reach)
    if len(shape) > 1:
        return visited, None
    observed = np.full(shape, np.nan)
    middle = slice(reach[0] // 2, None, reach[0])
    observed[middle] = np.divide(
        counted[middle], near[middle], out=np.full(len(near[middle]), np.nan), where=visited[middle]
    )
    return visited, observed


def _quantiles(errors: np.ndarray, level: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Multiples of the standard errors for a band at each point, and for one along the whole curve.

    `errors` are those of leaving out each block, ``(n_points, n_blocks)``: random mixtures of them have the correlation
    of the estimate along the curve. Where few blocks visited a value, few carry its variance: its degrees of freedom
    are those of as many normal errors with the same fourth moment.
    """
    from scipy.special import chdtri, stdtrit

    n_blocks = errors.shape[1]
    squares = np.square(errors)
    spread = 3.0 * squares.sum(axis=1) ** 2 / np.maximum(np.square(squares).sum(axis=1), _TINY)
    freedom = np.clip(spread, _LEAST_FREEDOM, n_blocks - 1)[:, None]
    size = np.sqrt(squares.sum(axis=1, keepdims=True))
    directions = np.divide(errors, size, out=np.zeros_like(errors), where=size > 0)
    rng = np.random.default_rng(seed)
    draws = directions @ rng.normal(size=(n_blocks, _N_DRAWS))
    # The variance is estimated too, by much the same blocks at all values: one chi-squared quantile serves them.
    draws /= np.sqrt(chdtri(freedom, rng.random(_N_DRAWS)) / freedom)
    pointwise = stdtrit(freedom[:, 0], 0.5 + level / 2)
    # Equally likely to be left at every value, so that the band is as wide as the pointwise one in proportion.
    return pointwise, pointwise * np.quantile(np.abs(draws / pointwise[:, None]).max(axis=0), level)
