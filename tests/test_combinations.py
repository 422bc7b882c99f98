"""Every family with every penalty, estimator and kind of input: fitted, and optimal by a check of its own.

The gradient of the loss comes from JAX and the formula of the loss in the mean; the penalty from its formula. A minimum
has no direction in which the objective falls: looked for are all single coefficients, and the gradient's own directions
within every set of coefficients, also with its small entries cut off, which covers each corner of these penalties.
"""

import inspect
import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from spikesieve import glm, regularizer
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import Regularizer
from tests.combinations import (
    COMBINATIONS,
    ELSEWHERE,
    ESTIMATORS,
    LEAVES,
    MATRIX,
    OBSERVED,
    PENALTIES,
    STRENGTH,
    inputs_of,
    regularizer_for,
)
from tests.observation_models.combinations import FAMILIES, PLAIN_LINKS, PLAIN_LOSSES, all_subclasses
from tools.write_proof import PAGE, proof_page

DEFAULT_LINKS = {"Poisson": "exp", "Gamma": "1/x", "Bernoulli": "logistic", "NegativeBinomial": "exp"}
STEP = 1e-7


def test_no_penalty_and_no_estimator_is_left_out():
    public = {kind for kind in vars(regularizer).values() if inspect.isclass(kind) and issubclass(kind, Regularizer)}
    concrete = {kind.__name__ for kind in public if not inspect.isabstract(kind)}
    assert concrete == {name.split(" (")[0] for name in PENALTIES}, "list penalties in tests/combinations.py"
    estimators = {kind.__name__ for kind in vars(glm).values() if inspect.isclass(kind) and hasattr(kind, "fit")}
    assert estimators - set(ELSEWHERE) == set(ESTIMATORS), "list estimators in tests/combinations.py"
    assert all((PAGE.parent.parent / "tests" / ELSEWHERE[name]).exists() for name in estimators & set(ELSEWHERE))
    families = {kind.__name__ for kind in all_subclasses(ObservationModel) if kind.__module__.startswith("spikesieve.")}
    assert families - {"CategoricalObservations"} == {f"{family}Observations" for family in FAMILIES}
    assert set(OBSERVED) == set(FAMILIES)


def test_the_page_of_proof_is_current():
    assert PAGE.read_text() == proof_page(), "run tools/write_proof.py"


@cache
def loss_gradient(family):
    link, loss = PLAIN_LINKS[DEFAULT_LINKS.get(family, "identity")], PLAIN_LOSSES[family]

    def mean_loss(theta):
        return jnp.mean(loss(link(MATRIX @ theta[:-1] + theta[-1]), OBSERVED[family]))

    return jax.jit(jax.grad(mean_loss))


SETS = [np.isin(np.arange(5), members) for size in range(1, 5) for members in itertools.combinations(range(4), size)]


def directions(gradient):
    cuts = [(inside, cut) for inside in SETS for cut in (0.0, *np.abs(gradient[inside]))]
    inside, cut = np.array([one for one, _ in cuts]), np.array([cut for _, cut in cuts])
    descent = inside * -np.sign(gradient) * np.maximum(np.abs(gradient) - 0.99 * cut[:, None], 0.0)
    descent = descent[descent.any(axis=1)]
    return np.vstack([np.eye(5), -np.eye(5), descent / np.linalg.norm(descent, axis=1, keepdims=True)])


def steepest_fall(family, penalty, coef, intercept):
    """How fast the objective falls in the best direction; zero or less at a minimum."""
    theta = np.append(coef, intercept)
    with jax.enable_x64(True):
        gradient = np.asarray(loss_gradient(family)(theta))
    value, ways = PENALTIES[penalty].value, directions(gradient)
    rises = (value(coef + STEP * ways[:, :-1], STRENGTH) - value(coef, STRENGTH)) / STEP
    return -(ways @ gradient + rises).min()


def flat(tree):
    if isinstance(tree, dict):
        tree = [tree[key] for key in sorted(tree)]
    return np.concatenate([flat(leaf) for leaf in tree]) if isinstance(tree, list | tuple) else tree


@pytest.mark.parametrize(("family", "penalty", "estimator"), COMBINATIONS)
def test_combination(family, penalty, estimator):
    fitted = {}
    for kind, features in inputs_of(penalty).items():
        model = ESTIMATORS[estimator](FAMILIES[family], regularizer_for(penalty, kind))
        model.fit(features(), OBSERVED[family])
        assert model.solution_.converged.all(), (kind, model.solution_.status)
        fitted[kind] = flat(model.coef_)
        assert steepest_fall(family, penalty, fitted[kind], model.intercept_[0]) < 1e-5, kind
        mean = model.predict(features())
        expected = FAMILIES[family].mean(MATRIX @ fitted[kind] + model.intercept_[0])
        np.testing.assert_allclose(mean, expected, rtol=1e-6)
    for kind, coef in fitted.items():
        np.testing.assert_allclose(coef, fitted["dict"], atol=1e-5, err_msg=kind)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_check_tells_what_is_not_optimal(penalty):
    model = ESTIMATORS["GLM"](FAMILIES["Poisson"], regularizer_for(penalty, "dict")).fit(LEAVES, OBSERVED["Poisson"])
    coef = flat(model.coef_)
    for moved in (coef + 1e-3 * np.eye(4)[1], coef + 1e-3 * np.eye(4)[3], 0.99 * coef):
        assert steepest_fall("Poisson", penalty, moved, model.intercept_[0]) > 1e-5
