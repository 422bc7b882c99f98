"""Bad input gets one clear sentence: what, where, what was expected, what to do."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from spikesieve.design import Design
from spikesieve.glm import GLM, GLMCV, ClassifierGLM, ClassifierPopulationGLM, PopulationGLM, _solver_options
from spikesieve.observation_models import PoissonObservations
from spikesieve.regularizer import GroupLasso
from tests.solver.problems import counts, features

X = features(n_samples=50, n_groups=2, size=2)
Y = counts(X)


@pytest.mark.parametrize(
    ("features", "observed", "error", "message"),
    [
        (X, Y[:-1], ValueError, "X has 50 samples but y has 49"),
        ({"a": X["g00"], "b": X["g01"][:40]}, Y, ValueError, "same number of samples, got 'a': 50, 'b': 40"),
        ({"a": X["g00"][:, 0]}, Y, ValueError, r"X must be 2-dimensional. X\['a'\] has shape \(50,\)"),
        ({}, Y, ValueError, "holds no features"),
        ({"a": np.zeros((50, 0))}, Y, ValueError, "nothing to fit"),
        ({"a": np.array([["x"] * 2] * 50)}, Y, TypeError, r"X\['a'\] must be numeric"),
        ({"a": X["g00"], 3: X["g01"]}, Y, TypeError, "keys must be of one sortable type"),
        (X, np.stack([Y, Y], 1), ValueError, "y must be 1-dimensional"),
        (X, None, ValueError, "requires y"),
        (X, -Y - 1, ValueError, "cannot be negative"),
        (X, Y + 0.5, ValueError, "must be whole numbers"),
        (X, Y * np.nan, ValueError, "Never finite: y"),
        (X["g00"][:, 0].tolist(), Y, ValueError, "X must be 2-dimensional"),
        ({"a": np.full((50, 1), np.datetime64("2020-01-01"))}, Y, TypeError, "must be numeric"),
        ({"a": X["g00"], "speed": X["g01"] * np.nan}, Y, ValueError, "Never finite: speed"),
        ({"a": np.zeros((0, 2))}, Y[:0], ValueError, "minimum of 1 is required"),
    ],
)
def test_impossible_data(features, observed, error, message):
    with pytest.raises(error, match=message) as caught:
        GLM(regularizer="GroupLasso", regularizer_strength=0.1).fit(features, observed)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"observation_model": "Poison"}, ValueError, "Unknown observation_model 'Poison'; known names: Poisson"),
        ({"observation_model": 3}, TypeError, "must be a name or an ObservationModel"),
        ({"regularizer": "LassoGroup"}, ValueError, "Unknown regularizer"),
        ({"regularizer_strength": -1.0}, ValueError, "finite number >= 0"),
        ({"regularizer_strength": [1.0, 2.0, 3.0]}, ValueError, "2 groups"),
        ({"regularizer_strength": {"g00": 1.0}}, ValueError, "one number for each of the groups"),
        ({"solver_kwargs": {"tolerance": 1.0}}, ValueError, r"Unknown solver_kwargs \['tolerance'\]"),
        ({"solver_kwargs": [1]}, TypeError, "solver_kwargs must be a dict"),
        ({"solver_name": 3}, ValueError, "Unknown solver_name 3"),
        ({"n_jobs": "a"}, ValueError, "n_jobs must be a positive whole number, or None or -1 for every core, got 'a'"),
        ({"n_jobs": 1.5}, ValueError, "n_jobs must be a positive whole number"),
        ({"solver_kwargs": {"tol": 0.0}}, ValueError, "must be a positive number"),
        ({"solver_kwargs": {"maxiter": 2.5}}, ValueError, "must be a whole number"),
        ({"solver_name": "Newton"}, ValueError, "one solver serves every penalty"),
    ],
)
def test_impossible_options(arguments, error, message):
    model = GLM(**{"regularizer": "GroupLasso", "regularizer_strength": 0.1, **arguments})
    with pytest.raises(error, match=message):
        model.fit(X, Y)


def test_impossible_start():
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.1)
    with pytest.raises(ValueError, match="pair"):
        model.fit(X, Y, init_params=3)
    with pytest.raises(ValueError, match="init_params.0. has leaves"):
        model.fit(X, Y, init_params=({"a": np.zeros(2)}, [0.0]))
    with pytest.raises(ValueError, match="finite, with a single intercept"):
        model.fit(X, Y, init_params=({"g00": np.zeros(2), "g01": np.zeros(2)}, [0.0, 1.0]))
    with pytest.raises(TypeError, match=r"init_params\[0\] of leaf 'g00' must be numeric"):
        model.fit(X, Y, init_params=({"g00": np.array(["a", "b"]), "g01": np.zeros(2)}, [0.0]))
    with pytest.raises(TypeError, match=r"init_params\[1\] must be numeric"):
        model.fit(X, Y, init_params=({"g00": np.zeros(2), "g01": np.zeros(2)}, "zero"))
    with pytest.raises(ValueError, match="pair"):
        model.compute_loss(None, X, Y)


def test_impossible_paths():
    model = GLM(regularizer="GroupLasso")
    with pytest.raises(ValueError, match="non-empty"):
        model.fit_path(X, Y, strengths=[])
    with pytest.raises(ValueError, match="finite number >= 0"):
        model.fit_path(X, Y, strengths=[0.1, -0.1])


@pytest.mark.parametrize("n_strengths", [0, 2.5, "a", True, None])
def test_impossible_numbers_of_strengths(n_strengths):
    with pytest.raises(ValueError, match="n_strengths must be a whole number of at least 1, got"):
        GLM(regularizer="GroupLasso").fit_path(X, Y, n_strengths=n_strengths)


@pytest.mark.parametrize("min_ratio", [0.0, 1.5, "a", None, np.nan])
def test_impossible_ratios(min_ratio):
    with pytest.raises(ValueError, match=r"min_ratio must be a number in \(0, 1\], got"):
        GLM(regularizer="GroupLasso").fit_path(X, Y, min_ratio=min_ratio)


@pytest.fixture
def nothing_said_yet(monkeypatch):
    monkeypatch.setattr(_solver_options, "_already_said", set())


@pytest.mark.usefixtures("nothing_said_yet")
def test_solvers_of_nemos_are_ignored_and_said_once():
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.1, solver_name="ProximalGradient[optax]")
    with pytest.warns(UserWarning, match="one solver serves every penalty") as said:
        model.fit(X, Y)
        model.fit(X, Y)
    assert len(said) == 1
    np.testing.assert_array_equal(model.coef_["g00"], model.set_params(solver_name=None).fit(X, Y).coef_["g00"])


@pytest.mark.usefixtures("nothing_said_yet")
def test_solver_options_of_nemos_are_ignored_and_said_once():
    kwargs = {"maxiter": 5000, "tol": 1e-8, "stepsize": 0.1, "acceleration": False}
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.1, solver_kwargs=kwargs)
    with pytest.warns(UserWarning, match=r"\['acceleration', 'stepsize'\] belong to first-order solvers") as said:
        model.fit(X, Y)
        model.fit_path(X, Y, n_strengths=3)
    assert len(said) == 1 and kwargs["stepsize"] == 0.1


def test_unfitted_and_mismatched_prediction():
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.1)
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.fit(X, Y)
    with pytest.raises(ValueError, match="the model was fitted on"):
        model.predict({"g00": X["g00"]})
    with pytest.raises(ValueError, match=r"X\[.g01.\] has 1 features, but GLM is expecting 2 features"):
        model.predict({"g00": X["g00"], "g01": X["g01"][:, :1]})
    with pytest.raises(ValueError, match="score_type must be one of"):
        model.score(X, Y, score_type="r2")


LABELS = np.where(np.arange(len(Y)) % 3 == 0, "run", "rest")
OTHER_LABELS = np.where(np.arange(len(Y)) % 2 == 0, "asleep", "awake")
SHRUNK = {"regularizer": "GroupLasso", "regularizer_strength": 0.1}


@pytest.mark.parametrize(
    ("model", "y", "other"),
    [
        (GLM(**SHRUNK), Y, Y + 1),
        (GLMCV(n_strengths=3), Y, Y + 1),
        (PopulationGLM(**SHRUNK), Y[:, None], Y[:, None] + 1),
        (PopulationGLM(regularizer=GroupLasso(joint=True), regularizer_strength=0.1), Y[:, None], Y[:, None] + 1),
        (ClassifierGLM(regularizer_strength=0.1), LABELS, OTHER_LABELS),
        (ClassifierPopulationGLM(regularizer_strength=0.1), LABELS[:, None], OTHER_LABELS[:, None]),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_failed_fit_leaves_the_last_one(model, y, other, monkeypatch):
    model = model.unfitted_copy().fit(X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="samples"):
        model.fit({label: leaf[:-1] for label, leaf in X.items()}, other)

    def file_is_closed(*_):
        raise OSError("The file is closed.")

    monkeypatch.setattr(GLM, "_residual_dof", file_is_closed)
    monkeypatch.setattr(Design, "rank_with_intercept", file_is_closed)
    monkeypatch.setattr(PoissonObservations, "estimate_scale", file_is_closed)
    with pytest.raises(OSError, match="closed"):
        model.fit(X, other)
    assert vars(model).keys() == before.keys() and all(vars(model)[name] is before[name] for name in before)


def test_a_warm_start_from_other_features_is_a_cold_one():
    model = GLM(**SHRUNK, warm_start=True).fit(X, Y)
    wide = {label: np.hstack([leaf, leaf**2]) for label, leaf in X.items()}
    cold = GLM(**SHRUNK).fit(wide, Y)
    np.testing.assert_array_equal(model.fit(wide, Y).coef_["g00"], cold.coef_["g00"])


@pytest.mark.parametrize("regularizer", ["Ridge", "UnRegularized", "GroupLasso"])
def test_features_that_may_not_be_used_take_no_degrees_of_freedom(regularizer):
    mask = {"g00": [1, 1], "g01": [1, 0]}
    options = {"regularizer": regularizer, "regularizer_strength": 1e-3}
    masked = PopulationGLM(**options, feature_mask=mask).fit(X, np.stack([Y, Y], axis=1))
    alone = GLM(**options).fit({"g00": X["g00"]}, Y)
    assert masked.dof_resid_[1] == alone.dof_resid_ < len(Y) - 1
    labels = np.stack([LABELS, LABELS], axis=1)
    masked = ClassifierPopulationGLM(**options, feature_mask=mask).fit(X, labels)
    alone = ClassifierGLM(**options).fit({"g00": X["g00"]}, LABELS)
    assert masked.dof_resid_[1] == alone.dof_resid_


@pytest.mark.parametrize(
    "fit",
    [
        lambda: GLM().fit(X["g00"], 0 * Y),
        lambda: GLM(regularizer="GroupLasso").fit(X["g00"], 0 * Y),
        lambda: GLM(regularizer="GroupLasso").fit_path(X["g00"], 0 * Y, n_strengths=2),
        lambda: GLM(**SHRUNK).fit(X, 0 * Y).solution_,
        lambda: PopulationGLM(regularizer="GroupLasso").fit(X["g00"], 0 * np.stack([Y, Y], axis=1)),
        lambda: ClassifierGLM().fit(X, LABELS),
    ],
)
def test_warnings_point_at_the_line_that_fits(fit):
    with pytest.warns() as said:
        fit()
    assert {warning.filename for warning in said} == {__file__}


def test_rows_left_out_in_numbers_are_said():
    holes = {label: leaf.copy() for label, leaf in X.items()}
    holes["g00"][:20] = np.nan
    with pytest.warns(UserWarning, match="20 of 50 samples have a NaN"):
        GLM(regularizer="GroupLasso", regularizer_strength=0.1).fit(holes, Y)


def test_rates_in_hertz_are_said():
    with pytest.warns(UserWarning, match="multiples of 40"):
        GLM().fit(features(n_samples=200), counts(features(n_samples=200)) * 40)


def test_masked_values_are_missing():
    masked = np.ma.masked_array(
        np.where(np.arange(50)[:, None] == 3, -9999.0, X["g00"]), np.arange(50)[:, None] * [1, 1] == 3
    )
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.1)
    keep = np.arange(50) != 3
    expected = model.fit({"g00": X["g00"][keep]}, Y[keep]).coef_["g00"]
    np.testing.assert_allclose(model.fit({"g00": masked}, Y).coef_["g00"], expected, atol=1e-9)


def test_pseudo_r2_of_silence_is_not_a_number():
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.1).fit(X, Y)
    assert np.isnan(model.score(X, 0 * Y, "pseudo-r2-Cohen")) and np.isnan(model.score(X, 0 * Y, "pseudo-r2-McFadden"))
