"""Pytrees are walked in JAX's own order, with JAX's own result, without importing it."""

import collections
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesieve._tree import CoefLayout, flatten

Point = collections.namedtuple("Point", "x y")
leaves = st.integers(0, 100)
trees = st.recursive(
    leaves,
    lambda child: st.one_of(
        st.lists(child, max_size=3),
        st.tuples(child, child),
        st.dictionaries(st.text("abc", min_size=1, max_size=3), child, max_size=3),
        st.builds(Point, child, child),
        st.builds(lambda d: collections.OrderedDict(d), st.dictionaries(st.text("xyz", max_size=2), child, max_size=3)),
    ),
    max_leaves=8,
)


@given(trees)
def test_leaves_and_order_are_those_of_jax(tree):
    jax = pytest.importorskip("jax")
    ours, structure = flatten(tree)
    assert ours == jax.tree_util.tree_leaves(tree)
    doubled = structure.unflatten([2 * leaf for leaf in ours])
    assert doubled == jax.tree_util.tree_map(lambda leaf: 2 * leaf, tree)
    assert len(structure.labels) == len(ours)


@given(trees)
def test_structures_survive_pickling(tree):
    ours, structure = flatten(tree)
    assert pickle.loads(pickle.dumps(structure)).unflatten(ours) == tree


def test_plain_containers_do_not_import_jax():
    code = (
        "import sys; from spikesieve._tree import flatten; "
        "flatten({'a': [1, (2, None)], 'b': 3}); assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_lists_of_numbers_are_leaves_on_request():
    values, structure = flatten({"a": [1, 2], "b": [[1, 0], [0, 1]]}, lists_of_numbers_are_leaves=True)
    assert values == [[1, 2], [[1, 0], [0, 1]]] and structure.labels == ("a", "b")


def test_layout_goes_to_trees_and_back():
    _, structure = flatten({"b": 0, "a": [0, 0]})
    layout = CoefLayout.of(structure, [1, 2, 3])
    flat = np.arange(6.0)
    tree = layout.to_tree(flat)
    assert tree["a"][1].tolist() == [1, 2] and tree["b"].tolist() == [3, 4, 5]
    np.testing.assert_array_equal(layout.to_flat(tree, "coef"), flat)
    assert layout.to_tree(np.zeros((7, 6)))["b"].shape == (7, 3)
    with pytest.raises(ValueError, match="coef of leaf 'b' has shape"):
        layout.to_flat({"a": tree["a"], "b": [1.0]}, "coef")
