"""A user's own function as an inverse link: differentiated by JAX, or by a complex step.

A function that computes with JAX is differentiated by JAX, in double precision whatever JAX's own setting. Any other
gets the complex step ``f'(x) = Im f(x + ih) / h`` with h so small that it has no error (Squire & Trapp 1998, SIAM
Rev. 40, 110-112), which needs NumPy code without absolute values or functions of real numbers alone. Whether that
holds is tried out on the spot; a function that fails is refused, rather than fitted with a wrong derivative.
"""

import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from spikesieve.observation_models._links import (
    Exponential,
    Identity,
    InverseLink,
    Logistic,
    NormalCdf,
    Reciprocal,
    Softplus,
)

# Where a function is tried out: near the origin, where naive formulas lose digits, and where clipping would show.
_POSITIVE = np.array([0.011, 0.07, 0.4, 1.3, 3.7, 9.1, 23.0, 47.0, 111.0, 300.0])
_PROBES = np.concatenate([-_POSITIVE[::-1], _POSITIVE])
# Out of order and without the largest, so that neither a cumulative sum nor a softmax passes for elementwise.
_SOME = slice(-2, 0, -3)
_CLOSED_FORMS = (Exponential(), Softplus(), Identity(), Logistic(), NormalCdf())
_COMPLEX_STEP = 1e-150


@lru_cache(maxsize=64)
def link_of_function(function: Callable) -> InverseLink:
    """Link that computes `function`, by a closed form where `function` agrees with one to rounding.

    ``lambda x: jnp.log(1 + jnp.exp(x))`` is so found to be softplus, and fitted without its overflow.

    Raises
    ------
    TypeError
        If `function` does not map arrays elementwise.
    ValueError
        If it can be differentiated neither by JAX nor by a complex step.
    """
    values = _tried_out(function)
    for link in _CLOSED_FORMS:
        if _agree(values, link.mean(_PROBES)):
            return link
    if _agree(values[_PROBES > 0], 1.0 / _POSITIVE):
        return Reciprocal()
    if _is_from_jax(function):
        return JaxFunction(function)
    return _checked(NumpyFunction(function), values)


class JaxFunction(InverseLink):
    """Inverse link computed by a user's function that JAX can differentiate."""

    mean_range = (-np.inf, np.inf)

    def __init__(self, function: Callable):
        self.function = function

    def mean(self, linear_predictor):
        return _with_derivative(self.function, linear_predictor)[0]

    def derivative(self, linear_predictor, mean):
        del mean
        return _known(_with_derivative(self.function, linear_predictor)[1])

    def linear_predictor(self, mean):
        return _inverted(self.mean, mean)

    def __repr__(self) -> str:
        return f"JaxFunction({self.function!r})"


class NumpyFunction(InverseLink):
    """Inverse link computed by a user's NumPy function that accepts complex numbers."""

    mean_range = (-np.inf, np.inf)

    def __init__(self, function: Callable):
        self.function = function

    def mean(self, linear_predictor):
        return np.array(self.function(linear_predictor), dtype=np.float64)

    def derivative(self, linear_predictor, mean):
        del mean
        return _known(np.imag(self.function(linear_predictor + 1j * _COMPLEX_STEP)) / _COMPLEX_STEP)

    def linear_predictor(self, mean):
        return _inverted(self.mean, mean)

    def __repr__(self) -> str:
        return f"NumpyFunction({self.function!r})"


def _known(slope: np.ndarray) -> np.ndarray:
    """Slopes that are 0 * infinity, where a function has levelled off, as the 0 they are in the limit."""
    return np.where(np.isnan(slope), 0.0, slope)


# ---- Trying out ------------------------------------------------------------------------------------------------------


def _tried_out(function: Callable) -> np.ndarray:
    try:
        values, some = _values(function, _PROBES), _values(function, _PROBES[_SOME])
    except Exception as error:
        raise TypeError(
            "inverse_link_function must map an array of linear predictors to means, elementwise, with NumPy or "
            f"jax.numpy; {function!r} failed: {error}"
        ) from error
    if values.shape != _PROBES.shape or not _agree(values[_SOME], some):
        raise TypeError(f"inverse_link_function must act elementwise on arrays; {function!r} does not.")
    return values


def _checked(link: NumpyFunction, values: np.ndarray) -> NumpyFunction:
    """`link`, if its derivatives are those of differences where these tell anything."""
    step = 1e-6 * np.maximum(np.abs(_PROBES), 1e-2)
    with np.errstate(all="ignore"):
        differences = (link.mean(_PROBES + step) - link.mean(_PROBES - step)) / (2.0 * step)
        noise = 1e-15 * np.abs(values) / step
        try:
            derivative = link.derivative(_PROBES, values)
            wrong = np.abs(derivative - differences) > 1e-5 * np.abs(differences) + noise
        except TypeError:
            wrong = np.ones(1, dtype=bool)
    if wrong.any():
        raise ValueError(
            f"The derivative of inverse_link_function {link.function!r} cannot be found: it does not compute with "
            "complex numbers. Write it with jax.numpy instead of NumPy, or pass an InverseLink that has a derivative."
        )
    return link


def _values(function: Callable, x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        if "jax" not in sys.modules:
            return np.asarray(function(x), dtype=np.float64)
        with _double_precision():
            return np.asarray(function(x), dtype=np.float64)


def _agree(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.allclose(a, b, rtol=1e-12, atol=1e-15))


def _inverted(function: Callable, mean: float) -> float:
    """Linear predictor nearest to zero at which `function` gives `mean`; failing that, where it comes closest."""
    from scipy.optimize import root_scalar

    def excess_at(eta: float) -> float:
        return float(function(np.array([eta]))[0]) - mean

    with np.errstate(all="ignore"):
        excess = function(_PROBES) - mean
        crossings = np.flatnonzero(np.isfinite(excess[:-1] * excess[1:]) & (excess[:-1] * excess[1:] <= 0))
        for k in crossings[np.argsort(np.abs(_PROBES[crossings] + _PROBES[crossings + 1]))]:
            root = root_scalar(excess_at, bracket=_PROBES[k : k + 2], xtol=1e-14, rtol=1e-14).root
            if abs(excess_at(root)) <= 1e-6 * (1.0 + abs(mean)):  # a sign can also change across a pole
                return root
    return float(_PROBES[np.argmin(np.where(np.isfinite(excess), np.abs(excess), np.inf))])


# ---- JAX, which the caller has imported if his function uses it: it is never imported here --------------------------


def _is_from_jax(function: Callable) -> bool:
    if "jax" not in sys.modules:
        return False
    with np.errstate(all="ignore"), _double_precision():
        return isinstance(function(_PROBES), sys.modules["jax"].Array)


def _double_precision():
    jax = sys.modules["jax"]
    # A context manager that older releases keep among the experimental ones.
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()


@lru_cache(maxsize=64)
def _compiled(function: Callable) -> Callable:
    jax = sys.modules["jax"]
    # Elementwise: pushing ones forward gives all derivatives at once.
    return jax.jit(lambda x: jax.jvp(function, (x,), (jax.numpy.ones_like(x),)))


def _with_derivative(function: Callable, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with _double_precision():
        value, slope = _compiled(function)(np.asarray(x, dtype=np.float64))
        return np.array(value), np.array(slope)
