"""`EvalBasis`: functions of the momentary value of a covariate, and the range that it is scaled by.

The functions live on [0, 1]. Where the user gives no `bounds`, the lowest and highest of the first samples
that a basis sees become its range, and the basis remembers them: the same position then gives the
same features in the training data, in the held-out fold and in tomorrow's recording.
"""

import abc
import warnings
from typing import Any, Self

import numpy as np

from spikesieve.basis._base import Basis, check_integer, check_label
from spikesieve.basis._functions import UnitFunctions
from spikesieve.basis._range import Range, check_bounds, outside, range_of_bounds, range_of_samples
from spikesieve.basis._samples import ArrayLike, as_samples, check_number_of_inputs, like_inputs

# Held-out samples stray a little beyond the training range; another covariate or unit strays far.
_LARGEST_USUAL_SHARE_OUTSIDE = 0.1


class EvalBasis(Basis):
    """Functions of one covariate at each sample.

    Samples that are NaN (or infinite, where there are no bounds) give NaN features. With `bounds`, a sample
    outside them gives a row of `fill_value`. Without, samples outside the remembered range are moved to its
    nearest end, so that a tuning curve continues at the height where the training data ended; cyclic bases
    go round instead. A warning says so when more than a tenth of the samples lie outside.
    """

    bounds: tuple[float, float] | None
    fill_value: float
    is_tabulable = True
    is_cyclic: bool = False
    """Whether the two ends of the range are the same place."""
    _range: Range | None = None

    @abc.abstractmethod
    def functions(self) -> UnitFunctions:
        """Return the basis functions on [0, 1]."""

    # ------------------------------------------------------------------ features

    def compute_features(self, *covariates: ArrayLike) -> Any:
        x = self._as_samples(covariates)
        if not self.has_learned:
            self._learn(x)
        features = self._features(x, self._known_range(x))
        self._input_shape = x.shape[1:]
        return like_inputs(features.reshape(len(x), -1), *covariates)

    def setup_basis(self, *covariates: ArrayLike) -> Self:
        self._learn(self._as_samples(covariates))
        return self

    def evaluate(self, *covariates):
        x = self._as_samples(covariates)
        return self._features(x, self._known_range(x))

    def evaluate_on_grid(self, *n_points):
        """Values on a regular grid over the bounds, else the remembered range, else [0, 1]."""
        check_number_of_inputs(n_points, 1, self.label)
        check_integer(n_points[0], 1, f"{self.label}: the number of grid points")
        low, high = self.range_ if self._has_one_range() else (0.0, 1.0)
        u = np.linspace(0.0, 1.0, n_points[0])
        values = self._values(u) * self._feature_scale(np.asarray(low), np.asarray(high))
        return low + u * (high - low), values

    # ------------------------------------------------------------------ the range

    @property
    def range_(self) -> Any:
        """The lowest and the highest value, per column, that samples are scaled by; None until known."""
        known = range_of_bounds(self.bounds) if self.bounds is not None else self._range
        return None if known is None else (known.low[()], known.high[()])

    def rescale(self, *covariates):
        x = self._as_samples(covariates)
        return (self._coordinates(x, self._known_range(x)),)

    def features_at(self, *u):
        values = self._values(u[0])
        return values * self._feature_scale(*self.range_)[..., None] if self.range_ is not None else values

    def derivative_bound(self, order):
        scale = 1.0 if self.range_ is None else float(np.max(self._feature_scale(*self.range_)))
        return scale * self.functions().derivative_bound(order)[None, :]

    @property
    def pieces(self):
        return self.functions().pieces

    @property
    def has_learned(self) -> bool:
        return self.bounds is not None or self._range is not None

    def is_outside(self, *covariates):
        x = self._as_samples(covariates)
        return outside(x, self.bounds).reshape(len(x), -1).any(axis=1)

    # ------------------------------------------------------------------ how

    def _as_samples(self, covariates):
        check_number_of_inputs(covariates, 1, self.label)
        return as_samples(covariates[0], self.label)

    def _learn(self, x):
        self._input_shape = x.shape[1:]
        if self.bounds is None:
            self._range = range_of_samples(x, self.label)

    def _values(self, u):
        return self.functions().evaluate(u)

    def _known_range(self, x) -> Range:
        """Bounds, else what is remembered, else what these samples span."""
        if self.bounds is not None:
            return range_of_bounds(self.bounds)
        if self._range is None:
            return range_of_samples(x, self.label)
        if self._range.low.ndim and self._range.low.shape != x.shape[1:]:
            raise ValueError(
                f"{self.label}: the basis remembers one range for each column of {self._range.low.shape} columns; "
                f"got {x.shape[1:]} columns. Use setup_basis(x) to learn anew, or another basis."
            )
        return self._range

    def _has_one_range(self) -> bool:
        return self.range_ is not None and np.ndim(self.range_[0]) == 0

    def _features(self, x, known):
        features = self._values(self._coordinates(x, known))
        scale = self._feature_scale(known.low, known.high)
        if np.any(scale != 1.0):
            features *= scale[..., None]
        strays = outside(x, self.bounds)
        if strays.any():
            # One column outside spoils the whole row: its time bin is not in the domain of the model.
            features[strays.reshape(len(x), -1).any(axis=1)] = self.fill_value
        return features

    def _coordinates(self, x, known):
        u = known.scale(x)
        if self.bounds is not None:
            u[~((u >= 0.0) & (u <= 1.0))] = np.nan
            return u
        if not np.isfinite(u).all():
            u[~np.isfinite(u)] = np.nan
        beyond = (u < 0.0) | (u > 1.0)
        if beyond.any():
            self._warn_if_many(beyond, known)
            u[beyond] = np.mod(u[beyond], 1.0) if self.is_cyclic else np.clip(u[beyond], 0.0, 1.0)
        return u

    def _warn_if_many(self, beyond, known):
        share = float(beyond.mean())
        if share > _LARGEST_USUAL_SHARE_OUTSIDE:
            warnings.warn(
                f"{self.label}: {share:.0%} of the samples lie outside the range that this basis remembers "
                f"from the first samples it saw ({known.low} to {known.high}). For another covariate or "
                "recording use another basis, setup_basis(x) to learn anew, or bounds=(lowest, highest).",
                stacklevel=5,
            )

    def _feature_scale(self, low, high) -> np.ndarray:
        """Factor on the features that depends on the range; 1 for most families."""
        del low, high
        return np.ones(())


def check_eval_arguments(basis: EvalBasis) -> None:
    """Refuse bounds, a fill value or a label that make no sense."""
    name = type(basis).__name__
    check_bounds(basis.bounds, name)
    check_label(basis.label, type(basis))
    try:
        float(basis.fill_value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: fill_value must be a number; got {basis.fill_value!r}.") from error
