"""Populations: neurons alone give the same, joined ones are optimal together; masks, missing counts, misuse."""

import numpy as np
import pytest

from spikesieve._tree import CoefLayout, flatten
from spikesieve.basis import BSplineEval
from spikesieve.design import as_design
from spikesieve.glm import GLM, PopulationGLM
from spikesieve.observation_models import NegativeBinomialObservations, PoissonObservations, resolve_observation_model
from spikesieve.regularizer import GroupLasso, SparseGroupLasso
from spikesieve.solver import MaskedProblem, PopulationProblem, _blocks
from spikesieve.solver._blocks import as_dense
from tests.solver.problems import design_of, features

EXACT = {"tol": 1e-10}
LASSO = {"regularizer": "GroupLasso", "regularizer_strength": 0.03, "solver_kwargs": EXACT}


def recording(n_samples=300, n_neurons=3, seed=0):
    X = features(n_samples, n_groups=3, size=2, seed=seed)
    rng = np.random.default_rng(seed + 1)
    eta = X["g00"] @ rng.normal(scale=0.5, size=(2, n_neurons)) - 0.5
    eta[:, 0] += X["g01"] @ [0.4, -0.4]
    return X, rng.poisson(np.exp(eta)).astype(float)


def assert_same(population, singles, X):
    for n, single in enumerate(singles):
        for label in X:
            np.testing.assert_allclose(population.coef_[label][:, n], single.coef_[label], atol=1e-8)
        np.testing.assert_allclose(population.intercept_[n], single.intercept_[0], atol=1e-8)
        np.testing.assert_allclose(population.scale_[n], single.scale_, rtol=1e-6)
        assert population.dof_resid_[n] == single.dof_resid_


@pytest.mark.parametrize(
    "arguments",
    [
        LASSO,
        {"solver_kwargs": EXACT},
        {"regularizer": "Ridge", "regularizer_strength": 0.2, "solver_kwargs": EXACT},
        {"observation_model": "Gaussian", **LASSO},
        {"observation_model": NegativeBinomialObservations(), **LASSO},
        {"inverse_link_function": "softplus", **LASSO},
    ],
)
def test_neurons_are_fitted_as_if_alone(arguments):
    X, y = recording()
    population = PopulationGLM(**arguments).fit(X, y)
    singles = [GLM(**arguments).fit(X, y[:, n]) for n in range(3)]
    assert_same(population, singles, X)
    np.testing.assert_allclose(population.predict(X)[:, 1], singles[1].predict(X), rtol=1e-6)
    scores = [single.score(X, y[:, n]) for n, single in enumerate(singles)]
    assert population.score(X, y) == pytest.approx(np.mean(scores), abs=1e-7)


def test_designs_offsets_and_weights_are_shared():
    rng = np.random.default_rng(0)
    basis = BSplineEval(5, label="x", bounds=(0, 1)) * BSplineEval(4, label="y", bounds=(0, 1)) + BSplineEval(
        6, label="speed", bounds=(0, 1)
    )
    design = basis.design(*rng.uniform(size=(3, 500)))
    y = rng.poisson(np.exp(design.linear_predictor(rng.normal(scale=0.5, size=26))[:, None] + [0.0, -1.0]))
    given = {"offset": rng.normal(scale=0.3, size=500), "sample_weight": rng.uniform(size=500)}
    population = PopulationGLM(**LASSO).fit(design, y, **given)
    assert_same(population, [GLM(**LASSO).fit(design, y[:, n], **given) for n in range(2)], population.coef_)
    predicted = population.predict(design, offset=given["offset"])
    np.testing.assert_allclose(predicted, np.exp(given["offset"])[:, None] * population.predict(design), rtol=1e-9)


def test_a_missing_count_leaves_its_bin_out_for_its_neuron():
    X, y = recording()
    y[:50, 1] = np.nan
    y[100] = np.nan
    with pytest.warns(UserWarning, match="50 of 299 samples"):
        population = PopulationGLM(**LASSO).fit(X, y)
    assert_same(population, [GLM(**LASSO).fit(X, y[:, n]) for n in (0,)], X)
    with pytest.warns(UserWarning, match="samples have a NaN"):
        late = GLM(**LASSO).fit(X, y[:, 1])
    np.testing.assert_allclose(population.coef_["g00"][:, 1], late.coef_["g00"], atol=1e-8)


