"""Names for the array shapes that the whole package speaks of.

``n_samples`` are time bins, ``n_coef`` the coefficients of all covariates together, ``n_strengths``
the points of a regularization path.
"""

from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

PyTree: TypeAlias = Any
"""An array, or any (nested) container of arrays that JAX would call a pytree."""

PerSample: TypeAlias = Float[np.ndarray, " n_samples"]
PerOutput: TypeAlias = Float[np.ndarray, "n_samples n_outputs"]
"""One number per bin and output: per neuron of a population, or per class."""
Labels: TypeAlias = Int[np.ndarray, " n_samples"]
Coef: TypeAlias = Float[np.ndarray, " n_coef"]
Intercepts: TypeAlias = Float[np.ndarray, " n_intercepts"]
Matrix: TypeAlias = Float[np.ndarray, "n_samples n_coef"]
Gram: TypeAlias = Float[np.ndarray, "n_coef n_coef"]
Mask: TypeAlias = Bool[np.ndarray, " n_samples"]
Index: TypeAlias = Int[np.ndarray, " n_index"]
Strengths: TypeAlias = Float[np.ndarray, " n_strengths"]
