"""Functions that the user wrote."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from spikesieve.basis._base import Basis, check_integer, check_label
from spikesieve.basis._range import check_bounds, outside
from spikesieve.basis._samples import (
    ArrayLike,
    as_samples,
    check_number_of_inputs,
    check_same_length,
    like_inputs,
)


class CustomBasis(Basis):
    """Features computed by functions of your own.

    Parameters
    ----------
    funcs
        A function or several, each from arrays with samples along the first axis (one per covariate) to an array
        with samples along its first axis.
    ndim_input
        Number of axes of the array that a function takes, that of samples included. Further axes of a covariate
        are columns, expanded one by one.
    output_shape
        Shape of one function's values per sample; None for a single value.
    basis_kwargs
        Keyword arguments for every function.
    pynapple_support
        Accepted so that programs written for NeMoS run; functions always receive plain arrays.
    label
        Name of the features in every result; None: ``"CustomBasis"``.
    is_complex
        Whether columns are real and imaginary parts of complex functions, which cannot be multiplied with others.
    bounds
        Rows with samples outside (lowest, highest) are filled with `fill_value`. Covariates are not scaled.
    fill_value
        Features of samples outside the bounds. NaN (the default) makes a fit leave these time bins out.

    Raises
    ------
    ValueError
        When features are computed, if a function's values do not have the stated shape.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import CustomBasis
    >>> powers = CustomBasis([lambda x: x, lambda x: x**2], label="speed")
    >>> powers.compute_features(np.array([1.0, 3.0]))
    array([[1., 1.],
           [3., 9.]])
    """

    def __init__(
        self,
        funcs: Callable[..., Any] | Sequence[Callable[..., Any]],
        ndim_input: int = 1,
        output_shape: int | tuple[int, ...] | None = None,
        basis_kwargs: dict[str, Any] | None = None,
        pynapple_support: bool = True,
        label: str | None = None,
        is_complex: bool = False,
        bounds: tuple[float, float] | None = None,
        fill_value: float = np.nan,
    ) -> None:
        self.funcs = funcs
        self.ndim_input = ndim_input
        self.output_shape = output_shape
        self.basis_kwargs = basis_kwargs
        self.pynapple_support = pynapple_support
        self.label = "CustomBasis" if label is None else label
        self.is_complex = is_complex
        self.bounds = bounds
        self.fill_value = fill_value
        check_label(self.label, CustomBasis)
        check_bounds(bounds, "CustomBasis")
        check_integer(ndim_input, 1, "CustomBasis: ndim_input")
        if not self._functions() or not all(callable(function) for function in self._functions()):
            raise TypeError(f"CustomBasis: funcs must be one or more functions; got {funcs!r}.")

    @property
    def n_basis_funcs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of features per column: functions times values of each."""
        return len(self._functions()) * math.prod(self._value_shape())

    @property
    def n_inputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of covariates: arguments of the first function without a default or a keyword given."""
        function = self._functions()[0]
        if isinstance(function, np.ufunc):
            return function.nin
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return 1
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        given = self.basis_kwargs or {}
        free = [p for p in parameters if p.kind in positional and p.default is p.empty and p.name not in given]
        return max(len(free), 1)

    def compute_features(self, *covariates: ArrayLike) -> Any:
        self.setup_basis(*covariates)
        features = self.evaluate(*covariates)
        return like_inputs(features.reshape(len(features), -1), *covariates)

    def setup_basis(self, *covariates: ArrayLike) -> Self:
        self._input_shape = self._as_samples(covariates)[0].shape[self.ndim_input :]
        return self

    def evaluate(self, *covariates):
        """Values of the functions, shape ``(n_samples, *columns, n_basis_funcs)``."""
        x = self._as_samples(covariates)
        columns = x[0].shape[self.ndim_input :]
        flat = [samples.reshape(*samples.shape[: self.ndim_input], -1) for samples in x]
        features = np.stack(
            [self._expand([samples[..., c] for samples in flat]) for c in range(flat[0].shape[-1])], axis=1
        )
        features = features.reshape(len(x[0]), *columns, self.n_basis_funcs)
        strays = np.any([outside(s, self.bounds).reshape(len(s), -1).any(axis=1) for s in x], axis=0)
        features[strays] = self.fill_value
        return features

    def evaluate_on_grid(self, *n_points):
        """Values on a regular grid over the bounds, else over [0, 1]; for functions of numbers only."""
        check_number_of_inputs(n_points, self.n_inputs, self.label)
        if self.ndim_input != 1:
            raise ValueError(f"{self.label}: functions of {self.ndim_input}-dimensional arrays have no grid.")
        span = self.bounds or (0.0, 1.0)
        grids = np.meshgrid(*(np.linspace(*span, n) for n in n_points), indexing="ij")
        values = self.evaluate(*(grid.ravel() for grid in grids))
        return (*grids, values.reshape(*grids[0].shape, -1))

    def _expand(self, x):
        values = [np.asarray(f(*x, **(self.basis_kwargs or {})), dtype=float) for f in self._functions()]
        expected = (len(x[0]), *self._value_shape())
        for value in values:
            if value.shape != expected and value.size != math.prod(expected):
                raise ValueError(
                    f"{self.label}: a function returned shape {value.shape}, expected {expected}. Return one value "
                    "per sample, or state output_shape."
                )
        # Functions vary fastest.
        return np.stack([value.reshape(len(x[0]), -1) for value in values], axis=-1).reshape(len(x[0]), -1)

    def _functions(self) -> list[Callable[..., Any]]:
        return [self.funcs] if callable(self.funcs) else list(self.funcs)

    def _value_shape(self) -> tuple[int, ...]:
        if self.output_shape is None:
            return ()
        return (self.output_shape,) if isinstance(self.output_shape, int) else tuple(self.output_shape)

    def _as_samples(self, covariates):
        check_number_of_inputs(covariates, self.n_inputs, self.label)
        check_same_length(covariates, self.label)
        x = [as_samples(covariate, self.label) for covariate in covariates]
        if any(samples.ndim < self.ndim_input for samples in x):
            raise ValueError(
                f"{self.label}: the functions take arrays of {self.ndim_input} dimensions; got shapes "
                f"{[samples.shape for samples in x]}."
            )
        return x
