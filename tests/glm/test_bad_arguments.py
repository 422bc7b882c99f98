"""Whatever is passed to estimators, regularizers and families: it works, or one sentence says why it does not.

An error counts as ours if the last line that it went through is a ``raise`` of the package.
"""

import inspect
import traceback
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import spikesieve
from spikesieve import glm, observation_models, regularizer
from spikesieve.design import as_design
from spikesieve.glm import GLM, GLMCV, ClassifierGLM, ClassifierPopulationGLM, PopulationGLM
from spikesieve.glm._estimator import Estimator
from tests.solver.problems import counts, features

PACKAGE = str(Path(spikesieve.__file__).parent)
X = features(n_samples=30, n_groups=3, size=2)
Y = counts(X)
LABELS = np.where(Y > 0, "spikes", "silence")
OBSERVED = {
    GLM: Y,
    GLMCV: Y,
    PopulationGLM: np.stack([Y, Y[::-1]], axis=1),
    ClassifierGLM: LABELS,
    ClassifierPopulationGLM: np.stack([LABELS, LABELS[::-1]], axis=1),
}
WRONG = {
    "text": "x",
    "a number as text": "0.1",
    "bytes": b"x",
    "array of text": np.array([["x", "y"]]),
    "not a number": np.nan,
    "infinity": np.inf,
    "negative": -1.5,
    "complex": 1 + 2j,
    "object": object(),
    "function": lambda: 1,
    "empty list": [],
    "empty array": np.zeros((30, 0)),
    "unequal lists": [[1], [1, 2]],
    "mixed list": [1, "a"],
    "three axes": np.zeros((2, 2, 2)),
    "unknown label": {"nobody": 1},
    "number for a list": {"g00": 5},
    "text for a number": {"g00": "x"},
    "dicts": np.array([{}] * 30),
}
every_wrong_value = pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)


def public(module, base) -> list[type]:
    kinds = [kind for kind in vars(module).values() if inspect.isclass(kind) and issubclass(kind, base)]
    return [kind for kind in kinds if not inspect.isabstract(kind)]


