"""scikit-learn's own checks pass on every estimator, and its tools work on arrays, designs and dicts as designs."""

import inspect
import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_dataframe_column_names_consistency, parametrize_with_checks

from spikesieve import glm
from spikesieve.basis import BSplineEval
from spikesieve.design import as_design
from spikesieve.glm import GLM, GLMCV, ClassifierGLM, ClassifierPopulationGLM, PopulationGLM
from spikesieve.regularizer import GroupLasso
from spikesieve.selection import BlockedFolds
from tests.solver.problems import counts, dense, features

# ---- scikit-learn's checks -------------------------------------------------------------------------------------------

EXACT = {"tol": 1e-12}
ESTIMATORS = [
    GLM(solver_kwargs=EXACT),
    GLM("Gaussian", solver_kwargs=EXACT),
    GLM("Gaussian", regularizer="Ridge", regularizer_strength=0.1, solver_kwargs=EXACT),
    GLM("Gaussian", regularizer="GroupLasso", regularizer_strength=0.01, solver_kwargs=EXACT),
    GLMCV("Gaussian", strengths=[0.1, 0.01], folds=BlockedFolds(2, n_blocks_per_fold=1), solver_kwargs=EXACT),
    ClassifierGLM(None, regularizer_strength=0.01, solver_kwargs=EXACT),
    ClassifierPopulationGLM(None, regularizer_strength=0.01, solver_kwargs=EXACT),
    PopulationGLM("Gaussian", regularizer="Ridge", regularizer_strength=0.1, solver_kwargs=EXACT),
]

COUNTS_ARE_WHOLE = (
    "draws real numbers as observations; Poisson counts must be whole, because a rate in Hz taken for a count would be "
    "fitted without complaint"
)
CHECKS_WITH_REAL_OBSERVATIONS = (
    "check_n_features_in_after_fitting",
    "check_n_features_in",
    "check_regressors_train",
    "check_regressor_data_not_an_array",
    "check_regressors_no_decision_function",
    "check_fit_idempotent",
    "check_fit_check_is_fitted",
)
NO_UNIQUE_MINIMUM = "weighs fewer rows than there are columns: without a penalty the minimum is not unique"
CHECKS_WITH_TOO_FEW_ROWS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
ONE_NEURON = "passes one label per row, which is one neuron; a population has them in columns"
CHECKS_WITH_ONE_NEURON = (
    "check_complex_data",
    "check_classifiers_one_label",
    "check_classifiers_one_label_sample_weights",
    "check_classifiers_classes",
    "check_classifiers_regression_target",
)
ONE_ARRAY = "expects probabilities of one output, or of two classes; ours are (n_samples, n_neurons, n_classes)"
CHECKS_WITH_PROBABILITIES = (
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_classifier_multioutput",
    "check_classifiers_train",
)


def meant_failures(estimator) -> dict[str, str]:
    meant = {}
    if getattr(estimator, "observation_model", None) == "Poisson":
        meant |= dict.fromkeys(CHECKS_WITH_REAL_OBSERVATIONS, COUNTS_ARE_WHOLE)
    if isinstance(estimator, GLM) and estimator.regularizer is None:
        meant |= dict.fromkeys(CHECKS_WITH_TOO_FEW_ROWS, NO_UNIQUE_MINIMUM)
    if isinstance(estimator, ClassifierPopulationGLM):
        meant |= dict.fromkeys(CHECKS_WITH_ONE_NEURON, ONE_NEURON) | dict.fromkeys(CHECKS_WITH_PROBABILITIES, ONE_ARRAY)
    return meant


def test_no_estimator_is_left_out():
    public = {kind for kind in vars(glm).values() if inspect.isclass(kind) and hasattr(kind, "fit")}
    assert public == {type(estimator) for estimator in ESTIMATORS}


