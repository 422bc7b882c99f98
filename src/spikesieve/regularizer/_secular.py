"""The exact minimiser of one group's quadratic model plus its norm.

In the eigenbasis of the group's Gram matrix the problem is ``min_x 1/2 x' diag(L) x - b' x + m ||x||``.
If ``||b|| <= m`` the minimiser is zero. Otherwise ``x_j = b_j t / (L_j t + m)`` with ``t = ||x||`` the
root of ``sum_j (b_j / (L_j t + m))^2 = 1`` (Qin, Scheinberg & Goldfarb 2013, Math. Prog. Comp. 5,
section 3, doi:10.1007/s12532-013-0051-x). The function ``1 / ||b / (L t + m)|| - 1`` is increasing and concave
in ``t``, so Newton's method from the left converges monotonically, and in one step if all ``L_j`` are equal.
"""

import numpy as np

_MAX_STEPS = 100


def minimise_group(curvature: np.ndarray, linear: np.ndarray, threshold: float) -> np.ndarray:
    """Minimise ``1/2 x' diag(curvature) x - linear' x + threshold * ||x||``.

    Parameters
    ----------
    curvature
        Eigenvalues of the group's Gram matrix, non-negative.
    linear
        Linear term in the same eigenbasis.
    threshold
        Strength times the group's weight, positive.

    Examples
    --------
    With equal eigenvalues this is soft-thresholding of the norm:

    >>> minimise_group(np.array([2.0, 2.0]), np.array([3.0, 4.0]), 1.0)
    array([1.2, 1.6])
    """
    size = np.sqrt(linear @ linear)
    if size <= threshold:
        return np.zeros_like(linear)
    # A direction without curvature has no minimiser once its pull exceeds the threshold: the floor
    # keeps the step finite, and the line search of the caller does the rest.
    curvature = np.maximum(curvature, 1e-12 * curvature.max(initial=0.0) + 1e-300)
    norm = (size - threshold) / curvature.max()
    for _ in range(_MAX_STEPS):
        denominator = curvature * norm + threshold
        ratio = linear / denominator
        square = ratio @ ratio
        root = np.sqrt(square)
        change = square * (root - 1.0) / ((ratio * ratio) @ (curvature / denominator))
        norm += change
        if change <= 1e-14 * norm:
            break
    return linear * norm / (curvature * norm + threshold)
