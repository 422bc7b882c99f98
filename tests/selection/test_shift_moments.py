"""Moments of shifted and swapped covariates against loops over rows put in their new order."""

import numpy as np
import pytest

from spikesieve.basis import BSplineEval
from spikesieve.design import as_design
from spikesieve.observation_models import PoissonObservations
from spikesieve.selection import NotEnoughData
from spikesieve.selection._aligned_moments import aligned_moments, memory
from spikesieve.selection._alignments import Epochs, circular_shifts, swaps
from spikesieve.selection._columns import StandardColumns, held
from spikesieve.selection._efficient_score import studentised_scores
from spikesieve.selection._prior_fit import AllCovariates, PriorFit, trend_block
from spikesieve.selection._working_model import SampledRows, WithoutCovariate, WorkingModel
from spikesieve.solver import Sample

COVARIATE = slice(5, 8)


def quadratic(n_rows: int, seed: int = 0) -> PriorFit:
    """A fit of four columns and, behind them, a covariate of three, at which the others' score need not vanish."""
    rng = np.random.default_rng(seed)
    design = as_design({"a": rng.standard_normal((n_rows, 4)), "b": rng.standard_normal((n_rows, 3))})
    columns = StandardColumns.of(design, [slice(0, n_rows)], 3.0)
    precision = np.concatenate([[0.0], rng.random(7) + 0.1])
    theta, residual = 0.1 * rng.standard_normal(8), rng.standard_normal(n_rows)
    return PriorFit(columns, theta, precision, 1.0, True, residual, rng.random(n_rows) + 0.1)


def without_covariate(fit: PriorFit, epochs: Epochs, phases=(0,), chosen=None) -> WithoutCovariate:
    sampled = SampledRows(epochs, np.array(phases), np.arange(len(epochs)) if chosen is None else np.array(chosen))
    return WorkingModel.of(fit, sampled).without(COVARIATE)


def response_of(fit: PriorFit, columns):
    """Working response times weights, ``W z``."""
    return fit.weight * (columns @ fit.theta) + fit.residual


def of_the_others(fit: PriorFit, columns, rows):
    """Covariance of the other columns' coefficients, from some rows."""
    others = columns[rows, : COVARIATE.start]
    information = (others.T * fit.weight[rows]) @ others
    return np.linalg.inv(information + np.diag(fit.precision[: len(information)]))


def test_moments_of_one_epoch_are_those_of_rolled_rows():
    fit = quadratic(57)
    epochs = Epochs.of_labels(np.zeros(57, dtype=int), n_grid=57)
    shifts = circular_shifts(epochs, 20, 4, np.random.default_rng(0))
    without = without_covariate(fit, epochs)
    columns = fit.columns.matrix(slice(None))
    covariance = of_the_others(fit, columns, np.arange(57))
    covariate, others = columns[:, COVARIATE], columns[:, : COVARIATE.start]
    moments = aligned_moments(covariate.__getitem__, without, shifts)
    for number, (step,) in enumerate(shifts.partners):
        rolled = np.roll(covariate, step, axis=0)
        np.testing.assert_allclose(moments.score[number], rolled.T @ without.residual, atol=1e-11)
        weighted = rolled.T * fit.weight
        np.testing.assert_allclose(moments.information[number], weighted @ rolled, atol=1e-4)  # in single precision
        explained = weighted @ others @ covariance @ others.T @ weighted.T
        np.testing.assert_allclose(moments.cross[number] @ moments.cross[number].T, explained, atol=1e-4)
        corrected = weighted @ others @ covariance @ without.derivative[: COVARIATE.start]
        np.testing.assert_allclose(moments.cross[number] @ without.score, corrected, atol=1e-4)


