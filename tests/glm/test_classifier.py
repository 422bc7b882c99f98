"""Classifiers against scikit-learn and statsmodels; labels of any kind; the over-parametrised solution."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from spikesieve._tree import CoefLayout, flatten
from spikesieve.basis import BSplineEval
from spikesieve.design import as_design
from spikesieve.glm import ClassifierGLM
from spikesieve.regularizer import GroupLasso, GroupMCP, GroupSCAD
from spikesieve.solver import CategoricalProblem
from tests.solver.problems import design_of, features

EXACT = {"tol": 1e-10}


def problem_data(n_samples=300, n_classes=3, seed=0):
    X = features(n_samples, n_groups=3, size=2, seed=seed)
    rng = np.random.default_rng(seed + 1)
    eta = X["g00"] @ rng.normal(size=(2, n_classes)) + 0.5 * rng.normal(size=n_classes)
    labels = (eta + rng.gumbel(size=eta.shape)).argmax(axis=1)
    return X, labels


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_ridge_is_scikit_learns(n_classes):
    X, y = problem_data(n_classes=n_classes)
    matrix = np.hstack(list(X.values()))
    model = ClassifierGLM(n_classes, regularizer_strength=0.02, solver_kwargs=EXACT).fit(matrix, y)
    # Two classes of scikit-learn share one vector, which the penalty then sees once, at twice the difference.
    factor = 2.0 if n_classes == 2 else 1.0
    reference = LogisticRegression(C=factor / (0.02 * len(y)), tol=1e-10, max_iter=10_000).fit(matrix, y)
    if n_classes == 2:
        np.testing.assert_allclose(model.coef_[:, 1] - model.coef_[:, 0], reference.coef_[0], atol=1e-5)
    else:
        np.testing.assert_allclose(model.coef_, reference.coef_.T, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(matrix), reference.predict_proba(matrix), atol=1e-5)
    np.testing.assert_array_equal(model.predict(matrix), reference.predict(matrix))
    assert model.solution_.kkt_residual[0] <= 1e-9 and model.solution_.duality_gap[0] < 1e-10


def test_unregularized_is_that_of_statsmodels():
    statsmodels = pytest.importorskip("statsmodels.api", reason="compares with statsmodels")
    X, y = problem_data()
    matrix = np.hstack(list(X.values()))
    model = ClassifierGLM(3, regularizer="UnRegularized", solver_kwargs=EXACT).fit(matrix, y)
    reference = statsmodels.MNLogit(y, statsmodels.add_constant(matrix)).fit(disp=False, tol=1e-12)
    np.testing.assert_allclose(model.coef_[:, 1:] - model.coef_[:, :1], reference.params[1:], atol=1e-7)
    np.testing.assert_allclose(model.intercept_[1:] - model.intercept_[0], reference.params[0], atol=1e-7)
    assert model.score(matrix, y) == pytest.approx(reference.llf / len(y), abs=1e-9)
    assert model.score(matrix, y, "pseudo-r2-McFadden") == pytest.approx(reference.prsquared, abs=1e-9)
    assert model.dof_resid_ == reference.df_resid


def test_solution_without_penalty_averages_zero_over_classes():
    X, y = problem_data()
    model = ClassifierGLM(3, regularizer="UnRegularized").fit(X, y)
    assert model.solution_.converged.all()
    for leaf in model.coef_.values():
        np.testing.assert_allclose(leaf.sum(axis=1), 0.0, atol=1e-9)
    np.testing.assert_allclose(model.intercept_.sum(), 0.0, atol=1e-9)


@pytest.mark.parametrize("regularizer", ["UnRegularized", "Ridge", "GroupLasso"])
def test_parameters_average_zero_wherever_a_fit_starts(regularizer):
    X, y = problem_data()
    model = ClassifierGLM(3, regularizer=regularizer, regularizer_strength=0.01, solver_kwargs=EXACT)
    start = {label: np.full((2, 3), 2.0) for label in X}, np.array([5.0, 6.0, 7.0])
    cold, moved = model.fit(X, y).coef_, model.fit(X, y, start)
    np.testing.assert_allclose(moved.intercept_.sum(), 0.0, atol=1e-9)
    for label, leaf in moved.coef_.items():
        np.testing.assert_allclose(leaf, cold[label], atol=1e-7)


def test_the_loss_of_parameters_counts_the_weights_of_a_design():
    X, y = problem_data()
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    design = as_design(X, sample_weight=weight)
    model = ClassifierGLM(3, regularizer_strength=0.1).fit(design, y)
    repeated = {label: np.repeat(leaf, weight.astype(int), axis=0) for label, leaf in X.items()}
    params = model.coef_, model.intercept_
    expected = model.compute_loss(params, repeated, np.repeat(y, weight.astype(int)))
    assert model.compute_loss(params, design, y) == pytest.approx(expected, rel=1e-12)
    assert model.solution_.loss[0] == pytest.approx(expected, rel=1e-12)


def test_derivatives_are_those_of_finite_differences():
    X, y = problem_data(n_samples=40)
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.5, 1.5, size=40)
    offset = rng.normal(size=(40, 3))
    problem = CategoricalProblem(design_of(X), 3, offset, weights / weights.mean(), labels=y, unpenalised=np.arange(6))
    intercept, coef = rng.normal(size=3), 0.3 * rng.normal(size=18)
    at, step = problem.evaluate(intercept, coef), 1e-6
    hessian = problem.hessian(intercept, coef, np.arange(18), 1)
    assert np.linalg.matrix_rank(hessian, tol=1e-9) == 21 - 4
    for j in range(21):
        shift = step * np.eye(21)[j]
        up, down = (problem.evaluate(intercept + s * shift[:3], coef + s * shift[3:]) for s in (1, -1))
        slope = (up.loss - down.loss) / (2 * step)
        np.testing.assert_allclose(np.concatenate([at.intercept_gradient, at.gradient])[j], slope, atol=1e-9)
        change = np.concatenate([up.intercept_gradient - down.intercept_gradient, up.gradient - down.gradient])
        curvature = hessian[:, j].copy().reshape(7, 3)  # its common direction is given some where nothing is penalised
        curvature[:3] -= curvature[:3].mean(axis=1, keepdims=True)
        np.testing.assert_allclose(curvature.ravel(), change / (2 * step), atol=1e-8)
    some = np.array([0, 4, 17])
    part = problem.hessian(intercept, coef, some, 1)
    kept = np.concatenate([np.arange(3), some + 3])
    np.testing.assert_allclose(part[3:, :3], hessian[np.ix_(kept, kept)][3:, :3], atol=1e-14)
    restricted = problem.evaluate(intercept, coef, np.array([1]))
    np.testing.assert_allclose(restricted.gradient[6:12], at.gradient[6:12], rtol=1e-12)
    assert not restricted.gradient[:6].any() and problem.blocks_of(np.array([7])).tolist() == [1]


@pytest.mark.parametrize("joint", [True, False])
def test_group_lasso_path_is_optimal(joint):
    X, y = problem_data()
    model = ClassifierGLM(3, regularizer=GroupLasso(joint=joint))
    path = model.fit_path(X, y, n_strengths=8, min_ratio=0.05)
    assert path.converged.all() and path.duality_gap.max() < 1e-5
    assert path.coef["g00"].shape == (8, 2, 3) and path.intercept.shape == (8, 3)
    assert len(path.group_labels) == (3 if joint else 9)
    matrix, k = np.hstack(list(X.values())), 5
    coef = np.concatenate([path.coef[label][k] for label in X])
    residual = softmax(matrix @ coef + path.intercept[k], axis=1) - np.eye(3)[y]
    slope = matrix.T @ residual / len(y)
    for g in range(3):
        rows = slice(2 * g, 2 * g + 2)
        pairs = [(coef[rows], slope[rows])] if joint else [(coef[rows, k], slope[rows, k]) for k in range(3)]
        for own, pull in pairs:
            weight, norm = path.strengths[k] * np.sqrt(own.size), np.linalg.norm(own)
            distance = np.linalg.norm(pull + weight * own / norm) if norm else max(np.linalg.norm(pull) - weight, 0)
            assert distance < 2e-6 * path.strength_max * np.sqrt(own.size)
    at = path.at(path.strengths[k])
    np.testing.assert_allclose(at.coef_["g00"], path.coef["g00"][k])
    between = path.at(0.5 * (path.strengths[3] + path.strengths[4]))
    assert between.solution_.converged.all() and between.predict(X).shape == y.shape


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("kind", [GroupMCP, GroupSCAD])
def test_concave_penalties_where_they_are_flat_leave_coefficients_finite(kind, joint):
    """A common shift of all classes costs nothing there, and has neither slope nor curvature."""
    X, y = problem_data()
    free = ClassifierGLM(3, regularizer="UnRegularized", solver_kwargs=EXACT).fit(X, y)
    path = ClassifierGLM(3, regularizer=kind(joint=joint), solver_kwargs=EXACT).fit_path(X, y, [0.02, 0.002, 1e-5])
    assert path.converged.all()
    for label in X:
        coef = path.coef[label][2]
        np.testing.assert_allclose(coef - coef.mean(axis=1, keepdims=True), free.coef_[label], atol=2e-3)


def test_joint_groups_remove_a_covariate_for_all_classes():
    X, y = problem_data(n_samples=1000)
    model = ClassifierGLM(3, regularizer=GroupLasso(joint=True), regularizer_strength=0.03).fit(X, y)
    assert model.coef_["g00"].all() and not model.coef_["g01"].any() and not model.coef_["g02"].any()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["run", "rest", "sleep"], ["rest", "run", "sleep"]),
        ([3, -1, 7], [-1, 3, 7]),
        ([True, False], [False, True]),
        ([("a", 1), ("b", 2)], [("a", 1), ("b", 2)]),
        ([frozenset("a"), 3, "x"], [frozenset("a"), 3, "x"]),
    ],
)
def test_labels_may_be_of_any_hashable_type(labels, expected):
    y = [labels[k] for k in np.random.default_rng(0).permutation(60) % len(labels)]
    y[: len(labels)] = labels
    X = np.random.default_rng(1).normal(size=(60, 2))
    model = ClassifierGLM(len(labels), regularizer_strength=0.01).fit(X, y)
    assert model.classes_.tolist() == expected
    assert set(model.predict(X).tolist()) <= set(labels)
    assert 0 <= model.score(X, y, "accuracy") <= 1
    drawn, probabilities = model.simulate(0, X)
    assert set(drawn.tolist()) <= set(labels) and probabilities.shape == (60, len(labels))


def test_bins_without_a_label_are_left_out():
    X, y = problem_data()
    matrix = np.hstack(list(X.values()))
    kept = ClassifierGLM(3, regularizer_strength=0.1).fit(matrix[20:], y[20:])
    named = np.array(["a", "b", "c"], dtype=object)[y]
    named[:20] = None
    model = ClassifierGLM(3, regularizer_strength=0.1).fit(matrix, named)
    np.testing.assert_allclose(model.coef_, kept.coef_, rtol=1e-10)
    matrix[0, 0] = np.nan
    assert np.isnan(model.predict_proba(matrix)[0]).all()
    assert model.predict(matrix)[0] is None and np.isnan(kept.predict(matrix)[0])
    assert set(model.predict(matrix)[1:]) == {"a", "b", "c"}


def test_weights_stand_for_repeats():
    X, y = problem_data(n_samples=200)
    matrix = np.hstack(list(X.values()))
    weights = np.random.default_rng(6).integers(1, 4, size=200)
    weighted = ClassifierGLM(3, regularizer_strength=0.1, solver_kwargs=EXACT).fit(matrix, y, sample_weight=weights)
    repeated = np.repeat(np.arange(200), weights)
    twice = ClassifierGLM(3, regularizer_strength=0.1, solver_kwargs=EXACT).fit(matrix[repeated], y[repeated])
    np.testing.assert_allclose(weighted.coef_, twice.coef_, atol=1e-8)


def test_designs_give_what_their_features_give():
    rng = np.random.default_rng(0)
    speed = rng.uniform(size=400)
    y = (speed + 0.3 * rng.normal(size=400) > 0.5).astype(int)
    basis = BSplineEval(5, label="speed", bounds=(0, 1))
    dense = ClassifierGLM(regularizer_strength=1e-3, solver_kwargs=EXACT).fit(basis.compute_features(speed), y)
    lazy = ClassifierGLM(regularizer_strength=1e-3, solver_kwargs=EXACT).fit(basis.design(speed), y)
    np.testing.assert_allclose(lazy.coef_["speed"], dense.coef_, atol=1e-3)


def test_separable_labels_have_no_finite_fit():
    x = np.linspace(-1, 1, 50)[:, None]
    with pytest.warns(UserWarning, match="no finite"):
        ClassifierGLM(regularizer="UnRegularized").fit(x, x[:, 0] > 0)


def test_warm_start_and_initial_parameters_change_nothing():
    X, y = problem_data()
    model = ClassifierGLM(3, regularizer_strength=0.1, warm_start=True, solver_kwargs=EXACT).fit(X, y)
    first = model.coef_["g00"]
    np.testing.assert_allclose(model.fit(X, y).coef_["g00"], first, atol=1e-9)
    assert model.n_iter_ == 0
    start = ({label: np.ones((2, 3)) for label in X}, np.zeros(3))
    np.testing.assert_allclose(model.fit(X, y, start).coef_["g00"], first, atol=1e-8)
    assert model.compute_loss((model.coef_, model.intercept_), X, y) == pytest.approx(model.solution_.loss[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: ClassifierGLM().fit(X, y), "labels of 3 classes, expected n_classes=2"),
        (lambda X, y: ClassifierGLM(1).fit(X, y), "n_classes must be a whole number of at least 2"),
        (lambda X, y: ClassifierGLM(None).fit(X, y * 0), "labels of one class, expected at least 2"),
        (lambda X, y: ClassifierGLM(None).fit(X, y + 0.5), "Unknown label type"),
        (lambda X, y: ClassifierGLM(3, "exp").fit(X, y), "inverse_link_function of a classifier"),
        (lambda X, y: ClassifierGLM(3, regularizer_strength=1.0).fit(X, y).score(X, y + 1), "label 3, which is none"),
        (lambda X, y: ClassifierGLM(3, regularizer_strength=1.0).fit(X, y).score(X, y, "r2"), "score_type must be"),
        (lambda X, y: ClassifierGLM(3, regularizer_strength=1.0).fit(X, y).predict_proba(X, "p"), "return_type must"),
        (lambda X, y: ClassifierGLM(3).fit(X, None), "target y is None"),
    ],
)
def test_misuse_is_one_sentence(call, message):
    X, y = problem_data(n_samples=60)
    with pytest.raises(ValueError, match=message):
        call(X, y)


def test_layout_of_a_classifier_has_its_classes():
    layout = CoefLayout.of(flatten({"a": 0})[1], [2]).with_outputs(3)
    assert layout.leaf_shapes == [(2, 3)]