def checks():
    """The checks as parameters; that our estimators do not inherit from BaseEstimator is meant, and said at once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Estimator .* does not inherit from")
        mark = parametrize_with_checks(ESTIMATORS, expected_failed_checks=meant_failures)
        return pytest.mark.parametrize(mark.args[0], list(mark.args[1]), **mark.kwargs)


@pytest.mark.filterwarnings("ignore:GroupLasso on a plain array")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@checks()
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


# ---- Its tools -------------------------------------------------------------------------------------------------------

STRENGTHS = {"regularizer_strength": [0.3, 0.03, 0.003]}


@pytest.fixture(scope="module")
def data():
    X = features(n_samples=240, n_groups=3, size=2)
    return X, counts(X)


def by_hand(model, X, y, folds):
    """Held-out scores of a dict of features."""
    return [
        model.fit({k: v[train] for k, v in X.items()}, y[train]).score({k: v[test] for k, v in X.items()}, y[test])
        for train, test in folds.split(np.zeros(len(y)), y)
    ]


@pytest.mark.parametrize("folds", [KFold(3), BlockedFolds(3, gap=2)])
def test_a_dict_as_a_design_is_split_by_scikit_learn_as_by_hand(data, folds):
    X, y = data
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.02)
    np.testing.assert_allclose(cross_val_score(model, as_design(X), y, cv=folds), by_hand(model, X, y, folds))


def test_a_design_keeps_the_containers_of_the_features(data):
    X, y = data
    search = GridSearchCV(GLM(regularizer="GroupLasso"), STRENGTHS, cv=3).fit(as_design(X), y)
    assert list(search.best_estimator_.coef_) == list(X)
    np.testing.assert_array_equal(search.predict(as_design(X)), search.best_estimator_.predict(X))
    train, test, y_train, y_test = train_test_split(as_design(X), y, random_state=0)
    assert train.n_samples == len(y_train) == 180 and test.n_samples == len(y_test) == 60
    assert cross_val_predict(search.best_estimator_, as_design(X), y, cv=3).shape == y.shape


def test_a_design_of_bases_is_split_by_scikit_learn(data):
    X, y = data
    basis = BSplineEval(5, label="x", bounds=(-5, 5)) + BSplineEval(5, label="y", bounds=(-5, 5))
    design = basis.design(X["g00"][:, 0], X["g01"][:, 0])
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.01)
    scores = cross_val_score(model, design, y, cv=KFold(3))
    np.testing.assert_allclose(scores, by_hand(model, design.to_tree(), y, KFold(3)), atol=1e-6)


def test_pipelines_search_bases_and_strengths(data):
    X, y = data
    covariate = X["g00"][:, :1]
    transformer = BSplineEval(5, bounds=(-6, 6)).set_input_shape(1).to_transformer()
    pipeline = make_pipeline(transformer, GLM(regularizer="Ridge", regularizer_strength=0.01))
    grid = {"transformerbasis__basis__n_basis_funcs": [5, 8], "glm__regularizer_strength": [0.1, 0.001]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(covariate, y)
    assert search.best_estimator_.predict(covariate).shape == y.shape
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    scaled = make_pipeline(StandardScaler(), GLM(regularizer="Ridge", regularizer_strength=0.01))
    assert np.isfinite(cross_val_score(scaled, dense(X)[0], y, cv=3)).all()


def test_other_scores_can_be_searched(data):
    X, y = data
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.01)
    explained = cross_val_score(
        model, as_design(X), y, cv=3, scoring=lambda m, X, y: m.score(X, y, "pseudo-r2-McFadden")
    )
    assert ((explained > 0) & (explained < 1)).all()


# ---- What tables and lists hold --------------------------------------------------------------------------------------


def test_nullable_columns_are_missing_values(data):
    pd = pytest.importorskip("pandas", reason="pandas comes with statsmodels (test extra)")
    X, y = data
    matrix, _ = dense(X)
    table = pd.DataFrame(matrix).astype("Float64")
    table.iloc[3, 1] = pd.NA
    with_hole = pd.Series(y).astype("Int64")
    with_hole.iloc[7] = pd.NA
    kept = np.setdiff1d(np.arange(len(y)), [3, 7])
    np.testing.assert_array_equal(GLM().fit(table, with_hole).coef_, GLM().fit(np.array(matrix[kept]), y[kept]).coef_)


def test_columns_of_words_are_refused_in_one_sentence(data):
    pd = pytest.importorskip("pandas", reason="pandas comes with statsmodels (test extra)")
    X, y = data
    table = pd.DataFrame({"speed": X["g00"][:, 0], "phase": ["up", "down"] * 120})
    with pytest.raises(TypeError, match="X must be numeric, got an array of object"):
        GLM().fit(table, y)


def test_lists_of_rows_are_arrays(data):
    X, y = data
    matrix, _ = dense(X)
    model = GLM().fit(matrix.tolist(), y.tolist())
    np.testing.assert_array_equal(model.predict(matrix.tolist()), GLM().fit(matrix, y).predict(matrix))


# ---- Data frames -----------------------------------------------------------------------------------------------------


@pytest.fixture
def frame(data):
    pandas = pytest.importorskip("pandas", reason="pandas (test extra) is not installed")
    return pandas.DataFrame(data[0]["g00"], columns=["slow", "fast"]).assign(heading=data[0]["g01"][:, 0])


@pytest.mark.filterwarnings("ignore:GroupLasso on a plain array")
@pytest.mark.parametrize("estimator", ESTIMATORS[1:-1], ids=lambda estimator: type(estimator).__name__)
def test_names_of_columns_are_remembered_as_scikit_learn_does(estimator):
    pytest.importorskip("pandas", reason="pandas (test extra) is not installed")
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)


def test_a_refit_forgets_the_names_of_columns(data, frame):
    model = GLM(regularizer="Ridge", regularizer_strength=0.1).fit(frame, data[1])
    assert model.feature_names_in_.tolist() == ["slow", "fast", "heading"]
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(frame.to_numpy())
    model.fit(frame.to_numpy(), data[1])
    assert not hasattr(model, "feature_names_in_") and model.n_features_in_ == 3
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        model.predict(frame)
    assert not hasattr(model.fit(data[0], data[1]), "n_features_in_")


def test_columns_name_coefficients_and_groups(data, frame):
    lasso = GLM(regularizer="Lasso").fit_path(frame, data[1], n_strengths=3)
    assert lasso.group_labels == ("slow", "fast", "heading")
    kinematics = GroupLasso(groups={"kinematics": ["slow", "fast"], "heading": "heading"})
    path = GLM(regularizer=kinematics).fit_path(frame, data[1], n_strengths=3)
    same = GLM(regularizer=GroupLasso(groups=[0, 0, 1])).fit_path(frame.to_numpy(), data[1], n_strengths=3)
    np.testing.assert_array_equal(path.coef, same.coef)
    assert path.group_labels == ("kinematics", "heading")
    with pytest.raises(
        ValueError, match=r"names the covariate 'speed', but the features are 'slow', 'fast', 'heading'"
    ):
        GLM(regularizer=GroupLasso(groups={"speed": ["speed"]}), regularizer_strength=0.1).fit(frame, data[1])


def test_frames_in_a_dict_are_told_apart_by_their_columns(data, frame):
    X = {"movement": frame, "other": data[0]["g02"]}
    model = GLM(regularizer="Lasso", regularizer_strength=0.01).fit(X, data[1])
    assert "movement[fast]" in model.solution_.group_labels and "other[1]" in model.solution_.group_labels
    swapped = {**X, "movement": frame[["fast", "slow", "heading"]]}
    with pytest.raises(
        ValueError, match=r"must be in the same order as they were in fit.\nThey are the columns of X\['movement'\]"
    ):
        model.predict(swapped)
