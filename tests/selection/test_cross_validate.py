import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import gammaln

from spikesieve.glm import GLM
from spikesieve.selection import BlockedFolds, CrossValidation, TrialFolds, cross_validate
from tests.selection.estimator import ReferenceGLM


def model():
    return GLM(regularizer="GroupLasso")


def recording(n_samples=600, seed=0):
    rng = np.random.default_rng(seed)
    X = {label: rng.normal(size=(n_samples, 2)) for label in ("position", "speed", "theta")}
    y = rng.poisson(np.exp(0.8 * X["position"][:, 0] - 0.5 * X["position"][:, 1] - 0.7)).astype(float)
    return X, y


@pytest.fixture(scope="module")
def scored():
    X, y = recording()
    return X, y, cross_validate(model(), X, y, BlockedFolds(4, gap=3), n_strengths=12, min_ratio=1e-2)


def by_hand(X, y, folds, strengths):
    """Held-out deviance per bin and bits per spike, by slow single fits and the definitions."""
    deviance, bits = [], []
    for train, test in folds.split(X):
        slow = ReferenceGLM()
        path = slow.fit_path({k: v[train] for k, v in X.items()}, y[train], strengths=strengths)
        mean = np.exp(slow.path_linear_predictor(path, {k: v[test] for k, v in X.items()})).T
        held_out = y[test]
        log_ratio = np.where(held_out > 0, held_out * np.log(np.maximum(held_out, 1) / mean), 0.0)
        deviance.append(2 * (log_ratio - held_out + mean).mean(axis=1))
        log_likelihood = held_out * np.log(mean) - mean - gammaln(held_out + 1)
        null = held_out * np.log(y[train].mean()) - y[train].mean() - gammaln(held_out + 1)
        bits.append((log_likelihood - null).sum(axis=1) / np.log(2) / held_out.sum())
    return np.array(deviance), np.array(bits)


def test_scores_are_those_of_single_fits_and_of_the_definitions(scored):
    X, y, cv = scored
    deviance, bits = by_hand(X, y, BlockedFolds(4, gap=3), cv.strengths)
    np.testing.assert_allclose(cv.deviance, deviance, rtol=1e-6)
    np.testing.assert_allclose(cv.bits_per_spike, bits, rtol=1e-5, atol=1e-6)


def test_the_null_model_is_worth_no_bits_when_the_mean_rate_is_stationary(scored):
    cv = scored[2]
    assert np.abs(cv.bits_per_spike[:, 0]).max() < 0.05 < cv.bits_per_spike[:, -1].min()


def test_rows_in_chunks_score_as_rows_at_once(scored, monkeypatch):
    import spikesieve.selection._cross_validate as module

    X, y, cv = scored
    monkeypatch.setattr(module, "_CHUNK_VALUES", 100)
    chunked = cross_validate(model(), X, y, BlockedFolds(4, gap=3), strengths=cv.strengths)
    np.testing.assert_allclose(chunked.deviance, cv.deviance, rtol=1e-10)


def test_the_one_standard_error_rule_keeps_the_true_covariate_and_drops_the_false(scored):
    cv = scored[2]
    assert cv.selected("1se") == ("position",)
    assert set(cv.selected("1se")) <= set(cv.selected("min"))
    assert cv.strength_1se >= cv.strength_min


def made(deviance, n_held_out=None):
    deviance = np.asarray(deviance, dtype=float)
    size = np.full(len(deviance), 10) if n_held_out is None else np.asarray(n_held_out)
    strengths = np.geomspace(1.0, 0.1, deviance.shape[1])
    return CrossValidation(strengths, deviance, None, size, size, path=None)


def test_the_chosen_strengths_are_those_of_the_definitions():
    cv = made(np.array([3.0, 2.05, 1.9, 2.0]) + np.array([[-0.2], [0.0], [0.2]]))
    np.testing.assert_allclose(cv.scores, [3.0, 2.05, 1.9, 2.0])
    np.testing.assert_allclose(cv.standard_errors, 0.2 / np.sqrt(3))
    assert cv.strength_min == cv.strengths[2]
    assert cv.strength_1se == cv.strengths[2]
    assert made(np.array([3.0, 2.0, 1.9, 2.0]) + np.array([[-0.2], [0.0], [0.2]])).strength_1se == cv.strengths[1]


def test_ties_go_to_the_larger_strength():
    assert made(np.ones((3, 4))).strength_min == 1.0


def test_folds_weigh_by_their_held_out_bins():
    cv = made([[1.0, 1.0], [2.0, 4.0], [np.nan, np.nan]], n_held_out=[30, 10, 0])
    np.testing.assert_allclose(cv.scores, [1.25, 1.75])
    np.testing.assert_allclose(cv.standard_errors, np.sqrt([0.75 * 0.25**2 + 0.25 * 0.75**2, 27 / 16]))


