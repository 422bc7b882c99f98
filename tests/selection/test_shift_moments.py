"""Moments of shifted and swapped covariates against loops over rows put in their new order."""

from functools import partial

import numpy as np
import pytest

from spikesieve.basis import BSplineEval, CyclicBSplineEval, RaisedCosineLogConv
from spikesieve.datasets import load_head_direction_recording
from spikesieve.design import DenseBlock, as_design
from spikesieve.observation_models import PoissonObservations
from spikesieve.selection import NotEnoughData
from spikesieve.selection._aligned_moments import Model, aligned_moments, column_ranges, memory
from spikesieve.selection._alignments import Epochs, circular_shifts, swaps
from spikesieve.selection._columns import HeldColumns, held, rows_of
from spikesieve.selection._efficient_score import studentised_scores
from spikesieve.selection._without_covariate import RIDGE, AllCovariates, trend_block
from spikesieve.solver import Sample, as_sample


def arrays(n_rows: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    covariate = rng.standard_normal((n_rows, 3))
    columns = np.hstack([np.ones((n_rows, 1)), rng.standard_normal((n_rows, 4))])
    return covariate, columns, rng.standard_normal(n_rows), rng.random(n_rows) + 0.1


class Stored:
    """Columns of other covariates, as an array."""

    def __init__(self, columns):
        self.columns = columns

    def matrix(self, rows):
        return self.columns[rows]

    def products(self, rows, values):
        return self.columns[rows].T @ values


def model_of(columns, residual, weight, epochs, phases=(0,)):
    return Model.of(Stored(columns), residual, weight, epochs, np.array(phases))


def test_moments_of_one_epoch_are_those_of_rolled_rows():
    covariate, columns, residual, weight = arrays(57)
    epochs = Epochs.of_labels(np.zeros(57, dtype=int), n_grid=57)
    shifts = circular_shifts(epochs, 20, 4, np.random.default_rng(0))
    model = model_of(columns, residual, weight, epochs)
    moments = aligned_moments(covariate.__getitem__, model, shifts)
    for number, (step,) in enumerate(shifts.partners):
        rolled = np.roll(covariate, step, axis=0)
        np.testing.assert_allclose(moments.score[number], rolled.T @ residual, atol=1e-11)
        np.testing.assert_allclose(moments.information[number], (rolled.T * weight) @ rolled, atol=1e-11)
        cross = (rolled.T * weight) @ columns @ model.root
        np.testing.assert_allclose(moments.cross[number], cross, atol=1e-5)  # in single precision
    np.testing.assert_allclose(model.root.T @ (columns.T * weight) @ columns @ model.root, np.eye(5), atol=1e-11)
    np.testing.assert_allclose(model.score, model.root.T @ columns.T @ residual, atol=1e-11)
    assert moments.share == 1.0


@pytest.mark.parametrize("swapped", [False, True])
def test_moments_are_those_of_the_rows_that_an_alignment_names(swapped):
    covariate, columns, residual, weight = arrays(130)
    labels = np.repeat([0, -1, 1, 2], [40, 7, 31, 52])
    epochs, phases = Epochs.of_labels(labels, n_grid=40, swapped=swapped), np.array([0, 1])
    assert epochs.stride == 2
    rng = np.random.default_rng(1)
    alignments = swaps(epochs, 9, rng) if swapped else circular_shifts(epochs, 9, 2, rng)
    model = model_of(columns, residual, weight, epochs, phases)
    moments = aligned_moments(covariate.__getitem__, model, alignments)
    within = np.concatenate(
        [start + np.arange(length) for start, length in zip(epochs.starts, epochs.lengths, strict=True)]
    )
    on_grid = np.concatenate([start + np.arange(n * 2) for start, n in zip(epochs.starts, epochs.n_steps, strict=True)])
    summed = within if swapped else on_grid
    assert epochs.n_rows == len(summed)
    np.testing.assert_allclose(model.score, model.root.T @ columns[summed].T @ residual[summed], atol=1e-11)
    for number in range(len(alignments.partners)):
        moved = covariate[alignments.rows(number)]
        np.testing.assert_allclose(moments.score[number], moved[summed].T @ residual[summed], atol=1e-11)
        weighted = moved[on_grid].T * weight[on_grid]
        np.testing.assert_allclose(moments.information[number], weighted @ moved[on_grid], atol=1e-11)
        np.testing.assert_allclose(moments.cross[number], weighted @ columns[on_grid] @ model.root, atol=1e-5)


def test_remainder_is_what_a_weighted_regression_leaves():
    covariate, columns, residual, weight = arrays(200)
    epochs = Epochs.of_labels(np.zeros(200, dtype=int), n_grid=200)
    projection = model_of(columns, residual, weight, epochs).projection(covariate.__getitem__)
    root = np.sqrt(weight)[:, None]
    expected = np.linalg.lstsq(columns * root, covariate * root, rcond=None)[0]
    np.testing.assert_allclose(projection, expected, atol=1e-10)
    everything = HeldColumns(as_design({"a": columns[:, 1:3], "b": covariate, "c": columns[:, 3:]}))
    others = everything.without(1)
    np.testing.assert_allclose(others.matrix(slice(0, 200)), columns)
    np.testing.assert_allclose(others.products(slice(20, 90), residual[20:90]), columns[20:90].T @ residual[20:90])
    remainder = held(others.remainder(projection), 200)
    np.testing.assert_allclose(remainder(slice(3, 150, 2)), (covariate - columns @ expected)[3:150:2], atol=1e-10)


def test_no_shift_comes_first_and_the_others_keep_the_gap():
    for labels in (np.zeros(300, dtype=int), np.repeat([0, 1], 150)):
        epochs = Epochs.of_labels(labels, n_grid=300)
        shifts = circular_shifts(epochs, 50, 20, np.random.default_rng(0))
        assert not shifts.partners[0].any()
        distance = np.minimum(shifts.partners[1:], epochs.n_steps - shifts.partners[1:])
        assert distance.min() >= 20


def test_epochs_shorter_than_two_gaps_are_an_error():
    epochs = Epochs.of_labels(np.repeat(np.arange(10), 30), n_grid=300)
    with pytest.raises(NotEnoughData, match="shorter than twice that"):
        circular_shifts(epochs, 50, 20, np.random.default_rng(0))


def test_a_swap_leaves_no_epoch_in_its_place():
    epochs = Epochs.of_labels(np.repeat(np.arange(5), 30), n_grid=150, swapped=True)
    partners = swaps(epochs, 30, np.random.default_rng(0)).partners
    assert (partners[1:] != np.arange(5)).all()
    assert len(np.unique(partners, axis=0)) == len(partners)


def test_short_trials_all_take_part():
    labels = np.repeat(np.arange(200), np.random.default_rng(0).integers(30, 71, 200))
    epochs = Epochs.of_labels(labels, n_grid=100)
    assert epochs.stride <= 4 and epochs.n_rows > 0.9 * len(labels) and len(epochs) == 200
    whole = Epochs.of_labels(labels, n_grid=100, swapped=True)
    assert whole.n_rows == len(labels)


def test_independent_shifts_of_several_epochs_add_up():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 500)
    epochs = Epochs.of_labels(labels, n_grid=2000)
    of_four = circular_shifts(epochs, 1000, 50, rng).n_independent
    assert of_four == pytest.approx(4 * (500 - 100 + 1) / 50)
    assert swaps(Epochs.of_labels(labels, 2000, swapped=True), 1000, rng).n_independent == 9


