"""Sines and cosines of one covariate, or of the angles between several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Float

from spikesieve._tree import Axis
from spikesieve.basis._base import Basis, check_integer, check_label
from spikesieve.basis._conv import ConvBasis, check_conv_arguments
from spikesieve.basis._functions import UnitFunctions
from spikesieve.basis._range import Range, check_bounds, range_of_bounds, range_of_samples
from spikesieve.basis._samples import (
    ArrayLike,
    as_samples,
    check_number_of_inputs,
    check_same_length,
    like_inputs,
)

Frequencies = int | tuple[int, int] | np.ndarray | Sequence[Any]
FrequencyMask = str | np.ndarray | Callable[..., Any] | None

# Rows whose temporaries stay in a second-level cache.
_CHUNK_ROWS = 8192


@dataclass(frozen=True)
class Waves(UnitFunctions):
    """All cosines of ``2 pi frequencies . u``, then all sines but that of frequency zero."""

    frequencies: Float[np.ndarray, " n_dimensions n_frequencies"]

    def evaluate(self, u):
        return self.at(u)

    def at(self, *u: np.ndarray) -> np.ndarray:
        """Values at coordinates, one array per dimension."""
        coordinates = np.stack(u, axis=-1).reshape(-1, len(u))
        has_sine, n_cosines = self._has_sine(), self.frequencies.shape[1]
        values = np.empty((len(coordinates), n_waves(self.frequencies)))
        for start in range(0, len(coordinates), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            angle = np.zeros((len(coordinates[rows]), n_cosines))
            for frequency, coordinate in zip(self.frequencies, coordinates[rows].T, strict=True):
                angle += 2 * np.pi * frequency * coordinate[:, None]
            np.cos(angle, out=values[rows, :n_cosines])
            values[rows, n_cosines:] = np.sin(angle[:, has_sine])
        return values.reshape(*u[0].shape, -1) if values.size else np.empty((*u[0].shape, 0))

    def derivative_bound(self, order):
        return self.bound_along(0, order)

    def bound_along(self, dimension: int, order: int) -> np.ndarray:
        """Largest absolute derivative in one coordinate."""
        bound = (2 * np.pi * np.abs(self.frequencies[dimension])) ** order
        return np.concatenate([bound, bound[self._has_sine()]])

    def _has_sine(self):
        return self.frequencies.any(axis=0)


class FourierEval(Basis):
    """Sines and cosines of one or more covariates; features are periodic, whatever the bounds.

    For direction, phase, and anything with a preferred spatial frequency (grid cells: two dimensions). Columns
    are all cosines, then all sines.

    Parameters
    ----------
    frequencies
        Cycles per range: an integer ``k`` for 0 to k-1, a tuple ``(first, stop)``, an array, or a list of these,
        one per dimension.
    ndim
        Number of covariates.
    bounds
        One period of each covariate: (lowest, highest), or one pair per covariate. None: the range of the first
        samples, which is remembered.
    frequency_mask
        Which combinations of frequencies to keep: ``"no-intercept"`` (the default) all but zero, which a model's
        intercept stands for; ``"all"`` or None all; an array of 0 and 1 with an axis per dimension; or a
        function of one frequency per dimension.
    label
        Name of the features in every result.

    Raises
    ------
    ValueError
        If frequencies are negative, not whole, or not one set per dimension, or the mask does not fit them.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import FourierEval
    >>> theta_phase = np.array([0.0, np.pi / 2, np.pi])
    >>> np.round(FourierEval(2, bounds=(0, 2 * np.pi)).compute_features(theta_phase), 12)
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1.,  0.]])
    """

    is_tabulable = True
    is_complex = True
    is_cyclic = True
    _ranges: tuple[Range, ...] | None = None

    def __init__(
        self,
        frequencies: Frequencies,
        ndim: int = 1,
        bounds: tuple | None = None,
        frequency_mask: FrequencyMask = "no-intercept",
        label: str = "FourierEval",
    ) -> None:
        self.frequencies = frequencies
        self.ndim = ndim
        self.bounds = bounds
        self.frequency_mask = frequency_mask
        self.label = label
        check_label(label, FourierEval)
        check_integer(ndim, 1, "FourierEval: ndim")
        for pair in self._bounds_of_inputs():
            check_bounds(pair, "FourierEval")
        self.functions()

    def functions(self) -> Waves:
        return Waves(masked_frequencies(self.frequencies, self.ndim, self.frequency_mask, type(self).__name__))

    @property
    def masked_frequencies(self) -> np.ndarray:
        """The combinations of frequencies in use, one row per dimension."""
        return self.functions().frequencies

    @property
    def n_basis_funcs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of cosines and sines."""
        return n_waves(self.masked_frequencies)

    @property
    def axes(self):
        return (Axis(self.n_basis_funcs, is_ordered=False),)

    @property
    def n_inputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of covariates."""
        return self.ndim

    @property
    def range_(self) -> tuple | None:
        """Lowest and highest value of each covariate, that one period runs through; None until known."""
        return None if self._known() is None else tuple((r.low[()], r.high[()]) for r in self._known() or ())

    # ------------------------------------------------------------------ features

    def compute_features(self, *covariates: ArrayLike) -> Any:
        x = self._as_samples(covariates)
        if self._known() is None:
            self._ranges = self._ranges_of(x)
        self._input_shape = x[0].shape[1:]
        features = self.features_at(*self.rescale(*covariates))
        return like_inputs(features.reshape(len(features), -1), *covariates)

    def setup_basis(self, *covariates: ArrayLike) -> Self:
        x = self._as_samples(covariates)
        self._input_shape = x[0].shape[1:]
        self._ranges = None if self.bounds is not None else self._ranges_of(x)
        return self

    def evaluate(self, *covariates):
        return self.features_at(*self.rescale(*covariates))

    def evaluate_on_grid(self, *n_points):
        """Values on a regular grid over the bounds, else the remembered ranges, else [0, 1]."""
        check_number_of_inputs(n_points, self.ndim, self.label)
        for n in n_points:
            check_integer(n, 1, f"{self.label}: the number of grid points")
        known = self._known() or ()
        spans = [(float(r.low), float(r.high)) for r in known if r.low.ndim == 0] or [(0.0, 1.0)] * self.ndim
        u = np.meshgrid(*(np.linspace(0.0, 1.0, n) for n in n_points), indexing="ij")
        grids = (low + c * (high - low) for c, (low, high) in zip(u, spans, strict=True))
        return (*grids, self.features_at(*u))

    def rescale(self, *covariates):
        x = self._as_samples(covariates)
        ranges = self._known() or self._ranges_of(x)
        if any(r.low.ndim and r.low.shape != c.shape[1:] for r, c in zip(ranges, x, strict=True)):
            raise ValueError(
                f"{self.label}: the basis remembers the ranges of covariates of another shape than {x[0].shape[1:]} "
                "per sample. Use setup_basis to learn anew, or another basis."
            )
        return tuple(_wrapped(r.scale(c)) for r, c in zip(ranges, x, strict=True))

    def features_at(self, *u):
        return self.functions().at(*u)

    def derivative_bound(self, order):
        waves = self.functions()
        return np.array([waves.bound_along(d, order) for d in range(self.ndim)])

    @property
    def has_learned(self) -> bool:
        return self._known() is not None

    def is_outside(self, *covariates):
        return np.zeros(len(self._as_samples(covariates)[0]), dtype=bool)

    # ------------------------------------------------------------------ how

    def _as_samples(self, covariates):
        check_number_of_inputs(covariates, self.ndim, self.label)
        check_same_length(covariates, self.label)
        x = [as_samples(covariate, self.label) for covariate in covariates]
        if len({samples.shape for samples in x}) > 1:
            raise ValueError(
                f"{self.label}: the covariates of one basis must have the same shape; got "
                f"{[samples.shape for samples in x]}."
            )
        return x

    def _ranges_of(self, x):
        return tuple(range_of_samples(samples, self.label) for samples in x)

    def _known(self) -> tuple[Range, ...] | None:
        if self.bounds is not None:
            return tuple(range_of_bounds(pair) for pair in self._bounds_of_inputs())
        return self._ranges

    def _bounds_of_inputs(self) -> Sequence[Any]:
        if self.bounds is None:
            return ()
        if not np.ndim(self.bounds[0]):
            return [self.bounds] * self.ndim
        if len(self.bounds) != self.ndim:
            raise ValueError(f"{self.label}: expected bounds for {self.ndim} covariates; got {self.bounds!r}.")
        return self.bounds


class FourierConv(ConvBasis):
    """Sines and cosines as filters; the window is one period.

    Parameters
    ----------
    frequencies
        Cycles per window: an integer ``k`` for 0 to k-1, a tuple ``(first, stop)``, or an array.
    window_size
        Length of the kernels [bins].
    frequency_mask
        Which frequencies to keep. The default ``"all"`` includes zero: the count in the window, which an intercept
        does not stand for. ``"no-intercept"`` leaves it out; or an array of 0 and 1, or a function of a frequency.
    label
        Name of the features in every result.
    conv_kwargs
        ``predictor_causality`` and ``shift`` of `spikesieve.convolve.create_convolutional_predictor`.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import FourierConv
    >>> FourierConv(3, window_size=20).compute_features(np.ones(100)).shape
    (100, 5)
    """

    is_complex = True

    def __init__(
        self,
        frequencies: Frequencies,
        window_size: int,
        frequency_mask: FrequencyMask = "all",
        label: str = "FourierConv",
        conv_kwargs: dict | None = None,
    ) -> None:
        self.frequencies = frequencies
        self.window_size = window_size
        self.frequency_mask = frequency_mask
        self.label = label
        self.conv_kwargs = conv_kwargs
        check_conv_arguments(self)
        self.functions()

    def functions(self) -> Waves:
        return Waves(masked_frequencies(self.frequencies, 1, self.frequency_mask, "FourierConv"))

    @property
    def n_basis_funcs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of cosines and sines."""
        return n_waves(self.functions().frequencies)

    @property
    def axes(self):
        return (Axis(self.n_basis_funcs, is_ordered=False),)


