"""A basis as a step of a scikit-learn pipeline."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from spikesieve.basis._base import Basis, clone


class TransformerBasis(TransformerMixin, BaseEstimator):
    """A basis with `fit` and `transform`: covariates side by side in, features out.

    `fit` learns the ranges of the training samples, `transform` uses them. Every argument of the basis can be
    searched over, as ``basis__n_basis_funcs`` or ``basis__<label>__n_basis_funcs``.

    Parameters
    ----------
    basis
        The basis; it is not changed. Covariates of several columns need `Basis.set_input_shape` first.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import BSplineEval, IdentityEval
    >>> basis = BSplineEval(5, label="position") + IdentityEval(label="speed")
    >>> covariates = np.random.default_rng(0).normal(size=(100, 2))
    >>> basis.to_transformer().fit_transform(covariates).shape
    (100, 6)
    """

    def __init__(self, basis: Basis) -> None:
        self.basis = basis

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the ranges of the covariates; `y` is ignored."""
        del y
        X = np.asarray(X)
        basis = clone(self.basis)
        basis.setup_basis(*_covariates(basis, X))
        self.basis_ = basis
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Features of each row of `X`."""
        check_is_fitted(self)
        return self.basis_.compute_features(*_covariates(self.basis_, np.asarray(X)))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Labels with the number of the column, such as ``speed_0``."""
        del input_features
        check_is_fitted(self)
        widths = [(c.label, c.basis.n_basis_funcs * c.basis.n_input_columns) for c in self.basis_.components]
        return np.array([f"{label}_{i}" for label, width in widths for i in range(width)], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _covariates(basis, X):
    """Cut the columns of `X` into one array per covariate."""
    if X.ndim != 2:
        raise ValueError(f"X must have shape (n_samples, n_columns); got shape {X.shape}.")
    shapes = [
        () if shape is None else shape for component in basis.components for shape in _shapes_of_inputs(component.basis)
    ]
    stops = np.cumsum([int(np.prod(shape)) for shape in shapes])
    if X.shape[1] != stops[-1]:
        raise ValueError(
            f"{basis.label} takes {stops[-1]} columns in all; X has {X.shape[1]}. Call set_input_shape for covariates "
            "of more than one column."
        )
    blocks = np.split(X, stops[:-1], axis=1)
    return [block.reshape(len(X), *shape) for block, shape in zip(blocks, shapes, strict=True)]


def _shapes_of_inputs(basis):
    return basis.input_shape if basis.parts else (basis.input_shape,) * basis.n_inputs
