import collections

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score

from spikesieve.selection._folds import BlockedFolds, TrialFolds
from spikesieve.selection._rows import count_rows, finite_rows, take_rows


def zeros(n_samples):
    return np.zeros((n_samples, 1))


@st.composite
def blocked(draw):
    folds = BlockedFolds(draw(st.integers(2, 6)), 0, draw(st.integers(1, 4)))
    n_blocks = folds.n_folds * folds.n_blocks_per_fold
    n_samples = draw(st.integers(4 * n_blocks, 300))
    # A training block is at least (n_folds - 1) blocks long, save at the ends: this gap never eats it all.
    gap = draw(st.integers(0, max(n_samples // n_blocks // 3, 0)))
    return BlockedFolds(folds.n_folds, gap, folds.n_blocks_per_fold), n_samples


@given(blocked())
def test_held_out_blocks_partition_the_samples(case):
    folds, n_samples = case
    held_out = np.concatenate([test for _, test in folds.split(zeros(n_samples))])
    np.testing.assert_array_equal(np.sort(held_out), np.arange(n_samples))


@given(blocked())
def test_training_rows_are_exactly_those_further_than_the_gap_from_any_held_out_row(case):
    folds, n_samples = case
    for train, test in folds.split(zeros(n_samples)):
        distance = np.abs(np.arange(n_samples)[:, None] - test).min(axis=1)
        np.testing.assert_array_equal(train, np.flatnonzero(distance > folds.gap))


@given(blocked())
def test_time_order_is_kept_and_blocks_are_equal_to_one_bin(case):
    folds, n_samples = case
    lengths = []
    for train, test in folds.split(zeros(n_samples)):
        assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()
        runs = np.split(test, np.flatnonzero(np.diff(test) > 1) + 1)
        assert len(runs) == folds.n_blocks_per_fold
        lengths += [len(run) for run in runs]
    assert max(lengths) - min(lengths) <= 1


def test_one_block_per_fold_holds_out_one_long_stretch():
    tests = [test for _, test in BlockedFolds(3, n_blocks_per_fold=1).split(zeros(9))]
    np.testing.assert_array_equal(tests, np.arange(9).reshape(3, 3))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=80), st.integers(2, 4))
def test_trials_are_whole_and_each_is_held_out_once(ids, n_folds):
    n_trials = len(set(ids))
    if n_trials < n_folds:
        with pytest.raises(ValueError, match="trials"):
            TrialFolds(ids, n_folds)
        return
    ids = np.array(ids)
    tests = []
    for train, test in TrialFolds(ids, n_folds).split(zeros(len(ids))):
        assert not set(ids[train]) & set(ids[test])
        assert len(train) + len(test) == len(ids)
        tests.append(test)
    np.testing.assert_array_equal(np.sort(np.concatenate(tests)), np.arange(len(ids)))


def test_samples_between_trials_are_neither_trained_on_nor_held_out():
    ids = np.array([0, 0, np.nan, 1, 1, np.nan, 2, 2])
    for train, test in TrialFolds(ids, 3).split(zeros(8)):
        assert not np.isnan(ids[np.concatenate([train, test])]).any()
        assert len(train) == 4 and len(test) == 2


def test_a_gap_around_held_out_trials_is_not_trained_on():
    ids = np.repeat([0, 1, 2, 3], 5)
    train, test = next(iter(TrialFolds(ids, 4, gap=2).split(zeros(20))))
    np.testing.assert_array_equal(test, np.arange(5))
    np.testing.assert_array_equal(train, np.arange(7, 20))


Pair = collections.namedtuple("Pair", "left right")


class Lazy:
    n_samples = 40

    def take(self, rows):
        return ("taken", rows)


@pytest.mark.parametrize(
    "X",
    [
        zeros(40),
        {"b": zeros(40), "a": [zeros(40), zeros(40)]},
        Pair(zeros(40), zeros(40)),
        list(range(40)),
        [[0.0, 1.0]] * 40,
        range(40),
        Lazy(),
    ],
)
def test_features_of_any_form_are_split(X):
    assert count_rows(X) == 40
    assert len(list(BlockedFolds(4).split(X))) == BlockedFolds(4).get_n_splits(X) == 4


def test_rows_are_taken_in_the_containers_that_came():
    X = {"b": np.arange(10.0).reshape(5, 2), "a": (np.arange(5),)}
    taken = take_rows(X, np.array([0, 3]))
    np.testing.assert_array_equal(taken["b"], X["b"][[0, 3]])
    np.testing.assert_array_equal(taken["a"][0], [0, 3])
    assert take_rows(Lazy(), [1])[0] == "taken"


def test_rows_with_nan_or_infinity_in_any_leaf_are_not_finite():
    X = {"a": np.array([[0.0], [np.nan], [0.0]]), "b": np.array([[0.0, np.inf], [0.0, 0.0], [0.0, 0.0]])}
    np.testing.assert_array_equal(finite_rows(X), [False, False, True])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlockedFolds(1), "n_folds must be a whole number of at least 2; got 1"),
        (lambda: BlockedFolds(2.5), "got 2.5"),
        (lambda: BlockedFolds(gap=-1), "gap must be a whole number of at least 0"),
        (lambda: BlockedFolds(n_blocks_per_fold=0), "n_blocks_per_fold"),
        (lambda: list(BlockedFolds(5).split(zeros(24))), "need at least 25 time bins, but there are 24"),
        (lambda: list(BlockedFolds(2, gap=99).split(zeros(100))), "nothing left to train on: a gap of 99"),
        (lambda: list(BlockedFolds(2).split({"a": zeros(30), "b": zeros(31)})), "same number of samples"),
        (lambda: list(BlockedFolds(2).split({})), "no arrays"),
        (lambda: TrialFolds([[1, 2]], 2), "one-dimensional"),
        (lambda: TrialFolds([np.nan, np.nan], 2), "but there are 0"),
        (lambda: list(TrialFolds([0, 1, 2], 2).split(zeros(4))), "3 trial_ids but 4 samples"),
    ],
)
def test_folds_that_cannot_be_made_are_refused_in_one_sentence(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_scikit_learn_takes_them_as_cv():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = rng.poisson(np.exp(0.3 * X[:, 0]))
    assert len(cross_val_score(PoissonRegressor(), X, y, cv=BlockedFolds(4, gap=2))) == 4
    search = GridSearchCV(PoissonRegressor(), {"alpha": [0.1, 1.0]}, cv=TrialFolds(np.arange(200) // 20, 5))
    assert search.fit(X, y).n_splits_ == 5