def test_an_infinite_held_out_deviance_is_never_chosen():
    cv = made([[1.0, 0.5, np.inf], [1.0, 0.7, 0.1]])
    assert cv.strength_min == cv.strengths[1]


def test_incomplete_bins_are_neither_trained_on_nor_scored():
    X, y = recording(200)
    folds = TrialFolds(np.arange(200) // 20, 2)
    strengths = [0.05, 0.02]
    X["speed"][7] = np.nan
    X["theta"][33, 1] = np.inf
    y[150] = np.nan
    cv = cross_validate(model(), X, y, folds, strengths=strengths)
    kept = np.setdiff1d(np.arange(200), [7, 33, 150])
    trimmed = TrialFolds(kept // 20, 2)
    same = cross_validate(model(), {k: v[kept] for k, v in X.items()}, y[kept], trimmed, strengths=strengths)
    np.testing.assert_allclose(cv.deviance, same.deviance, rtol=1e-7)
    assert cv.n_held_out.sum() == 197


def test_a_fold_without_held_out_spikes_has_a_deviance_but_no_bits():
    X, y = recording(200)
    y[:50] = 0
    cv = cross_validate(model(), X, y, BlockedFolds(4, n_blocks_per_fold=1), strengths=[0.05])
    assert np.isfinite(cv.deviance).all()
    assert cv.bits_per_spike is not None
    assert np.isnan(cv.bits_per_spike[0]).all() and np.isfinite(cv.bits_per_spike[1:]).all()
    assert np.isfinite(cv.mean_and_error("bits_per_spike")[0]).all()


def test_a_plain_array_is_scored_like_any_other(scored):
    X, y, _ = scored
    cv = cross_validate(ReferenceGLM(), X["position"], y, strengths=[0.1, 0.01])
    assert cv.deviance.shape == (5, 2)
    np.testing.assert_array_equal(cv.n_active, [1, 1])


def test_plot_draws_the_scores(scored):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    cv = scored[2]
    drawn = {line.get_label(): line for line in cv.plot().lines}
    np.testing.assert_allclose(drawn["mean ± standard error"].get_ydata(), cv.scores)
    bits = {line.get_label(): line for line in cv.plot("bits_per_spike").lines}
    np.testing.assert_allclose(bits["mean ± standard error"].get_ydata(), cv.mean_and_error("bits_per_spike")[0])
    plt.close("all")


def test_what_cannot_be_scored_is_refused_in_one_sentence():
    X, y = recording(100)
    silent = np.where(np.arange(100) < 40, y, 0.0)
    for given, message in [
        ((X, y[:99]), "X has 100 samples but y has 99"),
        ((X, np.column_stack([y, y])), "counts of one neuron"),
        ((X, silent, BlockedFolds(2, n_blocks_per_fold=1)), "Fold 0 has no spikes to train on"),
    ]:
        with pytest.raises(ValueError, match=message):
            cross_validate(model(), *given, strengths=[0.5])


def test_the_model_itself_stays_unfitted(scored):
    estimator = model()
    cross_validate(estimator, *scored[:2], strengths=[0.1])
    assert not hasattr(estimator, "coef_") and estimator.regularizer_strength is None


def test_the_model_at_a_chosen_strength_is_fitted(scored):
    cv = scored[2]
    fitted = cv.path.at(cv.strength_1se)
    assert [label for label, coef in fitted.coef_.items() if coef.any()] == ["position"]


def test_an_unknown_rule_is_refused(scored):
    with pytest.raises(ValueError, match="rule must be '1se' or 'min'"):
        scored[2].selected("2se")


def test_an_interrupted_path_ends_the_cross_validation():
    class Interrupted(GLM):
        def fit_path(self, *args, **options):
            return dataclasses.replace(super().fit_path(*args, **options), interrupted=True)

    with pytest.raises(KeyboardInterrupt):
        cross_validate(Interrupted(regularizer="GroupLasso"), *recording(100), strengths=[0.5])


def test_importing_selection_imports_nothing_heavy():
    heavy = "{'sklearn', 'jax', 'numba', 'matplotlib'}"
    code = f"import sys, spikesieve.selection; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_misuse_is_one_sentence():
    X, y = recording()
    model = GLM(regularizer="GroupLasso")
    with pytest.raises(TypeError, match="folds must have a split method"):
        cross_validate(model, X, y, 5)
    with pytest.raises(TypeError, match="the order is cross_validate"):
        cross_validate(model, X, BlockedFolds(5), y)
    with pytest.raises(TypeError, match="model must have fit_path"):
        cross_validate("GLM", X, y)


def test_ridge_selects_nothing_and_says_so():
    X, y = recording()
    cv = cross_validate(GLM(regularizer="Ridge"), X, y, strengths=[0.1, 0.01])
    with pytest.raises(ValueError, match="keeps every covariate"):
        cv.selected()
