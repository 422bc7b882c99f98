"""Adaptive group lasso: weights from pilots, the limit without them, and folds that see their own rows alone."""

import numpy as np
import pytest

from spikesieve.glm import GLM
from spikesieve.regularizer import AdaptiveGroupLasso, GroupLasso, Ridge
from spikesieve.selection import BlockedFolds, cross_validate
from tests.solver.problems import counts, features

EXACT = {"tol": 1e-9}
SIZES = {"g00": 3, "g01": 3, "g02": 3, "g03": 3}


@pytest.fixture(scope="module")
def data():
    X = features(n_samples=400, n_groups=4, size=3)
    return X, counts(X)


def weights_from(coef, power=1.0):
    """The documented formula, for groups of three."""
    size = np.array([np.sqrt(np.mean(np.square(coef[label]))) for label in sorted(coef)])
    return np.sqrt(3) * np.maximum(size / size.max(), 1e-3) ** -power


@pytest.mark.parametrize(
    ("pilot", "pilot_strength"), [("Ridge", 0.01), ("UnRegularized", None), (Ridge(), 0.01), ("GroupLasso", 0.05)]
)
def test_weights_are_those_of_the_pilots_fit(data, pilot, pilot_strength):
    X, y = data
    adaptive = AdaptiveGroupLasso(pilot, pilot_strength, power=1.5)
    model = GLM(regularizer=adaptive, regularizer_strength=0.03, solver_kwargs=EXACT).fit(X, y)
    first = GLM(regularizer=pilot, regularizer_strength=pilot_strength, solver_kwargs=EXACT).fit(X, y)
    by_hand = GroupLasso(weights=weights_from(first.coef_, 1.5))
    second = GLM(regularizer=by_hand, regularizer_strength=0.03, solver_kwargs=EXACT).fit(X, y)
    np.testing.assert_allclose(model.solution_.coef_matrix, second.solution_.coef_matrix, atol=1e-6)
    np.testing.assert_allclose(model.solution_.objective, second.solution_.objective, atol=1e-8)


def test_the_default_pilot_is_a_group_lasso_at_a_hundredth_of_its_largest_strength(data):
    X, y = data
    first = GLM(regularizer="GroupLasso", solver_kwargs=EXACT).fit_path(X, y, n_strengths=2, min_ratio=0.01)
    by_hand = GroupLasso(weights=weights_from({label: coef[-1] for label, coef in first.coef.items()}))
    model = GLM(regularizer="AdaptiveGroupLasso", solver_kwargs=EXACT)
    path = model.fit_path(X, y, n_strengths=6, min_ratio=0.05)
    second = GLM(regularizer=by_hand, solver_kwargs=EXACT).fit_path(X, y, path.strengths)
    np.testing.assert_allclose(path.coef_matrix, second.coef_matrix, atol=1e-6)
    np.testing.assert_allclose(path.strength_max, second.strength_max, rtol=1e-5)
    assert path.converged.all() and path.duality_gap.max() < 1e-4
    between = float(np.sqrt(path.strengths[2] * path.strengths[3]))
    single = GLM(regularizer="AdaptiveGroupLasso", regularizer_strength=between, solver_kwargs=EXACT).fit(X, y)
    np.testing.assert_allclose(path.at(between).coef_["g00"], single.coef_["g00"], atol=1e-6)


@pytest.mark.parametrize(
    "regularizer",
    [
        AdaptiveGroupLasso({label: np.full(3, 0.7) for label in SIZES}),
        AdaptiveGroupLasso({label: np.zeros(3) for label in SIZES}),
        AdaptiveGroupLasso(power=0.0),
    ],
    ids=["equal pilot", "zero pilot", "power 0"],
)
def test_equal_weights_are_the_group_lasso(data, regularizer):
    X, y = data
    adaptive, plain = (
        GLM(regularizer=kind, regularizer_strength=0.04, solver_kwargs=EXACT).fit(X, y)
        for kind in (regularizer, GroupLasso())
    )
    np.testing.assert_allclose(adaptive.solution_.coef_matrix, plain.solution_.coef_matrix, atol=1e-8)


def test_coefficients_given_are_the_pilot(data):
    X, y = data
    given = {"g00": [1.0, 0, 0], "g01": [0.5, 0.5, 0], "g02": [0.0, 0, 0.1], "g03": [0.0, 0, 0]}
    given = {label: np.array(coef) for label, coef in given.items()}
    adaptive = GLM(regularizer=AdaptiveGroupLasso(given), regularizer_strength=0.02).fit(X, y)
    by_hand = GLM(regularizer=GroupLasso(weights=weights_from(given)), regularizer_strength=0.02).fit(X, y)
    np.testing.assert_allclose(adaptive.solution_.coef_matrix, by_hand.solution_.coef_matrix, atol=1e-9)
    assert not adaptive.coef_["g03"].any()


def test_folds_find_their_weights_in_their_training_rows(data):
    X, y = data
    model = GLM(regularizer="AdaptiveGroupLasso", solver_kwargs=EXACT)
    cv = cross_validate(model, X, y, BlockedFolds(3), n_strengths=6, min_ratio=0.05)
    train, test = next(iter(BlockedFolds(3).split(X, y)))
    seen, held_out = ({label: leaf[rows] for label, leaf in X.items()} for rows in (train, test))
    pilot = GLM(regularizer="GroupLasso", solver_kwargs=EXACT).fit_path(seen, y[train], n_strengths=2, min_ratio=0.01)
    weights = weights_from({label: coef[-1] for label, coef in pilot.coef.items()})
    by_hand = GLM(regularizer=GroupLasso(weights=weights), solver_kwargs=EXACT)
    path = by_hand.fit_path(seen, y[train], cv.strengths)
    deviance = model.family.deviance(by_hand.path_linear_predictor(path, held_out), y[test][:, None]).mean(axis=0)
    np.testing.assert_allclose(cv.deviance[0], deviance, rtol=1e-6)
    assert set(cv.selected("1se")) <= set(SIZES)


def test_regularizer_is_not_changed_by_fits(data):
    X, y = data
    regularizer = AdaptiveGroupLasso()
    before = dict(vars(regularizer))
    GLM(regularizer=regularizer, regularizer_strength=0.05).fit(X, y)
    assert vars(regularizer) == before


@pytest.mark.parametrize(
    ("regularizer", "message"),
    [
        (AdaptiveGroupLasso("Lars"), "pilot must be one of GroupLasso, Ridge, UnRegularized"),
        (AdaptiveGroupLasso("Ridge"), "needs a pilot_strength for the pilot Ridge"),
        (AdaptiveGroupLasso(power=-1.0), "power of an AdaptiveGroupLasso must be a finite number >= 0"),
        (AdaptiveGroupLasso(power=[1.0, 2.0]), "must be a number"),
        (AdaptiveGroupLasso({"g00": np.ones(3)}), "pilot has leaves"),
        (AdaptiveGroupLasso(pilot_strength=-1.0), "finite number >= 0"),
    ],
)
def test_impossible_pilots_are_one_sentence(data, regularizer, message):
    X, y = data
    with pytest.raises(ValueError, match=message) as caught:
        GLM(regularizer=regularizer, regularizer_strength=0.1).fit(X, y)
    assert len(str(caught.value).splitlines()) == 1
