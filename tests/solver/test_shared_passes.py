"""Passes for several neurons at once find what each neuron's own pass finds, and leave no tie between them."""

import pickle

import numpy as np
import pytest

from spikesieve.basis import BSplineEval
from spikesieve.design import DenseBlock, TabulatedBlock, as_design
from spikesieve.glm import GLM, PopulationGLM
from spikesieve.observation_models import BernoulliObservations, NegativeBinomialObservations, PoissonObservations
from spikesieve.solver import Sample, _shared_passes, can_share, solve_neurons
from spikesieve.solver._problem import SingleProblem

N_SAMPLES, N_NEURONS = 700, 11


def tabulated():
    rng = np.random.default_rng(0)
    basis = BSplineEval(5, label="x", bounds=(0, 1)) + BSplineEval(4, label="y", bounds=(0, 1))
    # A point on the last grid point, and one beyond the bounds, whose features are the fill value.
    x, y = rng.uniform(size=(2, N_SAMPLES))
    x[:2], y[5] = (0.0, 1.0), 1.0
    return basis.design(x, y)


def dense():
    return as_design({"x": np.random.default_rng(1).normal(size=(N_SAMPLES, 3))})


def of_shared_pass(design, family, counts, points, blocks, **rows):
    """What each of some neurons is answered when all of them ask at once."""
    answers = [None] * len(counts)

    def ask_twice(n, sample):
        problem = sample.problem(family)
        for intercept, coef in points:
            answers[n] = problem.evaluate(np.array([intercept + n]), coef * (n + 1) / 10, blocks)

    solve_neurons([Sample(design, y, **rows) for y in counts], ask_twice, family, 1)
    return answers


@pytest.mark.parametrize("family", [PoissonObservations(), BernoulliObservations()])
@pytest.mark.parametrize("make", [tabulated, dense])
@pytest.mark.parametrize("has_rows", [False, True])
@pytest.mark.parametrize("blocks", [None, [0]])
def test_a_shared_pass_finds_what_each_pass_alone_finds(family, make, has_rows, blocks):
    rng = np.random.default_rng(2)
    design = make()
    counts = rng.integers(0, 2, size=(N_NEURONS, N_SAMPLES)).astype(float)
    rows = {"offset": rng.normal(size=N_SAMPLES), "weight": rng.uniform(size=N_SAMPLES)} if has_rows else {}
    blocks = None if blocks is None else np.array(blocks)
    point = rng.normal(size=design.n_coef)
    answers = of_shared_pass(design, family, counts, [(0.3, point), (-5.0, point)], blocks, **rows)
    weight = rows["weight"] / rows["weight"].mean() if has_rows else None
    for n, (y, found) in enumerate(zip(counts, answers, strict=True)):
        alone = SingleProblem(design, y, family, rows.get("offset"), weight)
        expected = alone.evaluate(np.array([n - 5.0]), point * (n + 1) / 10, blocks)
        for name in ("loss", "gradient", "intercept_gradient", "residual_dot_predictor"):
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-10, atol=1e-13)


def test_a_mean_that_overflows_is_infinite_for_its_neuron_alone():
    design, family = tabulated(), PoissonObservations()
    counts = np.ones((5, N_SAMPLES))
    answers = of_shared_pass(design, family, counts, [(0.0, np.zeros(9)), (-400.0, np.full(9, 4000.0))], None)
    assert [bool(np.isfinite(found.loss)) for found in answers] == [True, False, False, False, False]


def test_eight_outputs_in_any_order_of_memory_are_read_right():
    block = tabulated().blocks[0]
    residual = np.random.default_rng(7).normal(size=(N_SAMPLES, 8))
    expected = block.as_matrix(slice(None)).T @ residual
    for layout in "CF":
        partial = block.partial_gradient(slice(None), np.asarray(residual, order=layout))
        np.testing.assert_allclose(block.finish_gradient(partial), expected, rtol=1e-10, atol=1e-10)


def test_only_canonical_links_many_rows_and_blocks_that_gain_share():
    sample = Sample(tabulated(), np.ones(N_SAMPLES))
    assert not can_share(sample, PoissonObservations())
    long = Sample(tabulated().take(np.arange(1_000_000) % N_SAMPLES), np.ones(1_000_000))
    assert can_share(long, PoissonObservations()) and can_share(long, BernoulliObservations())
    assert not can_share(long, NegativeBinomialObservations())
    place = (BSplineEval(4, bounds=(0, 1)) * BSplineEval(4, bounds=(0, 1))).design(*np.zeros((2, 1_000_000)))
    assert not can_share(Sample(place, np.ones(1_000_000)), PoissonObservations())


