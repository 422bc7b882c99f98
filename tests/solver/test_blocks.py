"""Curvature in blocks: every operation, every step and every answer is that of the whole matrix."""

from dataclasses import dataclass

import numpy as np
import pytest

from spikesieve import regularizer as r
from spikesieve.design import as_design
from spikesieve.solver import PopulationProblem, solve_path
from spikesieve.solver._block_quadratic import BlockQuadraticModel
from spikesieve.solver._blocks import (
    Blocks,
    as_dense,
    corrected,
    eliminate,
    part_of,
    with_diagonal,
)
from spikesieve.solver._masked_problem import MaskedProblem
from spikesieve.solver._quadratic import QuadraticModel
from spikesieve.solver._threads import sum_over_chunks
from tests.solver.problems import POISSON, counts, design_of, features

# Rows of three blocks, in no order; the last block has one row.
OWNER = np.array([0, 1, 0, 1, 1, 0, 2, 0, 1, 0, 1, 0])


def random_blocks(seed=0) -> Blocks:
    rng = np.random.default_rng(seed)
    given = [rng.normal(size=(9, 6)) for _ in range(3)]
    row = np.zeros(12, dtype=np.intp)
    for b in range(3):
        row[b == OWNER] = rng.permutation(6)[: np.count_nonzero(b == OWNER)]
    return Blocks.of(np.array([one.T @ one for one in given]), OWNER, row)


def test_blocks_multiply_like_the_whole_matrix():
    matrix, rng = random_blocks(), np.random.default_rng(1)
    whole, x, several = as_dense(matrix), rng.normal(size=12), rng.normal(size=(12, 4))
    assert len(matrix) == 12 and not whole[np.not_equal.outer(OWNER, OWNER)].any()
    np.testing.assert_allclose(matrix @ x, whole @ x)
    np.testing.assert_allclose(matrix @ several, whole @ several)
    np.testing.assert_allclose(as_dense(with_diagonal(matrix, x)), with_diagonal(whole, x))


@pytest.mark.parametrize("inside", [np.arange(12), np.array([0, 3, 4, 9, 11]), np.array([7, 6, 2, 1])])
def test_a_part_of_blocks_is_that_of_the_whole_matrix(inside):
    matrix = random_blocks()
    part = part_of(matrix, inside)
    np.testing.assert_array_equal(as_dense(part), part_of(as_dense(matrix), inside))
    assert all((np.diff(rows) > 0).all() for rows in part.rows)


@pytest.mark.parametrize("n_free", [0, 3, 7])
def test_eliminated_rows_are_those_of_the_whole_matrix(n_free):
    matrix, rng = random_blocks(), np.random.default_rng(1)
    whole, mine = eliminate(as_dense(matrix), n_free), eliminate(matrix, n_free)
    right, others = rng.normal(size=n_free), rng.normal(size=12 - n_free)
    np.testing.assert_allclose(as_dense(mine.schur), whole.schur, atol=1e-10)
    np.testing.assert_allclose(mine.solve_free(right), whole.solve_free(right), atol=1e-10)
    np.testing.assert_allclose(mine.coupling @ others, whole.coupling @ others, atol=1e-10)
    np.testing.assert_allclose(mine.coupling.T @ right, whole.coupling.T @ right, atol=1e-10)


def test_blocks_become_exact_along_a_step_and_stay_blocks():
    matrix, rng = random_blocks(), np.random.default_rng(1)
    step = rng.normal(size=12)
    change = as_dense(with_diagonal(matrix, np.ones(12))) @ step
    learned = corrected(matrix, step, change)
    np.testing.assert_allclose(learned @ step, change)
    assert np.linalg.eigvalsh(as_dense(learned)).min() > 0
    assert corrected(learned, step, change) is None


