"""One feature per category of a discrete covariate."""

import operator
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from jaxtyping import Int

from spikesieve._tree import Axis
from spikesieve.basis._base import Basis, check_integer, check_label
from spikesieve.basis._samples import ArrayLike, as_samples, check_number_of_inputs, like_inputs, values_of


class Category(Basis):
    """One feature per category: 1 in the time bins of that category, else 0.

    For trial types, arms of a maze, stimulus identity, behavioural states. The features of a bin add up to one,
    so they are collinear with an intercept.

    Parameters
    ----------
    categories
        The labels, of which equal ones count once, sorted; or their number ``k`` if they are 0 to k-1.
    out_of_category
        Whether other labels may occur; their bins have no category (all features 0). If False they are an error.
    label
        Name of the features in every result.

    Raises
    ------
    ValueError
        If a label is not among the categories and `out_of_category` is False.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import Category
    >>> Category(["left", "right"]).compute_features(np.array(["right", "left", "rest"]))
    array([[0., 1.],
           [1., 0.],
           [0., 0.]])
    """

    def __init__(self, categories: int | Sequence[Any], out_of_category: bool = True, label: str = "Category") -> None:
        self.categories = categories
        self.out_of_category = out_of_category
        self.label = label
        check_label(label, Category)
        if self.n_basis_funcs < 1:
            raise ValueError(f"Category: there must be at least one category; got {categories!r}.")

    @property
    def labels(self) -> np.ndarray:
        """The categories in the order of their features."""
        try:
            number = operator.index(self.categories)  # pyright: ignore[reportArgumentType]
        except TypeError:
            return np.unique(np.asarray(self.categories))
        return np.arange(number)

    @property
    def n_basis_funcs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of categories."""
        return len(self.labels)

    @property
    def axes(self):
        return (Axis(self.n_basis_funcs, is_ordered=False),)

    def compute_features(self, *covariates: ArrayLike) -> Any:
        self.setup_basis(*covariates)
        features = self.evaluate(*covariates)
        return like_inputs(features.reshape(len(features), -1), *covariates)

    def setup_basis(self, *covariates: ArrayLike) -> Self:
        self._input_shape = self._as_labels(covariates).shape[1:]
        return self

    def codes(self, *covariates: ArrayLike) -> Int[np.ndarray, " *shape"]:
        """Category of each element, from 0; after them all comes no value (NaN), then any other label.

        Raises
        ------
        ValueError
            If there are other labels and `out_of_category` is False.
        """
        x, labels = self._as_labels(covariates), self.labels
        code = np.minimum(np.searchsorted(labels, x), len(labels) - 1)
        known = labels[code] == x
        missing = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, dtype=bool)
        strange = ~known & ~missing
        if strange.any() and not self.out_of_category:
            raise ValueError(
                f"{self.label}: {np.unique(x[strange])[:5].tolist()} are not among the categories. Add them, or use "
                "out_of_category=True to give their time bins no category."
            )
        return np.where(known, code, len(labels) + strange)

    def evaluate(self, *covariates):
        code, n = self.codes(*covariates), self.n_basis_funcs
        features = np.zeros((*code.shape, n))
        np.put_along_axis(features, np.minimum(code, n - 1)[..., None], (code < n)[..., None].astype(float), axis=-1)
        features[code == n] = np.nan
        return features

    def evaluate_on_grid(self, *n_points):
        """The categories themselves, as many of them as there are points, and their features."""
        check_number_of_inputs(n_points, 1, self.label)
        check_integer(n_points[0], 1, f"{self.label}: the number of grid points")
        grid = self.labels[: n_points[0]]
        return grid, self.evaluate(grid)

    def _as_labels(self, covariates):
        check_number_of_inputs(covariates, 1, self.label)
        x = np.atleast_1d(np.asarray(values_of(covariates[0])))
        if x.dtype.kind == "O":
            x = self._uniform(x)
        if x.size == 0:
            raise ValueError(f"{self.label}: the covariate has no samples (shape {x.shape}).")
        if (x.dtype.kind in "SU") != (self.labels.dtype.kind in "SU"):
            raise TypeError(
                f"{self.label}: the covariate has dtype {x.dtype}, but the categories {self.labels.dtype}. "
                "Use labels of one type."
            )
        return x

    def _uniform(self, x: np.ndarray) -> np.ndarray:
        """Labels that came as Python objects, as pandas holds text, in an array of one type."""
        others = [label for label in x.ravel() if not isinstance(label, str)]
        if not others:
            return x.astype(str)
        if len(others) == x.size:
            return as_samples(x, self.label)
        raise TypeError(
            f"{self.label}: some labels are text and {len(others)} are not, such as {others[0]!r}. Give bins without a "
            "label one of their own, say 'none'; if it is not among the categories, all their features are 0."
        )
