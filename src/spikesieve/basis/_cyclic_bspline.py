"""B-splines of an angle or a phase."""

import numpy as np

from spikesieve._tree import Axis
from spikesieve.basis._bspline import check_bspline_arguments
from spikesieve.basis._conv import ConvBasis, check_conv_arguments
from spikesieve.basis._eval import EvalBasis, check_eval_arguments
from spikesieve.basis._piecewise import PiecewisePolynomials, cyclic_bsplines


class CyclicBSplineEval(EvalBasis):
    """B-splines of a covariate whose range closes into a circle: head direction, theta phase, time of day.

    All functions are shifted copies of one bump, on ``n_basis_funcs`` equally spaced knots. Their sum is
    one, so they are collinear with an intercept.

    Parameters
    ----------
    n_basis_funcs
        Number of functions, at least `order`.
    order
        Degree of the polynomials plus one, at least 2. The default 4 (cubic) has a continuous second
        derivative, across the seam too.
    bounds
        The two values that are the same place, such as ``(0, 2 * np.pi)``. Give them: without, the lowest and
        highest of the first samples are taken for the same place, which is nearly right at best.
    fill_value
        Features of samples outside the bounds. NaN (the default) makes a fit leave these time bins out.
    label
        Name of the features in every result.

    Raises
    ------
    ValueError
        If there are fewer functions than `order`, `order` is below 2, or the bounds are not increasing.

    References
    ----------
    de Boor, C. (1978). *A Practical Guide to Splines*, chapter IX. Springer. doi:10.1007/978-1-4612-6333-3

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import CyclicBSplineEval
    >>> basis = CyclicBSplineEval(12, bounds=(0, 2 * np.pi), label="head_direction")
    >>> features = basis.compute_features(np.array([0.0, 2 * np.pi]))
    >>> bool(np.allclose(features[0], features[1]))
    True
    """

    is_cyclic = True

    def __init__(
        self,
        n_basis_funcs: int,
        order: int = 4,
        bounds: tuple[float, float] | None = None,
        fill_value: float = np.nan,
        label: str = "CyclicBSplineEval",
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.order = order
        self.bounds = bounds
        self.fill_value = fill_value
        self.label = label
        check_eval_arguments(self)
        check_bspline_arguments(n_basis_funcs, order, "CyclicBSplineEval", lowest_order=2)

    def functions(self) -> PiecewisePolynomials:
        return cyclic_bsplines(self.n_basis_funcs, self.order)


class CyclicBSplineConv(ConvBasis):
    """Cyclic B-splines as filters: the two ends of the window count as one place.

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
    >>> from spikesieve.basis import CyclicBSplineConv
    >>> CyclicBSplineConv(5, window_size=20).compute_features(np.ones(100)).shape
    (100, 5)
    """

    def __init__(
        self,
        n_basis_funcs: int,
        window_size: int,
        order: int = 4,
        label: str = "CyclicBSplineConv",
        conv_kwargs: dict | None = None,
    ) -> None:
        self.n_basis_funcs = n_basis_funcs
        self.window_size = window_size
        self.order = order
        self.label = label
        self.conv_kwargs = conv_kwargs
        check_conv_arguments(self)
        check_bspline_arguments(n_basis_funcs, order, "CyclicBSplineConv", lowest_order=2)

    @property
    def axes(self):
        return (Axis(self.n_basis_funcs, is_cyclic=True),)

    def functions(self) -> PiecewisePolynomials:
        return cyclic_bsplines(self.n_basis_funcs, self.order)
