"""Names for the array shapes that the whole package speaks of.

``n_samples`` are time bins, ``n_coef`` the coefficients of all covariates together, ``n_strengths``
the points of a regularization path.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

PyTree = Any
"""An array, or any (nested) container of arrays that JAX would call a pytree."""

PerSample = Float[np.ndarray, " n_samples"]
Coef = Float[np.ndarray, " n_coef"]
Matrix = Float[np.ndarray, "n_samples n_coef"]
Gram = Float[np.ndarray, "n_coef n_coef"]
Mask = Bool[np.ndarray, " n_samples"]
Index = Int[np.ndarray, " n_index"]
Strengths = Float[np.ndarray, " n_strengths"]
