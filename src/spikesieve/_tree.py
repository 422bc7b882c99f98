"""Pytrees to lists of arrays and back: the only file that asks JAX about containers.

Plain dicts, lists and tuples are walked here, in JAX's own leaf order (dict keys sorted), so that
most programs never pay for importing JAX. Any other container is looked up in JAX's registry, and
only if the program has imported JAX: a container cannot have been registered otherwise.
"""

import collections
import functools
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._types import Coef, PyTree


@dataclass(frozen=True)
class Structure:
    """The shape of a pytree with its leaves taken out: how to name them and how to put them back.

    `rebuild` is made of functions of modules, never of closures, so that what holds a structure can be pickled.
    """

    labels: tuple[str, ...]
    rebuild: Callable[[list[Any]], PyTree]
    is_leaf: bool
    """True if the tree is a single array and not a container."""

    def unflatten(self, leaves) -> PyTree:
        """Put `leaves`, one per label and in that order, into the containers they came from."""
        leaves = list(leaves)
        assert len(leaves) == len(self.labels), (len(leaves), self.labels)
        return self.rebuild(leaves)


@dataclass(frozen=True)
class Axis:
    """One axis of a covariate's feature columns, as a product of bases has several."""

    size: int
    is_cyclic: bool = False
    """Whether the last column neighbours the first."""
    is_ordered: bool = True
    """Whether columns have neighbours: categories, or the neurons of a population, have none."""


