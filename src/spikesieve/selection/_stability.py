"""How many false covariates stability selection can be expected to keep: the bounds of Shah & Samworth.

Complementary pairs stability selection draws `n_pairs` times two disjoint halves of the data, selects on each
half, and keeps the covariates selected in at least a share `threshold` of the ``2 n_pairs`` halves. With `q`
covariates selected per half on average, out of `p`, the bounds below limit the expected number of kept covariates
whose selection probability on a half is below the average ``theta = q / p``: those that selection picks no more
often than chance. They need no exchangeability and no model; what they assume beyond that is the *shape* of
a distribution:

- ``"none"``: nothing (theorem 1).
- ``"unimodal"``: the share of pairs in which a null covariate is selected in both halves is unimodal (theorem 2).
- ``"r-concave"``: it is moreover (-1/2)-concave, and the share of halves (-1/4)-concave, as the authors find it to
  be in simulations with hundreds of covariates; the tightest, and the easiest to break. A counterexample: where
  each half selects the covariates whose Gaussian scores exceed a limit, the probability to be kept is known in
  closed form, ``1 - Phi(sqrt(2) Phi^-1(1 - theta) + Phi^-1(threshold))``, and is about twice this bound for
  thresholds of 0.7 and `theta` of 0.02 to 0.3. The unimodal bound holds there.

Halves have to be as good as independent: with autocorrelated data, long blocks of time and not single bins.

References
----------
Shah, R. D. & Samworth, R. J. (2013). Variable selection with error control: another look at stability selection.
J. R. Stat. Soc. B 75, 55-80. doi:10.1111/j.1467-9868.2011.01034.x
"""

from typing import Any

import numpy as np

_ASSUMPTIONS = ("none", "unimodal", "r-concave")
_FLATTEST, _STEEPEST = 1e6, 1e-8
"""Range of the shape parameter of the extremal distributions, in grid steps."""


def stability_bound(
    n_groups: int, n_selected: float, threshold: float, n_pairs: int = 50, assumption: str = "unimodal"
) -> float:
    """Return the bound on the expected number of covariates kept that selection picks no more often than chance.

    Parameters
    ----------
    n_groups
        Number of candidate covariates, `p`.
    n_selected
        Average number selected on a half, `q`.
    threshold
        Share of halves in which a covariate must be selected to be kept, above 1/2; only its multiple of
        ``1 / (2 n_pairs)`` from above matters.
    n_pairs
        Complementary pairs of halves. The authors advise 50.
    assumption
        ``"none"``, ``"unimodal"`` (the default: the tightest that we have not seen broken) or ``"r-concave"``.

    Raises
    ------
    ValueError
        If a number is out of range, or `assumption` is unknown.

    Examples
    --------
    >>> for assumption in ("none", "unimodal", "r-concave"):
    ...     print(assumption, round(stability_bound(100, 5, 0.6, assumption=assumption), 4))
    none 1.25
    unimodal 0.6579
    r-concave 0.2605
    """
    _check(n_groups, n_selected, threshold, n_pairs, assumption)
    share = n_selected / n_groups
    # 2 n_pairs halves: 0.6 of 100 halves must be 60 of them, whatever 0.6 * 100 is in binary.
    n_times = int(np.ceil(round(threshold * 2 * n_pairs, 8)))
    reached = n_times / (2 * n_pairs)
    # Each assumption implies those before it, so that their bounds hold too.
    bound = share**2 / (2 * reached - 1)
    if assumption != "none":
        bound = min(bound, _unimodal_factor(reached, n_pairs, share) * share**2)
    if assumption == "r-concave":
        of_pairs = r_concave_tail(share**2, n_times - n_pairs, n_pairs, -1 / 2)
        of_halves = r_concave_tail(share, n_times, 2 * n_pairs, -1 / 4)
        bound = min(bound, of_pairs, of_halves)
    # Markov's inequality: all shares of halves add up to n_selected, and each kept one is at least the threshold.
    return n_groups * min(bound, share / reached)


def stability_threshold(
    n_groups: int, n_selected: float, max_false: float, n_pairs: int = 50, assumption: str = "unimodal"
) -> float:
    """Return the smallest threshold whose `stability_bound` is at most `max_false`; infinity if there is none.

    Parameters
    ----------
    n_groups, n_selected, n_pairs, assumption
        As in `stability_bound`.
    max_false
        Expected number of falsely kept covariates to allow.

    Raises
    ------
    ValueError
        As `stability_bound`, and if `max_false` is not positive.

    Examples
    --------
    >>> stability_threshold(200, 7, max_false=0.2), stability_threshold(200, 7, 0.2, assumption="r-concave")
    (0.81, 0.62)
    """
    if not max_false > 0:
        raise ValueError(f"max_false must be positive; got {max_false!r}.")
    _check(n_groups, n_selected, 1.0, n_pairs, assumption)
    for n_times in range(n_pairs + 1, 2 * n_pairs + 1):
        threshold = n_times / (2 * n_pairs)
        if stability_bound(n_groups, n_selected, threshold, n_pairs, assumption) <= max_false:
            return threshold
    return float("inf")


