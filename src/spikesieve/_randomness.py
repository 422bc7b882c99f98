"""One kind of randomness from whatever a user has: a JAX key, a seed, a generator."""

import sys

import numpy as np

from spikesieve._jax import key_words


def as_generator(random_key) -> np.random.Generator:
    """NumPy generator from a JAX key (old style or new), an integer seed, or a generator."""
    if isinstance(random_key, np.random.Generator):
        return random_key
    if isinstance(random_key, int | np.integer):
        return np.random.default_rng(int(random_key))
    is_key = "jax" in sys.modules and hasattr(random_key, "dtype") and not isinstance(random_key, np.ndarray)
    words = key_words(random_key) if is_key else _as_array(random_key)
    if not np.issubdtype(words.dtype, np.integer) or words.size == 0:
        raise TypeError(
            f"random_key must be a JAX key, an integer or a numpy Generator, got {type(random_key).__name__}."
        )
    return np.random.default_rng(words.ravel().tolist())


def _as_array(random_key) -> np.ndarray:
    try:
        return np.asarray(random_key)
    except ValueError:  # lists of unequal lengths are no key
        return np.zeros(0)