@pytest.mark.parametrize("swapped", [False, True])
def test_moments_are_those_of_the_rows_that_an_alignment_names(swapped):
    fit = quadratic(130)
    labels = np.repeat([0, -1, 1, 2], [40, 7, 31, 52])
    epochs, phases = Epochs.of_labels(labels, n_grid=40, swapped=swapped), np.array([0, 1])
    assert epochs.stride == 2
    rng = np.random.default_rng(1)
    alignments = swaps(epochs, 9, rng) if swapped else circular_shifts(epochs, 9, 2, rng)
    without = without_covariate(fit, epochs, phases)
    within = np.concatenate(
        [start + np.arange(length) for start, length in zip(epochs.starts, epochs.lengths, strict=True)]
    )
    on_grid = np.concatenate([start + np.arange(n * 2) for start, n in zip(epochs.starts, epochs.n_steps, strict=True)])
    summed = within if swapped else on_grid
    assert epochs.n_rows == len(summed)
    columns = fit.columns.matrix(slice(None))
    covariance = of_the_others(fit, columns, on_grid)
    covariate, others = columns[:, COVARIATE], columns[:, : COVARIATE.start]
    moments = aligned_moments(covariate.__getitem__, without, alignments)
    for number in range(len(alignments.partners)):
        moved = covariate[alignments.rows(number, 130)]
        np.testing.assert_allclose(moments.score[number], moved[summed].T @ without.residual[summed], atol=1e-11)
        weighted = moved[on_grid].T * fit.weight[on_grid]
        np.testing.assert_allclose(moments.information[number], weighted @ moved[on_grid], atol=1e-4)
        across = weighted @ others[on_grid]
        explained = across @ covariance @ across.T
        np.testing.assert_allclose(moments.cross[number] @ moments.cross[number].T, explained, atol=1e-4)


@pytest.mark.parametrize("n_between", [0, 60])
def test_others_without_a_covariate_are_where_the_quadratic_is_smallest(n_between):
    fit = quadratic(200)
    labels = np.where(np.arange(200) < 200 - n_between, 0, -1)
    epochs = Epochs.of_labels(labels, n_grid=200)
    without = without_covariate(fit, epochs)
    summed, others = np.arange(200 - n_between), fit.columns.matrix(slice(None))[:, : COVARIATE.start]
    columns = fit.columns.matrix(slice(None))
    response = response_of(fit, columns)
    mode = of_the_others(fit, columns, summed) @ (others[summed].T @ response[summed])
    np.testing.assert_allclose(without.residual, response - fit.weight * (others @ mode), atol=1e-10)
    assert np.abs(without.derivative).max() < 1e-10  # nothing is left over where the quadratic is exact


def test_what_sampled_rows_do_not_know_is_left_over_as_a_derivative():
    fit = quadratic(200)
    epochs = Epochs.of_labels(np.zeros(200, dtype=int), n_grid=50)
    without = without_covariate(fit, epochs, phases=(1, 3))
    columns = fit.columns.matrix(slice(None))
    others, predictor = columns[:, : COVARIATE.start], (response_of(fit, columns) - without.residual) / fit.weight
    mode = np.linalg.lstsq(others, predictor, rcond=None)[0]
    np.testing.assert_allclose(others @ mode, predictor, atol=1e-10)
    expected = others.T @ without.residual - fit.precision[: COVARIATE.start] * mode
    np.testing.assert_allclose(without.derivative[: COVARIATE.start], expected, atol=1e-8)
    assert np.abs(expected).max() > 0.1


def test_remainder_is_what_a_weighted_regression_leaves():
    fit = quadratic(200)
    epochs = Epochs.of_labels(np.zeros(200, dtype=int), n_grid=200)
    columns, root = fit.columns.matrix(slice(None)), np.sqrt(fit.weight)[:, None]
    covariate, others = columns[:, COVARIATE], columns[:, : COVARIATE.start]
    coef = np.linalg.lstsq(others * root, covariate * root, rcond=None)[0]
    remainder = held(without_covariate(fit, epochs).remainder, 200)
    np.testing.assert_allclose(remainder(slice(3, 150, 2)), (covariate - others @ coef)[3:150:2], atol=1e-6)
    np.testing.assert_allclose(fit.columns.products(fit.residual), columns.T @ fit.residual)


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
    assert memory(averaged.__getitem__, epochs, 0.25) == pytest.approx(7.5, abs=0.4)


