"""Populations of classifiers: neurons alone have the fits they would have singly, joined ones are optimal together."""

import numpy as np
import pytest

from spikesieve import load_model
from spikesieve.basis import BSplineEval
from spikesieve.design import as_design
from spikesieve.glm import ClassifierGLM, ClassifierPopulationGLM
from spikesieve.regularizer import GroupLasso
from spikesieve.solver import CategoricalPopulationProblem
from spikesieve.solver._blocks import as_dense
from tests.solver.problems import design_of, features

EXACT = {"tol": 1e-10}
RIDGE = {"regularizer_strength": 0.05, "solver_kwargs": EXACT}
LASSO = {"regularizer": "GroupLasso", "regularizer_strength": 0.03, "solver_kwargs": EXACT}
CLASSES = {**LASSO, "regularizer": GroupLasso(joint="classes")}
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


def test_loss_has_the_weights_that_a_design_carries():
    X, y = recording()
    weights = np.random.default_rng(2).uniform(size=len(y))
    design = as_design(X).with_weight(weights)
    model = ClassifierPopulationGLM(3, **RIDGE).fit(design, y)
    logs = model.predict_proba(X, "log-proba")
    chosen = np.take_along_axis(logs, y[:, :, None], axis=2)[:, :, 0]
    loss = model.compute_loss((model.coef_, model.intercept_), design, y)
    assert loss == pytest.approx(-np.average(chosen, weights=weights, axis=0).sum(), rel=1e-10)


@pytest.mark.parametrize("arguments", [RIDGE, LASSO, CLASSES, {"regularizer": "UnRegularized", "solver_kwargs": EXACT}])
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
    for arguments in (RIDGE, CLASSES, {"regularizer": "UnRegularized", "solver_kwargs": EXACT}):
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


# ---- Neurons joined by the penalty -----------------------------------------------------------------------------------


def joint_objective(X, y, strength, coef, intercept):
    """Sum over neurons of mean losses, and the strength times root sizes times norms, written out."""
    eta = sum(np.einsum("tf,fnk->tnk", X[label], coef[label]) for label in X) + intercept
    loss = np.log(np.exp(eta).sum(axis=2)) - np.take_along_axis(eta, y[:, :, None], axis=2)[:, :, 0]
    return loss.mean(axis=0).sum() + strength * sum(np.sqrt(c.size) * np.linalg.norm(c) for c in coef.values())


def test_joint_with_one_neuron_is_the_single_classifier():
    X, y = recording()
    grid = {"n_strengths": 5, "min_ratio": 0.05}
    joint, single = ClassifierPopulationGLM(3, **JOINT), ClassifierGLM(3, **JOINT)
    assert_same(joint.fit(X, y[:, :1]), [single.fit(X, y[:, 0])], X)
    path, alone = joint.fit_path(X, y[:, :1], **grid), single.fit_path(X, y[:, 0], **grid)
    np.testing.assert_allclose(path.strengths, alone.strengths, rtol=1e-10)
    np.testing.assert_allclose(path.coef["g00"][:, :, 0], alone.coef["g00"], atol=1e-8)
    np.testing.assert_allclose(path.intercept[:, 0], alone.intercept, atol=1e-8)


def test_joint_groups_satisfy_their_optimality_conditions():
    X, y = recording()
    path = ClassifierPopulationGLM(3, **JOINT).fit_path(X, y, n_strengths=6, min_ratio=0.05)
    assert path.converged.all() and path.duality_gap.max() < 1e-6 and path.group_labels == ("g00", "g01", "g02")
    assert path.coef["g00"].shape == (6, 2, 3, 3) and path.intercept.shape == (6, 3, 3)
    for k, strength in enumerate(path.strengths):
        coef = {label: leaf[k] for label, leaf in path.coef.items()}
        odds = np.exp(sum(np.einsum("tf,fnk->tnk", X[label], coef[label]) for label in X) + path.intercept[k])
        residual = (odds / odds.sum(axis=2, keepdims=True) - np.eye(3)[y]) / len(y)
        np.testing.assert_allclose(residual.sum(axis=0), 0.0, atol=1e-9)
        for label in X:
            pull, norm = np.einsum("tf,tnk->fnk", X[label], residual), np.linalg.norm(coef[label])
            weight = strength * np.sqrt(18)
            left = pull + weight * coef[label] / norm if norm else max(np.linalg.norm(pull) - weight, 0.0)
            assert np.linalg.norm(left) < 1e-8
            assert coef[label].any(axis=(0, 2)).all() or not coef[label].any()
        objective = joint_objective(X, y, strength, coef, path.intercept[k])
        assert objective == pytest.approx(path.objective[k], abs=1e-12)


