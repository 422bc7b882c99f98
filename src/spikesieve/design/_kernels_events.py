"""Compiled loops over events; imported when the first block with events is used, since importing Numba costs.

Channel ``c`` has its events at ``bins[starts[c]:starts[c + 1]]``, sorted. An event in bin ``b`` reaches the rows
``b + delay + lag`` for every ``0 <= lag < window``. Rows are given as runs ``(first, step, number)``, and results
hold one entry (or `width` entries, one per neuron) for each of their rows in that order.
"""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def add_filtered(bins, weights, starts, channels, runs, delay, filters, width, out):
    """Add ``weight * filters[channel, lag]`` to each row that an event reaches; arrays flat but for `filters`."""
    window = filters.shape[1] // width
    start_of_run = 0
    for r in range(runs.shape[0]):
        first, step, n_rows = runs[r, 0], runs[r, 1], runs[r, 2]
        last = first + (n_rows - 1) * step
        for c in channels:
            event, end = starts[c], starts[c + 1]
            event += np.searchsorted(bins[event:end], first - delay - window + 1)
            while event < end and bins[event] <= last - delay:
                lag, begin, stop = _reach(first - delay - bins[event], step, n_rows, window)
                weight = weights[event]
                if step == 1:
                    there = out[(start_of_run + begin) * width : (start_of_run + stop) * width]
                    shape = filters[c, lag * width : (lag + stop - begin) * width]
                    for i in range(there.size):
                        there[i] += weight * shape[i]
                else:
                    for i in range(begin, stop):
                        for j in range(width):
                            out[(start_of_run + i) * width + j] += weight * filters[c, lag * width + j]
                        lag += step
                event += 1
        start_of_run += n_rows


@numba.njit(cache=True, nogil=True)
def add_lag_products(bins, weights, starts, runs, delay, residual, width, out):
    """Add ``weight * residual[row]`` to ``out[channel, lag]`` for each row that an event reaches."""
    window = out.shape[1] // width
    start_of_run = 0
    for r in range(runs.shape[0]):
        first, step, n_rows = runs[r, 0], runs[r, 1], runs[r, 2]
        last = first + (n_rows - 1) * step
        for c in range(starts.size - 1):
            event, end = starts[c], starts[c + 1]
            event += np.searchsorted(bins[event:end], first - delay - window + 1)
            while event < end and bins[event] <= last - delay:
                lag, begin, stop = _reach(first - delay - bins[event], step, n_rows, window)
                weight = weights[event]
                if step == 1:
                    there = residual[(start_of_run + begin) * width : (start_of_run + stop) * width]
                    products = out[c, lag * width : (lag + stop - begin) * width]
                    for i in range(there.size):
                        products[i] += weight * there[i]
                else:
                    for i in range(begin, stop):
                        for j in range(width):
                            out[c, lag * width + j] += weight * residual[(start_of_run + i) * width + j]
                        lag += step
                event += 1
        start_of_run += n_rows


@numba.njit(cache=True, nogil=True)
def write_features(bins, weights, starts, runs, delay, kernel, out):
    """Set ``out[row, channel * n_basis + b]`` to the sum of ``weight * kernel[lag, b]`` over the events it sees.

    Row by row, so that a matrix far larger than the cache is written once and in order.
    """
    window, n_basis = kernel.shape
    row = 0
    upcoming = np.empty(starts.size - 1, np.int64)
    for r in range(runs.shape[0]):
        first, step, n_rows = runs[r, 0], runs[r, 1], runs[r, 2]
        for c in range(upcoming.size):
            earliest = first - delay - window + 1
            upcoming[c] = starts[c] + np.searchsorted(bins[starts[c] : starts[c + 1]], earliest)
        for i in range(n_rows):
            latest = first + i * step - delay
            values = out[row]
            values[:] = 0.0
            for c in range(upcoming.size):
                event, end = upcoming[c], starts[c + 1]
                while event < end and bins[event] <= latest - window:
                    event += 1
                upcoming[c] = event
                while event < end and bins[event] <= latest:
                    lag = latest - bins[event]
                    for b in range(n_basis):
                        values[c * n_basis + b] += weights[event] * kernel[lag, b]
                    event += 1
            row += 1


@numba.njit(inline="always")
def _reach(lag, step, n_rows, window):
    """First lag at which a run is reached, and from which row of the run up to which; `lag` is that of its row 0."""
    begin = 0
    if lag < 0:
        begin = (step - 1 - lag) // step
        lag += begin * step
    stop = min(n_rows, begin + (window - 1 - lag) // step + 1)
    return lag, begin, stop
