"""Eight outputs side by side: arrays of them lie on the boundaries of a cache line, which is eight numbers long.

A vector of eight that straddles two cache lines costs two accesses: the look-ups of W(10^5, 10) took 0.28 ns per bin,
covariate and neuron on arrays as NumPy allocates them and 0.25 ns on these, the moments 0.35 and 0.27 ns.
"""

import math
from functools import cache

import numpy as np

LANES = 8
_LINE_BYTES = 64


def zeros_on_lines(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros whose first number begins a cache line."""
    n_bytes = 8 * math.prod(shape)
    raw = np.zeros(n_bytes + _LINE_BYTES, dtype=np.uint8)
    first = -raw.ctypes.data % _LINE_BYTES
    return raw[first : first + n_bytes].view(np.float64).reshape(shape)


def add_sums_and_products(values: np.ndarray, others: np.ndarray, sums: np.ndarray) -> None:
    """``sums[0] += values.sum(axis=0)`` and ``sums[1] += (values * others).sum(axis=0)``, all of eight columns."""
    _kernels().add_sums_and_products(values, others, sums)


@cache
def _kernels():
    import spikesieve.design._table_kernels_lanes as kernels

    return kernels
