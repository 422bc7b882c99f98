"""Fits with learned priors: against optimisers that know nothing of them, and in their limits."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize

from spikesieve.basis import BSplineEval, CyclicBSplineEval, RaisedCosineLogConv
from spikesieve.datasets import load_head_direction_recording
from spikesieve.design import as_design
from spikesieve.observation_models import GaussianObservations, PoissonObservations
from spikesieve.selection._learned_precisions import SMALLEST, evidence_of_effect, learn_precisions, spread
from spikesieve.selection._prior_fit import AllCovariates, trend_block
from spikesieve.selection._relations import related_blocks
from spikesieve.solver import Sample, as_sample
from tests.selection.recordings import recording

POISSON = PoissonObservations()


def marginal_log_likelihood(information, working, spans, precisions) -> float:
    """Of a Gaussian working response, but for what no precision changes."""
    per_column = spread(precisions, spans, len(working))
    total = information + np.diag(per_column)
    prior = 0.5 * np.log(per_column[1:]).sum()
    return prior - 0.5 * np.linalg.slogdet(total)[1] + 0.5 * working @ np.linalg.solve(total, working)


def test_learned_precisions_are_the_likeliest():
    rng = np.random.default_rng(0)
    columns = np.hstack([np.ones((500, 1)), rng.standard_normal((500, 12))])
    coef = np.concatenate([[1.0], rng.normal(0, 0.5, 6), rng.normal(0, 0.15, 6)])
    response = columns @ coef + rng.standard_normal(500)
    information, working = columns.T @ columns, columns.T @ response
    spans, precisions = (slice(1, 7), slice(7, 13)), np.ones(2)
    for _ in range(20):
        precisions, change = learn_precisions(information, working, spans, precisions)
    assert change < 1e-3 and precisions.min() > SMALLEST
    best = minimize(
        lambda logs: -marginal_log_likelihood(information, working, spans, np.exp(logs)), np.zeros(2), tol=1e-10
    )
    np.testing.assert_allclose(precisions, np.exp(best.x), rtol=0.02)


def test_every_step_makes_precisions_likelier():
    rng = np.random.default_rng(1)
    columns = np.hstack([np.ones((300, 1)), rng.standard_normal((300, 10))])
    response = columns[:, 1:6] @ rng.normal(0, 0.4, 5) + rng.standard_normal(300)
    information, working, spans = columns.T @ columns, columns.T @ response, (slice(1, 6), slice(6, 11))
    found = [np.array([30.0, 30.0])]
    for _ in range(4):
        found.append(learn_precisions(information, working, spans, found[-1])[0])
    likelihoods = [marginal_log_likelihood(information, working, spans, each) for each in found]
    assert np.diff(likelihoods).min() > -1e-9 and likelihoods[1] > likelihoods[0] + 1.0


def precisions_of(covariates: AllCovariates) -> np.ndarray:
    return np.array([covariates.fit.precision[span][0] for span in covariates.spans])


def test_covariates_without_effect_are_silenced_and_true_ones_are_free():
    silent = []
    for seed in range(6):
        design, counts, active = recording(seed=seed)
        covariates = AllCovariates(Sample(design, counts[:, 0]), POISSON, trend_block(np.arange(len(counts)), 20))
        of_each = precisions_of(covariates)
        assert (of_each[: len(active)] == 0.01).all()
        silent += list(of_each[len(active) :] > 50.0)  # the null ones', and the trend's of a rate that does not drift
    assert np.mean(silent) > 0.6


def test_evidence_of_an_effect_is_the_ratio_of_two_marginal_likelihoods():
    rng = np.random.default_rng(0)
    columns = np.hstack([np.ones((400, 1)), rng.standard_normal((400, 8))])
    response = columns[:, 1:5] @ rng.normal(0, 0.2, 4) + rng.standard_normal(400)
    information, working, spans = columns.T @ columns, columns.T @ response, (slice(1, 5), slice(5, 9))
    precisions = np.array([20.0, 60.0])
    covariance = np.linalg.inv(information + np.diag(spread(precisions, spans, 9)))
    for number, span in enumerate(spans):
        silenced = precisions.copy()
        silenced[number] = 1e9
        expected = marginal_log_likelihood(information, working, spans, precisions) - marginal_log_likelihood(
            information, working, spans, silenced
        )
        found = evidence_of_effect((covariance @ working)[span], covariance[span, span], precisions[number])
        assert found == pytest.approx(expected, abs=1e-3)


def stretches(values, seed=0, scale=1.0):
    """Columns of two covariates, the second of which follows the first by `scale`, in two stretches."""
    rng = np.random.default_rng(seed)
    noise = gaussian_filter1d(rng.standard_normal((3, 3000)), values, axis=1)
    noise /= noise.std(axis=1, keepdims=True)
    second = scale * noise[0] + np.sqrt(1 - scale**2) * noise[1]
    bases = [BSplineEval(6).compute_features(np.argsort(np.argsort(v)) / 3000) for v in (noise[0], second, noise[2])]
    whole = np.hstack([np.ones((3000, 1)), *bases])
    return [whole[0::2], whole[1::2]], (slice(1, 7), slice(7, 13), slice(13, 19))


@pytest.mark.parametrize("width", [2.0, 100.0])
def test_covariates_that_are_related_beyond_chance_are_told_from_slow_ones(width):
    related = np.mean([related_blocks(*stretches(width, seed, 0.9)) for seed in range(10)], axis=0)
    unrelated = np.mean([related_blocks(*stretches(width, seed, 0.0)) for seed in range(10)])
    assert unrelated < 0.15
    if width < 10.0:
        assert related[:2].min() == 1.0 and related[2] == 0.0


def test_a_block_that_does_not_vary_is_related_to_nothing():
    (first, second), spans = stretches(2.0, scale=0.0)
    for rows in (first, second):
        rows[:, spans[2]] = 3.0
    np.testing.assert_array_equal(related_blocks([first, second], spans), [False, False, False])


def test_a_rhythm_of_the_sampling_is_seen():
    """Every tenth row of a covariate with a period of ten bins is the same: so it was silenced."""
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * np.arange(50_000) / 10
    rhythm, other = np.stack([np.cos(phase), np.sin(phase)], axis=1), rng.standard_normal((50_000, 2))
    counts = rng.poisson(0.05 * np.exp(0.8 * rhythm[:, 0])).astype(float)
    covariates = AllCovariates(Sample(as_design({"rhythm": rhythm, "other": other}), counts), POISSON)
    assert precisions_of(covariates)[covariates.sample.design.labels.index("rhythm")] == 0.01


def test_rare_events_are_read_where_they_are():
    rng = np.random.default_rng(0)
    events = np.zeros((60_000, 1))
    events[rng.choice(60_000, 5, replace=False)] = 1.0
    counts = rng.poisson(np.where(events[:, 0] > 0, 6.0, 0.05)).astype(float)
    features = {"events": events, "other": rng.standard_normal((60_000, 2))}
    covariates = AllCovariates(Sample(as_design(features), counts), POISSON)
    number = covariates.sample.design.labels.index("events")
    assert covariates.fit.converged and precisions_of(covariates)[number] == 0.01
    coef = covariates.columns.as_coef(covariates.fit.theta)[1]
    assert coef[covariates.sample.design.layout.leaf_slices[number]] == pytest.approx(np.log(6.0 / 0.05), abs=0.6)


def test_a_drift_is_taken_up_by_the_trend():
    rng = np.random.default_rng(0)
    drift = np.sin(np.arange(4000) / 400)
    design = BSplineEval(5, bounds=(0, 1), label="a").design(rng.random(4000))
    covariates = AllCovariates(
        Sample(design, rng.poisson(np.exp(drift)).astype(float)), POISSON, trend_block(np.arange(4000), 20)
    )
    trend = covariates.columns.matrix(slice(None))[:, covariates.spans[1]] @ covariates.fit.theta[covariates.spans[1]]
    assert np.corrcoef(trend, drift)[0, 1] > 0.99


@pytest.mark.parametrize("weighted", [False, True])
def test_the_fit_is_where_likelihood_and_priors_agree(weighted):
    design, counts, _ = recording(seed=5, n_bins=2000)
    rng = np.random.default_rng(0)
    offset, weight = (rng.normal(0, 0.2, 2000), rng.random(2000) + 0.5) if weighted else (None, None)
    fit = AllCovariates(Sample(design, counts[:, 0], offset, weight), POISSON).fit
    assert fit.converged
    columns = fit.columns.matrix(slice(None))
    mean = np.exp(columns @ fit.theta + (0.0 if offset is None else offset))
    row_weight = 1.0 if weight is None else weight
    np.testing.assert_allclose(fit.residual, row_weight * (counts[:, 0] - mean), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fit.weight, row_weight * mean, rtol=1e-9)
    gradient = columns.T @ fit.residual - fit.precision * fit.theta
    information = (columns.T * fit.weight) @ columns + np.diag(fit.precision)
    assert gradient @ np.linalg.solve(information, gradient) < 2e-3  # twice the log-likelihood still to gain


@pytest.mark.parametrize("cell", [7, 12])
def test_fits_of_columns_of_spikes_converge(cell):
    recorded = load_head_direction_recording().bin(0.025)
    counts = recorded.counts.astype(float)
    history = RaisedCosineLogConv(5, window_size=10, label="history")
    coupling = RaisedCosineLogConv(3, window_size=10, label="coupling")
    basis = CyclicBSplineEval(8, bounds=(0, 2 * np.pi), label="heading") + BSplineEval(6, label="speed")
    others = np.delete(counts, cell, axis=1)
    design = (basis + history + coupling).design(recorded.head_direction, recorded.speed, counts[:, cell], others)
    sample = as_sample(design, counts[:, cell], POISSON)
    fit = AllCovariates(sample, POISSON).fit
    assert fit.converged
    left = fit.columns.products(fit.residual) - fit.precision * fit.theta
    assert np.abs(left).max() < 1.0  # of some hundreds of spikes


def test_gaussian_observations_of_any_size_are_fitted_alike():
    rng = np.random.default_rng(0)
    columns = {name: rng.standard_normal((1500, 4)) for name in ("a", "b")}
    y = columns["a"] @ np.array([0.5, -0.3, 0.2, 0.4]) + rng.standard_normal(1500)
    small, large = (AllCovariates(Sample(as_design(columns), scale * y), GaussianObservations()) for scale in (1, 1e4))
    of_small, of_large = (one.fit.columns.as_coef(one.fit.theta)[1] for one in (small, large))
    np.testing.assert_allclose(1e4 * of_small, of_large, atol=1e-2)
    assert small.fit.dispersion == pytest.approx(1.0, rel=0.1)
    assert large.fit.dispersion == pytest.approx(1e8 * small.fit.dispersion, rel=1e-6)
    np.testing.assert_allclose(1e-4 * small.fit.residual, large.fit.residual, rtol=1e-4, atol=1e-8)
