"""A slow and obvious group lasso for Poisson counts, to compare the package with.

``objective = mean(mu - y log mu) + strength * sum_g weight_g ||coef_g||``, ``mu = exp(X coef + intercept)``.
The intercept is not penalised, so its best value given the coefficients is known in closed form,
``exp(intercept) = sum(y) / sum(exp(X coef))``; the fit runs FISTA (Beck & Teboulle 2009) on what is left.
"""

import numpy as np
from scipy.special import logsumexp


def group_weights(groups):
    """Square roots of the group sizes; `groups` is a list of index arrays."""
    return np.sqrt([len(group) for group in groups])


def objective(X, y, groups, strength, coef, intercept):
    """Mean loss without terms in `y` alone, plus the penalty."""
    eta = X @ coef + intercept
    norms = [np.linalg.norm(coef[group]) for group in groups]
    return np.mean(np.exp(eta) - y * eta) + strength * (group_weights(groups) @ norms)


def gradient(X, y, coef, intercept):
    """Derivative of the mean loss in the coefficients, and in the intercept."""
    residual = np.exp(X @ coef + intercept) - y
    return X.T @ residual / len(y), residual.mean()


def kkt_residual(X, y, groups, strength, coef, intercept):
    """Largest distance from optimality over groups, in units of strength, and of the intercept."""
    slope, intercept_slope = gradient(X, y, coef, intercept)
    worst = abs(intercept_slope)
    for group, weight in zip(groups, group_weights(groups), strict=True):
        norm = np.linalg.norm(coef[group])
        if norm > 0:
            distance = np.linalg.norm(slope[group] + strength * weight * coef[group] / norm)
        else:
            distance = max(0.0, np.linalg.norm(slope[group]) - strength * weight)
        worst = max(worst, distance / weight)
    return worst


def largest_strength(X, y, groups):
    """The smallest strength at which every group is zero."""
    slope = X.T @ (y.mean() - y) / len(y)
    norms = [np.linalg.norm(slope[group]) for group in groups]
    return float(np.max(norms / group_weights(groups)))


def best_intercept(X, y, coef):
    """The intercept that minimises the loss given the coefficients."""
    return np.log(y.sum()) - logsumexp(X @ coef)


def fit(X, y, groups, strength, coef=None, tolerance=1e-9, maxiter=100_000):
    """Minimise; return ``(coef, intercept)`` with a KKT residual of at most `tolerance`."""
    coef = np.zeros(X.shape[1]) if coef is None else coef.copy()
    ahead, momentum = coef.copy(), 1.0
    # The loss with its best intercept is mean(y) * logsumexp(X coef) less a linear term: its curvature
    # is mean(y) times a covariance of rows of X, at most mean(y) times the largest squared row norm.
    centred = X - X.mean(axis=0)
    step = 1.0 / (y.mean() * (centred**2).sum(axis=1).max() + 1e-300)
    for iteration in range(maxiter):
        slope, _ = gradient(X, y, ahead, best_intercept(X, y, ahead))
        new = _shrink(ahead - step * slope, groups, step * strength)
        if (ahead - new) @ (new - coef) > 0:
            momentum = 1.0
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead, coef, momentum = new + (momentum - 1) / faster * (new - coef), new, faster
        if iteration % 20 == 0:
            intercept = best_intercept(X, y, coef)
            if kkt_residual(X, y, groups, strength, coef, intercept) <= tolerance:
                return coef, intercept
    raise RuntimeError(f"The reference did not reach {tolerance} in {maxiter} iterations.")


def _shrink(coef, groups, threshold):
    out = coef.copy()
    for group, weight in zip(groups, group_weights(groups), strict=True):
        norm = np.linalg.norm(coef[group])
        out[group] *= max(0.0, 1 - threshold * weight / norm) if norm > 0 else 0.0
    return out
