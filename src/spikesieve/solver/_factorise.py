"""Solving with a curvature matrix that may be singular."""

from collections.abc import Callable

import numpy as np
from scipy.linalg import get_lapack_funcs

_potrf, _potrs = get_lapack_funcs(("potrf", "potrs"), dtype=np.float64)


def factorise(matrix: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Solver for a positive semi-definite matrix, damped relative to its diagonal until it factorises.

    The damping is scale-free, so columns of very different units are treated alike; along directions without
    curvature (a B-spline block and the intercept always have one) the solution stays small.
    """
    diagonal = np.diagonal(matrix)
    if len(matrix) == 1 and diagonal[0] > 0:  # a single intercept, eliminated at every step of every fit
        return lambda right: right / diagonal[0]
    if len(matrix) == 0:
        return np.zeros_like
    scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix * scale
    scaled *= scale[:, None]
    size = len(matrix)
    damping = 1e-13 * max(size, 1)
    while damping < 1e3:
        damped = scaled.copy()
        damped.flat[:: size + 1] += damping
        # LAPACK itself: scipy's wrappers check and copy for longer than 30 coefficients take. The transpose is the same
        # matrix in LAPACK's order.
        factor, failed = _potrf(damped.T, lower=1, overwrite_a=1, clean=0)
        if failed:
            damping *= 100.0
            continue

        def solve(right: np.ndarray, factor=factor) -> np.ndarray:
            solution, _ = _potrs(factor, (scale * right.T).T, lower=1)
            return (scale * solution.T).T

        return solve
    return np.zeros_like
