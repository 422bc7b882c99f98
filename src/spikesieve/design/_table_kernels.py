"""Inner loops of tabulated blocks, compiled on first use and cached on disk.

A code is a fixed-point position in a table: ``level = code >> shift`` and, below it, how far on to the next level in
units of ``2**-shift``. Lines hold per level the value there and the change per unit: one fetch and one multiply-add a
row; the transpose adds the residual and its product with the fraction. Eight rows are done together: splitting codes
and turning fractions into numbers one by one took 0.2 ns more.

What a pass does for all tables is one call. `tables` has a row for each of them, as `TableGroup` writes it, and
lines, moments and coefficients of all stand one after the other.
"""

import numba
import numpy as np

from spikesieve.design._addressed import array_at
from spikesieve.design._lane_vectors import (
    add_pairs,
    fractions,
    interpolate,
    load,
    plus,
    prefetch,
    spread,
    store,
    times,
)
from spikesieve.design._lanes import LANES
from spikesieve.design._table_group import CODES, COEF, COLUMNS, GRID, LEVELS, SHIFT, WEIGHING

# Vectors of codes. Rows of 10 covariates are more than a cache holds, and waiting for them was a tenth of both loops.
_AHEAD = np.uint64(64)
# Rows for one table after the other: their predictors or residuals, 128 kB, stay in the second cache.
_PIECE_ROWS = 16_384


@numba.njit(cache=True, nogil=True)
def write_lines(tables, coef, lines):
    """Value at each level, and its change per unit of the fraction to the next one on the grid."""
    first, begin = 0, 0
    for table in tables:
        n_levels, n_coef = np.int64(table[LEVELS]), np.int64(table[COEF])
        values, own = np.zeros(n_levels), lines[first : first + n_levels]
        for j in range(n_coef):
            column = _column(table[COLUMNS], j, n_levels, coef)
            for level in range(n_levels):
                values[level] += coef[begin + j] * column[level]
        last, unit = np.int64(table[GRID]) - 1, _unit(table[SHIFT])
        for level in range(n_levels):
            own[level, 0] = values[level]
            own[level, 1] = (values[level + 1] - values[level]) * unit if level < last else 0.0
        first, begin = first + n_levels, begin + n_coef


@numba.njit(cache=True, nogil=True)
def add_lookups(tables, first_row, lines, out, kind):
    """Add ``lines[level, 0] + fraction * lines[level, 1]`` of every table to each row; `kind` is like the codes."""
    for start in range(0, out.size, _PIECE_ROWS):
        piece, first = out[start : start + _PIECE_ROWS], 0
        for table in tables:
            codes = array_at(table[CODES] + np.uint64((first_row + start) * kind.itemsize), piece.size, kind)
            n_levels = np.int64(table[LEVELS])
            _add_lookup(codes, table[SHIFT], lines[first : first + n_levels], piece)
            first += n_levels


@numba.njit(cache=True, nogil=True)
def add_moments(tables, first_row, residual, moments, kind):
    """Sum of the residual, and of the residual times the fraction, per level of every table."""
    for start in range(0, residual.size, _PIECE_ROWS):
        piece, first = residual[start : start + _PIECE_ROWS], 0
        for table in tables:
            codes = array_at(table[CODES] + np.uint64((first_row + start) * kind.itemsize), piece.size, kind)
            n_levels = np.int64(table[LEVELS])
            _add_moment(codes, table[SHIFT], piece, moments[first : first + n_levels])
            first += n_levels


@numba.njit(cache=True, nogil=True)
def write_gradient(tables, moments, gradient):
    """Transpose of interpolating, then of the tables: what each level weighs, and what that is for each coefficient."""
    first, begin = 0, 0
    for table in tables:
        n_levels, n_coef, unit = np.int64(table[LEVELS]), np.int64(table[COEF]), _unit(table[SHIFT])
        weights, below = np.empty(n_levels), 0.0
        for level in range(n_levels):
            share = moments[first + level, 1] * unit
            weights[level] = moments[first + level, 0] - share + below
            below = share
        for j in range(n_coef):
            gradient[begin + j] = _dot(_column(table[WEIGHING], j, n_levels, gradient), weights)
        first, begin = first + n_levels, begin + n_coef


@numba.njit(cache=True, nogil=True)
def _unit(shift):
    return 1.0 / np.float64(np.uint64(1) << shift)


@numba.njit(cache=True, nogil=True)
def _column(address, j, n_levels, kind):
    return array_at(address + np.uint64(8 * j * n_levels), n_levels, kind)


