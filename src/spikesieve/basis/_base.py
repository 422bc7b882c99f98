"""`Basis`: what every basis can do, and the records that describe it to its readers.

A basis turns one or more covariates into features, columns that a linear model weighs. Bases compose:
``a + b`` puts the features of two covariates side by side, ``a * b`` multiplies every feature of one by
every feature of the other. A composition owns fresh copies of its parts.
"""

import abc
import copy
import inspect
import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float

from spikesieve._tree import Axis
from spikesieve.basis._samples import ArrayLike, check_number_of_inputs, n_columns

InputShape = tuple[int, ...]
"""Shape of one sample of a covariate: ``()`` for one column, ``(3,)`` for three."""


@dataclass(frozen=True)
class Component:
    """One term of a sum of bases: an atomic basis or a product, and the covariates that it consumes."""

    label: str
    basis: "Basis"
    n_inputs: int


class Basis(abc.ABC):
    """Features of covariates.

    Attributes
    ----------
    label
        Name of the features in every result.
    n_basis_funcs
        Number of basis functions, per column of the covariate.
    n_inputs
        Number of covariates that a call takes.
    """

    label: str
    n_basis_funcs: int
    n_inputs: int = 1
    _input_shape: InputShape | None = None

    # ------------------------------------------------------------------ features

    @abc.abstractmethod
    def compute_features(self, *covariates: ArrayLike) -> Any:
        """Return the features of each sample, shape ``(n_samples, n_output_features)``.

        Columns are ordered by covariate column, then by basis function. What a basis learns from samples it
        learns from the first samples it sees; `setup_basis` learns anew.
        """

    @abc.abstractmethod
    def setup_basis(self, *covariates: ArrayLike) -> Self:
        """Learn from these samples what the basis needs to know, forgetting what it knew; returns itself."""

    @abc.abstractmethod
    def evaluate(self, *covariates: ArrayLike) -> Float[np.ndarray, " *shape n_basis_funcs"]:
        """Values of the functions at each element, shape ``(*x.shape, n_basis_funcs)``; learns nothing."""

    @abc.abstractmethod
    def evaluate_on_grid(self, *n_points: int) -> tuple[np.ndarray, ...]:
        """Grids, one per input as from ``meshgrid(..., indexing="ij")``, and then the values on them."""

    # ------------------------------------------------------------------ shapes

    @property
    def input_shape(self) -> Any:
        """Shape of one sample of the covariate, None until known; for compositions one per covariate."""
        return self._input_shape

    @property
    def n_output_features(self) -> int | None:
        """Number of feature columns; None until the shape of the covariate is known."""
        if self._input_shape is None:
            return None
        return self.n_basis_funcs * n_columns(self._input_shape)

    @property
    def n_input_columns(self) -> int:
        """Number of columns per covariate, each of which is expanded; 1 while it is not known."""
        return n_columns(self._input_shape)

    def set_input_shape(self, *shapes: int | InputShape | np.ndarray) -> Self:
        """State the shape of the covariates beforehand, one argument per input; returns the basis itself.

        Parameters
        ----------
        *shapes
            Number of columns, shape of one sample as a tuple, or an array with samples along its first axis.
        """
        check_number_of_inputs(shapes, self.n_inputs, self.label)
        parsed = {_parse_shape(shape, self.label) for shape in shapes}
        if len(parsed) > 1:
            raise ValueError(f"{self.label}: all covariates of one basis must have the same shape; got {shapes!r}.")
        self._input_shape = parsed.pop()
        return self

    def to_transformer(self) -> Any:
        """Return a scikit-learn transformer of a fresh copy, for pipelines and grid searches."""
        from spikesieve.basis._transformer import TransformerBasis

        return TransformerBasis(clone(self))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the basis functions, the last one fastest: which of them neighbour one another."""
        return (Axis(self.n_basis_funcs, is_cyclic=getattr(self, "is_cyclic", False)),)

    # ------------------------------------------------------------------ composition

    @property
    def components(self) -> tuple[Component, ...]:
        """The terms of a sum, in the order of their covariates; a basis that is no sum is its only term."""
        return (Component(self.label, self, self.n_inputs),)

    @property
    def parts(self) -> tuple["Basis", ...]:
        """The bases that this one was composed of; none for an atomic basis."""
        return ()

    def split_by_feature(self, x: ArrayLike, axis: int = 1) -> dict[str, Any]:
        """Cut an array into one slice per term, ``{label: slice}``.

        Parameters
        ----------
        x
            Features as from `compute_features` (the slices are then what ``GLM.fit`` takes), or anything
            else with one entry per feature along `axis`, such as coefficients.
        axis
            The axis of the features.

        Examples
        --------
        >>> import numpy as np
        >>> from spikesieve.basis import BSplineEval, IdentityEval
        >>> basis = BSplineEval(5, label="position") + IdentityEval(label="speed")
        >>> features = basis.compute_features(np.linspace(0, 1, 100), np.ones(100))
        >>> {label: leaf.shape for label, leaf in basis.split_by_feature(features).items()}
        {'position': (100, 5), 'speed': (100, 1)}
        """
        x = x if hasattr(x, "ndim") else np.asarray(x)
        widths = [c.basis.n_basis_funcs * c.basis.n_input_columns for c in self.components]
        if not -x.ndim <= axis < x.ndim or x.shape[axis] != sum(widths):
            raise ValueError(
                f"{self.label}: expected {sum(widths)} features along axis {axis}; got shape "
                f"{tuple(x.shape)}. Pass an array with one entry per feature, and axis= if they lie elsewhere."
            )
        stops = np.cumsum(widths)
        before = (slice(None),) * (axis % x.ndim)
        return {
            component.label: x[(*before, slice(int(stop) - width, int(stop)))]
            for component, stop, width in zip(self.components, stops, widths, strict=True)
        }

    def walk(self) -> Iterator["Basis"]:
        """Yield this basis and all that it is composed of, parts after wholes, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def __getitem__(self, label: str) -> "Basis":
        found = [basis for basis in self.walk() if basis.label == label]
        if not found:
            known = ", ".join(repr(basis.label) for basis in self.walk())
            raise IndexError(f"There is no basis labelled {label!r} here; the labels are {known}.")
        return found[0]

    def __iter__(self) -> Iterator["Basis"]:
        return (component.basis for component in self.components)

    def __len__(self) -> int:
        return len(self.components)

    def __add__(self, other: "Basis") -> "Basis":
        from spikesieve.basis._composite import AdditiveBasis

        return AdditiveBasis(self, other) if isinstance(other, Basis) else NotImplemented

    def __mul__(self, other: "Basis | int") -> "Basis":
        from spikesieve.basis._composite import MultiplicativeBasis, repeat_sum

        if isinstance(other, Basis):
            return MultiplicativeBasis(self, other)
        return repeat_sum(self, other) if _is_integer(other) else NotImplemented

    def __rmul__(self, other: int) -> "Basis":
        return self.__mul__(other)

    def __pow__(self, exponent: int) -> "Basis":
        from spikesieve.basis._composite import repeat_product

        return repeat_product(self, exponent) if _is_integer(exponent) else NotImplemented

    # ------------------------------------------------------------------ for lazy designs

    def design(
        self,
        *covariates: ArrayLike,
        resolution: float = 1e-4,
        exact: bool = False,
        offset: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Any:
        """Return the features as a `spikesieve.design.Design` that is never materialised, accepted wherever X is.

        Parameters
        ----------
        *covariates
            As for `compute_features`; what a basis learns from samples it learns likewise.
        resolution
            No tabulated feature is further from `compute_features` than this share of its range, or of its largest
            absolute value if that is smaller (the default is far below what noise in a covariate does); columns of
            a place map likewise. Covariates of few distinct values, splines of order 1, categories, filtered
            signals and stored columns are exact. A finer resolution takes more bytes per row; where no table holds
            it, the columns are stored.
        exact
            Store the columns themselves where a table would not be exact.
        offset, sample_weight
            Travel with the design: see `Design.with_offset` (an exposure) and `Design.with_weight` (a mask of
            valid bins).

        Examples
        --------
        >>> import numpy as np
        >>> from spikesieve.basis import BSplineEval
        >>> basis, speed = BSplineEval(10, label="speed"), np.random.default_rng(0).random(20_000)
        >>> lazy, features = basis.design(speed), basis.compute_features(speed)
        >>> bool(np.abs(lazy.to_dense() - features).max() <= 1e-4 * features.max())
        True
        >>> lazy.n_bytes < features.nbytes / 5
        True
        """
        from spikesieve.design import design_of_basis

        return design_of_basis(self, covariates, resolution, exact).with_offset(offset).with_weight(sample_weight)

    is_tabulable: bool = False
    """Whether features are functions of coordinates in [0, 1], so that a table can stand for them."""

    def rescale(self, *covariates: ArrayLike) -> tuple[np.ndarray, ...]:
        """Coordinates in [0, 1], one array per covariate in its shape; NaN where it has none."""
        raise TypeError(f"{self.label}: {type(self).__name__} has no scaled coordinates.")

    def features_at(self, *u: np.ndarray) -> Float[np.ndarray, " *shape n_basis_funcs"]:
        """Features at scaled coordinates of one shape per input, the covariate's columns last; NaN where NaN."""
        raise TypeError(f"{self.label}: {type(self).__name__} has no scaled coordinates.")

    def derivative_bound(self, order: int) -> Float[np.ndarray, " n_inputs n_basis_funcs"]:
        """Upper bounds on absolute derivatives of `features_at` in each coordinate.

        Order 0 bounds the features themselves. Infinite for order 1 where a feature jumps, for order 2
        where its slope does.
        """
        raise TypeError(f"{self.label}: {type(self).__name__} has no scaled coordinates.")

    @property
    def pieces(self) -> tuple[int, int] | None:
        """Number of equal intervals of [0, 1] on which features are polynomials, and their degree; None for others."""
        return None

    @property
    def has_learned(self) -> bool:
        """Whether all is known that features need to know of samples."""
        return True

    def is_outside(self, *covariates: ArrayLike) -> Bool[np.ndarray, " n_samples"]:
        """Whether any column of a sample lies outside the bounds of its basis, where `fill_value` applies."""
        raise TypeError(f"{self.label}: {type(self).__name__} has no scaled coordinates.")

    is_convolved: bool = False
    """Whether features are a convolution of each column with `kernel`, placed by `row_offset`."""

    is_complex: bool = False
    """Whether columns are the real and imaginary parts of complex functions."""

    def kernel(self) -> Float[np.ndarray, " window_size n_basis_funcs"]:
        """Kernels that the covariate is convolved with; row ``k`` weighs the sample ``k`` bins further away."""
        raise TypeError(f"{self.label}: {type(self).__name__} is no convolution.")

    @property
    def row_offset(self) -> int:
        """Row that the window starting at row 0 predicts: the window size if causal and shifted."""
        raise TypeError(f"{self.label}: {type(self).__name__} is no convolution.")

    # ------------------------------------------------------------------ parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments; `deep` adds those of the parts as ``label__argument``."""
        params = {name: getattr(self, name) for name in _argument_names(type(self))}
        if deep:
            for part in self.parts:
                params[part.label] = part
                params |= {
                    name if "__" in name else f"{part.label}__{name}": value
                    for name, value in part.get_params(deep=True).items()
                    if not isinstance(value, Basis)
                }
        return params

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments, those of parts as ``label__argument`` or ``basis1__argument``."""
        own = {name: value for name, value in params.items() if name in _argument_names(type(self))}
        if own:
            # The constructor checks the arguments as a whole before any of them is changed.
            checked = type(self)(**(self.get_params(deep=False) | own))
            for name in own:
                setattr(self, name, getattr(checked, name))
        for name, value in params.items():
            if name not in own:
                part, argument = self._find_part(name)
                part.set_params(**{argument: value})
        return self

    def _find_part(self, name: str) -> tuple["Basis", str]:
        named = {"basis1": self.parts[0], "basis2": self.parts[1]} if self.parts else {}
        named |= {basis.label: basis for basis in self.walk() if basis is not self}
        for label, basis in named.items():
            if name.startswith(f"{label}__"):
                return basis, name.removeprefix(f"{label}__")
        raise ValueError(
            f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(sorted(self.get_params()))}."
        )

    def __sklearn_clone__(self) -> Self:
        """Return a copy with the same arguments and input shape that remembers nothing of any samples."""
        copied = type(self)(**{name: _copy_argument(v) for name, v in self.get_params(deep=False).items()})
        copied._input_shape = self._input_shape
        return copied

    def __repr__(self) -> str:
        signature = inspect.signature(type(self).__init__).parameters
        shown = [
            f"{name}={value!r}"
            for name, value in self.get_params(deep=False).items()
            if repr(value) != repr(signature[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def clone(basis: Basis) -> Basis:
    """Return a copy that remembers nothing of any samples; what ``sklearn.base.clone`` does."""
    return basis.__sklearn_clone__()


def check_label(label: str, kind: type) -> None:
    """Refuse labels that cannot name a covariate."""
    if not isinstance(label, str) or not label:
        raise TypeError(f"{kind.__name__}: label must be a string that is not empty; got {label!r}.")


def check_integer(value: Any, lowest: int, what: str) -> None:
    """Refuse what is not an integer of at least `lowest`."""
    if not _is_integer(value) or value < lowest:
        raise ValueError(f"{what} must be an integer of at least {lowest}; got {value!r}.")


def _argument_names(kind: type) -> list[str]:
    return [name for name in inspect.signature(kind.__init__).parameters if name != "self"]


def _copy_argument(value):
    return clone(value) if isinstance(value, Basis) else copy.deepcopy(value)


def _is_integer(value) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)


def _parse_shape(shape, name: str) -> InputShape:
    if isinstance(shape, np.ndarray):
        return shape.shape[1:]
    parsed = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    if not all(_is_integer(size) and size > 0 for size in parsed):
        raise ValueError(
            f"{name}: an input shape is a number of columns, a tuple of positive integers, or an array; got {shape!r}."
        )
    # One column is the shape of a plain vector of samples.
    return () if math.prod(parsed) == 1 else tuple(int(size) for size in parsed)
