"""Refits: the weak-ridge fit of the kept covariates, errors from leaving out blocks, tuning curves with bands."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

from spikesieve import basis as sb
from spikesieve.design import DenseBlock
from spikesieve.glm import GLM
from spikesieve.observation_models import resolve_observation_model
from spikesieve.selection import CovariateSelector, refit
from spikesieve.selection._leave_blocks_out import changes_without_blocks
from spikesieve.solver import as_sample

POISSON = resolve_observation_model("Poisson")
N, BLOCKS, PRIOR = 3000, 12, 3.0


def smooth(rng, n, width=15.0):
    noise = gaussian_filter1d(rng.normal(size=n), width, mode="wrap")
    return noise / noise.std()


def simulated(seed=0, n=N, mean=0.3):
    """Two covariates, of which both matter, and the log-mean that made the counts."""
    rng = np.random.default_rng(seed)
    shared = smooth(rng, n)
    x, z = (ndtr(np.sqrt(0.7) * smooth(rng, n) + np.sqrt(0.3) * shared) for _ in range(2))
    basis = sb.BSplineEval(6, bounds=(0, 1), label="x") + sb.BSplineEval(5, bounds=(0, 1), label="z")
    coef = {"x": rng.normal(size=6) * 0.8, "z": rng.normal(size=5) * 0.5}
    eta = basis["x"].compute_features(x) @ coef["x"] + basis["z"].compute_features(z) @ coef["z"]
    eta += np.log(mean / np.exp(eta).mean())
    return basis, (x, z), coef, eta, rng.poisson(np.exp(eta))


@pytest.fixture(scope="module")
def fitted():
    basis, covariates, _, _, y = simulated()
    sample = as_sample(basis.design(*covariates), y, POISSON)
    return sample, refit(sample, POISSON, ["z", "x"], n_blocks=BLOCKS)


def test_coefficients_are_those_of_the_weak_ridge(fitted):
    sample, found = fitted
    strength = 1.0 / (N * PRIOR**2)
    model = GLM(regularizer="Ridge", regularizer_strength=strength).fit(sample.design, sample.y)
    for label in ("x", "z"):
        np.testing.assert_allclose(found.coef[label], model.coef_[label], atol=1e-3)
    np.testing.assert_allclose(found.mean, model.predict(sample.design), rtol=1e-4)
    null = POISSON.deviance(np.full(N, np.log(sample.y.mean())), sample.y).sum()
    assert found.pseudo_r2 == pytest.approx(1 - POISSON.deviance(np.log(found.mean), sample.y).sum() / null, rel=1e-9)


def test_leaving_out_a_block_changes_the_rates_as_an_explicit_refit_does(fitted):
    sample, found = fitted
    edges = np.linspace(0, N, BLOCKS + 1).astype(int)
    block = 3
    outside = np.r_[0 : edges[block], edges[block + 1] : N]
    without = replace(sample, design=sample.design[outside], y=sample.y[outside])
    # The prior is one per coefficient whatever the number of samples.
    again = refit(without, POISSON, ["z", "x"], n_blocks=BLOCKS)
    coef = again.sample.design.layout.to_flat(again.coef, "coef")
    change = again.sample.design.linear_predictor(coef, again.intercept)
    change -= found.linear_predictor[outside]
    matrix = np.column_stack([np.ones(len(outside)), found.sample.design[outside].to_dense()])
    np.testing.assert_allclose(matrix @ found.changes[block], change, atol=0.1 * np.abs(change).max())


def test_changes_are_those_of_a_slow_loop(fitted):
    sample, found = fitted
    design = found.sample.design
    matrix = np.column_stack([np.ones(N), design.to_dense()])
    ridge = np.diag([0.0, *[1 / PRIOR**2] * design.n_coef])
    mean = found.mean
    hessian = (matrix * mean[:, None]).T @ matrix + ridge
    for b, rows in enumerate(np.array_split(np.arange(N), BLOCKS)):
        score = matrix[rows].T @ (mean[rows] - sample.y[rows])
        curvature = (matrix[rows] * mean[rows, None]).T @ matrix[rows]
        expected = np.linalg.solve(hessian - curvature, score)
        np.testing.assert_allclose(matrix @ found.changes[b], matrix @ expected, atol=1e-6)


def test_error_of_a_constant_rate_is_that_of_its_block_means():
    y = np.random.default_rng(1).poisson(1.0, 1000).astype(float)
    sample = as_sample({"x": np.zeros((1000, 1))}, y, POISSON)
    changes = changes_without_blocks(sample, POISSON, np.log(y.mean()), np.zeros(1), 1.0, 10)
    totals = y.reshape(10, 100).sum(axis=1)
    expected = (1000 - 100) * y.mean()
    np.testing.assert_allclose(changes[:, 0], (100 * y.mean() - totals) / expected, rtol=1e-9)
    np.testing.assert_allclose(changes[:, 1], 0.0, atol=1e-12)


@pytest.mark.parametrize("link", ["exp", "softplus"])
def test_curve_is_the_rate_averaged_over_the_other_covariates(link):
    basis, covariates, _, _, y = simulated(2, 800)
    family = resolve_observation_model("Poisson", None if link == "exp" else lambda eta: np.logaddexp(0.0, eta))
    sample = as_sample(basis.design(*covariates), y, family)
    found = refit(sample, family, ["x", "z"], n_blocks=8)
    curve = found.tuning_curve("x", bin_width_s=0.02, n_points=7)
    grid, features = basis["x"].evaluate_on_grid(7)
    np.testing.assert_array_equal(curve.grid, grid)
    others = found.intercept + sample.design["z"].to_dense() @ found.coef["z"]
    slow = [family.mean(others + row @ found.coef["x"]).mean() / 0.02 for row in features]
    np.testing.assert_allclose(curve.rate_hz, slow, rtol=1e-6)


@pytest.mark.parametrize("link", ["exp", "softplus"])
def test_bands_follow_the_derivatives_of_the_curve(link):
    basis, covariates, _, _, y = simulated(3, 900)
    family = resolve_observation_model("Poisson", None if link == "exp" else lambda eta: np.logaddexp(0.0, eta))
    found = refit(as_sample(basis.design(*covariates), y, family), family, ["x", "z"], n_blocks=8)
    curve = found.tuning_curve("z", bin_width_s=1.0, n_points=5, seed=1)
    features = {label: found.sample.design[label].to_dense() for label in ("x", "z")}
    rows = basis["z"].evaluate_on_grid(5)[1]

    def log_rate(intercept, x, z):
        others = intercept + features["x"] @ x
        return np.log([family.mean(others + row @ z).mean() for row in rows])

    def moved(change):
        parts = change[0], *np.split(change[1:], [6])
        now = log_rate(found.intercept, found.coef["x"], found.coef["z"])
        step = 1e-5
        then = log_rate(*(a + step * b for a, b in zip((found.intercept, *found.coef.values()), parts, strict=True)))
        return (then - now) / step

    errors = np.array([moved(change) for change in found.changes])
    expected = np.sqrt(7 / 8 * np.square(errors).sum(axis=0))
    half = np.log(curve.upper_hz / curve.lower_hz) / 2
    np.testing.assert_allclose(half / half[0], expected / expected[0], rtol=0.8)
    assert (half > 2.0 * expected).all() and (half < 4.0 * expected).all()


def test_simultaneous_band_holds_the_pointwise_one_which_holds_the_curve(fitted):
    curve = fitted[1].tuning_curve("x", bin_width_s=0.02)
    assert (curve.simultaneous_lower_hz < curve.lower_hz).all() and (curve.lower_hz < curve.rate_hz).all()
    assert (curve.rate_hz < curve.upper_hz).all() and (curve.upper_hz < curve.simultaneous_upper_hz).all()
    wide = fitted[1].tuning_curve("x", bin_width_s=0.02, level=0.99)
    assert (wide.upper_hz > curve.upper_hz).all()


def test_bands_cover_what_made_the_counts():
    # 0.95 is nominal; with 30 recordings of 3 000 bins the standard error of the share is about 0.015.
    inside, everywhere = [], []
    for seed in range(30):
        basis, covariates, coef, eta, y = simulated(100 + seed)
        sample = as_sample(basis.design(*covariates), y, POISSON)
        curve = refit(sample, POISSON, ["x", "z"], n_blocks=30).tuning_curve("x", bin_width_s=1.0, n_points=40)
        own = basis["x"].compute_features(covariates[0]) @ coef["x"]
        truth = np.exp(eta - own).mean() * np.exp(basis["x"].evaluate_on_grid(40)[1] @ coef["x"])
        inside.append(((truth >= curve.lower_hz) & (truth <= curve.upper_hz)).mean())
        within = (truth >= curve.simultaneous_lower_hz) & (truth <= curve.simultaneous_upper_hz)
        everywhere.append(within.all())
    assert 0.89 <= np.mean(inside) <= 0.99
    assert np.mean(everywhere) >= 0.8


def test_a_place_map_has_no_rate_where_the_animal_never_was():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 20_000))
    x[(x > 0.6) & (y > 0.6)] = 0.2
    place = sb.BSplineEval(4, label="x", bounds=(0, 1)) * sb.BSplineEval(5, label="y", bounds=(0, 2))
    design = place.design(x, 2 * y, resolution=1e-2)
    found = refit(as_sample(design, rng.poisson(0.2, 20_000), POISSON), POISSON, design.labels)
    (curve,) = found.tuning_curves(bin_width_s=0.1, n_points=30)
    assert curve.is_map and curve.rate_hz.shape == (30, 30) and curve.grid[1][-1] == 2.0
    assert np.isnan(curve.rate_hz[20:, 20:]).all() and np.isfinite(curve.rate_hz[:17, :17]).all()
    assert np.nanmean(curve.rate_hz) == pytest.approx(2.0, rel=0.1)


def test_observed_rates_are_spikes_over_time_nearby(fitted):
    sample, found = fitted
    curve = found.tuning_curve("x", bin_width_s=0.5, n_points=100)
    at = np.flatnonzero(np.isfinite(curve.observed_hz))[5]
    reach = 2.5 / 99
    x = sample.design["x"].blocks[0].axis.coordinates()
    near = np.abs(x - curve.grid[at]) < reach
    assert curve.observed_hz[at] == pytest.approx(sample.y[near].mean() / 0.5, rel=1e-9)


def test_offsets_and_weights_are_part_of_the_fit():
    basis, covariates, _, eta, _ = simulated(5)
    rng = np.random.default_rng(0)
    exposure = rng.uniform(0.5, 2.0, N)
    y = rng.poisson(exposure * np.exp(eta)).astype(float)
    weight = np.where(np.arange(N) < 2000, 1.0, 2.0)
    sample = as_sample(basis.design(*covariates), y, POISSON, sample_weight=weight, offset=np.log(exposure))
    found = refit(sample, POISSON, ["x", "z"], n_blocks=BLOCKS)
    model = GLM(regularizer="Ridge", regularizer_strength=1.0 / (N * PRIOR**2))
    model.fit(basis.design(*covariates), y, sample_weight=weight, offset=np.log(exposure))
    np.testing.assert_allclose(found.coef["x"], model.coef_["x"], atol=1e-3)
    assert 0 < found.pseudo_r2 < 1
    constant = refit(sample, POISSON, [])
    assert constant.pseudo_r2 == 0.0
    assert (weight * (constant.mean - y)).sum() == pytest.approx(0.0, abs=1e-4)


def test_dispersion_is_estimated_with_the_fit():
    basis, covariates, _, eta, _ = simulated(6)
    rng = np.random.default_rng(0)
    family = resolve_observation_model("NegativeBinomial")
    y = rng.poisson(np.exp(eta) * rng.gamma(2.0, 0.5, N)).astype(float)
    found = refit(as_sample(basis.design(*covariates), y, family), family, ["x"])
    assert not found.family.estimates_scale
    assert found.tuning_curve("x", bin_width_s=1.0).rate_hz.mean() == pytest.approx(y.mean(), rel=0.3)


def test_selector_refits_what_it_selected():
    basis, covariates, _, _, y = simulated(7)
    selector = CovariateSelector(method="1se", contributions=False).fit(basis.design(*covariates), np.column_stack([y]))
    assert selector.refit_[0] is selector.refit()
    assert set(selector.refit().labels) == set(selector.evidence_.selected_labels())
    assert selector.refit().time_rescaling().n_spikes == y.sum()


def test_misuse_is_told_in_a_sentence(fitted):
    sample, found = fitted
    with pytest.raises(ValueError, match="'pupil' is not in this model; it has 'x', 'z'"):
        found.tuning_curve("pupil", bin_width_s=0.02)
    with pytest.raises(ValueError, match="positive width of a bin"):
        found.tuning_curve("x", bin_width_s=0.0)
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        found.tuning_curve("x", bin_width_s=0.02, level=95)
    with pytest.raises(ValueError, match="n_blocks must lie between 8 and half of the 3000 samples, got 5"):
        refit(sample, POISSON, ["x"], n_blocks=5)
    with pytest.raises(KeyError, match="There is no covariate 'pupil'"):
        refit(sample, POISSON, ["pupil"])
    bare = as_sample({"x": sample.design["x"].to_dense()}, sample.y, POISSON)
    assert isinstance(bare.design.blocks[0], DenseBlock)
    with pytest.raises(ValueError, match="no tuning curve of 'x', which was given as bare features"):
        refit(bare, POISSON, ["x"]).tuning_curve("x", bin_width_s=0.02)
