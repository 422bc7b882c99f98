"""Decaying exponentials, made orthonormal on the samples that the basis first sees."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from spikesieve.basis._base import check_integer
from spikesieve.basis._conv import ConvBasis, check_conv_arguments
from spikesieve.basis._eval import EvalBasis, check_eval_arguments
from spikesieve.basis._functions import UnitFunctions

# Points on which derivatives are evaluated to bound them: orthogonal functions are small differences of large terms.
_N_PROBES = 4097

Rates = Float[np.ndarray, " n_functions"]


@dataclass(frozen=True)
class Exponentials(UnitFunctions):
    """``exp(-rate * u)``, not yet orthogonal."""

    rates: Rates

    def evaluate(self, u):
        return np.exp(-u[..., None] * self.rates)

    def derivative_bound(self, order):
        return np.abs(self.rates) ** order * np.maximum(1.0, np.exp(-self.rates))


def orthonormalizer(
    values: Float[np.ndarray, " n_samples n_functions"], name: str
) -> Float[np.ndarray, " n_functions n_functions"]:
    """Return the matrix that makes the columns of `values` orthonormal, rows with NaN left out.

    With the singular value decomposition ``values = U S V'`` it is ``V / S``, and the product is ``U``.
    """
    complete = values[~np.isnan(values).any(axis=1)]
    n_functions = values.shape[1]
    if len(complete) < n_functions:
        raise ValueError(
            f"{name}: {n_functions} orthogonal functions need at least {n_functions} samples; got {len(complete)}."
        )
    _, singular, right = np.linalg.svd(complete, full_matrices=False)
    rank = int((singular > singular[0] * len(complete) * np.finfo(float).eps).sum())
    if rank < n_functions:
        raise ValueError(
            f"{name}: on these samples the {n_functions} exponentials amount to only {rank} different functions. "
            "Use fewer decay rates, rates further apart, or a covariate that varies."
        )
    return right.T / singular


class OrthExponentialEval(EvalBasis):
    """Exponentials ``exp(-rate * u)`` of the covariate scaled to [0, 1], orthonormal on the first samples.

    What makes them orthonormal is remembered with the range, so that later samples are expanded in the same
    functions.

    Parameters
    ----------
    n_basis_funcs
        Number of functions; as many as decay rates.
    decay_rates
        Distinct rates, per range of the covariate.
    bounds
        Range of the covariate, in its unit, as (lowest, highest). None: the range of the first samples, which
        is remembered.
    fill_value
        Features of samples outside the bounds. NaN (the default) makes a fit leave these time bins out.
    label
        Name of the features in every result.

    Raises
    ------
    ValueError
        If rates repeat or are not as many as functions; on samples, if they are too few or too alike.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import OrthExponentialEval
    >>> features = OrthExponentialEval(2, decay_rates=[1.0, 3.0]).compute_features(np.linspace(0, 1, 9))
    >>> bool(np.allclose(features.T @ features, np.eye(2)))
    True
    """

    _learned: tuple[Rates, np.ndarray] | None = None

    def __init__(
        self,
        n_basis_funcs: int,
        decay_rates: Rates,
        bounds: tuple[float, float] | None = None,
        fill_value: float = np.nan,
        label: str = "OrthExponentialEval",
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.decay_rates = decay_rates
        self.bounds = bounds
        self.fill_value = fill_value
        self.label = label
        check_eval_arguments(self)
        check_decay_rates(n_basis_funcs, decay_rates, "OrthExponentialEval")

    def functions(self) -> Exponentials:
        return Exponentials(np.asarray(self.decay_rates, dtype=float))

    def derivative_bound(self, order):
        """Bounds of what was learned: largest value on a grid, and how far the next derivative may take it between."""
        mixing, rates = self._mixing(), self.functions().rates
        if mixing is None:
            raise TypeError(f"{self.label}: has no scaled coordinates before samples have been seen; use setup_basis.")
        mixing = mixing.reshape(-1, *mixing.shape[-2:])
        values = self.functions().evaluate(np.linspace(0.0, 1.0, _N_PROBES)) * (-rates) ** order
        on_grid = np.abs(values @ mixing).max(axis=(0, 1))
        between = self.functions().derivative_bound(order + 1) @ np.abs(mixing) / (2 * (_N_PROBES - 1))
        return (on_grid + between.max(axis=0))[None, :]

    @property
    def has_learned(self) -> bool:
        return self._mixing() is not None and super().has_learned

    def _learn(self, x):
        super()._learn(x)
        functions = self.functions()
        values = functions.evaluate(self._coordinates(x, self._known_range(x)))
        columns = values.reshape(len(x), -1, self.n_basis_funcs)
        mixing = np.stack([orthonormalizer(columns[:, c], self.label) for c in range(columns.shape[1])])
        self._learned = (functions.rates, mixing.reshape(*x.shape[1:], *mixing.shape[1:]))

    def _mixing(self):
        """Return what is remembered, unless the rates have been changed since."""
        if self._learned is None or not np.array_equal(self._learned[0], self.functions().rates):
            return None
        return self._learned[1]

    def _values(self, u):
        values, mixing = self.functions().evaluate(u), self._mixing()
        if mixing is None:
            mixing = orthonormalizer(values.reshape(-1, self.n_basis_funcs), self.label)
        if mixing.ndim == 2:
            return values @ mixing
        return np.einsum("t...j,...jk->t...k", values, mixing)


class OrthExponentialConv(ConvBasis):
    """Exponentials as filters, orthonormal over the window.

    Parameters
    ----------
    n_basis_funcs
        Number of kernels; as many as decay rates.
    window_size
        Length of the kernels [bins], at least `n_basis_funcs`.
    decay_rates
        Distinct rates, per window.
    label
        Name of the features in every result.
    conv_kwargs
        ``predictor_causality`` and ``shift`` of `spikesieve.convolve.create_convolutional_predictor`.

    Raises
    ------
    ValueError
        If rates repeat, are not as many as kernels, or too alike; if the window is too short.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import OrthExponentialConv
    >>> kernel = OrthExponentialConv(2, window_size=20, decay_rates=[1.0, 3.0]).kernel()
    >>> bool(np.allclose(kernel.T @ kernel, np.eye(2)))
    True
    """

    def __init__(
        self,
        n_basis_funcs: int,
        window_size: int,
        decay_rates: Rates,
        label: str = "OrthExponentialConv",
        conv_kwargs: dict | None = None,
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.window_size = window_size
        self.decay_rates = decay_rates
        self.label = label
        self.conv_kwargs = conv_kwargs
        check_conv_arguments(self)
        check_decay_rates(n_basis_funcs, decay_rates, "OrthExponentialConv")

    def functions(self) -> Exponentials:
        return Exponentials(np.asarray(self.decay_rates, dtype=float))

    def _values(self, u):
        values = self.functions().evaluate(u)
        return values @ orthonormalizer(values.reshape(-1, self.n_basis_funcs), self.label)


def check_decay_rates(n_basis_funcs: int, decay_rates: Rates, name: str) -> None:
    """Refuse rates that repeat or do not match the number of functions."""
    check_integer(n_basis_funcs, 1, f"{name}: n_basis_funcs")
    rates = np.asarray(decay_rates)
    if rates.dtype.kind not in "iuf" or rates.shape != (n_basis_funcs,):
        raise ValueError(f"{name}: decay_rates must be {n_basis_funcs} numbers, one per function; got {decay_rates!r}.")
    if len(np.unique(rates)) < n_basis_funcs:
        raise ValueError(f"{name}: decay_rates must be distinct; got {decay_rates!r}.")
