"""A covariate as it is."""

from typing import Any

import numpy as np

from spikesieve.basis._base import Basis, check_integer, check_label
from spikesieve.basis._range import check_bounds, outside
from spikesieve.basis._samples import ArrayLike, as_samples, check_number_of_inputs, like_inputs


class IdentityEval(Basis):
    """The covariate itself as its only feature, in its own unit: not scaled, nothing remembered.

    Parameters
    ----------
    bounds
        Values outside (lowest, highest) are replaced by `fill_value`. None: no value is.
    fill_value
        Feature of samples outside the bounds. NaN (the default) makes a fit leave these time bins out.
    label
        Name of the feature in every result.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import IdentityEval
    >>> IdentityEval(bounds=(0, 50), label="speed").compute_features(np.array([3.0, 60.0]))
    array([[ 3.],
           [nan]])
    """

    n_basis_funcs = 1

    def __init__(
        self,
        bounds: tuple[float, float] | None = None,
        fill_value: float = np.nan,
        label: str = "IdentityEval",
    ) -> None:
        self.bounds = bounds
        self.fill_value = fill_value
        self.label = label
        check_bounds(bounds, "IdentityEval")
        check_label(label, IdentityEval)

    def compute_features(self, *covariates: ArrayLike) -> Any:
        self.setup_basis(*covariates)
        features = self.evaluate(*covariates)
        return like_inputs(features.reshape(len(features), -1), *covariates)

    def setup_basis(self, *covariates):
        check_number_of_inputs(covariates, 1, self.label)
        self._input_shape = as_samples(covariates[0], self.label).shape[1:]
        return self

    def evaluate(self, *covariates):
        check_number_of_inputs(covariates, 1, self.label)
        x = as_samples(covariates[0], self.label)
        features = x[..., None].copy()
        strays = outside(x, self.bounds)
        if strays.any():
            features[strays.reshape(len(x), -1).any(axis=1)] = self.fill_value
        return features

    def evaluate_on_grid(self, *n_points):
        """Values on a regular grid over the bounds, else over [0, 1]."""
        check_number_of_inputs(n_points, 1, self.label)
        check_integer(n_points[0], 1, f"{self.label}: the number of grid points")
        grid = np.linspace(*(self.bounds or (0.0, 1.0)), n_points[0])
        return grid, grid[:, None].copy()
