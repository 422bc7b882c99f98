"""The compiled loop over bins of a recurrent simulation; imported when it is run, since importing Numba costs."""

import math

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def run_recurrent(coupling, drive, basis, ring, kind, scale, possible, rng, counts, rates):
    """Fill `counts` and `rates`, ``(n_samples, n_neurons)``; return the bin with an impossible mean, or -1.

    `coupling` is ``(n_neurons, n_neurons * n_basis)``, `ring` ``(window, n_neurons * n_basis)``; `kind` holds the
    numbers of family and link.
    """
    n_samples, n_neurons = drive.shape
    window, n_basis = basis.shape
    for t in range(n_samples):
        now = t % window
        predictor = drive[t] + np.dot(coupling, ring[now])
        for i in range(n_neurons):
            rates[t, i] = _mean(predictor[i], kind[1])
        for i in range(n_neurons):
            if not (rates[t, i] >= possible[0] and rates[t, i] <= possible[1]):
                return t
        _draw(rates[t], kind[0], scale, rng, counts[t])
        ring[now] = 0.0
        for j in range(n_neurons):
            if counts[t, j] != 0.0:
                for lag in range(window):
                    later = (now + 1 + lag) % window
                    for b in range(n_basis):
                        ring[later, j * n_basis + b] += counts[t, j] * basis[lag, b]
    return -1


@numba.njit(cache=True, nogil=True)
def _mean(predictor, link):
    if link == 0:
        return math.exp(predictor)
    if link == 1:
        return predictor if predictor > 700.0 else math.log1p(math.exp(predictor))
    if link == 2:
        return predictor
    return 1.0 / (1.0 + math.exp(-predictor))


@numba.njit(cache=True, nogil=True)
def _draw(mean, family, scale, rng, out):
    """One observation per neuron, from the draws that NumPy makes for the whole vector."""
    if family == 2:
        for i in range(len(mean)):
            out[i] = rng.gamma(1.0 / scale, mean[i] * scale)
        for i in range(len(mean)):
            out[i] = rng.poisson(out[i])
    else:
        for i in range(len(mean)):
            out[i] = rng.poisson(mean[i]) if family == 0 else rng.binomial(1, mean[i])