@pytest.mark.parametrize("sizes", [[4, 3, 5], [1, 1, 2, 8], [12]])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_the_block_model_has_the_minimum_of_the_whole_model(sizes, share):
    matrix, rng, sizes = random_blocks(), np.random.default_rng(2), np.array(sizes)
    linear, x0 = rng.normal(size=12), rng.normal(size=12)
    starts = np.cumsum([0, *sizes])[:-1]
    thresholds = np.maximum(share * np.sqrt(np.add.reduceat(linear**2, starts)), 1e-3)
    tolerance = np.full(len(sizes), 1e-12)
    mine = BlockQuadraticModel(matrix, sizes).minimise(linear, thresholds, x0, tolerance)
    whole = QuadraticModel(as_dense(matrix), sizes).minimise(linear, thresholds, x0, tolerance)
    np.testing.assert_allclose(mine, whole, atol=1e-8)


@dataclass(frozen=True, kw_only=True)
class WholeMatrixProblem(PopulationProblem):
    """The same problem with one matrix over all neurons."""

    def hessian(self, intercept, coef, columns, stride):
        return as_dense(super().hessian(intercept, coef, columns, stride))


MASK = {"g00": np.zeros((4, 3, 4)), "g01": np.zeros((4, 3, 4)), "g02": np.zeros((4, 3, 4)), "g03": np.zeros((4, 3, 4))}
for number, leaf in enumerate(MASK.values()):
    leaf[number, :, :3] = 1
    leaf[3, :, 3] = 1
    if number == 3:
        leaf[number, :, :3] = 0  # unpenalised for three neurons
PENALTIES = {
    "joint": r.GroupLasso(joint=True),
    "a covariate without penalty": r.GroupLasso(groups=[["g00", "g01"], ["g02"]], joint=True),
    "some neurons": r.GroupLasso(MASK),
    "elastic": r.GroupElasticNet(0.5, joint=True),
    "concave": r.GroupMCP(joint=True),
    "sparse": r.SparseGroupLasso(0.5, joint=True),
    "standardized": r.GroupLasso(standardize="group", joint=True),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", PENALTIES)
def test_paths_with_blocks_are_those_with_the_whole_matrix(name, masked):
    X = features(n_samples=150)
    y = np.stack([counts(X, seed=seed) for seed in range(4)], axis=1)
    design = design_of(X)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, size=150)
    given = {"design": design, "n_outputs": 4, "row_weights": weights / weights.mean(), "counts": y, "family": POISSON}
    penalty, _ = PENALTIES[name].bind(design.layout.with_outputs(4), 1.0)
    problems = [kind(**given) for kind in (PopulationProblem, WholeMatrixProblem)]
    if masked:
        kept = np.random.default_rng(1).random(48) < 0.8
        problems = [MaskedProblem(problem, kept) for problem in problems]
    options = {"n_strengths": 5, "min_ratio": 0.05, "tolerance": 1e-10}
    mine, whole = (solve_path(problem, penalty, **options) for problem in problems)
    assert mine.converged.all() and whole.converged.all()
    np.testing.assert_allclose(mine.strengths, whole.strengths, rtol=1e-10)
    np.testing.assert_allclose(mine.coef_matrix, whole.coef_matrix, atol=1e-8)
    np.testing.assert_allclose(mine.intercept, whole.intercept, atol=1e-8)


def test_a_neuron_has_curvature_over_its_own_features_alone(monkeypatch):
    """Ten neurons with six features each of their own out of sixty: no chunk makes a matrix over all of them."""
    rng = np.random.default_rng(0)
    features, n_neurons = rng.normal(size=(400, 60)), 10
    problem = PopulationProblem(
        design=as_design(features),
        n_outputs=n_neurons,
        counts=rng.poisson(0.5, (400, n_neurons)).astype(float),
        family=POISSON,
    )
    columns = np.array([f * n_neurons + f // 6 for f in range(60)])
    sizes = []
    whole = sum_over_chunks

    def watched(of_chunk, chunks, n_threads):
        sizes.extend(np.shape(part) for part in of_chunk(chunks[0]))
        return whole(of_chunk, chunks, n_threads)

    monkeypatch.setattr("spikesieve.solver._population_problem.sum_over_chunks", watched)
    found = problem.hessian(np.full(n_neurons, -1.0), np.zeros(600), columns, 1)
    assert set(sizes) == {(7, 7), ()}
    own = np.column_stack([np.ones(400), features[:, 12:18]])
    expected = np.exp(-1.0) * own.T @ own / 400
    np.testing.assert_allclose(found.values[2], expected, rtol=1e-12, atol=1e-15)