def test_a_single_epoch_cannot_be_swapped():
    with pytest.raises(ValueError, match="at least two epochs"):
        swaps(Epochs.of_labels(np.zeros(30, dtype=int), n_grid=30, swapped=True), 5, np.random.default_rng(0))


def test_memory_is_the_lag_at_which_the_autocorrelation_has_fallen():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(20_000 + 9)
    averaged = np.convolve(noise, np.ones(10), mode="valid")[:, None]  # correlation 1 - lag / 10
    epochs = Epochs.of_labels(np.zeros(20_000, dtype=int), n_grid=20_000)
    assert memory(averaged.__getitem__, epochs, 0.25) in (7, 8, 9)


def simulated(n_rows=400, seed=0):
    """A Poisson sample of two dependent covariates, the second without effect."""
    rng = np.random.default_rng(seed)
    first = rng.random(n_rows)
    second = np.clip(0.5 * first + 0.5 * rng.random(n_rows), 0, 1)
    basis = BSplineEval(5, bounds=(0, 1), label="a") + BSplineEval(5, bounds=(0, 1), label="b")
    design = basis.design(first, second)
    return Sample(design, rng.poisson(np.exp(np.sin(4 * first))).astype(float))


def test_statistic_is_the_score_test_of_an_exact_poisson_fit():
    statsmodels = pytest.importorskip("statsmodels.api", reason="statsmodels fits the reference model")
    sample = simulated(4000)
    without = AllCovariates(sample, PoissonObservations()).without(1)
    block = DenseBlock(sample.design.blocks[1].as_matrix(slice(None))[:, 1:])  # with the intercept, full rank
    epochs = Epochs.of_labels(np.zeros(4000, dtype=int), n_grid=4000)
    columns = partial(rows_of, block)
    shifts = circular_shifts(epochs, 3, 5, np.random.default_rng(0))
    model = Model.of(without.columns, without.residual, without.weight, epochs, np.array([0]))
    ranges = 1e-5 * column_ranges(columns, epochs, [0])  # next to no prior information
    others = np.hstack([np.ones((4000, 1)), sample.design.blocks[0].as_matrix(slice(None))[:, 1:]])
    fit = statsmodels.GLM(sample.y, others, family=statsmodels.families.Poisson()).fit(tol=1e-12)
    expected = float(np.squeeze(fit.score_test(exog_extra=block.columns)[0]))
    whole, own = columns, without.columns.remainder(model.projection(partial(rows_of, sample.design.blocks[1])))
    for moved in (whole, lambda rows: own(rows)[:, 1:]):
        scores = studentised_scores(aligned_moments(moved, model, shifts), model.score, ranges)
        assert np.sum(scores[0] ** 2) == pytest.approx(expected, rel=1e-3)


