"""Groups with several outputs: one per output, or one for all; masks and strengths that know of outputs."""

import numpy as np
import pytest

from spikesieve._tree import CoefLayout, flatten
from spikesieve.regularizer import GroupLasso, Ridge

SIZES = {"position": 3, "speed": 2}
FEATURES = CoefLayout.of(flatten(dict.fromkeys(SIZES, 0))[1], SIZES.values())
LAYOUT = FEATURES.with_outputs(4)


def test_each_output_has_groups_of_its_own_by_default():
    penalty, _ = GroupLasso().bind(LAYOUT, 1.0)
    assert penalty.n_coef == 20 and len(penalty.groups) == 8
    assert penalty.labels[5] == "speed[1]"
    tree = LAYOUT.to_tree(np.arange(20.0))
    np.testing.assert_array_equal(tree["speed"][:, 1], penalty.groups[5])
    np.testing.assert_allclose(penalty.weights, np.sqrt([3] * 4 + [2] * 4))


def test_joint_groups_hold_all_outputs():
    penalty, _ = GroupLasso(joint=True).bind(LAYOUT, 1.0)
    assert penalty.labels == ("position", "speed")
    np.testing.assert_array_equal(penalty.groups[1], LAYOUT.to_tree(np.arange(20.0))["speed"].ravel())
    np.testing.assert_allclose(penalty.weights, np.sqrt([12, 8]))


def test_joint_with_one_output_is_the_single_penalty():
    joint, _ = GroupLasso(joint=True).bind(FEATURES.with_outputs(1), 1.0)
    single, _ = GroupLasso().bind(FEATURES, 1.0)
    assert [g.tolist() for g in joint.groups] == [g.tolist() for g in single.groups]
    np.testing.assert_array_equal(joint.weights, single.weights)


def test_mask_with_trailing_outputs_is_taken_as_it_is():
    mask = {"position": np.zeros((2, 3, 4)), "speed": np.zeros((2, 2, 4))}
    mask["position"][0, :, 0] = mask["speed"][0, 0, 2] = 1
    mask["speed"][1, 1] = 1
    penalty, _ = GroupLasso(mask).bind(LAYOUT, 1.0)
    assert penalty.groups[0].tolist() == [0, 4, 8, 14] and penalty.groups[1].tolist() == [16, 17, 18, 19]
    assert len(penalty.ungrouped) == 12


def test_mask_of_features_is_repeated():
    given = {"position": [[1, 0, 0], [0, 1, 1]], "speed": [[1, 1], [0, 0]]}
    repeated, _ = GroupLasso(given).bind(LAYOUT, 1.0)
    assert len(repeated.groups) == 8 and repeated.groups[0].tolist() == [0, 12, 16]
    joint, _ = GroupLasso(given, joint=True).bind(LAYOUT, 1.0)
    assert joint.groups[1].tolist() == list(range(4, 12))


@pytest.mark.parametrize("strength", [[1.0, 2.0], {"position": 1.0, "speed": 2.0}, [1.0] * 4 + [2.0] * 4])
def test_strengths_are_given_per_feature_group_or_per_group(strength):
    penalty, scalar = GroupLasso().bind(LAYOUT, strength)
    assert scalar == 1.0
    np.testing.assert_allclose(penalty.weights, [np.sqrt(3)] * 4 + [2 * np.sqrt(2)] * 4)


def test_ridge_strength_may_differ_between_outputs():
    strength = {"position": 2.0, "speed": np.arange(8.0).reshape(2, 4)}
    penalty, _ = Ridge().bind(LAYOUT, strength)
    np.testing.assert_array_equal(penalty.quadratic, [2.0] * 12 + list(range(8)))
    with pytest.raises(ValueError, match=r"speed has shape \(2,\), expected a scalar or \(2, 4\)"):
        Ridge().bind(LAYOUT, {"position": 2.0, "speed": [1.0, 2.0]})


def test_layout_with_outputs_goes_there_and_back():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=20)
    tree = LAYOUT.to_tree(flat)
    assert tree["position"].shape == (3, 4)
    np.testing.assert_array_equal(LAYOUT.to_flat(tree, "coef_"), flat)
    assert LAYOUT.with_outputs() == FEATURES and LAYOUT.with_outputs(2, 3).leaf_shapes == [(3, 2, 3), (2, 2, 3)]
    with pytest.raises(ValueError, match=r"coef_ of leaf 'position' has shape \(3,\), expected \(3, 4\)"):
        LAYOUT.to_flat({"position": np.zeros(3), "speed": np.zeros((2, 4))}, "coef_")
