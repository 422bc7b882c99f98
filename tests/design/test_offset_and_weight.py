"""An exposure and a mask of valid bins travel with a design, and everything that takes a design uses them."""

import numpy as np
import pytest

from spikesieve import basis as sb
from spikesieve.glm import GLM
from spikesieve.selection import BlockedFolds, cross_validate
from spikesieve.solver import null_linear_predictor

N = 1200
FAMILIES = ["Poisson", "Gaussian", "Gamma", "Bernoulli", "NegativeBinomial"]


@pytest.fixture(scope="module")
def recording():
    rng = np.random.default_rng(0)
    speed, x = rng.random(N), rng.random(N)
    exposure = rng.choice([0.5, 1.0, 2.0], N)
    y = rng.poisson(exposure * np.exp(1.5 * speed - 0.5)).astype(float)
    basis = sb.BSplineEval(5, label="speed") + sb.BSplineEval(4, label="x")
    return basis.design(speed, x), np.log(exposure), y


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(1).integers(0, 4, N).astype(float)


def model(family="Poisson", **options):
    link = np.exp if family == "Gamma" else None
    return GLM(family, link, regularizer="GroupLasso", regularizer_strength=0.01, **options)


def observed(y, family):
    return {"Gamma": y + 0.5, "Bernoulli": np.minimum(y, 1.0)}.get(family, y).copy()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_design_carries_is_what_fit_is_passed(recording, weights, family):
    design, offset, y = recording
    y, glm = observed(y, family), model(family)
    carrying = design.with_offset(offset).with_weight(weights)
    passed = {"offset": offset, "sample_weight": weights}
    expected, found = glm.fit(design, y, **passed), model(family).fit(carrying, y)
    np.testing.assert_array_equal(found.coef_["speed"], expected.coef_["speed"])
    assert (found.scale_, found.dof_resid_) == (expected.scale_, expected.dof_resid_)
    np.testing.assert_array_equal(found.predict(carrying), expected.predict(design, offset=offset))
    assert found.score(carrying, y) == expected.score(design, y, **passed)
    grid = {"n_strengths": 4, "min_ratio": 0.1}
    lazy, explicit = glm.fit_path(carrying, y, **grid), glm.fit_path(design, y, **grid, **passed)
    np.testing.assert_array_equal(lazy.coef_matrix, explicit.coef_matrix)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("score_type", ["log-likelihood", "pseudo-r2-McFadden", "pseudo-r2-Cohen"])
def test_a_mask_is_the_recording_without_the_masked_bins(recording, family, score_type):
    design, offset, y = recording
    valid = np.arange(N) % 5 > 0
    spoilt = observed(y, family)
    spoilt[~valid] = -1.0  # an artifact: no family but the Gaussian could have observed it
    masked = design.with_offset(offset).with_weight(valid)
    kept = masked.with_weight(None)[valid]
    one, other = model(family).fit(masked, spoilt), model(family).fit(kept, spoilt[valid])
    np.testing.assert_array_equal(one.coef_["speed"], other.coef_["speed"])
    assert (one.scale_, one.dof_resid_) == (other.scale_, other.dof_resid_)
    assert one.score(masked, spoilt, score_type) == other.score(kept, spoilt[valid], score_type)
    assert one.predict(masked).shape == (N,)


def test_whole_number_weights_are_repeated_bins(recording, weights):
    design, offset, y = recording
    carrying = design.with_offset(offset).with_weight(weights)
    rows = np.repeat(np.arange(N), weights.astype(int))
    glm = model(solver_kwargs={"tol": 1e-10})
    weighted, repeated = glm.fit(carrying, y).coef_, glm.fit(design.with_offset(offset)[rows], y[rows]).coef_
    np.testing.assert_allclose(weighted["speed"], repeated["speed"], atol=1e-8)
    for score_type in ("log-likelihood", "pseudo-r2-McFadden", "pseudo-r2-Cohen"):
        repeats = glm.score(design.with_offset(offset)[rows], y[rows], score_type)
        assert glm.score(carrying, y, score_type) == pytest.approx(repeats, rel=1e-7)
    params = glm.coef_, glm.intercept_
    assert glm.compute_loss(params, carrying, y) == pytest.approx(
        glm.compute_loss(params, design.with_offset(offset)[rows], y[rows]), rel=1e-12
    )


@pytest.mark.parametrize("family", ["Gaussian", "Gamma", "NegativeBinomial"])
def test_dispersion_counts_bins_by_weight(recording, weights, family):
    _, offset, y = recording
    y, rows = observed(y, family), np.repeat(np.arange(N), weights.astype(int))
    mean, resolved = 1.1 * np.exp(offset), model(family).family
    relative = weights[weights > 0] / weights[weights > 0].mean()
    used = weights > 0
    weighted = resolved.estimate_scale(mean[used], y[used], float(used.sum()), relative)
    repeated = resolved.estimate_scale(mean[rows], y[rows], float(len(rows)))
    assert weighted == pytest.approx(repeated, rel=1e-9)


def test_the_null_model_is_that_of_statsmodels(recording, weights):
    statsmodels = pytest.importorskip("statsmodels.api", reason="statsmodels is a test extra")
    _, offset, y = recording
    family = statsmodels.families.Poisson()
    used = weights > 0
    fitted = statsmodels.GLM(
        y[used], np.ones((used.sum(), 1)), family=family, offset=offset[used], freq_weights=weights[used]
    ).fit(tol=1e-12)
    found = null_linear_predictor(model().family, y[used], offset[used], weights[used])
    np.testing.assert_allclose(found, offset[used] + fitted.params[0], atol=1e-7)


