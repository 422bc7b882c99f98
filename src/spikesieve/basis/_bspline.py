"""B-splines of a covariate."""

import numpy as np

from spikesieve.basis._base import check_integer
from spikesieve.basis._conv import ConvBasis, check_conv_arguments
from spikesieve.basis._eval import EvalBasis, check_eval_arguments
from spikesieve.basis._piecewise import PiecewisePolynomials, open_bsplines


class BSplineEval(EvalBasis):
    """B-splines of a covariate, on equally spaced knots.

    Smooth, local bumps whose sum is one everywhere: together they can represent any smooth tuning curve, and
    each coefficient shapes it near one place. Since the sum is one, they are collinear with an intercept.

    Parameters
    ----------
    n_basis_funcs
        Number of functions, at least `order`. The knots divide the range into ``n_basis_funcs - order + 1``
        intervals.
    order
        Degree of the polynomials plus one. The default 4 (cubic) has a continuous second derivative.
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
        If there are fewer functions than `order`, or the bounds are not increasing.

    References
    ----------
    de Boor, C. (1978). *A Practical Guide to Splines*, chapter IX. Springer. doi:10.1007/978-1-4612-6333-3

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import BSplineEval
    >>> speed = np.array([0.0, 5.0, 10.0])  # cm/s
    >>> basis = BSplineEval(5, label="speed")
    >>> basis.compute_features(speed)
    array([[1.  , 0.  , 0.  , 0.  , 0.  ],
           [0.  , 0.25, 0.5 , 0.25, 0.  ],
           [0.  , 0.  , 0.  , 0.  , 1.  ]])

    The basis remembers the range, so a sample of 5 cm/s has the same features ever after:

    >>> basis.compute_features(np.array([5.0]))
    array([[0.  , 0.25, 0.5 , 0.25, 0.  ]])
    """

    def __init__(
        self,
        n_basis_funcs: int,
        order: int = 4,
        bounds: tuple[float, float] | None = None,
        fill_value: float = np.nan,
        label: str = "BSplineEval",
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.order = order
        self.bounds = bounds
        self.fill_value = fill_value
        self.label = label
        check_eval_arguments(self)
        check_bspline_arguments(n_basis_funcs, order, "BSplineEval")

    def functions(self) -> PiecewisePolynomials:
        return open_bsplines(self.n_basis_funcs, self.order)


class BSplineConv(ConvBasis):
    """B-splines as filters: smooth, local bumps in time whose sum is one.

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
    de Boor, C. (1978). *A Practical Guide to Splines*, chapter IX. Springer. doi:10.1007/978-1-4612-6333-3

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import BSplineConv
    >>> BSplineConv(5, window_size=20).compute_features(np.ones(100)).shape
    (100, 5)
    """

    def __init__(
        self,
        n_basis_funcs: int,
        window_size: int,
        order: int = 4,
        label: str = "BSplineConv",
        conv_kwargs: dict | None = None,
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.window_size = window_size
        self.order = order
        self.label = label
        self.conv_kwargs = conv_kwargs
        check_conv_arguments(self)
        check_bspline_arguments(n_basis_funcs, order, "BSplineConv")

    def functions(self) -> PiecewisePolynomials:
        return open_bsplines(self.n_basis_funcs, self.order)


def check_bspline_arguments(n_basis_funcs: int, order: int, name: str, lowest_order: int = 1) -> None:
    """Refuse an order that is no spline, and fewer functions than the order needs."""
    check_integer(order, lowest_order, f"{name}: order")
    check_integer(n_basis_funcs, 1, f"{name}: n_basis_funcs")
    if n_basis_funcs < order:
        raise ValueError(
            f"{name}: splines of order {order} need n_basis_funcs of at least {order}; got {n_basis_funcs}. "
            "Use more functions or a lower order."
        )