@pytest.fixture
def sharing(monkeypatch):
    """Have short recordings share passes too; returns how many neurons each pass served."""
    widths, serve = [], _shared_passes.SharedPasses.serve

    def counted(passes, requests):
        widths.append(len(requests))
        return serve(passes, requests)

    monkeypatch.setattr(TabulatedBlock, "rows_worth_sharing", 0)
    monkeypatch.setattr(DenseBlock, "rows_worth_sharing", 0)
    monkeypatch.setattr(_shared_passes.SharedPasses, "serve", counted)
    return widths


@pytest.mark.parametrize("arguments", [{"regularizer": "GroupLasso"}, {"regularizer": "SparseGroupLasso"}])
def test_paths_of_a_population_are_those_of_its_neurons(sharing, arguments):
    design, rng = tabulated(), np.random.default_rng(3)
    eta = design.linear_predictor(rng.normal(scale=0.7, size=(9, N_NEURONS)))
    counts = rng.poisson(np.exp(eta - 0.5)).astype(float)
    exact = {"solver_kwargs": {"tol": 1e-10}, **arguments}
    grid = {"n_strengths": 6, "min_ratio": 0.05, "offset": 0.1 * rng.normal(size=N_SAMPLES)}
    paths = PopulationGLM(**exact).fit_path(design, counts, **grid)
    assert sharing[0] == 8 and np.mean(sharing) > 4
    assert paths.converged.all()
    for n, path in enumerate(paths):
        alone = GLM(**exact).fit_path(design, counts[:, n], **grid)
        np.testing.assert_allclose(path.strengths, alone.strengths, rtol=1e-10)
        np.testing.assert_allclose(path.coef_matrix, alone.coef_matrix, atol=1e-8)
        np.testing.assert_allclose(path.intercept, alone.intercept, atol=1e-8)
        np.testing.assert_allclose(path.kkt_residual, alone.kkt_residual, atol=1e-9)


def test_fits_share_passes_and_masks_and_missing_counts_stay_the_neurons_own(sharing):
    design, rng = tabulated(), np.random.default_rng(4)
    counts = rng.poisson(1.0, size=(N_SAMPLES, 6)).astype(float)
    counts[:30, 2] = np.nan
    mask = {"x": [1, 0, 1, 1, 1, 1], "y": [1, 1, 1, 1, 0, 1]}
    arguments = {"regularizer": "GroupLasso", "regularizer_strength": 1e-3, "solver_kwargs": {"tol": 1e-10}}
    model = PopulationGLM(**arguments, feature_mask=mask).fit(design, counts)
    assert sharing[0] == 5
    assert not model.coef_["x"][:, 1].any() and not model.coef_["y"][:, 4].any()
    for n in (0, 2, 5):
        alone = GLM(**arguments).fit(design, counts[:, n])
        for label in design.labels:
            np.testing.assert_allclose(model.coef_[label][:, n], alone.coef_[label], atol=1e-8)


def test_shared_paths_are_solved_further_and_pickled_alone(sharing):
    design = tabulated()
    counts = np.random.default_rng(5).poisson(1.0, size=(N_SAMPLES, 4)).astype(float)
    paths = PopulationGLM(regularizer="GroupLasso").fit_path(design, counts, n_strengths=4)
    asked = len(sharing)
    between = 0.5 * (paths.strengths[2] + paths.strengths[3])
    model = pickle.loads(pickle.dumps(paths)).at(between)
    np.testing.assert_allclose(model.coef_["x"], paths.at(between).coef_["x"], atol=1e-12)
    assert len(sharing) == asked


def test_an_interrupt_ends_all_neurons(sharing, monkeypatch):
    serve, n_calls = _shared_passes.SharedPasses.serve, []

    def interrupted(passes, requests):
        n_calls.append(len(requests))
        if len(n_calls) == 5:
            raise KeyboardInterrupt
        return serve(passes, requests)

    monkeypatch.setattr(_shared_passes.SharedPasses, "serve", interrupted)
    counts = np.random.default_rng(6).poisson(1.0, size=(N_SAMPLES, 4)).astype(float)
    with pytest.raises(KeyboardInterrupt):
        PopulationGLM(regularizer="GroupLasso").fit_path(tabulated(), counts, n_strengths=20)
    assert len(n_calls) == 5
