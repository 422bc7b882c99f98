"""Groups in words, numbers and masks: all say the same, and what is impossible is one sentence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesieve._tree import CoefLayout, flatten
from spikesieve.glm import GLM
from spikesieve.regularizer import GroupLasso, grouping_of
from tests.solver.problems import counts, features

SIZES = {"acceleration": 2, "position": 4, "speed": 3}
LAYOUT = CoefLayout.of(flatten(dict.fromkeys(SIZES, 0))[1], SIZES.values())
ARRAY = CoefLayout.of(flatten(0)[1], [5])


def members(grouping):
    return {label: group.tolist() for label, group in zip(grouping.labels, grouping.groups, strict=True)}


def test_groups_by_label_leave_the_others_out():
    found = grouping_of(LAYOUT, groups={"kinematics": ["speed", "acceleration"]})
    assert members(found) == {"kinematics": [0, 1, 6, 7, 8]}
    penalty, _ = GroupLasso(groups={"kinematics": ["speed", "acceleration"]}).bind(LAYOUT, 1.0)
    assert penalty.ungrouped.tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([["speed", "acceleration"], ["position"]], {"speed+acceleration": [0, 1, 6, 7, 8], "position": [2, 3, 4, 5]}),
        (["speed", "position"], {"speed": [6, 7, 8], "position": [2, 3, 4, 5]}),
        ([{"speed", "acceleration"}], {"acceleration+speed": [0, 1, 6, 7, 8]}),
        ({"kinematics": np.array(["speed", "acceleration"])}, {"kinematics": [0, 1, 6, 7, 8]}),
        ([[0, 2], [8, 1]], {"group 0": [0, 2], "group 1": [1, 8]}),
        ([3, 3, -1, 0, 0, 0, -1, -1, -1], {"group 0": [3, 4, 5], "group 3": [0, 1]}),
        (np.array([0.0, 0, 0, 1, 1, 1, 1, 1, 1]), {"group 0": [0, 1, 2], "group 1": [3, 4, 5, 6, 7, 8]}),
        (
            {"speed": "speed", "position": [1, 0, 0, -1]},
            {"speed": [6, 7, 8], "position[0]": [3, 4], "position[1]": [2]},
        ),
        ({"position": [[1, 0, 0, 1], [0, 1, 0, 0]]}, {"position[0]": [2, 5], "position[1]": [3]}),
    ],
)
def test_ways_to_say_groups(groups, expected):
    assert members(grouping_of(LAYOUT, groups=groups)) == expected


def test_the_name_of_a_branch_means_all_its_leaves():
    layout = CoefLayout.of(flatten({"head": {"pitch": 0, "yaw": 0}, "headroom": 0})[1], [1, 2, 1])
    assert members(grouping_of(layout, groups={"head": "head"})) == {"head": [0, 1, 2]}


def test_columns_of_an_array_by_number():
    assert members(grouping_of(ARRAY, groups=[0, 0, 1, 1, 1])) == {"group 0": [0, 1], "group 1": [2, 3, 4]}


@given(st.lists(st.integers(-2, 4), min_size=9, max_size=9).filter(lambda numbers: max(numbers) >= 0))
def test_integers_masks_and_column_lists_agree(numbers):
    numbers = np.array(numbers)
    kinds = np.unique(numbers[numbers >= 0])
    rows = (numbers == kinds[:, None]).astype(float)
    mask = dict(zip(SIZES, np.split(rows, [2, 6], axis=1), strict=True))
    columns = [np.flatnonzero(row).tolist() for row in rows]
    ways = [grouping_of(LAYOUT, mask), grouping_of(LAYOUT, groups=numbers), grouping_of(LAYOUT, groups=columns)]
    for found in ways:
        assert [group.tolist() for group in found.groups] == columns
    assert set(np.concatenate(columns)) | set(np.flatnonzero(numbers < 0)) == set(range(9))


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.lists(st.sampled_from([*SIZES, "nobody"]), max_size=3)),
    st.booleans(),
)
def test_any_words_make_disjoint_groups_or_one_sentence(groups, overlap):
    try:
        found = grouping_of(LAYOUT, groups=groups, overlap=overlap)
    except ValueError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert list(found.labels) == list(groups)
    flat = np.concatenate(found.groups)
    assert overlap or len(np.unique(flat)) == len(flat)
    for label, group in zip(found.labels, found.groups, strict=True):
        assert len(group) == sum(SIZES[name] for name in groups[label])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": {"a": ["sped"]}}, "names the covariate 'sped', but the features are 'acceleration', 'position'"),
        ({"groups": {"a": ["speed"], "b": ["speed"]}}, "more than one group"),
        ({"groups": {"a": ["speed", "speed"]}}, "'a' names a coefficient twice"),
        ({"groups": {"a": []}}, "'a' is empty"),
        ({"groups": {}}, "not a single group"),
        ({"groups": [-1] * 9}, "not a single group"),
        ({"groups": [0, 1]}, r"expected \(9,\): one integer per coefficient"),
        ({"groups": np.linspace(0, 1, 9)}, "whole numbers"),
        ({"groups": 3}, "whole numbers"),
        ({"groups": "speed"}, "whole numbers"),
        ({"groups": {"position": [0, 1]}}, r"groups\['position'\] has shape \(2,\), expected \(4,\)"),
        ({"groups": {"position": [[1, 0]]}}, r"expected \(n_groups, 4\)"),
        ({"groups": {"position": [[1, 0, 0, 0], [0, 0, 0, 0]]}}, r"rows \[1\] are all 0"),
        ({"groups": {"position": [[2, 0, 0, 0]]}}, "only 0 and 1"),
        ({"groups": {"place": [0, 1]}}, "names the covariate 'place'"),
        ({"groups": [[0, 1], [9]]}, r"groups\[1\] names columns outside 0 to 8"),
        ({"groups": [["speed"]], "mask": np.ones((1, 9))}, "not both"),
        ({"groups": [["speed"], ["speed"]]}, "Several groups are called 'speed'"),
    ],
)
def test_impossible_groups_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        grouping_of(LAYOUT, **options)
    assert len(str(caught.value).splitlines()) == 1


def test_labels_of_an_array_are_refused():
    with pytest.raises(ValueError, match="a single array, without labels"):
        grouping_of(ARRAY, groups={"a": ["speed"]})


def test_weights_replace_the_square_roots_of_the_sizes():
    by_number, _ = GroupLasso(weights=[1.0, 2.0, 3.0]).bind(LAYOUT, 1.0)
    np.testing.assert_allclose(by_number.weights, [1, 2, 3])
    by_label, strength = GroupLasso(weights={"speed": 3, "position": 2, "acceleration": 1}).bind(LAYOUT, 0.1)
    np.testing.assert_allclose(by_label.weights, by_number.weights)
    assert strength == 0.1
    freed, _ = GroupLasso(weights=[0.0, 1.0, 1.0]).bind(LAYOUT, 1.0)
    assert freed.labels == ("position", "speed") and freed.ungrouped.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], "one number for each of the 3 groups"),
        (2.0, "one number for each of the 3 groups"),
        ({"speed": 1.0}, r"weights has keys \['speed'\]"),
        ([1.0, -1.0, 1.0], "Every number of weights must be a finite number >= 0"),
        (["a", "b", "c"], "weights must be a number, or hold numbers"),
    ],
)
def test_impossible_weights_are_one_sentence(weights, message):
    with pytest.raises(ValueError, match=message):
        GroupLasso(weights=weights).bind(LAYOUT, 1.0)


def test_strength_by_the_names_of_the_groups():
    regularizer = GroupLasso(groups={"kinematics": ["speed", "acceleration"], "where": "position"})
    penalty, strength = regularizer.bind(LAYOUT, {"where": 2.0, "kinematics": 3.0})
    assert strength == 1.0
    np.testing.assert_allclose(penalty.weights, [3 * np.sqrt(5), 2 * np.sqrt(4)])
    with pytest.raises(ValueError, match="expected one number for each of the groups"):
        regularizer.bind(LAYOUT, {"speed": 1.0, "position": 1.0, "acceleration": 1.0})
    masked = GroupLasso({"acceleration": [[0, 0]], "position": np.ones((1, 4)), "speed": np.zeros((1, 3))})
    np.testing.assert_allclose(masked.bind(LAYOUT, {"position": 5.0})[0].weights, [10.0])


def test_a_group_of_covariates_enters_as_one_and_a_covariate_in_no_group_is_always_in():
    X = features(n_samples=300, n_groups=4, size=2)
    y = counts(X)
    path = GLM(regularizer=GroupLasso(groups={"both": ["g00", "g02"], "other": ["g01"]})).fit_path(X, y, n_strengths=15)
    assert path.group_labels == ("both", "other") and path.converged.all()
    assert path.coef["g03"].all() and not path.coef["g00"][0].any()
    np.testing.assert_array_equal(path.coef["g00"].any(axis=1), path.coef["g02"].any(axis=1))


def test_regions_of_one_covariate_enter_one_by_one():
    X = features(n_samples=300, n_groups=1, size=6)
    y = counts(X, n_active=1)
    path = GLM(regularizer=GroupLasso(groups={"g00": [0, 0, 1, 1, 2, 2]})).fit_path(X, y, n_strengths=20)
    assert path.group_labels == ("g00[0]", "g00[1]", "g00[2]")
    assert len(set(path.entry_strengths().values())) > 1 and path.converged.all()