def test_statistic_does_not_depend_on_the_units_of_the_columns():
    covariate, columns, residual, weight = arrays(200)
    epochs = Epochs.of_labels(np.zeros(200, dtype=int), n_grid=200)
    shifts = circular_shifts(epochs, 10, 5, np.random.default_rng(0))
    model, statistics = model_of(columns, residual, weight, epochs), []
    for scale in (np.ones(3), np.array([100.0, 1e-3, 5.0])):
        scaled = covariate * scale
        ranges = column_ranges(scaled.__getitem__, epochs, [0])
        scores = studentised_scores(aligned_moments(scaled.__getitem__, model, shifts), model.score, ranges)
        statistics.append(np.sum(scores**2, axis=1))
    np.testing.assert_allclose(statistics[0], statistics[1], rtol=1e-5)


def test_statistic_ignores_what_the_other_covariates_explain():
    covariate, columns, residual, weight = arrays(200)
    epochs = Epochs.of_labels(np.zeros(200, dtype=int), n_grid=200)
    shifts = circular_shifts(epochs, 10, 5, np.random.default_rng(0))
    ranges = np.full(3, 1e-6)

    def scores(residual):
        model = model_of(columns, residual, weight, epochs)
        return studentised_scores(aligned_moments(covariate.__getitem__, model, shifts), model.score, ranges)

    explained = weight * (columns @ np.array([0.5, 1.0, -2.0, 0.3, 0.7]))
    np.testing.assert_allclose(scores(residual + explained), scores(residual), atol=1e-5)


