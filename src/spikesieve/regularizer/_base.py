"""`Regularizer`: what a user constructs; `bind` lays it out over a model's coefficients."""

import inspect
from abc import ABC, abstractmethod

import numpy as np

from spikesieve._arguments import is_real, shown
from spikesieve._tree import CoefLayout, flatten, map_leaves
from spikesieve._types import Coef, PyTree
from spikesieve.regularizer._expansion import BoundPenalty


class Regularizer(ABC):
    """A penalty on the coefficients, not yet tied to any features. Never changed by a fit."""

    uses_strength: bool = True
    """False if the strength is ignored."""
    selects: bool = False
    """True if it sets whole groups to exactly zero."""

    @abstractmethod
    def bind(self, layout: CoefLayout, strength: PyTree) -> tuple[BoundPenalty, float]:
        """Penalty over the flat coefficients, and the scalar strength that multiplies it.

        `strength` is a scalar, or whatever finer form the regularizer documents; then the finer form goes
        into the weights and the scalar is 1.

        Raises
        ------
        ValueError
            If the strength is negative or not finite, or its shape does not fit the features.
        """

    def strength_at(self, given: PyTree, strength: float) -> PyTree:
        """What ``regularizer_strength`` is at one strength of a path of a model whose own is `given`.

        A scalar is replaced; finer forms are relative strengths, and multiplied.
        """
        if given is None or scalar_strength(given) is not None:
            return strength
        return map_leaves(lambda leaf: np.multiply(leaf, strength)[()], given)

    def get_params(self, deep: bool = True) -> dict:
        """Constructor arguments, as scikit-learn asks for them."""
        del deep
        return dict(vars(self))

    def set_params(self, **params) -> "Regularizer":
        """Change constructor arguments, as scikit-learn does in a grid search."""
        for name, value in params.items():
            if name not in vars(self):
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {sorted(vars(self))}.")
            setattr(self, name, value)
        return self

    def __repr__(self):
        defaults = {name: item.default for name, item in inspect.signature(type(self)).parameters.items()}
        given = [name for name, value in vars(self).items() if not _is(value, defaults.get(name))]
        return f"{type(self).__name__}({', '.join(f'{name}=...' for name in given)})"


def _is(value, default) -> bool:
    """Whether an argument is its default, without comparing arrays."""
    return value is default or (type(value) is type(default) and not np.ndim(value) and value == default)


def scalar_strength(strength) -> float | None:
    """Return `strength` as a float if it is a scalar, else None.

    Raises
    ------
    ValueError
        If it is a negative or non-finite scalar.
    """
    if isinstance(strength, dict | list | tuple) or np.ndim(strength) != 0:
        return None
    return float(checked_strengths(strength))


def checked_strengths(values, name: str = "regularizer_strength") -> np.ndarray:
    """Several strengths as a float array, each finite and non-negative; `name` is what an error calls them."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "bcUS":  # text would be read, "0.1" as 0.1
            raise TypeError("neither text, True and False, nor complex numbers will do")
        array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number, or hold numbers, got {shown(values)}.") from error
    if not np.isfinite(array).all() or (array < 0).any():
        every = name if array.ndim == 0 else f"Every number of {name}"
        raise ValueError(f"{every} must be a finite number >= 0, got {shown(array.tolist())}.")
    return array


def checked_number(value, name: str) -> float:
    """Return one finite number that is not negative; `name` is what an error calls it."""
    if not is_real(value):
        raise ValueError(f"{name} must be a number, got {shown(value)}.")
    return float(checked_strengths(value, name))


def strength_per_coef(layout: CoefLayout, strength: PyTree, name: str = "regularizer_strength") -> Coef:
    """Spread a tree of scalars or coefficient-shaped arrays over the flat coefficients."""
    leaves, structure = flatten(strength)
    if structure.labels != layout.labels:  # then lists may stand for arrays
        leaves, structure = flatten(strength, lists_of_numbers_are_leaves=True)
    if structure.labels != layout.labels:
        raise ValueError(
            f"{name} has leaves {list(structure.labels)} but the features have "
            f"{list(layout.labels)}; give one scalar, or one number per leaf of the features."
        )
    spread = np.empty(layout.n_coef)
    for label, leaf, columns, shape in zip(layout.labels, leaves, layout.leaf_slices, layout.leaf_shapes, strict=True):
        values = checked_strengths(leaf, name)
        if values.ndim > 0 and values.shape != shape:
            raise ValueError(
                f"{name} of {label or 'the features'} has shape {values.shape}, expected a scalar or {shape}."
            )
        spread[columns] = values.ravel()
    return spread
