"""A covariate that is left out."""

from typing import Any, Self

import numpy as np

from spikesieve.basis._base import Basis, check_integer, check_label
from spikesieve.basis._samples import ArrayLike, as_samples, check_number_of_inputs, like_inputs


class Zero(Basis):
    """No features at all: a placeholder where a covariate is taken but left out of the model.

    Comparing models with and without a covariate then changes one term and no call.

    Parameters
    ----------
    label
        Name of the (empty) features in every result.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import BSplineEval, Zero
    >>> basis = BSplineEval(5, label="position") + Zero(label="speed")
    >>> basis.compute_features(np.linspace(0, 1, 100), np.ones(100)).shape
    (100, 5)
    """

    n_basis_funcs = 0

    def __init__(self, label: str = "Zero") -> None:
        self.label = label
        check_label(label, Zero)

    def compute_features(self, *covariates: ArrayLike) -> Any:
        self.setup_basis(*covariates)
        return like_inputs(np.zeros((len(self._as_samples(covariates)), 0)), *covariates)

    def setup_basis(self, *covariates: ArrayLike) -> Self:
        self._input_shape = self._as_samples(covariates).shape[1:]
        return self

    def evaluate(self, *covariates):
        return np.zeros((*self._as_samples(covariates).shape, 0))

    def evaluate_on_grid(self, *n_points):
        """Grid over [0, 1], and no values."""
        check_number_of_inputs(n_points, 1, self.label)
        check_integer(n_points[0], 1, f"{self.label}: the number of grid points")
        return np.linspace(0.0, 1.0, n_points[0]), np.zeros((n_points[0], 0))

    def _as_samples(self, covariates):
        check_number_of_inputs(covariates, 1, self.label)
        return as_samples(covariates[0], self.label)