def simulated(n_rows=400, seed=0):
    """A Poisson sample of two dependent covariates, the second without effect."""
    rng = np.random.default_rng(seed)
    first = rng.random(n_rows)
    second = np.clip(0.5 * first + 0.5 * rng.random(n_rows), 0, 1)
    basis = BSplineEval(5, bounds=(0, 1), label="a") + BSplineEval(5, bounds=(0, 1), label="b")
    design = basis.design(first, second)
    return Sample(design, rng.poisson(np.exp(np.sin(4 * first))).astype(float))


def of_all_rows(covariates: AllCovariates, epochs: Epochs) -> WorkingModel:
    return WorkingModel.of(covariates.fit, SampledRows(epochs, np.arange(epochs.stride), np.arange(len(epochs))))


def test_statistic_is_the_score_test_of_an_exact_poisson_fit():
    statsmodels = pytest.importorskip("statsmodels.api", reason="statsmodels fits the reference model")
    sample = simulated(20_000)  # 28 000 spikes, beside which a prior says nothing
    covariates = AllCovariates(sample, PoissonObservations())
    block = sample.design.blocks[1].as_matrix(slice(None))[:, 1:]  # with the intercept, full rank
    epochs = Epochs.of_labels(np.zeros(20_000, dtype=int), n_grid=20_000)
    shifts = circular_shifts(epochs, 3, 5, np.random.default_rng(0))
    without = of_all_rows(covariates, epochs).without(covariates.spans[1])
    others = np.hstack([np.ones((20_000, 1)), sample.design.blocks[0].as_matrix(slice(None))[:, 1:]])
    fit = statsmodels.GLM(sample.y, others, family=statsmodels.families.Poisson()).fit(tol=1e-12)
    expected = float(np.squeeze(fit.score_test(exog_extra=block)[0]))
    for moved in (lambda rows: 30.0 * block[rows], lambda rows: 30.0 * without.remainder(rows)[:, 1:]):
        # In such units next to no prior information.
        scores = studentised_scores(aligned_moments(moved, without, shifts), without.score)
        assert np.sum(scores[0] ** 2) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("held_entries", [2**24, 0], ids=["held", "written anew"])
def test_columns_are_alike_whatever_their_units_and_where_they_lie(monkeypatch, held_entries):
    monkeypatch.setattr("spikesieve.selection._columns._MOST_HELD", held_entries)
    rng = np.random.default_rng(0)
    features, scale, offset = rng.standard_normal((200, 3)), np.array([100.0, 1e-3, 5.0]), np.array([0.0, 1.0, 1e7])
    plain, scaled = (
        StandardColumns.of(as_design({"a": a[:, :2], "b": a[:, 2:]}), [slice(0, 200)])
        for a in (features, features * scale + offset)
    )
    theta, values = rng.standard_normal(4), rng.standard_normal(200)
    every_third = slice(1, 190, 3)
    for columns in (plain, scaled):
        matrix = columns.matrix(slice(None))
        np.testing.assert_allclose(matrix @ theta, columns.linear_predictor(theta), atol=1e-7)
        np.testing.assert_allclose(matrix.T @ values, columns.products(values), atol=1e-6)
        np.testing.assert_allclose(
            columns.rows_of_block(1)(every_third), columns.matrix(every_third)[:, 3:], rtol=1e-12
        )
        np.testing.assert_allclose(columns.times(theta[:, None])(every_third)[:, 0], matrix[every_third] @ theta)
        intercept, coef = columns.as_coef(theta)
        np.testing.assert_allclose(columns.design.linear_predictor(coef, intercept), matrix @ theta, atol=1e-7)
        assert np.ptp(matrix[:, 1:], axis=0) == pytest.approx(1.0, abs=1e-7)
    np.testing.assert_allclose(np.ptp(scaled.matrix(slice(None)) - plain.matrix(slice(None)), axis=0), 0.0, atol=1e-7)


