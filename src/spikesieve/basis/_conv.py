"""`ConvBasis`: functions of the time since (or until) a sample, which a covariate is convolved with."""

import abc
from typing import Any, Self

import numpy as np
from jaxtyping import Float

from spikesieve.basis._base import Basis, check_integer, check_label
from spikesieve.basis._convolution import BATCH_ARGUMENTS, convolve, epochs_of, row_offset
from spikesieve.basis._functions import UnitFunctions
from spikesieve.basis._range import range_of_samples
from spikesieve.basis._samples import ArrayLike, as_samples, check_number_of_inputs, like_inputs


class ConvBasis(Basis):
    """Filters of a covariate: its recent past (or near future) as a sum of smooth kernels.

    Spike history, coupling between neurons, a stimulus with unknown latency. The first rows of each epoch have
    no complete window and are NaN; a fit leaves them out. Nothing is learned from the samples.
    """

    window_size: int
    conv_kwargs: dict[str, Any] | None
    is_convolved = True

    @abc.abstractmethod
    def functions(self) -> UnitFunctions:
        """Return the basis functions on [0, 1], which the window is mapped to."""

    def kernel(self) -> Float[np.ndarray, " window_size n_basis_funcs"]:
        return self._values(np.linspace(0.0, 1.0, self.window_size))

    @property
    def row_offset(self) -> int:
        settings = self.conv_kwargs or {}
        causality, shift = settings.get("predictor_causality", "causal"), settings.get("shift")
        return row_offset(self.window_size, causality, shift)

    def compute_features(self, *covariates: ArrayLike) -> Any:
        x = self._as_samples(covariates)
        self._input_shape = x.shape[1:]
        features = convolve(self.kernel(), x, self.row_offset, epochs_of(covariates[0], len(x)))
        return like_inputs(features.reshape(len(x), -1), *covariates)

    def setup_basis(self, *covariates: ArrayLike) -> Self:
        self._input_shape = self._as_samples(covariates).shape[1:]
        return self

    def evaluate(self, *covariates):
        """Values of the kernels where their window is mapped to the range of the samples."""
        x = self._as_samples(covariates)
        return self._values(range_of_samples(x, self.label).scale(x))

    def evaluate_on_grid(self, *n_points):
        """Values of the kernels on a regular grid over [0, 1], which is the window."""
        check_number_of_inputs(n_points, 1, self.label)
        check_integer(n_points[0], 1, f"{self.label}: the number of grid points")
        grid = np.linspace(0.0, 1.0, n_points[0])
        return grid, self._values(grid)

    def _values(self, u):
        return self.functions().evaluate(u)

    def _as_samples(self, covariates):
        check_number_of_inputs(covariates, 1, self.label)
        return as_samples(covariates[0], self.label)


def check_conv_arguments(basis: ConvBasis) -> None:
    """Refuse a window, settings of the convolution or a label that make no sense."""
    name = type(basis).__name__
    check_label(basis.label, type(basis))
    check_integer(basis.window_size, 1, f"{name}: window_size")
    settings = basis.conv_kwargs or {}
    if "axis" in settings:
        raise ValueError(f"{name}: time is the first axis of a covariate, so conv_kwargs has no 'axis'.")
    known = {"predictor_causality", "shift", *BATCH_ARGUMENTS}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ValueError(
            f"{name}: conv_kwargs has no {', '.join(map(repr, unknown))}; it takes {', '.join(sorted(known))}."
        )
    row_offset(basis.window_size, settings.get("predictor_causality", "causal"), settings.get("shift"))
