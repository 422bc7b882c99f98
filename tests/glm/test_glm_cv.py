"""A GLM that chooses its strength: what cross-validation and the path give, in one estimator."""

import numpy as np
import pytest
from sklearn.base import clone

from spikesieve.glm import GLM, GLMCV
from spikesieve.selection import BlockedFolds, cross_validate
from tests.solver.problems import counts, dense, features

FOLDS = BlockedFolds(3, gap=2, n_blocks_per_fold=2)
OPTIONS = {"folds": FOLDS, "n_strengths": 15, "min_ratio": 1e-2}


@pytest.fixture(scope="module")
def data():
    X = features(n_samples=400, n_groups=4, size=2)
    return X, counts(X)


@pytest.fixture(scope="module")
def plain(data):
    return cross_validate(GLM(regularizer="GroupLasso"), *data, FOLDS, n_strengths=15, min_ratio=1e-2)


@pytest.mark.parametrize("rule", ["min", "1se"])
def test_the_strength_is_that_of_the_rule_and_the_model_that_of_the_path(data, plain, rule):
    X, y = data
    model = GLMCV(rule=rule, **OPTIONS).fit(X, y)
    assert model.strength_ == (plain.strength_min if rule == "min" else plain.strength_1se)
    np.testing.assert_array_equal(model.cv_.deviance, plain.deviance)
    direct = GLM(regularizer="GroupLasso", regularizer_strength=model.strength_).fit(X, y)
    for label in X:
        np.testing.assert_allclose(model.coef_[label], direct.coef_[label], atol=1e-5)
    assert model.solution_.converged.all() and model.intercept_.shape == (1,)
    np.testing.assert_allclose(model.predict(X), direct.predict(X), rtol=1e-4)
    assert model.score(X, y) == pytest.approx(direct.score(X, y), abs=1e-5)
    np.testing.assert_array_equal(model.simulate(1, X)[1], model.predict(X))


def test_one_standard_error_removes_at_least_as_much(data):
    by_min, by_error = (GLMCV(rule=rule, **OPTIONS).fit(*data) for rule in ("min", "1se"))
    assert by_error.strength_ >= by_min.strength_
    n_active = [sum(leaf.any() for leaf in model.coef_.values()) for model in (by_error, by_min)]
    assert n_active[0] <= n_active[1]


def test_strengths_that_are_given_are_those_compared(data):
    model = GLMCV(regularizer="Ridge", strengths=[0.01, 1.0, 0.1], folds=FOLDS).fit(*data)
    assert model.cv_.strengths.tolist() == [1.0, 0.1, 0.01] and model.strength_ in (1.0, 0.1, 0.01)


def test_relative_strengths_multiply_the_path(data):
    X, y = data
    relative = dict.fromkeys(X, 1.0) | {"g00": 100.0}
    model = GLMCV(regularizer_strength=relative, **OPTIONS).fit(X, y)
    assert not model.coef_["g00"].any() and model.coef_["g01"].any()


def test_weights_and_offsets_count(data):
    X, y = data
    kept = np.arange(400) >= 100
    masked = GLMCV(**OPTIONS).fit(X, y, sample_weight=kept.astype(float))
    assert masked.cv_.n_held_out.sum() == pytest.approx(300)
    exposure = np.where(np.arange(400) % 2, 0.5, 0.0)
    drawn = np.random.default_rng(0).poisson(np.exp(exposure + X["g00"][:, 0] - 0.5)).astype(float)
    with_offset, without = (GLMCV(**OPTIONS).fit(X, drawn, offset=o) for o in (exposure, None))
    assert with_offset.cv_.scores.min() < without.cv_.scores.min()


def test_params_clone_and_rows_of_arrays(data):
    X, y = data
    matrix, _ = dense(X)
    model = clone(GLMCV(regularizer="Lasso", **OPTIONS)).fit(matrix, y)
    assert model.n_features_in_ == 8 and model.coef_.shape == (8,)
    assert "folds" in model.get_params() and "warm_start" not in model.get_params()
    assert model.fit_path(matrix, y, n_strengths=4).at(0.01).get_params().keys() == GLM().get_params().keys()


def test_misuse_is_one_sentence(data):
    with pytest.raises(ValueError, match="rule must be 'min' or '1se', got 'best'"):
        GLMCV(rule="best").fit(*data)
    with pytest.raises(ValueError, match="fit_path needs a penalty"):
        GLMCV(regularizer=None).fit(*data)
    with pytest.raises(TypeError, match="folds must have a split method"):
        GLMCV(folds=5).fit(*data)


@pytest.mark.parametrize("n_jobs", [2, 4])
def test_folds_side_by_side_give_the_same_bits(data, plain, n_jobs):
    X, y = data
    cv = cross_validate(GLM(regularizer="GroupLasso"), X, y, FOLDS, n_strengths=15, min_ratio=1e-2, n_jobs=n_jobs)
    np.testing.assert_array_equal(cv.deviance, plain.deviance)
    np.testing.assert_array_equal(cv.bits_per_spike, plain.bits_per_spike)


class FailingInFolds(GLM):
    def fit_path(self, X, y, strengths=None, **options):
        if len(y) < 400:
            raise ValueError("in a fold")
        return super().fit_path(X, y, strengths, **options)


def test_an_error_in_one_of_the_folds_is_raised(data):
    X, y = data
    with pytest.raises(ValueError, match="in a fold"):
        cross_validate(FailingInFolds(regularizer="GroupLasso"), X, y, FOLDS, n_strengths=3, n_jobs=2)