@pytest.mark.parametrize("with_weights", [False, True])
def test_cross_validation_uses_both(recording, weights, with_weights):
    """Held-out deviances and bits per spike from their definition, with fits on bins that are repeated."""
    design, offset, y = recording
    carrying = design.with_offset(offset).with_weight(weights if with_weights else None)
    counts = weights.astype(int) if with_weights else np.ones(N, dtype=int)
    glm = GLM(regularizer="GroupLasso", solver_kwargs={"tol": 1e-10})
    cv = cross_validate(glm, carrying, y, folds=BlockedFolds(2, n_blocks_per_fold=2), n_strengths=4)
    family = glm.family
    for fold, (train, test) in enumerate(BlockedFolds(2, n_blocks_per_fold=2).split(design)):
        train, test = np.repeat(train, counts[train]), np.repeat(test, counts[test])
        path = glm.fit_path(design[train], y[train], strengths=cv.strengths, offset=offset[train])
        predictor = glm.path_linear_predictor(path, design[test]) + offset[test, None]
        deviance = family.deviance(predictor, y[test, None]).sum(axis=0)
        np.testing.assert_allclose(cv.deviance[fold], deviance / len(test), rtol=1e-6)
        rate = y[train].sum() / np.exp(offset[train]).sum()
        null = family.deviance(offset[test] + np.log(rate), y[test]).sum()
        bits = (null - deviance) / (2 * np.log(2) * y[test].sum())
        np.testing.assert_allclose(cv.bits_per_spike[fold], bits, rtol=1e-5, atol=1e-7)


def test_cross_validation_of_designs_in_a_dict(recording):
    design, offset, y = recording
    whole = design.with_offset(offset)
    leaves = {"speed": whole["speed"], "x": design["x"].to_dense()}
    glm, folds = GLM(regularizer="GroupLasso"), BlockedFolds(2, n_blocks_per_fold=2)
    one, other = (cross_validate(glm, X, y, folds=folds, n_strengths=4) for X in (whole, leaves))
    np.testing.assert_allclose(one.deviance, other.deviance, rtol=1e-4)


def test_rows_and_covariates_keep_them(recording, weights):
    design, offset, _ = recording
    carrying = design.with_offset(offset).with_weight(weights)
    rows = np.array([5, 2, 77])
    for part in (carrying[rows], carrying["x"][rows], carrying[["x", "speed"]][rows]):
        np.testing.assert_array_equal(part.offset, offset[rows])
        np.testing.assert_array_equal(part.sample_weight, weights[rows])
    assert np.shares_memory(carrying[10:100].offset, carrying.offset)
    assert str(carrying).endswith("with offset and sample_weight")
    assert carrying.with_offset(None).with_weight(None).offset is None


def test_basis_design_takes_both():
    x = np.linspace(0, 1, 100)
    design = sb.BSplineEval(5).design(x, offset=0.5, sample_weight=x > 0.2)
    np.testing.assert_array_equal(design.offset, np.full(100, 0.5))
    assert design.sample_weight.sum() == (x > 0.2).sum()


def test_missing_offsets_leave_rows_out_of_fits_only(recording):
    design, offset, y = recording
    gappy = offset.copy()
    gappy[::10] = np.nan
    fitted = model().fit(design.with_offset(gappy), y)
    there = np.isfinite(gappy)
    expected = model().fit(design.with_offset(offset)[there], y[there])
    np.testing.assert_array_equal(fitted.coef_["speed"], expected.coef_["speed"])
    np.testing.assert_array_equal(np.isfinite(fitted.predict(design.with_offset(gappy))), there)


def test_giving_them_twice_is_refused(recording, weights):
    design, offset, y = recording
    glm = model().fit(design, y)
    for call in (glm.fit, glm.fit_path, glm.score):
        with pytest.raises(ValueError, match="offset was passed, but the design carries one already"):
            call(design.with_offset(offset), y, offset=offset)
        with pytest.raises(ValueError, match=r"sample_weight was passed.*design.with_weight\(None\)"):
            call(design.with_weight(weights), y, sample_weight=weights)
    with pytest.raises(ValueError, match="offset was passed"):
        glm.predict(design.with_offset(offset), offset=offset)
    halves = {"a": design["speed"].with_offset(offset), "b": design["x"].with_offset(offset + 1)}
    with pytest.raises(ValueError, match="Two designs in X carry different offsets for the same rows"):
        glm.fit(halves, y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda design: design.with_offset(np.zeros(3)), r"offset has shape \(3,\), expected a number or \(1200,\)"),
        (lambda design: design.with_weight(-np.ones(N)), "sample_weight must be non-negative"),
        (lambda design: design.with_weight(np.zeros(N)), "cannot be zero everywhere"),
        (lambda design: design.with_weight(["a"] * N), "sample_weight must be numeric"),
    ],
)
def test_impossible_ones_are_one_sentence(recording, change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        change(recording[0])


def test_a_stretch_that_is_masked_throughout_is_told(recording):
    design, _, y = recording
    masked = design.with_weight(np.arange(N) < 10)
    with pytest.raises(ValueError, match="sample_weight is zero in every sample"):
        model().fit(masked[100:], y[100:])
