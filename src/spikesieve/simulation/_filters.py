"""Filters that look like those of neurons, and their coefficients in a basis."""

import numpy as np
from scipy.special import gammaincinv, gammaln, xlogy


def difference_of_gammas(
    ws: int,
    upper_percentile: float = 0.99,
    inhib_a: float = 1.0,
    excit_a: float = 2.0,
    inhib_b: float = 1.0,
    excit_b: float = 2.0,
) -> np.ndarray:
    """Filter that excites and inhibits at different delays: the difference of two gamma densities, of norm 1.

    Parameters
    ----------
    ws
        Number of bins.
    upper_percentile
        The filter ends where the slower of the two has this share of its mass behind it.
    inhib_a, excit_a
        Shapes of the inhibitory and excitatory density, at least 1.
    inhib_b, excit_b
        Their rates (inverse scales), positive.

    Returns
    -------
    np.ndarray
        ``(ws,)``: excitatory minus inhibitory density on an even grid from 0, divided by its Euclidean norm.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or both densities are the same.

    Examples
    --------
    >>> difference_of_gammas(5).round(3)
    array([-0.99 ,  0.143, -0.008, -0.018, -0.008])
    """
    if isinstance(ws, bool) or not isinstance(ws, int | np.integer) or ws < 1:
        raise ValueError(f"ws must be a whole number of at least 1, got {ws!r}.")
    if not 0 <= upper_percentile < 1:
        raise ValueError(f"upper_percentile must be in [0, 1), got {upper_percentile}.")
    for name, shape, rate in (("inhib", inhib_a, inhib_b), ("excit", excit_a, excit_b)):
        if not (1 <= shape < np.inf and 0 < rate < np.inf):
            raise ValueError(f"{name}_a must be at least 1 and {name}_b positive, got {shape} and {rate}.")
    end = max(gammaincinv(a, upper_percentile) / b for a, b in ((inhib_a, inhib_b), (excit_a, excit_b)))
    x = np.linspace(0.0, end, ws)
    difference = _gamma_density(x, excit_a, excit_b) - _gamma_density(x, inhib_a, inhib_b)
    norm = np.linalg.norm(difference)
    if norm == 0.0:
        raise ValueError("The two densities do not differ on the grid: their difference has no shape.")
    return difference / norm


def _gamma_density(x: np.ndarray, shape: float, rate: float) -> np.ndarray:
    return np.exp(xlogy(shape - 1.0, x) + shape * np.log(rate) - rate * x - gammaln(shape))


def regress_filter(coupling_filters: np.ndarray, eval_basis: np.ndarray) -> np.ndarray:
    """Coefficients of basis functions that come closest to given filters, by least squares.

    Parameters
    ----------
    coupling_filters
        ``(window_size, n_receivers, n_senders)``.
    eval_basis
        Basis functions over the window, ``(window_size, n_basis_funcs)``.

    Returns
    -------
    np.ndarray
        ``(n_receivers, n_senders, n_basis_funcs)``: the `coupling_coef` of `simulate_recurrent`.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> basis = np.eye(3)
    >>> regress_filter(np.arange(3.0).reshape(3, 1, 1), basis).round(6)
    array([[[0., 1., 2.]]])
    """
    filters, basis = np.asarray(coupling_filters, dtype=np.float64), np.asarray(eval_basis, dtype=np.float64)
    if filters.ndim != 3:
        raise ValueError(f"coupling_filters must be (window_size, n_receivers, n_senders), got shape {filters.shape}.")
    if basis.ndim != 2 or len(basis) != len(filters):
        raise ValueError(f"eval_basis must be ({len(filters)}, n_basis_funcs), got shape {basis.shape}.")
    weights = np.linalg.lstsq(basis, filters.reshape(len(filters), -1), rcond=None)[0]
    return weights.T.reshape(*filters.shape[1:], basis.shape[1])
