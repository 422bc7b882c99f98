"""M-splines: B-splines scaled to integrate to one."""

import numpy as np
from jaxtyping import Float

from spikesieve.basis._bspline import check_bspline_arguments
from spikesieve.basis._conv import ConvBasis, check_conv_arguments
from spikesieve.basis._eval import EvalBasis, check_eval_arguments
from spikesieve.basis._piecewise import PiecewisePolynomials, open_bsplines, open_knots


class MSplineEval(EvalBasis):
    """M-splines of a covariate: each function is positive and integrates to one over the range.

    A weighted sum of them is a density wherever the weights are. Features have the unit of one over the
    covariate's.

    Parameters
    ----------
    n_basis_funcs
        Number of functions, at least `order`.
    order
        Degree of the polynomials plus one. The default 4 (cubic) has a continuous second derivative.
    bounds
        Range of the covariate, in its unit, as (lowest, highest). None: the range of the first samples, which
        is remembered.
    fill_value
        Features of samples outside the bounds. NaN (the default) makes a fit leave these time bins out.
    label
        Name of the features in every result.

    References
    ----------
    Ramsay, J. O. (1988). Monotone regression splines in action. *Statistical Science*, 3(4), 425-441.
    doi:10.1214/ss/1177012761

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import MSplineEval
    >>> MSplineEval(5).compute_features(np.array([0.0, 1.0, 2.0]))
    array([[4. , 0. , 0. , 0. , 0. ],
           [0. , 0.5, 1. , 0.5, 0. ],
           [0. , 0. , 0. , 0. , 4. ]])
    """

    def __init__(
        self,
        n_basis_funcs: int,
        order: int = 4,
        bounds: tuple[float, float] | None = None,
        fill_value: float = np.nan,
        label: str = "MSplineEval",
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.order = order
        self.bounds = bounds
        self.fill_value = fill_value
        self.label = label
        check_eval_arguments(self)
        check_bspline_arguments(n_basis_funcs, order, "MSplineEval")

    def functions(self) -> PiecewisePolynomials:
        return msplines(self.n_basis_funcs, self.order)

    def _feature_scale(self, low, high):
        width = high - low
        return 1.0 / np.where(width > 0, width, 1.0)


class MSplineConv(ConvBasis):
    """M-splines as filters: each kernel integrates to one over the window, taken as [0, 1].

    Parameters
    ----------
    n_basis_funcs
        Number of kernels, at least `order`.
    window_size
        Length of the kernels [bins].
    order
        Degree of the polynomials plus one. The default 4 (cubic) has a continuous second derivative.
    label
        Name of the features in every result.
    conv_kwargs
        ``predictor_causality`` and ``shift`` of `spikesieve.convolve.create_convolutional_predictor`.

    References
    ----------
    Ramsay, J. O. (1988). Monotone regression splines in action. *Statistical Science*, 3(4), 425-441.
    doi:10.1214/ss/1177012761

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import MSplineConv
    >>> MSplineConv(5, window_size=20).compute_features(np.ones(100)).shape
    (100, 5)
    """

    def __init__(
        self,
        n_basis_funcs: int,
        window_size: int,
        order: int = 4,
        label: str = "MSplineConv",
        conv_kwargs: dict | None = None,
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.window_size = window_size
        self.order = order
        self.label = label
        self.conv_kwargs = conv_kwargs
        check_conv_arguments(self)
        check_bspline_arguments(n_basis_funcs, order, "MSplineConv")

    def functions(self) -> PiecewisePolynomials:
        return msplines(self.n_basis_funcs, self.order)


def msplines(n_functions: int, order: int) -> PiecewisePolynomials:
    """M-splines on [0, 1]: B-splines times ``order`` over the width of their support."""
    return open_bsplines(n_functions, order).scaled_by(order / _support_widths(n_functions, order))


def _support_widths(n_functions: int, order: int) -> Float[np.ndarray, " n_functions"]:
    knots = open_knots(n_functions, order)
    return (knots[order:] - knots[:-order]) / (n_functions - order + 1)
