"""Inner loops of tabulated blocks, compiled on first use and cached on disk.

A code is a fixed-point position in a table: ``level = code >> shift`` and, below it, how far on to the next level in
units of ``2**-shift``. `lines` holds per level the value there and the change per unit: one fetch and one
multiply-add a row, measured at 0.5 ns from the cache and 0.6 from memory; the transpose adds the residual and its
product with the fraction, 0.6 and 0.8 ns. Eight rows are done together: splitting codes and turning fractions into
numbers one by one took 0.2 ns more.
"""

import numba
import numpy as np

from spikesieve.design._lane_vectors import add_pairs, fractions, interpolate, load, plus, prefetch, store, times
from spikesieve.design._lanes import LANES

# Vectors of codes. Rows of 10 covariates are more than a cache holds, and waiting for them was a tenth of both loops.
_AHEAD = np.uint64(64)


@numba.njit(cache=True, nogil=True)
def write_lines(values, n_levels, unit, lines):
    """Value at each level, and its change per fraction to the next one on the grid."""
    for level in range(values.size):
        lines[level, 0] = values[level]
        lines[level, 1] = (values[level + 1] - values[level]) * unit if level < n_levels - 1 else 0.0


@numba.njit(cache=True, nogil=True)
def add_lookup(codes, shift, lines, out):
    """``out[i] += lines[level, 0] + fraction * lines[level, 1]``."""
    bits, mask, n_vectors = np.uint64(shift), (np.uint64(1) << np.uint64(shift)) - np.uint64(1), codes.size // LANES
    for position in range(np.uint64(n_vectors)):
        prefetch(codes, position + _AHEAD)
        found = interpolate(lines, codes, position, bits, fractions(codes, position, mask))
        store(out, position, plus(load(out, position), found))
    for i in range(n_vectors * LANES, codes.size):
        code = np.uint64(codes[i])
        level = code >> bits
        out[i] += lines[level, 0] + np.float64(np.int64(code & mask)) * lines[level, 1]


@numba.njit(cache=True, nogil=True)
def add_moments(codes, shift, residual, moments):
    """Sum of the residual, and of the residual times the fraction, per level."""
    bits, mask, n_vectors = np.uint64(shift), (np.uint64(1) << np.uint64(shift)) - np.uint64(1), codes.size // LANES
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
def write_weights(moments, unit, weights):
    """Transpose of interpolating: what each level weighs, from the moments."""
    below = 0.0
    for level in range(weights.size):
        share = moments[level, 1] * unit
        weights[level] = moments[level, 0] - share + below
        below = share


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
