"""Spike trains to try a method on: populations of coupled neurons, and filters that look like those of neurons."""

from spikesieve.simulation._filters import difference_of_gammas, regress_filter
from spikesieve.simulation._recurrent import simulate_recurrent

__all__ = ["difference_of_gammas", "regress_filter", "simulate_recurrent"]
