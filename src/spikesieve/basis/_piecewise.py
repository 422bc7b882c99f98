"""Splines as local polynomials, evaluated for all samples at once.

On each of the equal intervals between knots only ``order`` B-splines differ from zero. Their polynomials are
worked out once by the Cox-de Boor recursion, on coefficients instead of values; a sample then costs one
look-up and one Horner scheme per non-zero function, whatever the number of functions.

References
----------
de Boor, C. (1978). *A Practical Guide to Splines*, chapter X. Springer. doi:10.1007/978-1-4612-6333-3
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from spikesieve.basis._functions import UnitFunctions

# Rows whose temporaries and features stay in a second-level cache (8192 x 10 features x 8 bytes = 640 kB).
_CHUNK_ROWS = 8192


@dataclass(frozen=True)
class PiecewisePolynomials(UnitFunctions):
    """Functions that are polynomials on equal intervals of [0, 1], few of them non-zero on each.

    Attributes
    ----------
    coefficients
        ``coefficients[m, p, i]`` multiplies ``t**p`` in the `m`-th non-zero function of interval `i`, where
        `t` in [0, 1] runs through the interval.
    columns
        ``columns[m, i]`` is the index of that function.
    n_functions
        Number of functions.
    """

    coefficients: Float[np.ndarray, " order order n_intervals"]
    columns: Int[np.ndarray, " order n_intervals"]
    n_functions: int

    def evaluate(self, u):
        flat = u.ravel()
        missing = np.isnan(flat)
        some_missing = bool(missing.any())
        values = np.zeros((flat.size, self.n_functions))
        for start in range(0, flat.size, _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            chunk = np.where(missing[rows], 0.0, flat[rows]) if some_missing else flat[rows]
            self._evaluate_rows(chunk, values[rows])
        if some_missing:
            values[missing] = np.nan
        return values.reshape(*u.shape, self.n_functions)

    def _evaluate_rows(self, u, values):
        order, _, n_intervals = self.coefficients.shape
        interval = interval_of(u, n_intervals)
        t = u * n_intervals - interval
        flat_values = values.ravel()
        row_start = np.arange(0, values.size, self.n_functions)
        for m in range(order):
            polynomial = self.coefficients[m]
            value = polynomial[-1].take(interval)
            for power in range(order - 2, -1, -1):
                value *= t
                value += polynomial[power].take(interval)
            flat_values[row_start + self.columns[m].take(interval)] = value

    @property
    def pieces(self):
        return self.coefficients.shape[2], self.coefficients.shape[1] - 1

    def derivative_bound(self, order):
        degree, n_intervals = self.coefficients.shape[1] - 1, self.coefficients.shape[2]
        if degree < order and n_intervals > 1:
            return np.full(self.n_functions, np.inf)
        if degree < order:
            return np.zeros(self.n_functions)
        powers = np.arange(order, degree + 1)
        factor = np.array([math.perm(p, order) for p in powers], float) * float(n_intervals) ** order
        derivative = self.coefficients[:, order:, :] * factor[None, :, None]
        bound = np.zeros(self.n_functions)
        np.maximum.at(bound, self.columns.ravel(), _largest_bernstein(derivative).ravel())
        return bound

    def scaled_by(self, factor: Float[np.ndarray, " n_functions"]) -> "PiecewisePolynomials":
        """Return the functions multiplied by one factor each."""
        coefficients = self.coefficients * factor[self.columns][:, None, :]
        return PiecewisePolynomials(coefficients, self.columns, self.n_functions)


def interval_of(u: Float[np.ndarray, " n_samples"], n_intervals: int) -> Int[np.ndarray, " n_samples"]:
    """Which of the equal intervals of [0, 1] a coordinate lies on: a knot on its right one, but 1 on the last."""
    return np.minimum((u * n_intervals).astype(np.intp), n_intervals - 1)


def open_bsplines(n_functions: int, order: int) -> PiecewisePolynomials:
    """B-splines on equally spaced knots in [0, 1], the end knots repeated `order` times."""
    n_intervals = n_functions - order + 1
    columns = np.arange(n_intervals) + np.arange(order)[:, None]
    return PiecewisePolynomials(_bspline_polynomials(open_knots(n_functions, order), order), columns, n_functions)


def cyclic_bsplines(n_functions: int, order: int) -> PiecewisePolynomials:
    """B-splines on equally spaced knots of the circle of circumference 1."""
    knots = np.arange(1 - order, n_functions + order, dtype=float)
    columns = (np.arange(n_functions) + np.arange(order)[:, None]) % n_functions
    return PiecewisePolynomials(_bspline_polynomials(knots, order), columns, n_functions)


def open_knots(n_functions: int, order: int) -> Float[np.ndarray, " n_knots"]:
    """Knots in units of the interval width: 0 repeated, 1, 2, ..., n_intervals repeated."""
    n_intervals = n_functions - order + 1
    return np.clip(np.arange(1 - order, n_intervals + order, dtype=float), 0, n_intervals)


def _bspline_polynomials(knots, order):
    """Cox-de Boor on coefficients; intervals have width 1, and ``x = left + t``."""
    n_intervals = knots.size - 2 * order + 1
    intervals = np.arange(n_intervals)
    left = knots[intervals + order - 1]
    lower = np.zeros((1, order, n_intervals))
    lower[0, 0] = 1.0
    for q in range(2, order + 1):
        higher = np.zeros((q, order, n_intervals))
        for m in range(q):
            s = intervals + order - q + m
            if m > 0:
                width = knots[s + q - 1] - knots[s]
                higher[m] += _times_line(lower[m - 1], (left - knots[s]) / width, 1 / width)
            if m < q - 1:
                width = knots[s + q] - knots[s + 1]
                higher[m] += _times_line(lower[m], (knots[s + q] - left) / width, -1 / width)
        lower = higher
    return lower


def _times_line(polynomial, constant, slope):
    product = polynomial * constant
    product[1:] += polynomial[:-1] * slope
    return product


def _largest_bernstein(polynomial):
    """Largest absolute Bernstein coefficient, which bounds a polynomial on [0, 1]; axis 1 is the power."""
    degree = polynomial.shape[1] - 1
    to_bernstein = np.array(
        [[math.comb(i, j) / math.comb(degree, j) for j in range(degree + 1)] for i in range(degree + 1)]
    )
    return np.abs(np.einsum("ij,mjk->mik", to_bernstein, polynomial)).max(axis=1)
