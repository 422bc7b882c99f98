"""Sums and products of bases."""

import re
from typing import Any, Self

import numpy as np

from spikesieve._tree import Axis
from spikesieve.basis._base import Basis, check_integer, check_label, clone
from spikesieve.basis._samples import (
    ArrayLike,
    check_number_of_inputs,
    check_same_length,
    like_inputs,
    values_of,
)


class CompositeBasis(Basis):
    """Two bases joined by an operator; owns fresh copies of both, with labels made unique."""

    operator: str

    def __init__(self, basis1: Basis, basis2: Basis, label: str | None = None) -> None:
        for basis in (basis1, basis2):
            if not isinstance(basis, Basis):
                raise TypeError(f"{type(self).__name__} joins two bases; got {type(basis).__name__}.")
        if label is not None:
            check_label(label, type(self))
        self.basis1, self.basis2 = clone(basis1), clone(basis2)
        self._given_label = label
        _make_labels_unique(self)

    # ------------------------------------------------------------------ what it is made of

    @property
    def parts(self):
        return (self.basis1, self.basis2)

    @property
    def label(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The label that was given, else the expression, such as ``(position * speed)``."""
        return self._given_label or f"({self.basis1.label} {self.operator} {self.basis2.label})"

    @label.setter
    def label(self, label: str | None) -> None:
        self._given_label = label

    @property
    def is_complex(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether any part is."""
        return self.basis1.is_complex or self.basis2.is_complex

    @property
    def n_inputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of covariates: those of the first part, then those of the second."""
        return self.basis1.n_inputs + self.basis2.n_inputs

    @property
    def input_shape(self):
        """Shape of one sample of each covariate, None for those not known yet."""
        return tuple(
            shape
            for part in self.parts
            for shape in (part.input_shape if isinstance(part, CompositeBasis) else (part.input_shape,) * part.n_inputs)
        )

    def set_input_shape(self, *shapes):
        check_number_of_inputs(shapes, self.n_inputs, self.label)
        for part, own in self._deal(shapes):
            part.set_input_shape(*own)
        return self

    # ------------------------------------------------------------------ what it does to covariates

    def setup_basis(self, *covariates: ArrayLike) -> Self:
        self._check(covariates)
        for part, own in self._deal(covariates):
            part.setup_basis(*own)
        return self

    def compute_features(self, *covariates: ArrayLike) -> Any:
        self._check(covariates)
        features = [values_of(part.compute_features(*own)) for part, own in self._deal(covariates)]
        return like_inputs(self._join_features(*features), *covariates)

    def evaluate(self, *covariates):
        self._check(covariates)
        return self._join_values(*(part.evaluate(*own) for part, own in self._deal(covariates)))

    def evaluate_on_grid(self, *n_points):
        check_number_of_inputs(n_points, self.n_inputs, self.label)
        first, second = (part.evaluate_on_grid(*own) for part, own in self._deal(n_points))
        n1, n2 = first[-1].shape[:-1], second[-1].shape[:-1]
        grids1 = [np.broadcast_to(_with_axes(g, 0, len(n2)), n1 + n2) for g in first[:-1]]
        grids2 = [np.broadcast_to(g, n1 + n2) for g in second[:-1]]
        width1, width2 = first[-1].shape[-1], second[-1].shape[-1]
        values1 = np.broadcast_to(first[-1].reshape(*n1, *(1 for _ in n2), width1), (*n1, *n2, width1))
        values2 = np.broadcast_to(second[-1], (*n1, *n2, width2))
        return (*(g.copy() for g in grids1 + grids2), self._join_values(values1, values2))

    def _check(self, covariates):
        check_number_of_inputs(covariates, self.n_inputs, self.label)
        check_same_length(covariates, self.label)

    def _deal(self, arguments):
        """Pair each part with its share of one argument per covariate."""
        n_first = self.basis1.n_inputs
        return (self.basis1, arguments[:n_first]), (self.basis2, arguments[n_first:])

    def _join_features(self, first, second):
        raise NotImplementedError

    def _join_values(self, first, second):
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"({self.basis1!r} {self.operator} {self.basis2!r})"

    def __sklearn_clone__(self):
        return type(self)(self.basis1, self.basis2, self._given_label)


class AdditiveBasis(CompositeBasis):
    """The features of two bases side by side: ``basis1 + basis2``.

    Examples
    --------
    >>> from spikesieve.basis import BSplineEval
    >>> basis = BSplineEval(5, label="position") + BSplineEval(6, label="speed")
    >>> basis.label, basis.n_basis_funcs
    ('(position + speed)', 11)
    >>> basis["speed"]
    BSplineEval(n_basis_funcs=6, label='speed')
    """

    operator = "+"

    @property
    def components(self):
        return (*self.basis1.components, *self.basis2.components)

    @property
    def n_basis_funcs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of basis functions of both parts together."""
        return self.basis1.n_basis_funcs + self.basis2.n_basis_funcs

    @property
    def axes(self):
        return (Axis(self.n_basis_funcs, is_ordered=False),)

    @property
    def n_output_features(self):
        first, second = self.basis1.n_output_features, self.basis2.n_output_features
        return None if first is None or second is None else first + second

    def _join_features(self, first, second):
        return np.hstack([first, second])

    def _join_values(self, first, second):
        return np.concatenate([first, second], axis=-1)


class MultiplicativeBasis(CompositeBasis):
    """Every feature of one basis times every feature of the other: ``basis1 * basis2``.

    A smooth function of two covariates, such as a place map, with one coefficient per pair of functions; the
    second basis varies fastest. Covariates of several columns are multiplied column by column and
    must have the same shape.

    Examples
    --------
    >>> from spikesieve.basis import BSplineEval
    >>> place = BSplineEval(8, label="x") * BSplineEval(8, label="y")
    >>> place.label, place.n_basis_funcs
    ('(x * y)', 64)
    """

    operator = "*"

    def __init__(self, basis1: Basis, basis2: Basis, label: str | None = None) -> None:
        super().__init__(basis1, basis2, label)
        if self.basis1.is_complex and self.basis2.is_complex:
            raise ValueError(
                f"{self.label}: a product of two Fourier bases would mix real and imaginary parts. "
                "Use one Fourier basis of two dimensions, FourierEval(..., ndim=2)."
            )

    @property
    def n_basis_funcs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Number of pairs of basis functions."""
        return self.basis1.n_basis_funcs * self.basis2.n_basis_funcs

    @property
    def axes(self):
        return self.basis1.axes + self.basis2.axes

    @property
    def n_output_features(self):
        first, second = self.basis1.n_output_features, self.basis2.n_output_features
        return None if first is None or second is None else first * self.basis2.n_basis_funcs

    @property
    def n_input_columns(self) -> int:
        """Number of columns per covariate, the same for all."""
        return self.basis1.n_input_columns

    @property
    def is_tabulable(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether both factors are functions of coordinates in [0, 1]."""
        return self.basis1.is_tabulable and self.basis2.is_tabulable

    def rescale(self, *covariates):
        self._check(covariates)
        (first, own1), (second, own2) = self._deal(covariates)
        return (*first.rescale(*own1), *second.rescale(*own2))

    def features_at(self, *u):
        (first, own1), (second, own2) = self._deal(u)
        return self._join_values(first.features_at(*own1), second.features_at(*own2))

    def derivative_bound(self, order):
        first, second = self.basis1, self.basis2
        in_first = [np.kron(bound, second.derivative_bound(0)[0]) for bound in first.derivative_bound(order)]
        in_second = [np.kron(first.derivative_bound(0)[0], bound) for bound in second.derivative_bound(order)]
        return np.array(in_first + in_second)

    def is_outside(self, *covariates):
        (first, own1), (second, own2) = self._deal(covariates)
        return first.is_outside(*own1) | second.is_outside(*own2)

    def set_input_shape(self, *shapes):
        super().set_input_shape(*shapes)
        self._check_one_shape(self.input_shape)
        return self

    def _check(self, covariates):
        super()._check(covariates)
        self._check_one_shape(tuple(np.shape(values_of(x))[1:] for x in covariates))

    def _check_one_shape(self, shapes):
        if len(set(shapes)) > 1:
            raise ValueError(
                f"{self.label}: the covariates of a product must have one shape per sample; got {shapes}. "
                "Use one column for each, or the same number of columns."
            )

    def _join_features(self, first, second):
        n1, n2 = self.basis1.n_basis_funcs, self.basis2.n_basis_funcs
        n, n_columns = len(first), self.n_input_columns
        pairs = first.reshape(n, n_columns, n1, 1) * second.reshape(n, n_columns, 1, n2)
        return pairs.reshape(n, n_columns * n1 * n2)

    def _join_values(self, first, second):
        product = first[..., :, None] * second[..., None, :]
        return product.reshape(*product.shape[:-2], -1)


def repeat_sum(basis: Basis, times: int) -> Basis:
    """``basis + basis + ...``: the same basis for several covariates, which then need labels."""
    check_integer(times, 1, f"{basis.label}: the number of copies in a sum")
    return _repeat(basis, times, AdditiveBasis)


def repeat_product(basis: Basis, exponent: int) -> Basis:
    """``basis * basis * ...``: the same basis for every axis of a product."""
    check_integer(exponent, 1, f"{basis.label}: the exponent of a basis")
    return _repeat(basis, exponent, MultiplicativeBasis)


def _repeat(basis, times, join):
    given = [b.label for b in basis.walk() if not _is_default_label(b)]
    if times > 1 and given:
        raise ValueError(
            f"Copies of a basis would share its label: {', '.join(map(repr, given))}. "
            "Repeat a basis without labels, then set the label of each copy."
        )
    whole = clone(basis)
    for _ in range(times - 1):
        whole = join(whole, basis)
    return whole


def _make_labels_unique(composite: CompositeBasis) -> None:
    """Number the labels that nobody chose, and refuse chosen ones that collide."""
    count: dict[type, int] = {}
    chosen: list[str] = []
    for basis in composite.walk():
        if not _is_default_label(basis):
            chosen.append(basis.label)
        elif not isinstance(basis, CompositeBasis):
            number = count.get(type(basis), 0)
            basis.label = f"{type(basis).__name__}_{number}" if number else type(basis).__name__
            count[type(basis)] = number + 1
    twice = sorted({label for label in chosen if chosen.count(label) > 1})
    if twice:
        raise ValueError(
            f"Two bases have the label {', '.join(map(repr, twice))}, and their features could not be told "
            "apart. Give each basis a label of its own."
        )


def _is_default_label(basis: Basis) -> bool:
    if isinstance(basis, CompositeBasis):
        return basis._given_label is None
    return re.fullmatch(rf"{type(basis).__name__}(_\d+)?", basis.label) is not None


def _with_axes(grid, before, after):
    return grid.reshape((1,) * before + grid.shape + (1,) * after)
