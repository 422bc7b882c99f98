"""From many statistics to a set of discoveries with a false discovery rate.

Three procedures for three kinds of evidence: Benjamini-Hochberg for p-values, e-BH for e-values (any dependence),
and the knockoff+ threshold for signed statistics; `knockoff_e_values` leads from the last to the second, so that
knockoff draws can be averaged.
"""

import numpy as np
from jaxtyping import Bool, Float

Evidence = Float[np.ndarray, "..."]
"""One number per hypothesis: covariates, or neurons x covariates tested together."""
Decisions = Bool[np.ndarray, "..."]


def benjamini_hochberg(p_values: Evidence, any_dependence: bool = False) -> Evidence:
    """Return q-values: the smallest false discovery rate at which each hypothesis is rejected.

    ``q = min over p_j >= p of p_j m / rank_j``; select ``q <= fdr``.

    Parameters
    ----------
    p_values
        In [0, 1]. NaN marks hypotheses that could not be tested (too few spikes, say): they are not
        counted among the `m` and get NaN. Whether one was tested must not depend on its p-value.
    any_dependence
        Benjamini-Hochberg controls the rate for independent or positively dependent p-values (PRDS). True
        multiplies by ``1 + 1/2 + ... + 1/m``, which suffices for any dependence (Benjamini & Yekutieli). The
        default is False: covariates tested on one spike train seldom depend badly enough for its price.

    Raises
    ------
    ValueError
        If a p-value is outside [0, 1].

    References
    ----------
    Benjamini, Y. & Hochberg, Y. (1995). J. R. Stat. Soc. B 57, 289-300. doi:10.1111/j.2517-6161.1995.tb02031.x
    Benjamini, Y. & Yekutieli, D. (2001). Ann. Stat. 29, 1165-1188. doi:10.1214/aos/1013699998

    Examples
    --------
    >>> import numpy as np
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.5])).round(3)
    array([0.04 , 0.053, 0.053, 0.5  ])
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    tested = ~np.isnan(p_values)
    values = p_values[tested]
    if ((values < 0) | (values > 1)).any():
        raise ValueError("p-values must lie between 0 and 1 (or be NaN where nothing was tested).")
    count = len(values)
    order = np.argsort(values)
    adjusted = values[order] * count / np.arange(1, count + 1)
    if any_dependence:
        adjusted *= np.sum(1.0 / np.arange(1, count + 1))
    smallest_from_here = np.minimum.accumulate(adjusted[::-1])[::-1]
    q_of_tested = np.empty(count)
    q_of_tested[order] = np.minimum(smallest_from_here, 1.0)
    q_values = np.full(p_values.shape, np.nan)
    q_values[tested] = q_of_tested
    return q_values


def e_benjamini_hochberg(e_values: Evidence, fdr: float) -> Decisions:
    """Select by e-BH: the `k` largest e-values, for the largest `k` with ``e_(k) >= m / (fdr k)``.

    An e-value is non-negative with mean at most 1 where the null holds. The rate is controlled under any dependence
    between them, and averages of e-values are e-values.

    Parameters
    ----------
    e_values
        Non-negative; NaN marks hypotheses that were not tested: not selected, not counted.
    fdr
        False discovery rate to control, in (0, 1).

    Raises
    ------
    ValueError
        If an e-value is negative or `fdr` is not between 0 and 1.

    References
    ----------
    Wang, R. & Ramdas, A. (2022). J. R. Stat. Soc. B 84, 822-852. doi:10.1111/rssb.12489

    Examples
    --------
    >>> import numpy as np
    >>> e_benjamini_hochberg(np.array([25.0, 0.0, 30.0, 2.0]), fdr=0.1)
    array([ True, False,  True, False])
    """
    _check_rate(fdr)
    e_values = np.asarray(e_values, dtype=np.float64)
    tested = e_values[~np.isnan(e_values)]
    if (tested < 0).any():
        raise ValueError("e-values must not be negative.")
    largest_first = np.sort(tested)[::-1]
    rank = np.arange(1, len(tested) + 1)
    # The slack keeps exact ties, which e-values of knockoffs often are, from being lost to rounding.
    passing = np.flatnonzero(largest_first * rank * fdr >= len(tested) * (1 - 1e-12))
    if passing.size == 0:
        return np.zeros(e_values.shape, dtype=bool)
    return e_values >= largest_first[passing[-1]]


def knockoff_threshold(statistics: Evidence, fdr: float, offset: int = 1) -> float:
    """Return the smallest threshold at which the estimated false discovery proportion is at most `fdr`.

    ``min {t > 0 : (offset + #{W <= -t}) / max(1, #{W >= t}) <= fdr}``; select ``W >= t``. Infinity if there is none.

    Parameters
    ----------
    statistics
        ``W``: positive where the covariate beat its knockoff, negative where it lost; the sign is a fair coin
        where the null holds. 0 counts for neither side.
    fdr
        False discovery rate to control, in (0, 1).
    offset
        1 (knockoff+) controls the rate, and cannot select fewer than ``1 / fdr`` covariates; 0 controls a modified
        rate only, which flatters small selections.

    Raises
    ------
    ValueError
        If `fdr` is not between 0 and 1, or `offset` neither 0 nor 1.

    References
    ----------
    Barber, R. F. & Candes, E. J. (2015). Ann. Stat. 43, 2055-2085. doi:10.1214/15-AOS1337

    Examples
    --------
    >>> import numpy as np
    >>> knockoff_threshold(np.array([5.0, 4.0, 3.0, -1.5, 2.0, 1.0]), fdr=0.25)
    2.0
    """
    _check_rate(fdr)
    if offset not in (0, 1):
        raise ValueError(f"offset must be 0 or 1; got {offset!r}.")
    statistics = np.asarray(statistics, dtype=np.float64).ravel()
    for threshold in np.unique(np.abs(statistics[statistics != 0])):
        n_false = offset + np.count_nonzero(statistics <= -threshold)
        if n_false <= fdr * max(1, np.count_nonzero(statistics >= threshold)):
            return float(threshold)
    return float("inf")


def knockoff_e_values(statistics: Evidence, fdr: float) -> Evidence:
    """Return the e-values of one knockoff draw: ``m 1{W >= T} / (1 + #{W <= -T})``, ``T`` the knockoff+ threshold.

    e-BH on them at the same rate selects what knockoff+ selects. Averaged over draws they derandomise it, with
    the rate still controlled; Ren & Barber then use half the final rate in each draw.

    Parameters
    ----------
    statistics
        As in `knockoff_threshold`.
    fdr
        Rate of the threshold in each draw, in (0, 1).

    References
    ----------
    Ren, Z. & Barber, R. F. (2024). Derandomised knockoffs: leveraging e-values for false discovery rate
    control. J. R. Stat. Soc. B 86, 122-154. doi:10.1093/jrsssb/qkad085

    Examples
    --------
    >>> import numpy as np
    >>> knockoff_e_values(np.array([5.0, 4.0, 3.0, -1.5, 2.0, 1.0]), fdr=0.25)
    array([6., 6., 6., 0., 6., 0.])
    """
    statistics = np.asarray(statistics, dtype=np.float64)
    threshold = knockoff_threshold(statistics, fdr)
    n_against = np.count_nonzero(statistics <= -threshold)
    return statistics.size * (statistics >= threshold) / (1.0 + n_against)


def _check_rate(fdr: float) -> None:
    if not 0 < fdr < 1:
        raise ValueError(f"fdr must lie between 0 and 1; got {fdr!r}.")