def test_each_neuron_has_the_path_it_would_have_alone():
    X, y = recording()
    paths = PopulationGLM(regularizer="GroupLasso", solver_kwargs=EXACT).fit_path(X, y, n_strengths=8, min_ratio=0.05)
    assert len(paths) == 3 and paths.converged.all() and paths.coef["g00"].shape == (8, 2, 3)
    for n, path in enumerate(paths):
        alone = GLM(regularizer="GroupLasso", solver_kwargs=EXACT).fit_path(X, y[:, n], n_strengths=8, min_ratio=0.05)
        np.testing.assert_allclose(path.strengths, alone.strengths, rtol=1e-10)
        np.testing.assert_allclose(path.coef_matrix, alone.coef_matrix, atol=1e-8)
        np.testing.assert_allclose(paths.coef["g01"][:, :, n], alone.coef["g01"], atol=1e-8)
        assert paths.entry_strengths()["g00"][n] == pytest.approx(alone.entry_strengths()["g00"])
        strength = 0.5 * (path.strengths[3] + path.strengths[4])
        np.testing.assert_allclose(path.at(strength).coef_["g00"], alone.at(strength).coef_["g00"], atol=1e-7)
    given = PopulationGLM(regularizer="GroupLasso").fit_path(X, y, [0.1, 0.02])
    np.testing.assert_array_equal(given.strengths, [[0.1] * 3, [0.02] * 3])


def test_masked_features_count_as_zero():
    X, y = recording()
    mask = {"g00": [1, 1, 0], "g01": np.array([[1, 0, 1], [0, 0, 1]]), "g02": [1, 1, 1]}
    for arguments in (LASSO, {"solver_kwargs": EXACT}):
        population = PopulationGLM(**arguments, feature_mask=mask).fit(X, y)
        for n in range(3):
            kept = {k: X[k] * np.broadcast_to(np.asarray(mask[k]), (2, 3))[:, n] for k in X}
            single = GLM(**arguments).fit(kept, y[:, n])
            for label in X:
                np.testing.assert_allclose(population.coef_[label][:, n], single.coef_[label], atol=1e-8)
    assert not population.coef_["g00"][:, 2].any() and not population.coef_["g01"][:, 1].any()
    matrix = np.hstack(list(X.values()))
    columns = np.ones((6, 3))
    columns[4:, 0] = 0
    array = PopulationGLM(feature_mask=columns, solver_kwargs=EXACT).fit(matrix, y)
    alone = GLM(solver_kwargs=EXACT).fit(matrix[:, :4], y[:, 0])
    np.testing.assert_allclose(array.coef_[:4, 0], alone.coef_, atol=1e-8)


def test_strengths_may_differ_between_neurons():
    X, y = recording()
    strength = {label: np.tile([0.1, 1.0, 10.0], (2, 1)) for label in X}
    population = PopulationGLM(regularizer="Ridge", regularizer_strength=strength, solver_kwargs=EXACT).fit(X, y)
    singles = [GLM(regularizer="Ridge", regularizer_strength=s, solver_kwargs=EXACT) for s in (0.1, 1.0, 10.0)]
    assert_same(population, [single.fit(X, y[:, n]) for n, single in enumerate(singles)], X)


