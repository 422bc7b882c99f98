"""Lasso, elastic net and group elastic net laid out over coefficients: values, conjugates, strengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikesieve._tree import CoefLayout, flatten
from spikesieve.regularizer import ElasticNet, GroupElasticNet, GroupLasso, Lasso, Ridge, resolve_regularizer

LAYOUT = CoefLayout.of(flatten({"a": 0, "b": 0, "c": 0})[1], [2, 3, 1])
PAIR = CoefLayout.of(flatten((0, 0))[1], [2, 1])
COEF = np.array([3.0, 4.0, 0.0, 0.0, 0.0, -2.0])
moderate = st.floats(-10, 10).map(lambda value: round(value, 6))


def value(regularizer, strength, coef=COEF, layout=LAYOUT):
    penalty, scalar = regularizer.bind(layout, strength)
    return penalty.value(coef, scalar)


def test_values_are_the_documented_sums():
    np.testing.assert_allclose(value(Lasso(), 0.5), 0.5 * 9)
    np.testing.assert_allclose(value(ElasticNet(), 0.5), 0.5 * (0.5 * 9 + 0.25 * 29))
    np.testing.assert_allclose(value(ElasticNet(), (0.5, 0.2)), 0.5 * (0.2 * 9 + 0.4 * 29))
    np.testing.assert_allclose(value(ElasticNet(ratio=0.2), 0.5), value(ElasticNet(), (0.5, 0.2)))
    net = 0.3 * (np.sqrt(2) * (0.8 * 5 + 0.1 * 25) + (0.8 * 2 + 0.1 * 4))
    np.testing.assert_allclose(value(GroupElasticNet(ratio=0.8), 0.3), net)


def test_limits_are_lasso_and_group_lasso():
    assert value(ElasticNet(ratio=1.0), 0.7) == value(Lasso(), 0.7)
    np.testing.assert_allclose(value(GroupElasticNet(ratio=1.0), 0.7), value(GroupLasso(), 0.7))
    one_each = GroupElasticNet(ratio=0.4, groups=[0, 1, 2, 3, 4, 5])
    np.testing.assert_allclose(value(one_each, 0.7), value(ElasticNet(ratio=0.4), 0.7))


def test_groups_of_one_are_named_after_their_leaf():
    assert Lasso().bind(LAYOUT, 1.0)[0].labels == ("a[0]", "a[1]", "b[0]", "b[1]", "b[2]", "c[0]")
    array = CoefLayout.of(flatten(0)[1], [2])
    assert Lasso().bind(array, 1.0)[0].labels == ("X[0]", "X[1]")
    assert Lasso().bind(array.with_outputs(2), 1.0)[0].labels == ("X[0,0]", "X[0,1]", "X[1,0]", "X[1,1]")


def test_strengths_by_leaf_and_coefficient():
    tree = {"a": 1.0, "b": [0.0, 2.0, 3.0], "c": 0.5}
    penalty, scalar = Lasso().bind(LAYOUT, tree)
    assert scalar == 1.0 and penalty.ungrouped.tolist() == [2]
    np.testing.assert_allclose(penalty.weights, [1, 1, 2, 3, 0.5])
    net, _ = ElasticNet().bind(LAYOUT, (tree, {"a": 1.0, "b": [0.5, 0.5, 0.25], "c": 0.2}))
    np.testing.assert_allclose(net.weights, [1, 1, 1, 0.75, 0.1])
    np.testing.assert_allclose(net.quadratic, [0, 0, 0, 1, 2.25, 0.4])


def test_a_tuple_of_two_is_strength_and_ratio_even_for_two_leaves():
    penalty, scalar = ElasticNet().bind(PAIR, (0.1, 0.5))
    assert scalar == 0.1
    np.testing.assert_allclose(penalty.weights, 0.5)
    by_leaf, _ = Lasso().bind(PAIR, (0.1, 0.5))
    np.testing.assert_allclose(by_leaf.weights, [0.1, 0.1, 0.5])


def test_strength_along_a_path_keeps_the_rest():
    assert Lasso().strength_at(None, 0.2) == 0.2 == Lasso().strength_at(3.0, 0.2)
    assert ElasticNet().strength_at((1.0, 0.3), 0.2) == (0.2, 0.3)
    assert GroupLasso().strength_at({"a": 1.0, "b": 2.0}, 0.5) == {"a": 0.5, "b": 1.0}
    inner, ratio = ElasticNet().strength_at(({"a": 1.0, "b": 2.0}, 0.3), 0.5)
    assert inner == {"a": 0.5, "b": 1.0} and ratio == 0.3


@given(
    arrays(float, 6, elements=moderate), arrays(float, 6, elements=moderate), st.floats(0.1, 2.0), st.floats(0.1, 0.9)
)
def test_conjugate_is_the_supremum(dual, coef, strength, ratio):
    penalty, _ = GroupElasticNet(ratio=ratio).bind(LAYOUT, 1.0)
    conjugate = penalty.conjugate(dual, strength)
    assert dual @ coef - penalty.value(coef, strength) <= conjugate + 1e-9
    # It is attained along the dual, group by group.
    norms = penalty.norms(dual)
    lengths = np.maximum(norms - strength * penalty.weights, 0.0) / (strength * penalty.group_quadratic)
    factors = np.divide(lengths, norms, out=np.zeros(3), where=norms > 0)
    best = np.repeat(factors, [2, 3, 1]) * dual
    np.testing.assert_allclose(dual @ best - penalty.value(best, strength), conjugate, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("regularizer", "strength", "message"),
    [
        (ElasticNet(), (0.1, 0.0), r"must be in \(0, 1\], got 0.0; for 0 use Ridge"),
        (ElasticNet(), (0.1, 1.1), r"must be in \(0, 1\]"),
        (ElasticNet(ratio=-0.1), 0.1, "ratio of an elastic net must be a finite number >= 0"),
        (ElasticNet(), (0.1, {"a": 0.5}), "ratio of an elastic net has leaves"),
        (ElasticNet(), (-0.1, 0.5), "finite number >= 0"),
        (GroupElasticNet(ratio=0.0), 0.1, r"must be in \(0, 1\]"),
        (GroupElasticNet(ratio=[0.5, 0.5]), 0.1, "must be one number"),
        (Lasso(), {"a": 1.0}, "has leaves"),
        (Lasso(), {"a": 1.0, "b": [1.0, 2.0], "c": 1.0}, r"expected a scalar or \(3,\)"),
        (Lasso(), -1.0, "finite number >= 0"),
    ],
)
def test_impossible_strengths_and_ratios_are_one_sentence(regularizer, strength, message):
    with pytest.raises(ValueError, match=message) as caught:
        regularizer.bind(LAYOUT, strength)
    assert len(str(caught.value).splitlines()) == 1


def test_every_name_resolves():
    names = ["UnRegularized", "Ridge", "Lasso", "ElasticNet", "GroupLasso", "GroupElasticNet"]
    assert [type(resolve_regularizer(name)).__name__ for name in names] == names
    assert not Ridge().selects and Lasso().selects and ElasticNet().selects