@dataclass(frozen=True)
class CoefLayout:
    """Where each leaf's coefficients lie in the flat vector that the solver works on.

    With several outputs (neurons, classes) a leaf has ``(n_features_of_leaf, *output_shape)`` coefficients, in C order.
    """

    structure: Structure
    leaf_slices: tuple[slice, ...]
    output_shape: tuple[int, ...] = ()
    column_names: tuple[tuple[str, ...] | None, ...] = ()
    """Names of each leaf's feature columns, where the leaf brought some (data frames); empty if none did."""
    axes: tuple[tuple[Axis, ...] | None, ...] = ()
    """Axes of each leaf's feature columns, the last one fastest, where its basis is known; empty if none is."""

    @classmethod
    def of(cls, structure: Structure, n_coef_per_leaf, column_names=(), axes=()) -> "CoefLayout":
        """Lay the leaves one behind the other."""
        stops = np.cumsum([0, *n_coef_per_leaf])
        slices = tuple(slice(int(a), int(b)) for a, b in zip(stops[:-1], stops[1:], strict=True))
        known = (tuple(each) if any(one is not None for one in each) else () for each in (column_names, axes))
        return cls(structure, slices, (), *known)

    def with_outputs(self, *output_shape: int) -> "CoefLayout":
        """Layout of the same features with coefficients for each of several outputs; none for the features alone."""
        old, new = self.n_outputs, math.prod(output_shape)
        slices = tuple(slice(span.start // old * new, span.stop // old * new) for span in self.leaf_slices)
        return replace(self, leaf_slices=slices, output_shape=output_shape)

    def axes_of(self, label: str) -> tuple[Axis, ...] | None:
        """Axes of the feature columns of a leaf, None where they are not known."""
        return self.axes[self.labels.index(label)] if self.axes else None

    def names_of(self, label: str) -> tuple[str, ...] | None:
        """Names of the feature columns of a leaf, None where it has none."""
        return self.column_names[self.labels.index(label)] if self.column_names else None

    @property
    def n_outputs(self) -> int:
        """Coefficients per feature."""
        return math.prod(self.output_shape)

    @property
    def n_coef(self) -> int:
        """Length of the flat vector."""
        return self.leaf_slices[-1].stop if self.leaf_slices else 0

    @property
    def leaf_shapes(self) -> list[tuple[int, ...]]:
        """Shape of each leaf's coefficients, ``(n_features_of_leaf, *output_shape)``."""
        return [((span.stop - span.start) // self.n_outputs, *self.output_shape) for span in self.leaf_slices]

    @property
    def labels(self) -> tuple[str, ...]:
        """One label per leaf."""
        return self.structure.labels

    def to_tree(self, coef: np.ndarray) -> PyTree:
        """Split the last axis of `coef`, ``(..., n_coef)``, over the leaves."""
        leaves = [coef[..., columns] for columns in self.leaf_slices]
        if self.output_shape:
            leaves = [leaf.reshape(*leaf.shape[:-1], -1, *self.output_shape) for leaf in leaves]
        return self.structure.unflatten(leaves)

    def leaves_of(self, tree: PyTree, name: str) -> list[Any]:
        """Leaves of a tree like the features; `name` is what an error calls it."""
        leaves, structure = flatten(tree, lists_of_numbers_are_leaves=True)
        if structure.labels != self.labels:
            raise ValueError(
                f"{name} has leaves {_listed(structure.labels)} but the features have {_listed(self.labels)}; "
                "both must be the same pytree."
            )
        return leaves

    def to_flat(self, tree: PyTree, name: str) -> Coef:
        """Concatenate a tree of ``(n_features_of_leaf, *output_shape)`` arrays; `name` is what an error calls it."""
        arrays = []
        for label, leaf, expected in zip(self.labels, self.leaves_of(tree, name), self.leaf_shapes, strict=True):
            where = f" of leaf {label!r}" if label else ""
            array = as_floats(leaf, name + where)
            if array.shape != expected:
                per_output = " and output" if self.output_shape else ""
                raise ValueError(
                    f"{name}{where} has shape {array.shape}, expected {expected}: one number per feature "
                    f"column{per_output}."
                )
            arrays.append(array)
        return np.concatenate([array.ravel() for array in arrays]) if arrays else np.zeros(0)


def _listed(labels: tuple[str, ...]) -> str:
    return "a single array" if labels == ("",) else ", ".join(map(repr, labels)) or "none"


def flatten(tree: PyTree, lists_of_numbers_are_leaves: bool = False) -> tuple[list[Any], Structure]:
    """Leaves of `tree` in JAX's order, and its structure.

    With `lists_of_numbers_are_leaves`, a (nested) list of plain numbers counts as the array it stands for.

    Examples
    --------
    >>> leaves, structure = flatten({"speed": 1, "position": [2, 3]})
    >>> leaves, structure.labels
    ([2, 3, 1], ('position/0', 'position/1', 'speed'))
    >>> structure.unflatten([20, 30, 10])
    {'position': [20, 30], 'speed': 10}
    """
    is_leaf = lists_of_numbers_are_leaves and is_list_of_numbers(tree)
    opened = None if is_leaf else _open(tree)
    if opened is None:
        return [tree], Structure(("",), _only, True)
    names, children, close = opened
    flat = [flatten(child, lists_of_numbers_are_leaves) for child in children]
    leaves = [leaf for child_leaves, _ in flat for leaf in child_leaves]
    labels = tuple(
        f"{name}/{label}" if label else name
        for name, (_, structure) in zip(names, flat, strict=True)
        for label in structure.labels
    )
    structures = tuple(structure for _, structure in flat)
    return leaves, Structure(labels, functools.partial(_rebuild, close, structures), False)


def map_leaves(function: Callable[[Any], Any], tree: PyTree) -> PyTree:
    """Apply `function` to every leaf, keeping the containers.

    Examples
    --------
    >>> map_leaves(lambda leaf: leaf + 1, {"b": 1, "a": (2, 3)})
    {'a': (3, 4), 'b': 2}
    """
    leaves, structure = flatten(tree)
    return structure.unflatten([function(leaf) for leaf in leaves])


def dict_structure(labels: tuple[str, ...]) -> Structure:
    """Structure of a plain dict of arrays with these keys, in this order."""
    return Structure(labels, functools.partial(_to_dict, labels), False)


def is_list_of_numbers(tree) -> bool:
    """Whether `tree` is a (nested) list of plain numbers, which stands for the array of them."""
    if isinstance(tree, list | tuple) and tree:
        return all(isinstance(item, int | float) or is_list_of_numbers(item) for item in tree)
    return False


def _only(leaves):
    return leaves[0]


def _rebuild(close, structures: tuple[Structure, ...], leaves: list[Any]) -> PyTree:
    rebuilt, start = [], 0
    for structure in structures:
        stop = start + len(structure.labels)
        rebuilt.append(structure.rebuild(leaves[start:stop]))
        start = stop
    return close(rebuilt)


def _open(tree):
    """Child names, children and the inverse of this one level; None for a leaf."""
    kind = type(tree)
    if kind is dict or kind is collections.defaultdict:
        keys = _sorted_keys(tree)
        factory = tree.default_factory if isinstance(tree, collections.defaultdict) else None
        close = functools.partial(_to_dict, keys) if kind is dict else functools.partial(_to_defaultdict, factory, keys)
        return [str(key) for key in keys], [tree[key] for key in keys], close
    if kind is collections.OrderedDict:
        keys = list(tree)
        return [str(key) for key in keys], list(tree.values()), functools.partial(_to_ordered_dict, keys)
    if kind is list or kind is tuple:
        return [str(i) for i in range(len(tree))], list(tree), kind
    fields = getattr(tree, "_fields", None)
    if isinstance(tree, tuple) and fields is not None:
        return list(fields), list(tree), functools.partial(_to_named_tuple, kind)
    if tree is None:
        return [], [], _to_none
    return _open_registered(tree)


def _sorted_keys(tree) -> list:
    try:
        return sorted(tree)
    except TypeError as error:
        raise TypeError(
            f"Dictionary keys must be of one sortable type (say, all strings); got {list(tree)!r}."
        ) from error


def _to_dict(keys, values) -> dict:
    return dict(zip(keys, values, strict=True))


def _to_defaultdict(factory, keys, values) -> collections.defaultdict:
    return collections.defaultdict(factory, zip(keys, values, strict=True))


def _to_ordered_dict(keys, values) -> collections.OrderedDict:
    return collections.OrderedDict(zip(keys, values, strict=True))


def _to_named_tuple(kind, values):
    return kind(*values)


def _to_none(values) -> None:
    assert not values, values


def _open_registered(tree):
    jax = sys.modules.get("jax")
    if jax is None:
        return None
    children, treedef = jax.tree_util.tree_flatten_with_path(tree, is_leaf=lambda node: node is not tree)
    if jax.tree_util.treedef_is_leaf(treedef):
        return None
    names = [jax.tree_util.keystr(path).lstrip(".").strip("[]'\"") for path, _ in children]
    return names, [child for _, child in children], functools.partial(jax.tree_util.tree_unflatten, treedef)
