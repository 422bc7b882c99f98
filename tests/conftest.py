"""Hypothesis without a deadline (the first example may import JAX) and with the same examples every time."""

from hypothesis import settings

settings.register_profile("spikesieve", deadline=None, derandomize=True)
settings.load_profile("spikesieve")