@numba.njit(cache=True, nogil=True)
def _dot(one, other):
    n_vectors, total, sums = one.size // LANES, 0.0, np.empty(LANES)
    lanes = spread(0.0)
    for position in range(np.uint64(n_vectors)):
        lanes = plus(lanes, times(load(one, position), load(other, position)))
    store(sums, np.uint64(0), lanes)
    for lane in range(LANES):
        total += sums[lane]
    for i in range(n_vectors * LANES, one.size):
        total += one[i] * other[i]
    return total


@numba.njit(cache=True, nogil=True)
def _add_lookup(codes, bits, lines, out):
    mask, n_vectors = (np.uint64(1) << bits) - np.uint64(1), codes.size // LANES
    for position in range(np.uint64(n_vectors)):
        prefetch(codes, position + _AHEAD)
        found = interpolate(lines, codes, position, bits, fractions(codes, position, mask))
        store(out, position, plus(load(out, position), found))
    for i in range(n_vectors * LANES, codes.size):
        code = np.uint64(codes[i])
        level = code >> bits
        out[i] += lines[level, 0] + np.float64(np.int64(code & mask)) * lines[level, 1]


@numba.njit(cache=True, nogil=True)
def _add_moment(codes, bits, residual, moments):
    mask, n_vectors = (np.uint64(1) << bits) - np.uint64(1), codes.size // LANES
    for position in range(np.uint64(n_vectors)):
        prefetch(codes, position + _AHEAD)
        residuals = load(residual, position)
        add_pairs(moments, codes, position, bits, residuals, times(residuals, fractions(codes, position, mask)))
    for i in range(n_vectors * LANES, codes.size):
        code = np.uint64(codes[i])
        level, r = code >> bits, residual[i]
        moments[level, 0] += r
        moments[level, 1] += r * np.float64(np.int64(code & mask))


@numba.njit(cache=True, nogil=True)
def write_rows(codes, shift, table, out):
    """Features of each row, interpolated; off the grid the fraction is 0 and the next level must not be touched."""
    mask, unit = (1 << shift) - 1, 1.0 / (1 << shift)
    for i in range(codes.size):
        code = np.int64(codes[i])
        level, fraction = code >> shift, (code & mask) * unit
        if fraction == 0.0:
            for j in range(table.shape[1]):
                out[i, j] = table[level, j]
        else:
            for j in range(table.shape[1]):
                out[i, j] = table[level, j] + fraction * (table[level + 1, j] - table[level, j])


@numba.njit(cache=True, nogil=True)
def add_lookup_plane(codes_x, codes_y, shift_x, shift_y, values, out):
    """Bilinear interpolation of `values`, ``(levels_x, levels_y)``; without a fraction the next is not touched."""
    mask_x, mask_y, unit_x, unit_y = (1 << shift_x) - 1, (1 << shift_y) - 1, 1.0 / (1 << shift_x), 1.0 / (1 << shift_y)
    for i in range(codes_x.size):
        x, y = np.int64(codes_x[i]), np.int64(codes_y[i])
        fx, fy = (x & mask_x) * unit_x, (y & mask_y) * unit_y
        x, y = x >> shift_x, y >> shift_y
        next_x, next_y = x + (fx > 0.0), y + (fy > 0.0)
        here = values[x, y] + fy * (values[x, next_y] - values[x, y])
        there = values[next_x, y] + fy * (values[next_x, next_y] - values[next_x, y])
        out[i] += here + fx * (there - here)


@numba.njit(cache=True, nogil=True)
def add_weights_plane(codes_x, codes_y, shift_x, shift_y, residual, weights):
    """Transpose of interpolating: each residual is shared out among the four corners of its cell."""
    mask_x, mask_y, unit_x, unit_y = (1 << shift_x) - 1, (1 << shift_y) - 1, 1.0 / (1 << shift_x), 1.0 / (1 << shift_y)
    for i in range(codes_x.size):
        x, y = np.int64(codes_x[i]), np.int64(codes_y[i])
        fx, fy = (x & mask_x) * unit_x, (y & mask_y) * unit_y
        x, y = x >> shift_x, y >> shift_y
        next_x, next_y = x + (fx > 0.0), y + (fy > 0.0)
        r = residual[i]
        along_x, along_y, both = r * fx, r * fy, r * fx * fy
        weights[x, y] += r - along_x - along_y + both
        weights[x, next_y] += along_y - both
        weights[next_x, y] += along_x - both
        weights[next_x, next_y] += both
