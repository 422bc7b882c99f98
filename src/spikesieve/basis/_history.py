"""The recent past as it is: one feature per lag."""

from dataclasses import dataclass

import numpy as np

from spikesieve.basis._conv import ConvBasis, check_conv_arguments
from spikesieve.basis._functions import UnitFunctions


@dataclass(frozen=True)
class Lags(UnitFunctions):
    """One for the lag nearest to a coordinate, zero for the others."""

    n_lags: int

    def evaluate(self, u):
        missing = np.isnan(u)
        nearest = np.rint(np.where(missing, 0.0, u) * (self.n_lags - 1)).astype(np.intp)
        values = np.eye(self.n_lags)[nearest]
        values[missing] = np.nan
        return values

    def derivative_bound(self, order):
        return np.full(self.n_lags, np.inf if order and self.n_lags > 1 else float(order == 0))


class HistoryConv(ConvBasis):
    """The last `window_size` samples, most recent first, one coefficient each.

    Makes no assumption about the shape of the filter, at the price of many coefficients.

    Parameters
    ----------
    window_size
        Number of lags [bins].
    label
        Name of the features in every result.
    conv_kwargs
        ``predictor_causality`` and ``shift`` of `spikesieve.convolve.create_convolutional_predictor`.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import HistoryConv
    >>> HistoryConv(2).compute_features(np.array([1.0, 2, 3, 4, 5]))
    array([[nan, nan],
           [nan, nan],
           [ 2.,  1.],
           [ 3.,  2.],
           [ 4.,  3.]])
    """

    def __init__(self, window_size: int, label: str = "HistoryConv", conv_kwargs: dict | None = None) -> None:
        self.window_size = window_size
        self.label = label
        self.conv_kwargs = conv_kwargs
        check_conv_arguments(self)

    @property
    def n_basis_funcs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of lags."""
        return self.window_size

    def functions(self) -> Lags:
        return Lags(self.window_size)