def test_a_path_gives_fitted_populations():
    X, y = recording()
    model = PopulationGLM(regularizer="GroupLasso", solver_kwargs=EXACT)
    paths = model.fit_path(X, y, n_strengths=8, min_ratio=0.05)
    one = paths.at(0.03)
    assert isinstance(one, PopulationGLM) and one.regularizer_strength == 0.03 and not hasattr(model, "coef_")
    fitted = PopulationGLM(**LASSO).fit(X, y)
    np.testing.assert_allclose(one.coef_["g00"], fitted.coef_["g00"], atol=1e-8)
    np.testing.assert_allclose(one.predict(X), fitted.predict(X), rtol=1e-7)
    each = paths.at(paths.strengths[4])
    np.testing.assert_allclose(each.coef_["g00"], paths.coef["g00"][4], atol=1e-12)
    np.testing.assert_array_equal(each.regularizer_strength, paths.strengths[[4]])
    again = each.unfitted_copy().fit(X, y)
    np.testing.assert_allclose(again.coef_["g00"], each.coef_["g00"], atol=1e-8)
    assert each.score(X, y) == pytest.approx(again.score(X, y), abs=1e-8)
    with pytest.raises(ValueError, match="expected one number, or one per neuron"):
        paths.at([0.1, 0.2])


def test_relative_strengths_stay_with_the_models_of_a_path():
    X, y = recording()
    relative = {"g00": 1.0, "g01": 3.0, "g02": 0.5}
    arguments = {**LASSO, "regularizer_strength": relative}
    paths = PopulationGLM(**arguments).fit_path(X, y, n_strengths=5, min_ratio=0.05)
    strength = 0.9 * paths.strengths[3]
    alone = GLM(**arguments).fit_path(X, y[:, 1], n_strengths=5, min_ratio=0.05).at(strength[1])
    np.testing.assert_allclose(paths.at(strength).coef_["g01"][:, 1], alone.coef_["g01"], atol=1e-8)
    again = paths.at(strength).unfitted_copy().fit(X, y)
    np.testing.assert_allclose(again.coef_["g01"][:, 1], alone.coef_["g01"], atol=1e-8)


# ---- Neurons joined by the penalty -----------------------------------------------------------------------------------


def test_joint_with_one_neuron_is_the_single_fit():
    X, y = recording()
    arguments = {**LASSO, "regularizer": GroupLasso(joint=True)}
    assert_same(PopulationGLM(**arguments).fit(X, y[:, :1]), [GLM(**LASSO).fit(X, y[:, 0])], X)


def test_joint_groups_satisfy_their_optimality_conditions():
    X, y = recording()
    model = PopulationGLM(regularizer=GroupLasso(joint=True), solver_kwargs=EXACT)
    path = model.fit_path(X, y, n_strengths=6, min_ratio=0.05)
    assert path.converged.all() and path.duality_gap.max() < 1e-6 and path.group_labels == ("g00", "g01", "g02")
    matrix = np.hstack(list(X.values()))
    for k, strength in enumerate(path.strengths):
        coef = np.concatenate([path.coef[label][k] for label in X])
        slope = matrix.T @ (np.exp(matrix @ coef + path.intercept[k]) - y) / len(y)
        for g in range(3):
            own, pull, weight = coef[2 * g : 2 * g + 2], slope[2 * g : 2 * g + 2], strength * np.sqrt(6)
            norm = np.linalg.norm(own)
            distance = np.linalg.norm(pull + weight * own / norm) if norm else max(np.linalg.norm(pull) - weight, 0.0)
            assert distance < 1e-8
    fitted = PopulationGLM(
        regularizer=GroupLasso(joint=True), regularizer_strength=float(path.strengths[3]), solver_kwargs=EXACT
    ).fit(X, y)
    np.testing.assert_allclose(fitted.coef_["g00"], path.coef["g00"][3], atol=1e-7)
    assert (fitted.n_iter_ == fitted.solutions_[0].n_iterations[0]).all() and fitted.dof_resid_.shape == (3,)


def test_mask_over_neurons_joins_some_of_them():
    X, y = recording()
    mask = {label: np.zeros((4, 2, 3)) for label in X}
    for g, label in enumerate(X):
        mask[label][g, :, :2] = 1
        mask[label][3, :, 2] = 1
    arguments = {"regularizer": GroupLasso(mask), "regularizer_strength": 0.03, "solver_kwargs": EXACT}
    population = PopulationGLM(**arguments).fit(X, y)
    pair = PopulationGLM(**{**arguments, "regularizer": GroupLasso(joint=True)}).fit(X, y[:, :2])
    for label in X:
        np.testing.assert_allclose(population.coef_[label][:, :2], pair.coef_[label], atol=1e-7)


