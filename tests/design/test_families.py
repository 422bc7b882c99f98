"""Every family on every kind of block: the solver's problem and a short path are those of the dense matrix."""

import numpy as np
import pytest

import spikesieve.observation_models as families
from spikesieve._tree import CoefLayout, flatten
from spikesieve.design import DenseBlock, Design
from spikesieve.regularizer import GroupLasso
from spikesieve.solver import CategoricalProblem
from spikesieve.solver._path import solve_path
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._protocol import Problem
from tests.design.cases import CASES, kinds

N = 240
# One case of every kind of block; where a kind is held in several ways, one of each way.
BLOCKS = [
    "dense",
    "dense by columns",
    "events, causal",
    "continuous, causal",
    "on disk, causal",
    "stored, slices only",
    "stored, mapped",
    "sparse",
    "interaction",
    "tabulated",
    "combined",
    "tabulated plane",
    "stacked",
]
# Link and observations of every family, the latter from random numbers in (0, 1).
FAMILIES = {
    "PoissonObservations": (families.Exponential(), lambda u: np.floor(4 * u**2)),
    "GammaObservations": (families.Exponential(), lambda u: 0.1 + 3 * u),
    "BernoulliObservations": (families.Logistic(), lambda u: np.floor(2 * u)),
    "NegativeBinomialObservations": (families.Softplus(), lambda u: np.floor(6 * u**3)),
    "GaussianObservations": (families.Identity(), lambda u: 4 * u - 2),
    "CategoricalObservations": (None, lambda u: np.floor(3 * u)),
}


def problem(name: str, design: Design, offset=None, weights=None) -> Problem:
    link, observe = FAMILIES[name]
    y = observe(np.random.default_rng(2).random(design.n_samples))
    if name == "CategoricalObservations":
        return CategoricalProblem(
            design=design,
            n_outputs=3,
            offset=None if offset is None else offset[:, None] * np.arange(3),
            row_weights=weights,
            labels=y.astype(np.intp),
            unpenalised=np.zeros(0, dtype=np.intp),
        )
    family = getattr(families, name)(inverse_link=link)
    return SingleProblem(design, y, family.with_scale(0.8) if family.estimates_scale else family, offset, weights)


def test_every_family_and_every_kind_of_block_is_listed():
    exported = {name for name in families.__all__ if name.endswith("Observations")}
    assert exported == set(FAMILIES)
    assert {type(CASES[name](60, 0)[0]) for name in BLOCKS} == kinds()


@pytest.fixture(scope="module", params=BLOCKS)
def designs(request):
    """The same rows as blocks and as dense columns, with another covariate beside."""
    block, matrix = CASES[request.param](N, 3)
    finite = np.isfinite(matrix).all(axis=1)
    other = np.random.default_rng(1).normal(size=(finite.sum(), 2))
    return tuple(_design(kind, other) for kind in (block.take(finite), DenseBlock(matrix[finite])))


def _design(block, other) -> Design:
    leaves, structure = flatten({"block": block, "other": DenseBlock(other)})
    return Design(tuple(leaves), CoefLayout.of(structure, [leaf.n_coef for leaf in leaves]))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_gradient_and_hessian_are_those_of_the_dense_matrix(designs, name, weighted):
    n, rng = designs[0].n_samples, np.random.default_rng(4)
    offset, weights = 0.1 * rng.normal(size=n), rng.random(n) + 0.5
    extra = (offset, weights / weights.mean()) if weighted else (None, None)
    lazy, dense = (problem(name, design, *extra) for design in designs)
    coef, columns = 0.05 * rng.normal(size=lazy.n_coef), np.arange(0, lazy.n_coef, 2)
    intercept = 0.2 + 0.1 * np.arange(lazy.n_intercepts)
    one, other = lazy.evaluate(intercept, coef), dense.evaluate(intercept, coef)
    scale = max(np.abs(other.gradient).max(), 1.0)
    assert one.loss == pytest.approx(other.loss, rel=1e-12)
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(one.intercept_gradient, other.intercept_gradient, rtol=0, atol=1e-12)
    for stride in (1, 3):
        found, expected = (p.hessian(intercept, coef, columns, stride) for p in (lazy, dense))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_short_path_is_that_of_the_dense_matrix(designs, name):
    lazy, dense = (problem(name, design) for design in designs)
    penalty, _ = GroupLasso().bind(lazy.layout, 1.0)
    expected = solve_path(dense, penalty, n_strengths=3, min_ratio=0.3, tolerance=1e-10)
    found = solve_path(lazy, penalty, expected.strengths, tolerance=1e-10)
    assert found.converged.all() and expected.converged.all()
    np.testing.assert_allclose(found.objective, expected.objective, rtol=1e-9)
    np.testing.assert_allclose(
        _predictors(designs[0], lazy, found), _predictors(designs[1], dense, expected), atol=1e-6
    )


def _predictors(design: Design, posed: Problem, solved) -> np.ndarray:
    """Linear predictors of all strengths and outputs, ``(n_samples, n_strengths, n_outputs)``."""
    n = posed.n_intercepts
    coef = solved.coef_matrix.reshape(len(solved.strengths), design.n_coef, n)
    intercept = np.asarray(solved.intercept).reshape(-1, n)
    return np.stack([design.linear_predictor(c, i) for c, i in zip(coef, intercept, strict=True)], axis=1)