@pytest.mark.parametrize("left_out", [0, 1])
def test_the_fit_without_a_covariate_is_that_of_the_others(left_out):
    statsmodels = pytest.importorskip("statsmodels.api", reason="statsmodels fits the reference model")
    sample = simulated(2000)
    without = AllCovariates(sample, PoissonObservations()).without(left_out)
    assert without.converged
    others = np.hstack([np.ones((2000, 1)), sample.design.blocks[1 - left_out].as_matrix(slice(None))[:, 1:]])
    fit = statsmodels.GLM(sample.y, others, family=statsmodels.families.Poisson()).fit(tol=1e-12)
    # The weak ridge takes a little away; a score of the intercept remains of it.
    np.testing.assert_allclose(sample.y - without.residual, fit.mu, rtol=0.02)
    assert abs(without.residual.sum()) < 0.05


@pytest.mark.parametrize(("cell", "left_out"), [(7, "history"), (12, "speed")])
def test_fits_of_columns_of_spikes_converge(cell, left_out):
    recorded = load_head_direction_recording().bin(0.025)
    counts = recorded.counts.astype(float)
    history = RaisedCosineLogConv(5, window_size=10, label="history")
    coupling = RaisedCosineLogConv(3, window_size=10, label="coupling")
    basis = CyclicBSplineEval(8, bounds=(0, 2 * np.pi), label="heading") + BSplineEval(6, label="speed")
    others = np.delete(counts, cell, axis=1)
    design = (basis + history + coupling).design(recorded.head_direction, recorded.speed, counts[:, cell], others)
    sample = as_sample(design, counts[:, cell], PoissonObservations())
    without = AllCovariates(sample, PoissonObservations()).without(design.labels.index(left_out))
    assert without.converged
    ridge = RIDGE * np.delete(without.coef, design.layout.leaf_slices[design.labels.index(left_out)])
    score = without.columns.products(slice(0, len(sample.y)), without.residual)[1:]
    assert np.abs(score - ridge).max() < 0.02  # of some hundreds of spikes


def test_trend_counts_among_the_other_covariates():
    sample = simulated()
    trend = trend_block(np.arange(400), 6)
    without = AllCovariates(sample, PoissonObservations(), trend).without(1)
    assert without.columns.matrix(slice(0, 400)).shape == (400, 1 + 5 + 6)
    # A weak ridge leaves this much.
    assert np.abs(without.columns.products(slice(0, 400), without.residual)).max() < 0.5


@pytest.mark.parametrize("swap", [False, True])
def test_rows_between_trials_do_not_swamp_the_statistic(swap):
    rng = np.random.default_rng(0)
    trial = np.where(np.arange(9000) % 150 < 100, np.arange(9000) // 150, -1)
    # Four times the rate between trials, which the fit sees and the shifts do not.
    counts = rng.poisson(np.where(trial < 0, 2.0, 0.5)).astype(float)
    basis = BSplineEval(5, bounds=(0, 1), label="a") + BSplineEval(5, bounds=(0, 1), label="b")
    sample = Sample(basis.design(*rng.random((2, 9000))), counts)
    without = AllCovariates(sample, PoissonObservations()).without(1)
    epochs = Epochs.of_labels(trial, n_grid=4096, swapped=swap)
    many = swaps(epochs, 50, rng) if swap else circular_shifts(epochs, 50, 5, rng)
    columns = partial(rows_of, sample.design.blocks[1])
    model = Model.of(without.columns, without.residual, without.weight, epochs, np.array([0]))
    scores = studentised_scores(aligned_moments(columns, model, many), model.score, column_ranges(columns, epochs, [0]))
    assert np.median(np.sum(scores**2, axis=1)) < 15  # about chi-squared with 4 degrees of freedom; it was thousands
