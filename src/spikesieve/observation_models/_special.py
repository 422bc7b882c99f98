"""SciPy's special functions, imported with the first call of one: most fits need none and save 0.06 s."""

from functools import cache


@cache
def special():
    """Return the module ``scipy.special``."""
    import scipy.special

    return scipy.special