def test_joint_fits_are_as_good_as_cvxpys():
    cp = pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    X, y = recording(n_samples=60, n_neurons=2)
    matrix, indicator = np.hstack(list(X.values())), np.eye(3)[y]
    # Column k of a neuron's three is its class k; rows are features, the three covariates two each.
    coef, intercept = [cp.Variable((6, 3)) for _ in range(2)], [cp.Variable((1, 3)) for _ in range(2)]
    loss = 0.0
    for n in range(2):
        eta = matrix @ coef[n] + np.ones((60, 1)) @ intercept[n]
        loss += (cp.sum(cp.log_sum_exp(eta, axis=1)) - cp.sum(cp.multiply(indicator[:, n], eta))) / 60
    both = cp.hstack(coef)
    penalty = np.sqrt(12) * sum(cp.norm(both[2 * g : 2 * g + 2], "fro") for g in range(3))
    for strength in (0.06, 0.02):
        problem = cp.Problem(cp.Minimize(loss + strength * penalty))
        problem.solve(solver="CLARABEL")
        model = ClassifierPopulationGLM(3, **{**JOINT, "regularizer_strength": strength}).fit(X, y)
        mine = joint_objective(X, y, strength, model.coef_, model.intercept_)
        assert abs(mine - problem.value) < 1e-7
        for n in range(2):
            found = np.vstack([model.coef_[label][:, n] for label in X])
            np.testing.assert_allclose(found, coef[n].value, atol=2e-4)


def test_joint_fits_score_predict_and_start_like_others():
    X, y = recording()
    model = ClassifierPopulationGLM(3, **JOINT, warm_start=True).fit(X, y)
    assert model.predict_proba(X).shape == (250, 3, 3) and model.predict(X).shape == (250, 3)
    assert model.score(X, y, "accuracy") == pytest.approx((model.predict(X) == y).mean())
    logs = np.take_along_axis(model.predict_proba(X, "log-proba"), y[:, :, None], axis=2)
    assert model.score(X, y) == pytest.approx(logs.mean())
    assert model.compute_loss((model.coef_, model.intercept_), X, y) == pytest.approx(model.solutions_[0].loss[0])
    in_use = np.count_nonzero(np.concatenate(list(model.coef_.values())), axis=(0, 2))
    np.testing.assert_array_equal(model.dof_resid_, 250 - in_use - 2)
    first = model.coef_["g00"]
    assert (model.fit(X, y).n_iter_ == 0).all()
    start = ({label: np.ones((2, 3, 3)) for label in X}, np.zeros((3, 3)))
    np.testing.assert_allclose(model.fit(X, y, start).coef_["g00"], first, atol=1e-8)


@pytest.mark.parametrize("mask", [None, {"g00": [1, 1, 0], "g01": [1, 1, 1], "g02": [1, 1, 1]}])
def test_a_joint_path_gives_the_population_at_any_strength(mask):
    X, y = recording()
    arguments = {"regularizer": GroupLasso(joint=True), "solver_kwargs": EXACT, "feature_mask": mask}
    path = ClassifierPopulationGLM(3, **arguments).fit_path(X, y, n_strengths=5, min_ratio=0.05)
    for strength in (path.strengths[2], 0.5 * (path.strengths[2] + path.strengths[3])):
        model = path.at(strength)
        direct = ClassifierPopulationGLM(3, **arguments, regularizer_strength=strength).fit(X, y)
        assert model.regularizer_strength == strength
        for label in X:
            np.testing.assert_allclose(model.coef_[label], direct.coef_[label], atol=1e-8)
        np.testing.assert_allclose(model.intercept_, direct.intercept_, atol=1e-7)
        np.testing.assert_array_equal(model.predict(X), direct.predict(X))
    assert mask is None or (not model.coef_["g00"][:, 2].any() and model.coef_["g00"][:, :2].any())


def test_joint_rows_are_those_with_a_label_of_every_neuron():
    X, y = recording()
    names = np.array(["left", "right", "up"], dtype=object)[y]
    names[:20, 1] = None
    weights = np.random.default_rng(3).uniform(size=250)
    model = ClassifierPopulationGLM(3, **JOINT).fit(X, names, sample_weight=weights)
    complete = ClassifierPopulationGLM(3, **JOINT).fit(
        {label: leaf[20:] for label, leaf in X.items()}, names[20:], sample_weight=weights[20:]
    )
    np.testing.assert_allclose(model.coef_["g00"], complete.coef_["g00"], atol=1e-10)


