"""Raised cosines on a logarithmic axis: narrow bumps at the low end, wide ones at the high end."""

from dataclasses import dataclass

import numpy as np

from spikesieve.basis._conv import ConvBasis, check_conv_arguments
from spikesieve.basis._eval import EvalBasis, check_eval_arguments
from spikesieve.basis._functions import UnitFunctions
from spikesieve.basis._raised_cosine import LinearRaisedCosines, check_raised_cosine_arguments

_DEFAULT_TIME_SCALING = 50.0


@dataclass(frozen=True)
class LogRaisedCosines(UnitFunctions):
    """Raised cosines of ``log(1 + scaling * u) / log(1 + scaling)``."""

    bumps: LinearRaisedCosines
    scaling: float

    def evaluate(self, u):
        return self.bumps.evaluate(np.log1p(self.scaling * u) / np.log1p(self.scaling))

    def derivative_bound(self, order):
        # The warped coordinate w has slope s / (log(1 + s) (1 + s u)), largest at u = 0, where its second
        # derivative is largest too; f(w(u))'' = f'' w'^2 + f' w''.
        slope = self.scaling / np.log1p(self.scaling)
        bound = self.bumps.derivative_bound(order) * slope**order
        return bound + self.bumps.derivative_bound(1) * slope * self.scaling if order == 2 else bound


def log_raised_cosines(
    n_functions: int, width: float, time_scaling: float | None, enforce_decay_to_zero: bool
) -> LogRaisedCosines:
    """Peaks equally spaced on the logarithmic axis; the last such that its bump ends at 1, or at 1."""
    last = 1.0 - width / (n_functions + width - 1.0) if enforce_decay_to_zero else 1.0
    peaks = np.linspace(0.0, last, n_functions)
    scaling = _DEFAULT_TIME_SCALING if time_scaling is None else float(time_scaling)
    return LogRaisedCosines(LinearRaisedCosines(peaks, float(width * (peaks[1] - peaks[0]))), scaling)


class RaisedCosineLogEval(EvalBasis):
    """Raised cosine bumps of a covariate, narrow at the low end of its range and wide at the high end.

    Parameters
    ----------
    n_basis_funcs
        Number of bumps, at least 2.
    width
        Distance from the peak of a bump to where it ends, in spacings between peaks: above 1, and a multiple
        of one half. The default 2 overlaps four bumps at each place.
    time_scaling
        How strongly time is stretched near zero; larger is finer there. None: 50.
    enforce_decay_to_zero
        Whether the last bump ends within the range. If not, it peaks at the end.
    bounds
        Range of the covariate, in its unit, as (lowest, highest). None: the range of the first samples, which
        is remembered.
    fill_value
        Features of samples outside the bounds. NaN (the default) makes a fit leave these time bins out.
    label
        Name of the features in every result.

    References
    ----------
    Pillow, J. W., Paninski, L., Uzzell, V. J., Simoncelli, E. P., & Chichilnisky, E. J. (2005). Prediction
    and decoding of retinal ganglion cell responses with a probabilistic spiking model. *Journal of
    Neuroscience*, 25(47), 11003-11013. doi:10.1523/JNEUROSCI.3305-05.2005

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import RaisedCosineLogEval
    >>> RaisedCosineLogEval(5).compute_features(np.linspace(0, 1, 100)).shape
    (100, 5)
    """

    def __init__(
        self,
        n_basis_funcs: int,
        width: float = 2.0,
        time_scaling: float | None = None,
        enforce_decay_to_zero: bool = True,
        bounds: tuple[float, float] | None = None,
        fill_value: float = np.nan,
        label: str = "RaisedCosineLogEval",
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.width = width
        self.time_scaling = time_scaling
        self.enforce_decay_to_zero = enforce_decay_to_zero
        self.bounds = bounds
        self.fill_value = fill_value
        self.label = label
        check_eval_arguments(self)
        check_log_arguments(n_basis_funcs, width, time_scaling, "RaisedCosineLogEval")

    def functions(self) -> LogRaisedCosines:
        return log_raised_cosines(self.n_basis_funcs, self.width, self.time_scaling, self.enforce_decay_to_zero)


class RaisedCosineLogConv(ConvBasis):
    """Raised cosine bumps as filters, narrow near the present and wide further away.

    The usual basis for spike history and coupling: fine detail right after a spike, little after that.

    Parameters
    ----------
    n_basis_funcs
        Number of kernels, at least 2.
    window_size
        Length of the kernels [bins].
    width
        Distance from the peak of a bump to where it ends, in spacings between peaks: above 1, and a multiple
        of one half. The default 2 overlaps four bumps at each place.
    time_scaling
        How strongly time is stretched near zero; larger is finer there. None: 50.
    enforce_decay_to_zero
        Whether the last bump ends within the range. If not, it peaks at the end.
    label
        Name of the features in every result.
    conv_kwargs
        ``predictor_causality`` and ``shift`` of `spikesieve.convolve.create_convolutional_predictor`.

    References
    ----------
    Pillow, J. W., Paninski, L., Uzzell, V. J., Simoncelli, E. P., & Chichilnisky, E. J. (2005). Prediction
    and decoding of retinal ganglion cell responses with a probabilistic spiking model. *Journal of
    Neuroscience*, 25(47), 11003-11013. doi:10.1523/JNEUROSCI.3305-05.2005

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import RaisedCosineLogConv
    >>> RaisedCosineLogConv(5, window_size=20).compute_features(np.ones(100)).shape
    (100, 5)
    """

    def __init__(
        self,
        n_basis_funcs: int,
        window_size: int,
        width: float = 2.0,
        time_scaling: float | None = None,
        enforce_decay_to_zero: bool = True,
        label: str = "RaisedCosineLogConv",
        conv_kwargs: dict | None = None,
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.window_size = window_size
        self.width = width
        self.time_scaling = time_scaling
        self.enforce_decay_to_zero = enforce_decay_to_zero
        self.label = label
        self.conv_kwargs = conv_kwargs
        check_conv_arguments(self)
        check_log_arguments(n_basis_funcs, width, time_scaling, "RaisedCosineLogConv")

    def functions(self) -> LogRaisedCosines:
        return log_raised_cosines(self.n_basis_funcs, self.width, self.time_scaling, self.enforce_decay_to_zero)


def check_log_arguments(n_basis_funcs: int, width: float, time_scaling: float | None, name: str) -> None:
    """Refuse what the linear bumps refuse, and a scaling that is not positive."""
    check_raised_cosine_arguments(n_basis_funcs, width, name)
    if time_scaling is not None and not time_scaling > 0:
        raise ValueError(f"{name}: time_scaling must be positive; got {time_scaling!r}.")
