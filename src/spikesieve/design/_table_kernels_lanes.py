"""Inner loops of tabulated blocks for eight outputs at once, each operation one on a vector of eight.

As in `_table_kernels`, with the outputs as a last axis of length 8 in tables and rows. Measured per bin, covariate and
output on W(10^5, 10), the smallest of many in one run: 0.25 ns forward and 0.27 ns backward, where one output alone
takes 0.72 and 0.84 ns. Tables of eight take 174 kB a covariate, so that the second cache is what limits them.
"""

import numba
import numpy as np

from spikesieve.design._lane_vectors import load, minus, plus, spread, store, times


@numba.njit(cache=True, nogil=True)
def write_lines(values, n_levels, unit, lines):
    """Value at each level, and its change per fraction to the next one on the grid."""
    share = spread(unit)
    for level in range(np.uint64(len(values))):
        first = np.uint64(2) * level
        here = load(values, level)
        store(lines, first, here)
        change = spread(0.0)
        if level + np.uint64(1) < np.uint64(n_levels):
            change = times(share, minus(load(values, level + np.uint64(1)), here))
        store(lines, first + np.uint64(1), change)


@numba.njit(cache=True, nogil=True)
def add_lookups(codes, shift, lines, out):
    """``out[i] += lines[level, 0] + fraction * lines[level, 1]``."""
    bits = np.uint64(shift)
    mask = (np.uint64(1) << bits) - np.uint64(1)
    for i in range(np.uint64(codes.size)):
        code = np.uint64(codes[i])
        first = np.uint64(2) * (code >> bits)
        fraction = spread(np.float64(np.int64(code & mask)))
        value = plus(load(lines, first), times(fraction, load(lines, first + np.uint64(1))))
        store(out, i, plus(load(out, i), value))


@numba.njit(cache=True, nogil=True)
def add_moments(codes, shift, residual, moments):
    """Sum of the residual, and of the residual times the fraction, per level."""
    bits = np.uint64(shift)
    mask = (np.uint64(1) << bits) - np.uint64(1)
    for i in range(np.uint64(codes.size)):
        code = np.uint64(codes[i])
        first = np.uint64(2) * (code >> bits)
        second = first + np.uint64(1)
        r = load(residual, i)
        fraction = spread(np.float64(np.int64(code & mask)))
        store(moments, first, plus(load(moments, first), r))
        store(moments, second, plus(load(moments, second), times(fraction, r)))


@numba.njit(cache=True, nogil=True)
def write_weights(moments, unit, weights):
    """Transpose of interpolating: what each level weighs, from the moments."""
    share_of_unit, below = spread(unit), spread(0.0)
    for level in range(np.uint64(len(weights))):
        first = np.uint64(2) * level
        share = times(share_of_unit, load(moments, first + np.uint64(1)))
        store(weights, level, plus(minus(load(moments, first), share), below))
        below = share


@numba.njit(cache=True, nogil=True)
def add_sums_and_products(values, others, sums):
    """``sums[0] += values[i]`` and ``sums[1] += values[i] * others[i]``."""
    total, product = load(sums, np.uint64(0)), load(sums, np.uint64(1))
    for i in range(np.uint64(len(values))):
        value = load(values, i)
        total = plus(total, value)
        product = plus(product, times(value, load(others, i)))
    store(sums, np.uint64(0), total)
    store(sums, np.uint64(1), product)