def test_joint_masked_features_stay_zero():
    X, y = recording()
    arguments = {**LASSO, "regularizer": GroupLasso(joint=True)}
    model = PopulationGLM(**arguments, feature_mask={"g00": [1, 0, 1], "g01": [1, 1, 1], "g02": [1, 1, 1]}).fit(X, y)
    assert not model.coef_["g00"][:, 1].any() and model.coef_["g00"][:, [0, 2]].all()
    assert model.solutions_[0].converged.all()


@pytest.mark.parametrize("family", [PoissonObservations(), PoissonObservations().with_scale(1.0)])
def test_derivatives_are_those_of_finite_differences(family):
    X, y = recording(n_samples=60)
    rng = np.random.default_rng(4)
    weights, offset = rng.uniform(0.5, 1.5, size=60), rng.normal(size=(60, 1))
    inner = PopulationProblem(design_of(X), 3, offset, weights / weights.mean(), counts=y, family=family)
    kept = np.arange(18) != 4
    problem = MaskedProblem(inner, kept)
    intercept, coef, step = rng.normal(size=3), 0.2 * rng.normal(size=18) * kept, 1e-6
    at, hessian = problem.evaluate(intercept, coef), as_dense(problem.hessian(intercept, coef, np.arange(18), 1))
    for j in range(21):
        shift = step * np.eye(21)[j]
        shift[3:] *= kept
        up, down = (problem.evaluate(intercept + s * shift[:3], coef + s * shift[3:]) for s in (1, -1))
        slope = (up.loss - down.loss) / (2 * step)
        np.testing.assert_allclose(np.concatenate([at.intercept_gradient, at.gradient])[j], slope, atol=1e-8)
        change = np.concatenate([up.intercept_gradient - down.intercept_gradient, up.gradient - down.gradient])
        np.testing.assert_allclose(hessian[:, j], change / (2 * step), atol=1e-7)
    assert not inner.has_boundary
    assert problem.saturated_loss() <= at.loss and problem.response_size(intercept) > 0


def test_joined_neurons_know_the_edge_of_their_familys_means():
    X, y = recording(n_samples=60)
    identity = resolve_observation_model("Poisson", "identity")
    assert PopulationProblem(design_of(X), 3, counts=y, family=identity).has_boundary


def test_more_joined_coefficients_than_fit_into_memory_are_refused(monkeypatch):
    X, y = recording()
    monkeypatch.setattr(_blocks, "_MOST_COLUMNS", 11)
    PopulationGLM(**{**LASSO, "regularizer": GroupLasso(joint=True)}).fit(X, y)
    with pytest.raises(ValueError, match="3 joined neurons need curvature over .* 121 are the most: join fewer"):
        PopulationGLM(**{**LASSO, "regularizer": SparseGroupLasso(joint=True)}).fit(X, y)
    monkeypatch.setattr(_blocks, "_MOST_COLUMNS", 10)
    with pytest.raises(ValueError, match="3 joined neurons need curvature over 18 .* 100 are the most: join fewer"):
        PopulationGLM(**{**LASSO, "regularizer": GroupLasso(joint=True)}).fit(X, y)
    PopulationGLM(**LASSO).fit(X, y)


@pytest.mark.parametrize("mask", [None, {"g00": [1, 1, 0], "g01": [1, 1, 1], "g02": [1, 1, 1]}])
def test_a_joint_path_gives_the_population_at_any_strength(mask):
    X, y = recording()
    arguments = {"regularizer": GroupLasso(joint=True), "solver_kwargs": EXACT, "feature_mask": mask}
    path = PopulationGLM(**arguments).fit_path(X, y, n_strengths=5, min_ratio=0.05)
    for strength in (path.strengths[2], 0.5 * (path.strengths[2] + path.strengths[3]), 2.0 * path.strengths[0]):
        model = path.at(strength)
        direct = PopulationGLM(**arguments, regularizer_strength=strength).fit(X, y)
        assert model.regularizer_strength == strength
        for label in X:
            np.testing.assert_allclose(model.coef_[label], direct.coef_[label], atol=1e-8)
        np.testing.assert_allclose(model.intercept_, direct.intercept_, atol=1e-8)
        np.testing.assert_allclose(model.dof_resid_, direct.dof_resid_)
    with pytest.raises(ValueError, match="strength must be a finite number"):
        path.at([0.1, 0.2, 0.3])