def test_short_trials_are_sampled_and_the_sample_stands_for_all():
    fit = quadratic(3000)
    epochs = Epochs.of_labels(np.arange(3000) // 20, n_grid=500)
    assert epochs.stride == 1
    sampled = SampledRows.drawn(epochs, 500, np.random.default_rng(0))
    assert len(sampled.chosen) * 20 == pytest.approx(1000, abs=40)
    assert sampled.weight == pytest.approx(3000 / (len(sampled.chosen) * 20))
    every, some = (WorkingModel.of(fit, rows) for rows in (SampledRows(epochs, np.array([0]), np.arange(150)), sampled))
    np.testing.assert_allclose(some.information, every.information, atol=0.15 * every.information.max())
    np.testing.assert_allclose(some.score, every.score)
    shifts = circular_shifts(epochs, 20, 3, np.random.default_rng(0))
    covariate = fit.columns.rows_of_block(1)
    of_all, of_some = (aligned_moments(covariate, model.without(COVARIATE), shifts) for model in (every, some))
    np.testing.assert_allclose(of_some.information, of_all.information, atol=0.2 * of_all.information.max())


@pytest.mark.parametrize("length", [1507, 643, 20_011, 57])
def test_one_long_epoch_goes_round_a_number_of_steps_with_small_factors(length):
    epochs = Epochs.of_labels(np.zeros(length, dtype=int), n_grid=500)
    n_steps = int(epochs.n_steps[0])
    assert 0.99 * length <= epochs.n_rows <= length and epochs.n_rows == n_steps * epochs.stride
    if length > 500:
        assert set(np.unique(prime_factors(n_steps))) <= {2, 3, 5} and n_steps >= 300


def prime_factors(n: int) -> list[int]:
    found = []
    for p in range(2, n + 1):
        while n % p == 0:
            found.append(p)
            n //= p
    return found


def test_a_trend_counts_among_the_other_covariates():
    sample = simulated(2000)
    drifting = Sample(sample.design, np.random.default_rng(0).poisson(np.exp(np.arange(2000) / 1000)).astype(float))
    epochs, residuals = Epochs.of_labels(np.zeros(2000, dtype=int), n_grid=2000), []
    for trend in (None, trend_block(np.arange(2000), 6)):
        covariates = AllCovariates(drifting, PoissonObservations(), trend)
        residuals.append(of_all_rows(covariates, epochs).without(covariates.spans[0]).residual)
    without, with_trend = (abs(residual[:1000].sum()) for residual in residuals)
    assert with_trend < 0.05 * without


@pytest.mark.parametrize("swap", [False, True])
def test_rows_between_trials_do_not_swamp_the_statistic(swap):
    rng = np.random.default_rng(0)
    trial = np.where(np.arange(9000) % 150 < 100, np.arange(9000) // 150, -1)
    # Four times the rate between trials, which the fit sees and the shifts do not.
    counts = rng.poisson(np.where(trial < 0, 2.0, 0.5)).astype(float)
    basis = BSplineEval(5, bounds=(0, 1), label="a") + BSplineEval(5, bounds=(0, 1), label="b")
    sample = Sample(basis.design(*rng.random((2, 9000))), counts)
    covariates = AllCovariates(sample, PoissonObservations())
    epochs = Epochs.of_labels(trial, n_grid=4096, swapped=swap)
    many = swaps(epochs, 50, rng) if swap else circular_shifts(epochs, 50, 5, rng)
    columns = covariates.columns.rows_of_block(1)
    without = of_all_rows(covariates, epochs).without(covariates.spans[1])
    scores = studentised_scores(aligned_moments(columns, without, many), without.score)
    assert np.median(np.sum(scores**2, axis=1)) < 15  # about chi-squared with 4 degrees of freedom; it was thousands