def assert_works_or_says_why(call, *arguments, **named):
    """The call returns, or raises an error of ours in one line."""
    try:
        call(*arguments, **named)
    except (ValueError, TypeError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        assert last.filename.startswith(PACKAGE) and "raise" in (last.line or ""), (named, repr(error), last)
        assert len(str(error).splitlines()) == 1, str(error)


LAYOUT = as_design(X).layout
NEEDED = {
    regularizer.HierarchicalGroupLasso: {"hierarchy": {"g02": ["g00", "g01"]}},
    regularizer.OverlappingGroupLasso: {"groups": [["g00", "g01"], ["g01", "g02"]]},
}


@every_wrong_value
@pytest.mark.parametrize("kind", public(regularizer, regularizer.Regularizer), ids=lambda kind: kind.__name__)
def test_arguments_of_regularizers(kind, wrong):
    for name in inspect.signature(kind).parameters:
        arguments = {**NEEDED.get(kind, {}), name: wrong}
        if name == "mask":
            arguments.pop("groups", None)
        assert_works_or_says_why(lambda given=arguments: kind(**given).bind(LAYOUT, 0.1))
    assert_works_or_says_why(kind(**NEEDED.get(kind, {})).bind, LAYOUT, wrong)


@every_wrong_value
@pytest.mark.parametrize(
    "kind", public(observation_models, observation_models.ObservationModel), ids=lambda kind: kind.__name__
)
def test_arguments_of_families(kind, wrong):
    for name in inspect.signature(kind).parameters:
        assert_works_or_says_why(kind, **{name: wrong})


def model_of(kind, **arguments):
    fast = {"strengths": [0.1]} if kind is GLMCV else {"regularizer": "GroupLasso", "regularizer_strength": 0.1}
    return kind(**{**fast, **arguments})


def test_every_estimator_is_listed():
    assert set(OBSERVED) == set(public(glm, Estimator))


@pytest.fixture(scope="module")
def fitted():
    return {kind: model_of(kind).fit(X, y) for kind, y in OBSERVED.items()}


@every_wrong_value
@pytest.mark.parametrize("kind", OBSERVED, ids=lambda kind: kind.__name__)
def test_arguments_of_estimators(kind, wrong):
    for name in inspect.signature(kind).parameters:
        assert_works_or_says_why(lambda name=name: model_of(kind, **{name: wrong}).fit(X, OBSERVED[kind]))


@pytest.mark.filterwarnings("ignore:GroupLasso on a plain array")
@every_wrong_value
@pytest.mark.parametrize("kind", OBSERVED, ids=lambda kind: kind.__name__)
def test_arguments_of_methods(fitted, kind, wrong):
    model, y = fitted[kind], OBSERVED[kind]
    fresh = model_of(kind)
    for name in inspect.signature(kind.fit).parameters.keys() - {"self", "X", "y"}:
        assert_works_or_says_why(fresh.fit, X, y, **{name: wrong})
    assert_works_or_says_why(fresh.fit, wrong, y)
    assert_works_or_says_why(fresh.fit, X, wrong)
    for start in ((model.coef_, wrong), (wrong, model.intercept_)):
        assert_works_or_says_why(fresh.fit, X, y, start)
        assert_works_or_says_why(model.compute_loss, start, X, y)
    for name in ("strengths", "n_strengths", "min_ratio"):
        assert_works_or_says_why(fresh.fit_path, X, y, **{"n_strengths": 1, name: wrong})
    assert_works_or_says_why(model.predict, wrong)
    assert_works_or_says_why(model.score, X, wrong)
    assert_works_or_says_why(model.score, X, y, wrong)
    assert_works_or_says_why(model.simulate, wrong, X)
    if not callable(wrong):
        assert_works_or_says_why(model.score, X, y, aggregate_sample_scores=wrong)


@every_wrong_value
def test_arguments_of_paths(wrong):
    path = GLM(regularizer="GroupLasso").fit_path(X, Y, n_strengths=2)
    paths = PopulationGLM(regularizer="GroupLasso").fit_path(X, OBSERVED[PopulationGLM], n_strengths=2)
    for found in (path, paths):
        assert_works_or_says_why(found.at, wrong)
        assert_works_or_says_why(found.plot, wrong)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GLM(regularizer=regularizer.GroupLasso(joint="yes")).fit(X, Y), "joint of GroupLasso must be True or"),
        (lambda: GLM(regularizer=regularizer.GroupMCP(relative=2)).fit(X, Y), "relative of GroupMCP must be True or"),
        (
            lambda: GLM(regularizer="Lasso", regularizer_strength=True).fit(X, Y),
            "strength must be a number, or",
        ),
        (
            lambda: GLM(regularizer="Lasso").fit_path(X, Y, [0.1, 0.01]).at(True),
            "strength must be a finite number",
        ),
        (lambda: ClassifierGLM(n_classes="two").fit(X, LABELS), "n_classes must be a whole number of at least 2"),
        (lambda: ClassifierGLM(n_classes=np.float64(2)).fit(X, [{}] * 30), "of a hashable type"),
        (
            lambda: PopulationGLM().fit(X, np.zeros((30, 0))),
            r"expected one column of counts .* \(30, 0\)",
        ),
        (lambda: ClassifierPopulationGLM().fit(X, np.zeros((30, 0))), "y has no neurons"),
        (
            lambda: PopulationGLM(feature_mask={**X, "g00": ["a"] * 2}).fit(X, OBSERVED[PopulationGLM]),
            "feature_mask has",
        ),
        (
            lambda: PopulationGLM(feature_mask={**X, "g00": np.array(["a", "b"])}).fit(X, OBSERVED[PopulationGLM]),
            "feature_mask of 'g00' must be numeric",
        ),
        (lambda: GLM(regularizer="Ridge").set_params(regularizer__ratio=1), "which has no parameters to set"),
        (lambda: observation_models.PoissonObservations("softplus"), "must be an InverseLink"),
        (lambda: GLM(warm_start="no").fit(X, Y), "warm_start must be True or False"),
        (lambda: GLMCV(folds="blocked").fit(X, Y), "folds must have a split method"),
    ],
)
@pytest.mark.filterwarnings("ignore:regularizer_strength was not given")
def test_what_was_wrong_is_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@pytest.mark.parametrize("number", [np.float32(0.5), np.array(0.5), np.float64(0.5), Fraction(1, 2)])
def test_numbers_of_any_real_type_will_do(number):
    expected = GLM(regularizer=regularizer.SparseGroupLasso(0.5), regularizer_strength=0.5).fit(X, Y)
    found = GLM(regularizer=regularizer.SparseGroupLasso(number), regularizer_strength=number).fit(X, Y)
    np.testing.assert_array_equal(found.coef_["g00"], expected.coef_["g00"])
    assert regularizer.GroupElasticNet(number).bind(LAYOUT, 1.0) is not None
