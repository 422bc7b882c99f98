"""One kind of randomness from whatever a user has: a JAX key, a seed, a generator."""

import numpy as np


def as_generator(random_key) -> np.random.Generator:
    """NumPy generator from a JAX key (old style or new), an integer seed, or a generator."""
    if isinstance(random_key, np.random.Generator):
        return random_key
    if isinstance(random_key, int | np.integer):
        return np.random.default_rng(int(random_key))
    try:
        words = np.asarray(random_key)
    except TypeError:  # a typed JAX key array refuses conversion
        import jax

        words = np.asarray(jax.random.key_data(random_key))
    if not np.issubdtype(words.dtype, np.integer):
        raise TypeError(
            f"random_key must be a JAX key, an integer or a numpy Generator, got {type(random_key).__name__}."
        )
    return np.random.default_rng(words.ravel().tolist())
