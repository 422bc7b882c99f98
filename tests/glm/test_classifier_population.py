"""Populations of classifiers: every neuron has the fit, path and scores that it would have alone."""

import numpy as np
import pytest

from spikesieve import load_model
from spikesieve.basis import BSplineEval
from spikesieve.design import as_design
from spikesieve.glm import ClassifierGLM, ClassifierPopulationGLM
from spikesieve.regularizer import GroupLasso
from tests.solver.problems import features

EXACT = {"tol": 1e-10}
RIDGE = {"regularizer_strength": 0.05, "solver_kwargs": EXACT}
LASSO = {"regularizer": "GroupLasso", "regularizer_strength": 0.03, "solver_kwargs": EXACT}
JOINT = {**LASSO, "regularizer": GroupLasso(joint=True)}


def recording(n_samples=250, n_neurons=3, n_classes=3, seed=0):
    X = features(n_samples, n_groups=3, size=2, seed=seed)
    rng = np.random.default_rng(seed + 1)
    eta = np.einsum("tf,fnk->tnk", X["g00"], rng.normal(size=(2, n_neurons, n_classes)))
    return X, (eta + rng.gumbel(size=eta.shape)).argmax(axis=2)


def assert_same(population, singles, X):
    for n, single in enumerate(singles):
        for label in X:
            np.testing.assert_allclose(population.coef_[label][:, n], single.coef_[label], atol=1e-8)
        np.testing.assert_allclose(population.intercept_[n], single.intercept_, atol=1e-8)
        assert population.dof_resid_[n] == single.dof_resid_


@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_neurons_cannot_be_joined_by_a_mask(shape):
    X, y = recording(n_classes=2)
    mask = {label: np.ones((1, 2, *shape)) for label in X}
    with pytest.raises(ValueError, match="Neurons of a ClassifierPopulationGLM cannot be joined: the mask"):
        ClassifierPopulationGLM(2, regularizer=GroupLasso(mask=mask), regularizer_strength=0.1).fit(X, y)


def test_loss_has_the_weights_that_a_design_carries():
    X, y = recording()
    weights = np.random.default_rng(2).uniform(size=len(y))
    design = as_design(X).with_weight(weights)
    model = ClassifierPopulationGLM(3, **RIDGE).fit(design, y)
    logs = model.predict_proba(X, "log-proba")
    chosen = np.take_along_axis(logs, y[:, :, None], axis=2)[:, :, 0]
    loss = model.compute_loss((model.coef_, model.intercept_), design, y)
    assert loss == pytest.approx(-np.average(chosen, weights=weights, axis=0).sum(), rel=1e-10)


@pytest.mark.parametrize("arguments", [RIDGE, LASSO, JOINT, {"regularizer": "UnRegularized", "solver_kwargs": EXACT}])
def test_neurons_are_fitted_as_if_alone(arguments):
    X, y = recording()
    population = ClassifierPopulationGLM(3, **arguments).fit(X, y)
    singles = [ClassifierGLM(3, **arguments).fit(X, y[:, n]) for n in range(3)]
    assert_same(population, singles, X)
    assert population.coef_["g00"].shape == (2, 3, 3) and population.intercept_.shape == (3, 3)
    assert all(solution.converged.all() for solution in population.solutions_)
    for n, single in enumerate(singles):
        np.testing.assert_allclose(population.predict_proba(X)[:, n], single.predict_proba(X), atol=1e-8)
        np.testing.assert_array_equal(population.predict(X)[:, n], single.predict(X))
    logs = population.predict_proba(X, "log-proba")
    np.testing.assert_allclose(np.exp(logs).sum(axis=2), 1.0)
    for score_type in ("log-likelihood", "pseudo-r2-McFadden", "accuracy"):
        alone = [single.score(X, y[:, n], score_type) for n, single in enumerate(singles)]
        assert population.score(X, y, score_type) == pytest.approx(np.mean(alone), abs=1e-7)
    losses = sum(single.compute_loss((single.coef_, single.intercept_), X, y[:, n]) for n, single in enumerate(singles))
    assert population.compute_loss((population.coef_, population.intercept_), X, y) == pytest.approx(losses)


def test_each_neuron_has_the_path_it_would_have_alone():
    X, y = recording()
    grid = {"n_strengths": 6, "min_ratio": 0.1}
    arguments = {**LASSO, "regularizer_strength": None}
    paths = ClassifierPopulationGLM(None, **arguments).fit_path(X, y, **grid)
    assert paths.converged.all() and paths.coef["g00"].shape == (6, 2, 3, 3) and paths.intercept.shape == (6, 3, 3)
    for n, path in enumerate(paths):
        alone = ClassifierGLM(None, **arguments).fit_path(X, y[:, n], **grid)
        np.testing.assert_allclose(path.strengths, alone.strengths, rtol=1e-10)
        np.testing.assert_allclose(paths.coef["g00"][:, :, n], alone.coef["g00"], atol=1e-8)
        strength = 0.5 * (path.strengths[3] + path.strengths[4])
        np.testing.assert_allclose(path.at(strength).coef_["g00"], alone.at(strength).coef_["g00"], atol=1e-7)


def test_a_path_gives_fitted_populations():
    X, y = recording()
    model = ClassifierPopulationGLM(3, **{**LASSO, "regularizer_strength": None})
    paths = model.fit_path(X, y, n_strengths=6, min_ratio=0.1)
    each = paths.at(paths.strengths[3])
    np.testing.assert_allclose(each.coef_["g00"], paths.coef["g00"][3], atol=1e-12)
    again = each.unfitted_copy().fit(X, y)
    np.testing.assert_allclose(again.coef_["g00"], each.coef_["g00"], atol=1e-8)
    np.testing.assert_array_equal(each.predict(X), again.predict(X))