def n_waves(frequencies: np.ndarray) -> int:
    """Number of cosines, and of sines but that of frequency zero."""
    return frequencies.shape[1] + int(frequencies.any(axis=0).sum())


def masked_frequencies(
    frequencies: Frequencies, ndim: int, mask: FrequencyMask, name: str
) -> Float[np.ndarray, " n_dimensions n_frequencies"]:
    """Every combination of one frequency per dimension that the mask keeps, the last dimension fastest."""
    per_dimension = frequencies if isinstance(frequencies, list) else [frequencies] * ndim
    if len(per_dimension) != ndim:
        raise ValueError(
            f"{name}: a list of frequencies needs one entry per dimension ({ndim}); got {len(per_dimension)}."
        )
    axes = [_parse_frequencies(entry, name) for entry in per_dimension]
    mesh = np.meshgrid(*axes, indexing="ij")
    combinations = np.stack([axis.ravel() for axis in mesh])
    return combinations[:, _kept(mask, mesh, combinations, name)]


def _parse_frequencies(entry: Any, name: str) -> np.ndarray:
    if isinstance(entry, tuple) and len(entry) == 2:
        if not 0 <= entry[0] < entry[1]:
            raise ValueError(f"{name}: a pair of frequencies is (first, stop), 0 <= first < stop; got {entry!r}.")
        values = np.arange(*entry, dtype=float)
    elif not isinstance(entry, tuple) and np.ndim(entry) == 0:
        check_integer(entry, 0, f"{name}: the number of frequencies")
        values = np.arange(int(entry), dtype=float)
    else:
        values = np.asarray(entry, dtype=float)
    if values.ndim != 1 or (values < 0).any() or (values != np.round(values)).any():
        raise ValueError(f"{name}: frequencies must be whole numbers of cycles, 0 or more; got {entry!r}.")
    if len(np.unique(values)) < len(values):
        raise ValueError(f"{name}: frequencies must be distinct; got {entry!r}.")
    return values


def _kept(mask, mesh, combinations, name):
    if mask is None or (isinstance(mask, str) and mask == "all"):
        return np.ones(combinations.shape[1], dtype=bool)
    if isinstance(mask, str) and mask == "no-intercept":
        return combinations.any(axis=0)
    if callable(mask):
        return np.array([bool(mask(*combination)) for combination in combinations.T], dtype=bool)
    kept = np.asarray(mask)
    if isinstance(mask, str) or kept.shape != mesh[0].shape or not np.isin(kept, (0, 1)).all():
        raise ValueError(
            f"{name}: frequency_mask must be 'no-intercept', 'all', None, a function, or an array of 0 and 1 of shape "
            f"{mesh[0].shape}; got {mask!r}."
        )
    return kept.astype(bool).ravel()


def _wrapped(u):
    u[~np.isfinite(u)] = np.nan
    beyond = (u < 0.0) | (u > 1.0)
    u[beyond] = np.mod(u[beyond], 1.0)
    return u