@pytest.mark.parametrize("joint", [False, True])
def test_loss_has_the_weights_that_a_design_carries(joint):
    X, y = recording()
    weights = np.random.default_rng(5).uniform(size=len(y))
    design = as_design(X).with_weight(weights)
    model = PopulationGLM(**{**LASSO, "regularizer": GroupLasso(joint=joint)}).fit(design, y)
    loss = model.compute_loss((model.coef_, model.intercept_), design, y)
    singles = [
        GLM().compute_loss(({k: coef[:, n] for k, coef in model.coef_.items()}, model.intercept_[[n]]), design, y[:, n])
        for n in range(3)
    ]
    mean = model.predict(X)
    by_hand = np.average(mean - y * np.log(mean), weights=weights, axis=0).sum()
    np.testing.assert_allclose([loss, sum(singles)], by_hand, rtol=1e-10)


# ---- Manners ---------------------------------------------------------------------------------------------------------


def test_simulated_counts_have_the_predicted_means():
    X, y = recording(n_samples=3000)
    model = PopulationGLM(**LASSO).fit(X, y)
    counts, mean = model.simulate(0, X)
    assert counts.shape == (3000, 3)
    np.testing.assert_allclose(counts.mean(axis=0), mean.mean(axis=0), rtol=0.1)


def test_warm_start_and_initial_parameters_change_nothing():
    X, y = recording()
    for arguments in (LASSO, {**LASSO, "regularizer": GroupLasso(joint=True)}):
        model = PopulationGLM(**arguments, warm_start=True).fit(X, y)
        first = model.coef_["g00"]
        assert (model.fit(X, y).n_iter_ == 0).all()
        start = ({label: np.full((2, 3), 0.1) for label in X}, np.zeros(3))
        np.testing.assert_allclose(model.fit(X, y, start).coef_["g00"], first, atol=1e-8)
        losses = sum(s.loss[0] for s in model.solutions_)
        assert model.compute_loss((model.coef_, model.intercept_), X, y) == pytest.approx(losses)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: PopulationGLM().fit(X, y[:, 0]), r"y must be 2-dimensional, \(n_samples, n_neurons\)"),
        (lambda X, y: PopulationGLM().fit(X, y[1:]), "both must be binned alike"),
        (lambda X, y: PopulationGLM(feature_mask={"g00": [1, 1, 1]}).fit(X, y), "feature_mask has leaves"),
        (
            lambda X, y: PopulationGLM(feature_mask=dict.fromkeys(X, [1, 1])).fit(X, y),
            "feature_mask of 'g00' has shape",
        ),
        (lambda X, y: PopulationGLM(feature_mask=dict.fromkeys(X, [1, 2, 1])).fit(X, y), "must hold only 0 and 1"),
        (lambda X, y: PopulationGLM(**LASSO).fit(X, y).score(X, y[:, :2]), "y has 2 neurons"),
        (lambda X, y: PopulationGLM(**LASSO).fit(X, -y), "y does not fit Poisson"),
        (
            lambda X, y: PopulationGLM(
                "NegativeBinomial", regularizer=GroupLasso(joint=True), regularizer_strength=0.1
            ).fit(X, y),
            "Neurons can be joined only at a known dispersion",
        ),
        (
            lambda X, y: PopulationGLM(regularizer=GroupLasso(joint="classes"), regularizer_strength=0.1).fit(X, y),
            'joint="classes" is for classifiers',
        ),
    ],
)
def test_misuse_is_one_sentence(call, message):
    X, y = recording(n_samples=60)
    with pytest.raises(ValueError, match=message):
        call(X, y)


def test_layout_of_a_population_has_its_neurons():
    assert CoefLayout.of(flatten({"a": 0})[1], [2]).with_outputs(3).leaf_shapes == [(2, 3)]
