"""Lazy designs from bases: within the stated bound of the dense features, accepted wherever X is."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesieve import basis as sb
from spikesieve.design import (
    ConvolvedBlock,
    DenseBlock,
    Design,
    InteractionBlock,
    TabulatedBlock,
    TabulatedPlaneBlock,
)
from spikesieve.glm import GLM
from spikesieve.selection import BlockedFolds, cross_validate

N = 4000
SMOOTH = [
    sb.BSplineEval(5),
    sb.BSplineEval(10),
    sb.BSplineEval(12, order=3),
    sb.CyclicBSplineEval(12),
    sb.MSplineEval(6),
    sb.RaisedCosineLinearEval(8),
    sb.RaisedCosineLogEval(6),
    sb.FourierEval(4),
]


def covariate(seed=0, n=N):
    return np.random.default_rng(seed).random(n) * 7.0 - 2.0


@pytest.mark.parametrize("basis", SMOOTH, ids=lambda basis: f"{type(basis).__name__}-{basis.n_basis_funcs}")
@pytest.mark.parametrize("resolution", [1e-2, 1e-4, 1e-6])
def test_features_are_within_the_stated_bound(basis, resolution):
    basis = sb.BSplineEval.__sklearn_clone__(basis)
    x = covariate()
    design = basis.design(x, resolution=resolution)
    features = basis.compute_features(x)
    error = np.abs(design.to_dense() - features).max(axis=0) / np.abs(features).max(axis=0)
    assert error.max() <= resolution * 1.05


@pytest.mark.parametrize("decimals", [1, 12])
def test_covariate_can_be_read_back_from_the_codes(decimals):
    x = np.round(covariate(), decimals)
    x[7] = np.nan
    axis = sb.BSplineEval(6).design(x).blocks[0].axis
    expected = (x - np.nanmin(x)) / np.ptp(x[~np.isnan(x)])
    tolerance = 1e-12 if decimals == 1 else 1.0 / (axis.n_levels << axis.shift)
    np.testing.assert_allclose(axis.coordinates(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("resolution", [1e-3, 1e-4])
def test_place_map_is_within_the_stated_bound(resolution):
    place = sb.BSplineEval(4, label="x") * sb.BSplineEval(4, label="y")
    x, y = covariate(1, 150_000), covariate(2, 150_000)
    design = place.design(x, y, resolution=resolution)
    assert isinstance(design.blocks[0], TabulatedPlaneBlock)
    assert np.abs(design.to_dense() - place.compute_features(x, y)).max() <= resolution


def test_place_map_with_more_cells_than_rows_is_stored():
    place = sb.BSplineEval(12, label="x") * sb.BSplineEval(12, label="y")
    assert isinstance(place.design(covariate(1), covariate(2)).blocks[0], DenseBlock)


@given(st.integers(2, 40), st.integers(0, 1000))
def test_few_distinct_values_are_lossless(n_distinct, seed):
    rng = np.random.default_rng(seed)
    values = np.unique(rng.normal(size=n_distinct))
    x = rng.choice(values, size=500)
    if len(np.unique(x)) < 2:
        return
    basis = sb.BSplineEval(7)
    design = basis.design(x)
    block = design.blocks[0]
    assert isinstance(block, TabulatedBlock) and block.axis.shift == 0 and block.axis.codes.dtype == np.uint8
    np.testing.assert_allclose(design.to_dense(), basis.compute_features(x), atol=1e-12)


def test_a_line_knows_its_bounds_and_what_is_missing():
    x = covariate()
    x[:4] = np.nan, np.inf, 1e9, -1e9
    for bounds, fill_value in ((None, np.nan), ((-2.0, 5.0), np.nan), ((-2.0, 5.0), 0.0), ((-2.0, 3.0), 0.5)):
        basis = sb.IdentityEval(bounds=bounds, fill_value=fill_value)
        for values in (x[1:] if bounds else x[4:], np.column_stack([x, covariate(1)])[0 if bounds else 4 :]):
            features, found = basis.compute_features(values), basis.design(values)
            assert found.blocks[0].kind != "dense"
            np.testing.assert_allclose(found.to_dense(), features, rtol=0, atol=1e-4 * 7)
    assert sb.IdentityEval().design(x).finite_rows().tolist() == np.isfinite(x).tolist()
    tail = np.r_[np.full(N, np.nan), 1.0]
    assert sb.IdentityEval().design(tail).finite_rows().sum() == 1
    assert not sb.IdentityEval().design(tail[:-1]).finite_rows().any()


def test_lines_of_few_values_are_lossless():
    x = np.random.default_rng(0).choice([0.1, 1 / 3, 1e5], 500)
    for bounds in (None, (0.1, 1e6)):
        basis = sb.IdentityEval(bounds=bounds)
        np.testing.assert_array_equal(basis.design(x).to_dense(), basis.compute_features(x))


def test_a_line_times_a_curve_is_a_plane():
    speed, x = covariate(1), covariate(2)
    basis = sb.IdentityEval(label="speed") * sb.BSplineEval(6, label="x")
    (block,) = basis.design(speed, x).blocks
    assert isinstance(block, TabulatedPlaneBlock)
    features = basis.compute_features(speed, x)
    np.testing.assert_allclose(block.as_matrix(slice(0, N)), features, atol=1e-4 * np.abs(features).max())


def test_orthonormal_exponentials_remember_what_they_learned():
    basis, x = sb.OrthExponentialEval(3, [0.5, 2.0, 6.0], bounds=(-2.0, 5.0)), covariate()
    design = basis.design(x)
    assert isinstance(design.blocks[0], TabulatedBlock)
    features = basis.compute_features(x)
    assert np.abs(design.to_dense() - features).max() <= 1e-4 * np.ptp(features, axis=0).max()
    np.testing.assert_allclose(basis.design(x[:40]).to_dense(), features[:40], atol=1e-4 * np.abs(features).max())
    two = np.column_stack([x, covariate(1)])
    fresh = sb.OrthExponentialEval(3, [0.5, 2.0, 6.0])
    found = fresh.design(two)
    assert found.blocks[0].kind == "stacked"
    np.testing.assert_allclose(found.to_dense(), fresh.compute_features(two), atol=1e-4 * np.abs(features).max())


def test_exact_is_stored():
    x = covariate()
    basis = sb.BSplineEval(5)
    exact = basis.design(x, exact=True)
    assert isinstance(exact.blocks[0], DenseBlock)
    np.testing.assert_array_equal(exact.to_dense(), basis.compute_features(x))


def test_missing_and_out_of_bounds_rows():
    x = covariate()
    x[3], x[4] = np.nan, 1e9
    design = sb.BSplineEval(6, bounds=(-2.0, 5.0)).design(x)
    np.testing.assert_array_equal(np.flatnonzero(~design.finite_rows()), [3, 4])
    filled = sb.BSplineEval(6, bounds=(-2.0, 5.0), fill_value=0.0).design(x)
    np.testing.assert_array_equal(np.flatnonzero(~filled.finite_rows()), [3])
    assert not filled.to_dense()[4].any()
    place = (sb.BSplineEval(4, label="a") * sb.BSplineEval(4, label="b")).design(x, covariate(1))
    assert not place.finite_rows()[3]


def test_held_out_samples_use_the_remembered_range():
    basis = sb.BSplineEval(6)
    x = covariate()
    basis.design(x)
    part = basis.design(x[:50])
    np.testing.assert_allclose(part.to_dense(), basis.compute_features(x)[:50], atol=1e-4)


def test_several_columns_are_stacked():
    x = np.column_stack([covariate(1), 3 * covariate(2)])
    for basis in (sb.BSplineEval(5), sb.MSplineEval(5)):
        design = basis.design(x)
        assert design.shape == (N, 10)
        features = basis.compute_features(x)
        assert np.abs(design.to_dense() - features).max() <= 1e-4 * features.max()


@pytest.fixture(scope="module")
def recording():
    basis = (
        sb.CyclicBSplineEval(8, label="head_direction")
        + sb.BSplineEval(4, label="x") * sb.BSplineEval(4, label="y")
        + sb.BSplineEval(6, label="speed")
    )
    covariates = [covariate(seed) for seed in range(4)]
    design = basis.design(*covariates)
    rate = np.exp(np.sin(2 * np.pi * covariates[0] / 7) - 1.5)
    y = np.random.default_rng(9).poisson(rate).astype(float)
    return basis, covariates, design, y


def test_path_on_a_design_equals_the_path_on_its_dense_features(recording):
    _, _, design, y = recording
    model = GLM(regularizer="GroupLasso", solver_kwargs={"tol": 1e-9})
    lazy = model.fit_path(design, y, n_strengths=10, min_ratio=0.03)
    dense = model.fit_path(design.to_tree(), y, strengths=lazy.strengths)
    np.testing.assert_allclose(lazy.coef_matrix, dense.coef_matrix, atol=1e-7)
    np.testing.assert_allclose(lazy.objective, dense.objective, atol=1e-11)
    assert lazy.converged.all()


def test_any_number_of_threads_gives_the_same_bits():
    x, speed = covariate(1, 150_000), covariate(2, 150_000)
    basis = sb.BSplineEval(8, label="x") + sb.BSplineEval(6, label="speed")
    y = np.random.default_rng(3).poisson(0.05 * (x + 3)).astype(float)
    design = basis.design(x, speed)
    one, three = (
        GLM(regularizer="GroupLasso", n_jobs=n).fit_path(design, y, n_strengths=5, min_ratio=0.1) for n in (1, 3)
    )
    np.testing.assert_array_equal(one.coef_matrix, three.coef_matrix)


def test_everything_takes_a_design(recording):
    basis, covariates, design, y = recording
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.01).fit(design, y)
    features = basis.split_by_feature(basis.compute_features(*covariates))
    assert set(model.coef_) == set(features)
    np.testing.assert_allclose(model.predict(design), model.predict(features), rtol=1e-3)
    assert model.score(design, y) == pytest.approx(model.score(features, y), rel=1e-4)
    cv = cross_validate(GLM(regularizer="GroupLasso"), design, y, folds=BlockedFolds(3, gap=20), n_strengths=15)
    assert cv.selected("1se") == ("head_direction",) or list(cv.selected("1se")) == ["head_direction"]


def test_some_covariates_keep_their_order_and_bases(recording):
    basis, _, design, _ = recording
    chosen = ["speed", "head_direction"]
    some = design[chosen]
    # As a dict's leaves: features, coefficients and designs then agree.
    assert some.labels == design.only(chosen).labels == ("head_direction", "speed")
    np.testing.assert_array_equal(some[:9].to_dense(), np.hstack([design[c][:9].to_dense() for c in some.labels]))
    for label in chosen:
        assert some[:5].basis_of(label) is design.basis_of(label)
        assert repr(design.basis_of(label)) == repr(basis[label])


def test_rows_and_labels_index(recording):
    _, _, design, _ = recording
    dense = design.to_dense()
    np.testing.assert_array_equal(design[10:400:3].to_dense(), dense[10:400:3])
    chosen = np.array([5, 2, 77])
    np.testing.assert_array_equal(design[chosen].to_dense(), dense[chosen])
    assert design["speed"].shape == (N, 6) and design["speed"].labels == ("speed",)
    assert np.shares_memory(design[100:200].blocks[-1].axis.codes, design.blocks[-1].axis.codes)
    with pytest.raises(KeyError, match="There is no covariate 'acceleration'"):
        design["acceleration"]


def test_table_says_what_is_held(recording):
    _, _, design, _ = recording
    text = str(design)
    assert "tabulated" in text and "head_direction" in text and f"{N:,} rows" in text


def test_memory_is_a_tenth_of_the_dense_design():
    basis = sb.BSplineEval(10, label="a") + sb.BSplineEval(4, label="x") * sb.BSplineEval(4, label="y")
    design = basis.design(*(covariate(seed, 300_000) for seed in range(3)))
    assert isinstance(design.blocks[0], TabulatedPlaneBlock)
    assert design.n_bytes < 8 * design.n_samples * design.n_coef / 10


def test_mixed_designs(recording):
    _, covariates, design, y = recording
    stimulus = np.random.default_rng(0).normal(size=(N, 3))
    mixed = {"speed": design["speed"], "stimulus": stimulus, "place": design["(x * y)"]}
    dense = {label: leaf.to_dense() if isinstance(leaf, Design) else leaf for label, leaf in mixed.items()}
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.003, solver_kwargs={"tol": 1e-9})
    lazy = model.fit(mixed, y).coef_
    np.testing.assert_allclose(lazy["stimulus"], model.fit(dense, y).coef_["stimulus"], atol=1e-7)


def test_exposure_and_valid_bins_on_a_design(recording):
    _, _, design, y = recording
    valid = np.arange(N) < 3000
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.01, solver_kwargs={"tol": 1e-10})
    masked = model.fit(design, y, sample_weight=valid).coef_["speed"]
    np.testing.assert_allclose(masked, model.fit(design[:3000], y[:3000]).coef_["speed"], atol=1e-7)
    exposed = model.fit(design, y, offset=0.5)
    intercept = exposed.intercept_[0]
    np.testing.assert_allclose(intercept + 0.5, model.fit(design, y).intercept_[0], atol=1e-6)
    with pytest.raises(ValueError, match="sample_weight must be non-negative"):
        model.fit(design, y, sample_weight=-np.ones(N))
    with pytest.raises(ValueError, match="offset has shape"):
        model.fit(design, y, offset=np.zeros(3))


@pytest.mark.parametrize(
    ("covariates", "options", "error", "message"),
    [
        ((np.zeros(5), np.zeros(4)), {}, ValueError, "same"),
        ((np.zeros(5),), {}, (TypeError, ValueError), "2"),
        ((np.full(5, np.nan), np.arange(5.0)), {}, ValueError, "without a single finite sample"),
        ((np.array(["a"] * 5), np.arange(5.0)), {}, TypeError, "numeric|number"),
        ((np.arange(5.0), np.arange(5.0)), {"resolution": 0.0}, ValueError, "resolution must lie between 0 and 1"),
    ],
)
def test_impossible_covariates_are_one_sentence(covariates, options, error, message):
    basis = sb.BSplineEval(5, label="a") + sb.BSplineEval(5, label="b")
    with pytest.raises(error, match=message), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        basis.design(*covariates, **options)


def test_spike_history_and_coupling_are_never_stored():
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.02, size=(N, 6)).astype(float)
    basis = sb.RaisedCosineLogConv(5, window_size=50, label="coupling") + sb.BSplineEval(6, label="speed")
    design = basis.design(counts, covariate(n=N))
    assert isinstance(design["coupling"].blocks[0], ConvolvedBlock)
    features = basis.split_by_feature(basis.compute_features(counts, covariate(n=N)))
    np.testing.assert_array_equal(design.finite_rows(), np.arange(N) >= 50)
    y = rng.poisson(np.exp(-3 + 0.3 * covariate(n=N)))
    model = GLM(regularizer="GroupLasso", solver_kwargs={"tol": 1e-8})
    lazy = model.fit_path(design, y, n_strengths=8, min_ratio=0.05)
    dense = model.fit_path(features, y, strengths=lazy.strengths)
    np.testing.assert_allclose(lazy.loss, dense.loss, atol=1e-6)


def test_product_of_history_and_covariate_is_an_interaction():
    rng = np.random.default_rng(0)
    counts, x = rng.poisson(0.1, size=N).astype(float), covariate()
    basis = sb.HistoryConv(4, label="history") * sb.BSplineEval(5, label="x")
    design = basis.design(counts, x)
    assert isinstance(design.blocks[0], InteractionBlock)
    np.testing.assert_allclose(design.to_dense()[4:], basis.compute_features(counts, x)[4:], atol=2e-4)


def test_products_without_a_plane_are_never_stored():
    x, y, z = covariate(1), covariate(2), covariate(3)
    several = sb.BSplineEval(4, label="x") * sb.BSplineEval(4, label="y") * sb.BSplineEval(4, label="z")
    modulated = sb.CustomBasis(np.abs, label="speed") * sb.BSplineEval(6, label="x")
    filled = sb.BSplineEval(5, bounds=(-1.0, 4.0), fill_value=0.0, label="a") * sb.BSplineEval(6, label="b")
    for basis, covariates in ((several, (x, y, z)), (modulated, (x, y)), (filled, (x, y))):
        design = basis.design(*covariates)
        assert isinstance(design.blocks[0], InteractionBlock)
        features = basis.compute_features(*covariates)
        np.testing.assert_allclose(design.to_dense(), features, atol=3e-4 * np.abs(features).max())
        exact = basis.design(*covariates, exact=True).to_dense()
        np.testing.assert_allclose(exact, features, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("labels", [["left", "right", "rest"], [3.0, 1.0, 7.0], 3])
def test_categories_are_one_byte_per_row(labels):
    rng = np.random.default_rng(0)
    known = np.arange(3) if labels == 3 else np.asarray(labels)
    strange = "elsewhere" if known.dtype.kind == "U" else 99
    x = rng.choice(np.append(known.astype(object), strange), N).astype(known.dtype if known.dtype.kind != "U" else "U9")
    basis = sb.Category(labels)
    if known.dtype.kind == "f":
        x[5] = np.nan
    block = basis.design(x).blocks[0]
    assert isinstance(block, TabulatedBlock) and block.axis.codes.dtype == np.uint8
    np.testing.assert_array_equal(block.as_matrix(slice(0, N)), basis.compute_features(x))
    pairs = np.column_stack([x, x[::-1]])
    np.testing.assert_array_equal(basis.design(pairs).to_dense(), basis.compute_features(pairs))


def test_a_window_longer_than_the_recording_is_an_error():
    with pytest.raises(ValueError, match="window"):
        sb.RaisedCosineLogConv(5, window_size=50).design(np.ones(20))


def test_files_and_sparse_matrices_are_features(tmp_path, recording):
    sparse = pytest.importorskip("scipy.sparse")
    _, _, design, y = recording
    dense = design["speed"].to_dense()
    stored = np.memmap(tmp_path / "speed.dat", dtype=np.float64, mode="w+", shape=dense.shape)
    stored[:] = dense
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.001)
    expected = model.fit({"speed": dense}, y).coef_["speed"]
    for leaf in (stored, sparse.csr_matrix(dense)):
        np.testing.assert_allclose(model.fit({"speed": leaf}, y).coef_["speed"], expected, atol=1e-6)


def test_searches_of_scikit_learn_take_a_design(recording):
    from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

    _, _, design, y = recording
    folds, strengths = KFold(3), [0.001, 0.05]
    scores = {}
    for strength in strengths:
        model = GLM(regularizer="GroupLasso", regularizer_strength=strength)
        by_hand = [model.fit(design[a], y[a]).score(design[b], y[b]) for a, b in folds.split(design)]
        np.testing.assert_allclose(cross_val_score(model, design, y, cv=folds), by_hand, rtol=1e-12)
        scores[strength] = np.mean(by_hand)
    grid = {"regularizer_strength": strengths}
    search = GridSearchCV(GLM(regularizer="GroupLasso"), grid, cv=folds).fit(design, y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], list(scores.values()), rtol=1e-12)
    assert search.best_estimator_.predict(design).shape == (N,)
    np.testing.assert_array_equal(design[[3, 5], :].to_dense(), design.to_dense()[[3, 5]])
