"""Penalties laid out over coefficients: values, duality, block minimiser, masks, strengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from spikesieve._tree import CoefLayout, flatten
from spikesieve.regularizer import GroupLasso, Ridge, UnRegularized, minimise_group, resolve_regularizer

LAYOUT = CoefLayout.of(flatten({"a": 0, "b": 0, "c": 0})[1], [2, 3, 1])
COEF = np.array([3.0, 4.0, 0.0, 0.0, 0.0, -2.0])
moderate = st.floats(-10, 10).map(lambda value: round(value, 6))


def test_default_groups_are_leaves():
    penalty, strength = GroupLasso().bind(LAYOUT, 0.5)
    assert strength == 0.5 and penalty.labels == ("a", "b", "c")
    np.testing.assert_allclose(penalty.value(COEF), np.sqrt(2) * 5 + 2)
    np.testing.assert_allclose(penalty.norms(COEF), [5, 0, 2])
    np.testing.assert_allclose(penalty.dual_norms(COEF), [5 / np.sqrt(2), 0, 2])


@given(arrays(float, 6, elements=moderate), arrays(float, 6, elements=moderate))
def test_dual_norm_bounds_the_inner_product(coef, gradient):
    penalty, _ = GroupLasso().bind(LAYOUT, 1.0)
    assert abs(coef @ gradient) <= penalty.value(coef) * penalty.dual_norms(gradient).max() * (1 + 1e-12) + 1e-12


@given(arrays(float, 6, elements=moderate), st.floats(0.01, 2.0))
def test_optimality_distance_is_zero_at_a_minimiser(target, strength):
    """``1/2 ||x - target||^2 + strength * penalty`` is minimised by shrinking each group."""
    penalty, _ = GroupLasso().bind(LAYOUT, 1.0)
    norms = penalty.norms(target)
    ratio = np.divide(strength * penalty.weights, norms, out=np.full(3, np.inf), where=norms > 0)
    x = np.repeat(np.maximum(1.0 - ratio, 0.0), [2, 3, 1]) * target
    assert penalty.optimality_distances(x, x - target, strength).max() < 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_block_minimiser_against_numerical_minimisation(seed):
    rng = np.random.default_rng(seed)
    curvature, linear = rng.exponential(size=6) * 10.0 ** rng.integers(-3, 3, size=6), rng.normal(size=6) * 3
    threshold = 0.5

    def value(x):
        return 0.5 * curvature @ (x * x) - linear @ x + threshold * np.linalg.norm(x)

    x = minimise_group(curvature, linear, threshold)
    assert value(x) <= minimize(value, x, method="BFGS", options={"gtol": 1e-12}).fun + 1e-12
    np.testing.assert_allclose(curvature * x - linear + threshold * x / np.linalg.norm(x), 0.0, atol=1e-10)


def test_block_minimiser_is_zero_within_the_threshold():
    assert not minimise_group(np.ones(2), np.array([0.6, 0.8]), 1.0).any()


def test_masks_make_groups_within_and_across_leaves():
    mask = {
        "a": np.array([[1, 0], [0, 1]]),
        "b": np.array([[1, 1, 0], [0, 0, 0]]),
        "c": np.array([[0], [1]]),
    }
    penalty, _ = GroupLasso(mask).bind(LAYOUT, 1.0)
    assert [group.tolist() for group in penalty.groups] == [[0, 2, 3], [1, 5]]
    assert penalty.ungrouped.tolist() == [4]
    np.testing.assert_allclose(penalty.value(COEF), np.sqrt(3) * 3 + np.sqrt(2) * np.hypot(4, 2))


def test_masks_that_fill_a_leaf_take_its_name():
    mask = {"a": np.zeros((1, 2)), "b": np.ones((1, 3)), "c": np.zeros((1, 1))}
    assert GroupLasso(mask).bind(LAYOUT, 1.0)[0].labels == ("b",)


def test_binding_changes_nothing():
    mask = {"a": np.eye(2), "b": np.zeros((2, 3)), "c": np.zeros((2, 1))}
    before = {label: leaf.copy() for label, leaf in mask.items()}
    regularizer = GroupLasso(mask)
    regularizer.bind(LAYOUT, 1.0)
    assert regularizer.mask is mask
    assert all(np.array_equal(mask[label], before[label]) for label in mask)


@pytest.mark.parametrize(
    ("strength", "weights"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ({"a": 1.0, "b": 2.0, "c": 3.0}, [1.0, 2.0, 3.0]),
    ],
)
def test_strength_per_group(strength, weights):
    penalty, scalar = GroupLasso().bind(LAYOUT, strength)
    assert scalar == 1.0
    np.testing.assert_allclose(penalty.weights, np.array(weights) * np.sqrt([2, 3, 1]))


def test_strength_zero_frees_a_group():
    penalty, _ = GroupLasso().bind(LAYOUT, {"a": 0.0, "b": 1.0, "c": 1.0})
    assert penalty.labels == ("b", "c")
    assert penalty.ungrouped.tolist() == [0, 1]


def test_ridge_strengths():
    penalty, strength = Ridge().bind(LAYOUT, 0.3)
    np.testing.assert_allclose(strength * penalty.value(COEF), 0.15 * COEF @ COEF)
    by_leaf, one = Ridge().bind(LAYOUT, {"a": 1.0, "b": [1.0, 2.0, 3.0], "c": 0.0})
    assert one == 1.0
    np.testing.assert_allclose(by_leaf.quadratic, [1, 1, 1, 2, 3, 0])


def test_unregularized_has_no_penalty():
    penalty, strength = UnRegularized().bind(LAYOUT, "ignored")
    assert strength == 0.0 and penalty.value(COEF) == 0.0


@pytest.mark.parametrize(
    ("mask", "strength", "message"),
    [
        (None, -1.0, "finite number >= 0"),
        (None, np.nan, "finite number >= 0"),
        (None, [1.0, -1.0, 0.0], "finite number >= 0"),
        (None, [1.0, 2.0], "expected a scalar or one number for each of the 3 groups"),
        (None, {"a": 1.0}, "expected one number for each of the groups"),
        (None, "strong", "or hold numbers"),
        (None, "0.1", "or hold numbers"),
        ({"a": [[1, 1], [0, 0]], "b": [[0, 0, 0], [0, 0, 0]], "c": [[0], [0]]}, 1.0, r"mask rows \[1\] are all 0"),
        ({"a": [[1, 1], [1, 0]], "b": [[0, 0, 0], [0, 0, 0]], "c": [[0], [0]]}, 1.0, "more than one group"),
        ({"a": [[0.5, 1]], "b": [[0, 0, 0]], "c": [[0]]}, 1.0, "only 0 and 1"),
        ({"a": [[1, 1]], "b": [[0, 0, 0]]}, 1.0, "same pytree"),
        ({"a": [[1, 1]], "b": [[0, 0]], "c": [[0]]}, 1.0, "expected .n_groups, 3."),
        ({"a": [[1, 1]], "b": np.zeros((2, 3)), "c": [[0]]}, 1.0, "same n_groups"),
        (np.ones((1, 6)), 1.0, "same pytree"),
    ],
)
def test_impossible_groups_and_strengths_are_one_sentence(mask, strength, message):
    with pytest.raises(ValueError, match=message) as caught:
        GroupLasso(mask).bind(LAYOUT, strength)
    assert len(str(caught.value).splitlines()) == 1


def test_names_and_instances_resolve():
    assert isinstance(resolve_regularizer(None), UnRegularized)
    assert isinstance(resolve_regularizer("GroupLasso"), GroupLasso)
    with pytest.raises(ValueError, match="known names: UnRegularized, Ridge, Lasso, ElasticNet, GroupLasso"):
        resolve_regularizer("grouplasso")
    with pytest.raises(TypeError, match="must be a name or a Regularizer"):
        resolve_regularizer(3)
