"""Raised cosines: single bumps of a cosine, equally spaced along a coordinate."""

from dataclasses import dataclass

import numpy as np

from spikesieve.basis._base import check_integer
from spikesieve.basis._conv import ConvBasis, check_conv_arguments
from spikesieve.basis._eval import EvalBasis, check_eval_arguments
from spikesieve.basis._functions import UnitFunctions

# Rows whose temporaries stay in a second-level cache.
_CHUNK_ROWS = 8192


@dataclass(frozen=True)
class LinearRaisedCosines(UnitFunctions):
    """``(1 + cos(pi * (u - peak) / half_width)) / 2`` within `half_width` of each peak, else zero."""

    peaks: np.ndarray
    half_width: float

    def evaluate(self, u):
        flat = u.ravel()
        values = np.empty((flat.size, self.peaks.size))
        for start in range(0, flat.size, _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            phase = values[rows]
            np.subtract(flat[rows, None], self.peaks, out=phase)
            phase *= np.pi / self.half_width
            np.clip(phase, -np.pi, np.pi, out=phase)
            np.cos(phase, out=phase)
            phase += 1.0
            phase *= 0.5
        return values.reshape(*u.shape, self.peaks.size)

    def derivative_bound(self, order):
        scale = (np.pi / self.half_width) ** order
        return np.full(self.peaks.size, scale / 2 if order else 1.0)


def linear_raised_cosines(n_functions: int, width: float) -> LinearRaisedCosines:
    """Peaks from 0 to 1, each bump `width` spacings to either side."""
    peaks = np.linspace(0.0, 1.0, n_functions)
    return LinearRaisedCosines(peaks, float(width * (peaks[1] - peaks[0])))


class RaisedCosineLinearEval(EvalBasis):
    """Raised cosine bumps of a covariate, equally spaced over its range.

    The first bump peaks at the lowest value, the last at the highest.

    Parameters
    ----------
    n_basis_funcs
        Number of bumps, at least 2.
    width
        Distance from the peak of a bump to where it ends, in spacings between peaks: above 1, and a multiple
        of one half so that the bumps add up to a constant. The default 2 overlaps four bumps at each place.
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
        If there are fewer than 2 bumps, the width is not as above, or the bounds are not increasing.

    References
    ----------
    Pillow, J. W., Paninski, L., Uzzell, V. J., Simoncelli, E. P., & Chichilnisky, E. J. (2005). Prediction
    and decoding of retinal ganglion cell responses with a probabilistic spiking model. *Journal of
    Neuroscience*, 25(47), 11003-11013. doi:10.1523/JNEUROSCI.3305-05.2005

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import RaisedCosineLinearEval
    >>> RaisedCosineLinearEval(3).compute_features(np.array([0.0, 1.0, 2.0]))
    array([[1. , 0.5, 0. ],
           [0.5, 1. , 0.5],
           [0. , 0.5, 1. ]])
    """

    def __init__(
        self,
        n_basis_funcs: int,
        width: float = 2.0,
        bounds: tuple[float, float] | None = None,
        fill_value: float = np.nan,
        label: str = "RaisedCosineLinearEval",
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.width = width
        self.bounds = bounds
        self.fill_value = fill_value
        self.label = label
        check_eval_arguments(self)
        check_raised_cosine_arguments(n_basis_funcs, width, "RaisedCosineLinearEval")

    def functions(self) -> LinearRaisedCosines:
        return linear_raised_cosines(self.n_basis_funcs, self.width)


class RaisedCosineLinearConv(ConvBasis):
    """Raised cosine bumps as filters, equally spaced in time.

    Parameters
    ----------
    n_basis_funcs
        Number of kernels, at least 2.
    window_size
        Length of the kernels [bins].
    width
        Distance from the peak of a bump to where it ends, in spacings between peaks: above 1, and a multiple
        of one half. The default 2 overlaps four bumps at each place.
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
    >>> from spikesieve.basis import RaisedCosineLinearConv
    >>> RaisedCosineLinearConv(5, window_size=20).compute_features(np.ones(100)).shape
    (100, 5)
    """

    def __init__(
        self,
        n_basis_funcs: int,
        window_size: int,
        width: float = 2.0,
        label: str = "RaisedCosineLinearConv",
        conv_kwargs: dict | None = None,
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.window_size = window_size
        self.width = width
        self.label = label
        self.conv_kwargs = conv_kwargs
        check_conv_arguments(self)
        check_raised_cosine_arguments(n_basis_funcs, width, "RaisedCosineLinearConv")

    def functions(self) -> LinearRaisedCosines:
        return linear_raised_cosines(self.n_basis_funcs, self.width)


def check_raised_cosine_arguments(n_basis_funcs: int, width: float, name: str) -> None:
    """Refuse a single bump, and widths at which the bumps do not add up to a constant."""
    check_integer(n_basis_funcs, 2, f"{name}: n_basis_funcs")
    if not width > 1 or not float(2 * width).is_integer():
        raise ValueError(f"{name}: width must be above 1 and a multiple of one half; got {width!r}.")