def test_a_mask_over_neurons_and_classes_joins_some_of_them():
    X, y = recording()
    mask = {label: np.zeros((4, 2, 3, 3)) for label in X}
    for g, label in enumerate(X):
        mask[label][g, :, :2] = 1
        mask[label][3, :, 2] = 1
    arguments = {"regularizer": GroupLasso(mask), "regularizer_strength": 0.03, "solver_kwargs": EXACT}
    population = ClassifierPopulationGLM(3, **arguments).fit(X, y)
    pair = ClassifierPopulationGLM(3, **JOINT).fit(X, y[:, :2])
    for label in X:
        np.testing.assert_allclose(population.coef_[label][:, :2], pair.coef_[label], atol=1e-7)


def test_covariates_without_penalty_stay_centred_over_the_classes():
    X, y = recording()
    arguments = {"regularizer": GroupLasso(groups={"some": ["g00", "g01"]}, joint=True), "solver_kwargs": EXACT}
    model = ClassifierPopulationGLM(3, **arguments, regularizer_strength=10.0).fit(X, y)
    free = ClassifierPopulationGLM(3, "log_softmax", "UnRegularized", solver_kwargs=EXACT).fit({"g02": X["g02"]}, y)
    assert model.solutions_[0].converged.all() and not model.coef_["g00"].any()
    np.testing.assert_allclose(model.coef_["g02"], free.coef_["g02"], atol=1e-8)
    np.testing.assert_allclose(model.coef_["g02"].sum(axis=2), 0.0, atol=1e-8)


def test_derivatives_of_joined_classifiers_are_those_of_finite_differences():
    X, y = recording(n_samples=60, n_neurons=2)
    rng, nothing = np.random.default_rng(4), np.zeros(0, dtype=np.intp)
    weights = rng.uniform(0.5, 1.5, size=60)
    problem = CategoricalPopulationProblem(
        design_of(X), 6, None, weights / weights.mean(), labels=y, unpenalised=nothing
    )
    intercept, coef, step = rng.normal(size=6), 0.2 * rng.normal(size=36), 1e-6
    columns = np.setdiff1d(np.arange(36), [3, 7, 20])
    at, hessian = problem.evaluate(intercept, coef), as_dense(problem.hessian(intercept, coef, columns, 1))
    for own in (slice(0, 3), slice(3, 6)):
        # The common direction, which has no curvature, was given a ninth of the trace, a third of it on the diagonal.
        hessian[own, own] -= np.trace(hessian[own, own]) / (9 + 3)
    for j, column in enumerate([*range(6), *(columns + 6)]):
        shift = step * np.eye(42)[column]
        up, down = (problem.evaluate(intercept + s * shift[:6], coef + s * shift[6:]) for s in (1, -1))
        slope = (up.loss - down.loss) / (2 * step)
        np.testing.assert_allclose(np.concatenate([at.intercept_gradient, at.gradient])[column], slope, atol=1e-8)
        change = (up.gradient - down.gradient)[columns]
        change = np.concatenate([up.intercept_gradient - down.intercept_gradient, change])
        np.testing.assert_allclose(hessian[:, j], change / (2 * step), atol=1e-7)
    assert problem.saturated_loss() <= at.loss and problem.response_size(intercept) == 4.0


@pytest.mark.parametrize(("shape", "joint"), [((3,), False), ((2, 3), False), ((2,), True), ((2, 3, 1), False)])
def test_masks_over_other_outputs_are_refused(shape, joint):
    X, y = recording(n_classes=2)
    mask = {label: np.ones((1, 2, *shape)) for label in X}
    with pytest.raises(ValueError, match="The mask of GroupLasso has outputs of shape"):
        ClassifierPopulationGLM(2, regularizer=GroupLasso(mask, joint=joint), regularizer_strength=0.1).fit(X, y)


# ---- Manners ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [CLASSES, JOINT])
def test_saved_populations_come_back_whole(arguments, tmp_path):
    X, y = recording()
    names = np.array(["left", "right", "up"])[y]
    mask = dict.fromkeys(X, [1, 1, 0])
    model = ClassifierPopulationGLM(3, **arguments, feature_mask=mask).fit(X, names)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.feature_mask == mask and [s.status for s in loaded.solutions_] == [s.status for s in model.solutions_]
    for mine, theirs in zip(loaded.solutions_, model.solutions_, strict=True):
        np.testing.assert_array_equal(mine.intercept, theirs.intercept)
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
