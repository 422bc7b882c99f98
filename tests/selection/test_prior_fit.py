"""Fits with learned priors: against optimisers that know nothing of them, and in their limits."""

import numpy as np
import pytest
from scipy.optimize import minimize

from spikesieve.basis import BSplineEval, CyclicBSplineEval, RaisedCosineLogConv
from spikesieve.datasets import load_head_direction_recording
from spikesieve.design import as_design
from spikesieve.observation_models import GaussianObservations, PoissonObservations
from spikesieve.selection._learned_precisions import SMALLEST, learn_precisions, spread
from spikesieve.selection._prior_fit import AllCovariates, trend_block
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


def test_covariates_without_effect_are_silenced_and_true_ones_are_not():
    design, counts, active = recording(seed=3)
    covariates = AllCovariates(Sample(design, counts[:, 0]), POISSON, trend_block(np.arange(len(counts)), 20))
    of_each = [covariates.fit.precision[span][0] for span in covariates.spans]
    is_active = [label in active for label in design.labels]
    assert [precision < 10.0 for precision in of_each[:-1]] == is_active
    assert min(of_each[2:]) > 50.0  # the null ones', and the trend's of a rate that does not drift


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