def _unimodal_factor(threshold: float, n_pairs: int, share: float) -> float:
    """``C(threshold, n_pairs)`` of theorem 2; infinity where the theorem is silent."""
    step = 1 / (2 * n_pairs)
    if share > 1 / np.sqrt(3) or threshold <= min(0.5 + share**2, 0.5 + step + 0.75 * share**2):
        return np.inf
    if threshold <= 0.75:
        return 0.5 / (2 * threshold - 1 - step)
    return 4 * (1 - threshold + step) / (1 + 2 * step)


def r_concave_tail(mean: float, n_at_least: int, n_steps: int, r: float) -> float:
    """Return the largest ``P(X >= n_at_least / n_steps)`` of an r-concave X on ``{0, 1/n_steps, ..., 1}`` of that mean.

    ``f`` is r-concave (r < 0) if ``f^r`` is convex: the tail may fall no more slowly than a power. The extremal
    distributions are ``f(i)`` proportional to ``(a + i)^(1/r)`` up to some `k`, with what mass is left at ``k + 1``
    For each `k` the mean ties that mass to `a`, which runs over an interval at whose ends the mass
    vanishes or continues the power; the maximum over `k` and `a` is found numerically.
    """
    expected = mean * n_steps
    first = int(np.ceil(2 * expected)) + 1
    # Up to twice the mean a flat distribution with an atom reaches high: the bound is trivial there.
    if n_at_least < first or first > n_steps:
        return 1.0
    shape = _shape_of_mean(first, expected, r)
    best = 0.0
    for k in range(first, n_steps):
        steeper = _shape_of_mean(k + 1, expected, r)
        if k + 1 >= n_at_least:
            best = max(best, _largest_tail(steeper, shape, k, n_at_least, expected, r))
        shape = steeper
    return max(best, _tail(shape, n_steps, n_at_least, expected, r))


def _shape_of_mean(k: int, expected: float, r: float) -> float:
    """The `a` at which ``(a + i)^(1/r)`` on ``0..k`` has this mean."""
    from scipy.optimize import brentq

    steps = np.arange(k + 1)

    def excess(log_shape: float) -> float:
        weight = (1 + steps / np.exp(log_shape)) ** (1 / r)
        return float(steps @ weight / weight.sum() - expected)

    low, high = float(np.log(_STEEPEST)), float(np.log(_FLATTEST))
    if excess(low) >= 0:
        return _STEEPEST
    if excess(high) <= 0:
        return _FLATTEST
    root: Any = brentq(excess, low, high, xtol=1e-13)
    return float(np.exp(root))


def _tail(shape: float, k: int, n_at_least: int, expected: float, r: float) -> float:
    """Tail probability of the extremal distribution with power part ``0..k`` and the rest at ``k + 1``."""
    steps = np.arange(k + 1)
    weight = (1 + steps / shape) ** (1 / r)
    scale = (k + 1 - expected) / ((k + 1 - steps) @ weight)
    return float(1 - scale * weight[:n_at_least].sum())


def _largest_tail(low: float, high: float, k: int, n_at_least: int, expected: float, r: float) -> float:
    from scipy.optimize import minimize_scalar

    ends = [_tail(shape, k, n_at_least, expected, r) for shape in (low, high)]
    if high <= low:
        return max(ends)
    inside = minimize_scalar(
        lambda log_shape: -_tail(np.exp(log_shape), k, n_at_least, expected, r),
        bounds=(np.log(low), np.log(high)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return max(*ends, -float(inside.fun))


def _check(n_groups, n_selected, threshold, n_pairs, assumption) -> None:
    if assumption not in _ASSUMPTIONS:
        raise ValueError(f"assumption must be one of {', '.join(map(repr, _ASSUMPTIONS))}; got {assumption!r}.")
    if not 0 < n_selected <= n_groups:
        raise ValueError(f"n_selected must lie between 0 and n_groups = {n_groups}; got {n_selected!r}.")
    if not 0.5 < threshold <= 1:
        raise ValueError(f"threshold must lie above 1/2 and at most at 1; got {threshold!r}.")
    if n_pairs < 2:
        raise ValueError(f"n_pairs must be at least 2; got {n_pairs!r}.")
