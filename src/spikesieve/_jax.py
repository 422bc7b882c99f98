"""What else is asked of JAX than pytrees (which `_tree` walks): imported only when a JAX object was given."""

import numpy as np


def key_words(random_key) -> np.ndarray:
    """The unsigned integers inside a JAX random key, of the typed kind or the older plain array."""
    import jax
    import jax.numpy as jnp

    if jnp.issubdtype(random_key.dtype, jax.dtypes.prng_key):
        random_key = jax.random.key_data(random_key)
    return np.asarray(random_key)
