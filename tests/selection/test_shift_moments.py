"""Moments of shifted and swapped covariates against loops over rows put in their new order."""

from functools import partial

import numpy as np
import pytest

from spikesieve.basis import BSplineEval
from spikesieve.design import DenseBlock
from spikesieve.observation_models import PoissonObservations
from spikesieve.selection import NotEnoughData
from spikesieve.selection._aligned_moments import Model, aligned_moments, column_ranges, memory
from spikesieve.selection._alignments import Epochs, circular_shifts, swaps
from spikesieve.selection._efficient_score import studentised_scores
from spikesieve.selection._without_covariate import fit_without, rows_of, trend_block
from spikesieve.solver import Sample


def arrays(n_rows: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    covariate = rng.standard_normal((n_rows, 3))
    columns = np.hstack([np.ones((n_rows, 1)), rng.standard_normal((n_rows, 4))])
    return covariate, columns, rng.standard_normal(n_rows), rng.random(n_rows) + 0.1


def moments_of(covariate, columns, residual, weight, alignments, phases):
    model = Model(columns.__getitem__, residual, weight)
    return aligned_moments(covariate.__getitem__, model, alignments, phases)


def test_moments_of_one_epoch_are_those_of_rolled_rows():
    covariate, columns, residual, weight = arrays(57)
    epochs = Epochs.of_labels(np.zeros(57, dtype=int), n_grid=57)
    shifts = circular_shifts(epochs, 20, 4, np.random.default_rng(0))
    moments = moments_of(covariate, columns, residual, weight, shifts, np.array([0]))
    for number, (step,) in enumerate(shifts.partners):
        rolled = np.roll(covariate, step, axis=0)
        np.testing.assert_allclose(moments.score[number], rolled.T @ residual, atol=1e-11)
        np.testing.assert_allclose(moments.information[number], (rolled.T * weight) @ rolled, atol=1e-11)
        np.testing.assert_allclose(moments.cross[number], (rolled.T * weight) @ columns, atol=1e-11)
    np.testing.assert_allclose(moments.nuisance, (columns.T * weight) @ columns, atol=1e-11)
    assert moments.share == 1.0


@pytest.mark.parametrize("swapped", [False, True])
def test_moments_are_those_of_the_rows_that_an_alignment_names(swapped):
    covariate, columns, residual, weight = arrays(130)
    labels = np.repeat([0, -1, 1, 2], [40, 7, 31, 52])
    epochs, phases = Epochs.of_labels(labels, n_grid=40), np.array([0, 2])
    assert epochs.stride == 3
    rng = np.random.default_rng(1)
    alignments = swaps(epochs, 9, rng) if swapped else circular_shifts(epochs, 9, 2, rng)
    moments = moments_of(covariate, columns, residual, weight, alignments, phases)
    within = np.concatenate(
        [start + np.arange(length) for start, length in zip(epochs.starts, epochs.lengths, strict=True)]
    )
    on_grid = [start + np.arange(n * 3) for start, n in zip(epochs.starts, epochs.n_steps, strict=True)]
    summed = within if swapped else np.concatenate(on_grid)
    sampled = np.concatenate([rows[np.isin(np.arange(len(rows)) % 3, phases)] for rows in on_grid])
    for number in range(len(alignments.partners)):
        moved = covariate[alignments.rows(number)]
        np.testing.assert_allclose(moments.score[number], moved[summed].T @ residual[summed], atol=1e-11)
        weighted = moved[sampled].T * weight[sampled]
        np.testing.assert_allclose(moments.information[number], weighted @ moved[sampled], atol=1e-11)
        np.testing.assert_allclose(moments.cross[number], weighted @ columns[sampled], atol=1e-11)


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
    epochs = Epochs.of_labels(np.repeat(np.arange(5), 30), n_grid=150)
    partners = swaps(epochs, 30, np.random.default_rng(0)).partners
    assert (partners[1:] != np.arange(5)).all()
    assert len(np.unique(partners, axis=0)) == len(partners)


def test_a_single_epoch_cannot_be_swapped():
    with pytest.raises(ValueError, match="at least two epochs"):
        swaps(Epochs.of_labels(np.zeros(30, dtype=int), n_grid=30), 5, np.random.default_rng(0))


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
    without = fit_without(sample, PoissonObservations(), 1, None)
    block = DenseBlock(sample.design.blocks[1].as_matrix(slice(None))[:, 1:])  # with the intercept, full rank
    epochs = Epochs.of_labels(np.zeros(4000, dtype=int), n_grid=4000)
    columns = partial(rows_of, block)
    shifts = circular_shifts(epochs, 3, 5, np.random.default_rng(0))
    model = Model(without.columns, without.residual, without.weight)
    moments = aligned_moments(columns, model, shifts, np.array([0]))
    ranges = 1e-5 * column_ranges(columns, epochs, [0])  # next to no prior information
    scores = studentised_scores(moments, ranges)
    others = np.hstack([np.ones((4000, 1)), sample.design.blocks[0].as_matrix(slice(None))[:, 1:]])
    fit = statsmodels.GLM(sample.y, others, family=statsmodels.families.Poisson()).fit(tol=1e-12)
    expected = fit.score_test(exog_extra=block.columns)[0]
    assert np.sum(scores[0] ** 2) == pytest.approx(float(np.squeeze(expected)), rel=1e-3)


def test_statistic_does_not_depend_on_the_units_of_the_columns():
    covariate, columns, residual, weight = arrays(200)
    epochs = Epochs.of_labels(np.zeros(200, dtype=int), n_grid=200)
    shifts = circular_shifts(epochs, 10, 5, np.random.default_rng(0))
    statistics = []
    for scale in (np.ones(3), np.array([100.0, 1e-3, 5.0])):
        scaled = covariate * scale
        moments = moments_of(scaled, columns, residual, weight, shifts, np.array([0]))
        ranges = column_ranges(scaled.__getitem__, epochs, [0])
        statistics.append(np.sum(studentised_scores(moments, ranges) ** 2, axis=1))
    np.testing.assert_allclose(statistics[0], statistics[1], rtol=1e-9)


def test_statistic_ignores_what_the_other_covariates_explain():
    covariate, columns, residual, weight = arrays(200)
    epochs = Epochs.of_labels(np.zeros(200, dtype=int), n_grid=200)
    shifts = circular_shifts(epochs, 10, 5, np.random.default_rng(0))
    ranges = np.full(3, 1e-6)

    def scores(residual):
        moments = moments_of(covariate, columns, residual, weight, shifts, np.array([0]))
        return studentised_scores(moments, ranges)

    explained = weight * (columns @ np.array([0.5, 1.0, -2.0, 0.3, 0.7]))
    np.testing.assert_allclose(scores(residual + explained), scores(residual), atol=1e-8)


def test_trend_counts_among_the_other_covariates():
    sample = simulated()
    trend = trend_block(np.arange(400), 6)
    without = fit_without(sample, PoissonObservations(), 1, trend)
    assert without.columns(slice(0, 400)).shape == (400, 1 + 5 + 6)
    # A weak ridge leaves this much.
    assert np.abs(without.columns(slice(0, 400)).T @ without.residual).max() < 0.5


@pytest.mark.parametrize("swap", [False, True])
def test_rows_between_trials_do_not_swamp_the_statistic(swap):
    rng = np.random.default_rng(0)
    trial = np.where(np.arange(9000) % 150 < 100, np.arange(9000) // 150, -1)
    # Four times the rate between trials, which the fit sees and the shifts do not.
    counts = rng.poisson(np.where(trial < 0, 2.0, 0.5)).astype(float)
    basis = BSplineEval(5, bounds=(0, 1), label="a") + BSplineEval(5, bounds=(0, 1), label="b")
    sample = Sample(basis.design(*rng.random((2, 9000))), counts)
    without = fit_without(sample, PoissonObservations(), 1, None)
    epochs = Epochs.of_labels(trial, n_grid=4096)
    many = swaps(epochs, 50, rng) if swap else circular_shifts(epochs, 50, 5, rng)
    columns = partial(rows_of, sample.design.blocks[1])
    model = Model(without.columns, without.residual, without.weight)
    moments = aligned_moments(columns, model, many, np.array([0]))
    statistics = np.sum(studentised_scores(moments, column_ranges(columns, epochs, [0])) ** 2, axis=1)
    assert np.median(statistics) < 15  # about chi-squared with 4 degrees of freedom; it was thousands