def test_neurons_share_the_classes_of_all():
    X, y = recording(n_classes=2)
    y[:, 2] += 1  # shows 1 and 2, where the others show 0 and 1
    with pytest.warns(UserWarning, match="no finite"):
        model = ClassifierPopulationGLM(3, **RIDGE).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2] and np.isfinite(model.coef_["g00"]).all()
    with pytest.raises(ValueError, match="labels of 3 classes, expected n_classes=2"):
        ClassifierPopulationGLM(2).fit(X, y)


def test_a_missing_label_leaves_its_bin_out_for_its_neuron():
    X, y = recording()
    names = np.array(["left", "right", "up"], dtype=object)[y]
    names[:20, 1] = None
    names[30] = None
    model = ClassifierPopulationGLM(3, **RIDGE).fit(X, names)
    assert_same(model, [ClassifierGLM(3, **RIDGE).fit(X, names[:, n]) for n in range(3)], X)
    assert set(model.predict(X).ravel()) <= {"left", "right", "up"}
    X["g00"][4, 0] = np.nan
    assert model.predict(X)[4].tolist() == [None] * 3 and np.isnan(model.predict_proba(X)[4]).all()


def test_designs_and_weights_are_shared():
    rng = np.random.default_rng(0)
    basis = BSplineEval(5, label="x", bounds=(0, 1)) + BSplineEval(6, label="speed", bounds=(0, 1))
    design = basis.design(*rng.uniform(size=(2, 300)))
    y = rng.integers(2, size=(300, 2))
    weights = rng.uniform(size=300)
    model = ClassifierPopulationGLM(**RIDGE).fit(design, y, sample_weight=weights)
    singles = [ClassifierGLM(**RIDGE).fit(design, y[:, n], sample_weight=weights) for n in range(2)]
    assert_same(model, singles, model.coef_)


def test_masked_features_count_as_zero():
    X, y = recording()
    mask = {"g00": [1, 1, 0], "g01": np.array([[1, 0, 1], [0, 0, 1]]), "g02": [1, 1, 1]}
    for arguments in (RIDGE, JOINT, {"regularizer": "UnRegularized", "solver_kwargs": EXACT}):
        model = ClassifierPopulationGLM(3, **arguments, feature_mask=mask).fit(X, y)
        for n in range(3):
            kept = {k: X[k] * np.broadcast_to(np.asarray(mask[k]), (2, 3))[:, n] for k in X}
            alone = ClassifierGLM(3, **arguments).fit(kept, y[:, n])
            for label in X:
                np.testing.assert_allclose(model.coef_[label][:, n], alone.coef_[label], atol=1e-8)
        assert not model.coef_["g00"][:, 2].any() and not model.coef_["g01"][1, 0].any()


def test_warm_start_and_initial_parameters_change_nothing():
    X, y = recording()
    model = ClassifierPopulationGLM(3, **RIDGE, warm_start=True).fit(X, y)
    first = model.coef_["g00"]
    assert (model.fit(X, y).n_iter_ == 0).all()
    start = ({label: np.ones((2, 3, 3)) for label in X}, np.zeros((3, 3)))
    np.testing.assert_allclose(model.fit(X, y, start).coef_["g00"], first, atol=1e-8)


def test_simulated_labels_have_the_predicted_frequencies():
    X, y = recording(n_samples=3000)
    labels, probabilities = ClassifierPopulationGLM(3, **RIDGE).fit(X, y).simulate(0, X)
    assert labels.shape == (3000, 3) and probabilities.shape == (3000, 3, 3)
    shares = np.stack([(labels == k).mean(axis=0) for k in range(3)], axis=1)
    np.testing.assert_allclose(shares, probabilities.mean(axis=0), atol=0.03)


def test_saved_populations_come_back_whole(tmp_path):
    X, y = recording()
    names = np.array(["left", "right", "up"])[y]
    mask = dict.fromkeys(X, [1, 1, 0])
    model = ClassifierPopulationGLM(3, **JOINT, feature_mask=mask).fit(X, names)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.feature_mask == mask and [s.status for s in loaded.solutions_] == [s.status for s in model.solutions_]
    np.testing.assert_array_equal(loaded.fit(X, names).coef_["g00"], model.coef_["g00"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, X, y: model.fit(X, y[:, 0]), "y must be 2-dimensional, one label per time bin and neuron"),
        (lambda model, X, y: model.fit(X, None), "target y is None"),
        (lambda model, X, y: model.fit(X, y[1:]), "both must be binned alike"),
        (lambda model, X, y: model.fit(X, y).score(X, y[:, :2]), "y has 2 neurons"),
        (lambda model, X, y: model.fit(X, y).score(X, y + 1), "label 3, which is none"),
        (lambda model, X, y: model.fit(X, y).score(X, y, "r2"), "score_type must be"),
        (lambda model, X, y: model.fit(X, y).predict_proba(X, "p"), "return_type must"),
        (lambda model, X, y: model.set_params(inverse_link_function="exp").fit(X, y), "inverse_link_function of a"),
        (lambda model, X, y: model.set_params(feature_mask=dict.fromkeys(X, [1, 1])).fit(X, y), "feature_mask of"),
    ],
)
def test_misuse_is_one_sentence(call, message):
    X, y = recording(n_samples=60)
    with pytest.raises(ValueError, match=message):
        call(ClassifierPopulationGLM(3, regularizer_strength=1.0), X, y)
