"""One strength for all neurons of a population, or one for each: arrays with the neurons as second axis."""

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._tree import flatten, is_list_of_numbers, map_leaves
from spikesieve._types import PyTree


def differ_between_neurons(strength: PyTree, n_neurons: int) -> bool:
    """Whether some leaf has the neurons as its second axis."""
    return any(_is_per_neuron(leaf, n_neurons) for leaf in flatten(strength, lists_of_numbers_are_leaves=True)[0])


def shape_of(strength) -> tuple[int, ...]:
    """Shape of a strength, ``()`` for what is no array.

    Raises
    ------
    ValueError, TypeError
        If it is a list of lists of unequal lengths, or of anything but numbers.
    """
    return np.shape(as_floats(strength, "regularizer_strength") if is_list_of_numbers(strength) else strength)


def strength_of_neuron(strength: PyTree, neuron: int, n_neurons: int) -> PyTree:
    """Strength of one neuron as its own model takes it.

    Examples
    --------
    >>> strength_of_neuron(np.array([[0.1, 0.2]]), 1, 2), strength_of_neuron(0.3, 1, 2)
    (0.2, 0.3)
    """

    def of_leaf(leaf):
        if not _is_per_neuron(leaf, n_neurons):
            return leaf
        own = as_floats(leaf, "regularizer_strength")[:, neuron]
        return float(own[0]) if len(own) == 1 else own

    return of_leaf(strength) if len(shape_of(strength)) == 2 else map_leaves(of_leaf, strength)


def strength_of_neurons(strengths: list[PyTree]) -> PyTree:
    """Strengths of all neurons in one: that of any where they are equal, else with an axis for the neurons.

    Examples
    --------
    >>> strength_of_neurons([0.1, 0.1]), strength_of_neurons([0.1, 0.2])
    (0.1, array([[0.1, 0.2]]))
    """
    flat = [flatten(strength) for strength in strengths]
    by_leaf = zip(*(leaves for leaves, _ in flat), strict=True)
    leaves = [np.stack([np.atleast_1d(one) for one in leaf], axis=1) for leaf in by_leaf]
    if all((leaf == leaf[:, :1]).all() for leaf in leaves):
        return strengths[0]
    return flat[0][1].unflatten(leaves)


def _is_per_neuron(leaf, n_neurons: int) -> bool:
    shape = shape_of(leaf)
    return len(shape) == 2 and shape[1] == n_neurons
