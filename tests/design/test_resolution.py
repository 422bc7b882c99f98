"""The bound of tabulated features: no entry is further from `compute_features` than the resolution says."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve import basis as sb
from spikesieve.design import DenseBlock, TabulatedBlock, TabulatedPlaneBlock
from spikesieve.design._combined import CombinedBlock

FAMILIES = {
    "B-spline": lambda n: sb.BSplineEval(n, order=4),
    "quadratic B-spline": lambda n: sb.BSplineEval(n, order=3),
    "cyclic B-spline": lambda n: sb.CyclicBSplineEval(n),
    "M-spline": lambda n: sb.MSplineEval(n),
    "raised cosine": lambda n: sb.RaisedCosineLinearEval(n),
    "raised cosine, log": lambda n: sb.RaisedCosineLogEval(n),
    "Fourier": lambda n: sb.FourierEval(n // 2),
    "hat functions": lambda n: sb.BSplineEval(n, order=2),
    "cyclic hat functions": lambda n: sb.CyclicBSplineEval(n, order=2),
    "hat functions of unit area": lambda n: sb.MSplineEval(n, order=2),
    "boxcars": lambda n: sb.BSplineEval(n, order=1),
    "boxcars of unit area": lambda n: sb.MSplineEval(n, order=1),
    "exponentials": lambda n: sb.OrthExponentialEval(2 + n % 2, [0.5, 3.0, 8.0][: 2 + n % 2]),
    "line": lambda n: sb.IdentityEval(),
}
STEPS = ("boxcars", "boxcars of unit area")
# Rounding of the features themselves, and of a bound that is met exactly.
ROUNDING = 1e-12


@st.composite
def covariates(draw):
    """Samples of some spread, skew and scale, some of them missing."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    x = draw(st.sampled_from([rng.random, rng.standard_normal, rng.standard_exponential, rng.standard_cauchy]))(400)
    x = x * 10.0 ** draw(st.integers(-6, 6)) + draw(st.sampled_from([0.0, -3.0, 1e4]))
    x[rng.random(400) < draw(st.sampled_from([0.0, 0.1]))] = np.nan
    return x


def size(basis, features) -> np.ndarray:
    """Range of each feature over that of its covariate, or its largest absolute value if that is smaller."""
    values = features[~np.isnan(features).any(axis=1)]
    if not isinstance(basis, sb.IdentityEval):
        values = basis.evaluate_on_grid(20_001)[-1]
    return np.minimum(np.abs(values).max(axis=0), np.ptp(values, axis=0))


@settings(deadline=None)
@given(st.sampled_from(sorted(FAMILIES)), st.integers(4, 14), covariates(), st.floats(-6.0, -1.5))
def test_no_feature_is_further_off_than_the_resolution(family, n, x, log_resolution):
    basis, resolution = FAMILIES[family](n), 10.0**log_resolution
    design = basis.design(x, resolution=resolution)
    features = basis.compute_features(x)
    error = np.abs(design.to_dense() - features)
    np.testing.assert_array_equal(np.isnan(error), np.isnan(features))
    if isinstance(design.blocks[0], TabulatedBlock):
        allowed = 0.0 if family in STEPS else resolution + ROUNDING
        assert (np.nan_to_num(error).max(axis=0) <= allowed * size(basis, features)).all()
    else:  # too fine a resolution for a table: stored as they are
        assert not np.nan_to_num(error).any() and family not in STEPS


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(sorted(FAMILIES)), st.integers(4, 8), st.integers(0, 1000), st.floats(-3.0, -1.5))
def test_no_feature_of_a_place_map_is_further_off_than_the_resolution(family, n, seed, log_resolution):
    rng, resolution = np.random.default_rng(seed), 10.0**log_resolution
    first, second = FAMILIES[family](n), sb.BSplineEval(5)
    x, y = rng.random(30_000), rng.standard_normal(30_000)
    place = first * second
    design = place.design(x, y, resolution=resolution)
    if not isinstance(design.blocks[0], TabulatedPlaneBlock):
        return
    sizes = (size(part, part.compute_features(z)) for part, z in zip(place.parts, (x, y), strict=True))
    scale = np.kron(*sizes)
    error = np.abs(design.to_dense() - place.compute_features(x, y)).max(axis=0)
    # Half of the resolution for either axis; their errors multiply once.
    assert (error <= (resolution * (1 + resolution / 4) + ROUNDING) * scale).all()


@pytest.mark.parametrize(("resolution", "code_bytes"), [(1e-2, 2), (1e-3, 2), (1e-4, 4)])
def test_a_finer_resolution_takes_larger_codes(resolution, code_bytes):
    (block,) = sb.BSplineEval(10).design(np.random.default_rng(0).random(50_000), resolution=resolution).blocks
    assert isinstance(block, TabulatedBlock) and block.axis.codes.itemsize == code_bytes


@given(st.integers(1, 300), st.integers(0, 1000))
def test_boxcars_are_exact_also_at_their_edges(n, seed):
    rng = np.random.default_rng(seed)
    x = np.concatenate(
        [np.linspace(-3.0, 7.0, n + 1), rng.uniform(-3.0, 7.0, 500), [np.nan, -4.0, np.nextafter(7.0, 8)]]
    )
    for basis in (sb.BSplineEval(n, order=1, bounds=(-3.0, 7.0)), sb.MSplineEval(n, order=1, fill_value=0.5)):
        (block,) = basis.design(x).blocks
        assert isinstance(block, TabulatedBlock) and block.axis.codes.itemsize == (1 if n + 1 < 256 else 2)
        np.testing.assert_array_equal(block.as_matrix(slice(0, len(x))), basis.compute_features(x))


def test_hat_functions_are_off_by_the_rounding_of_four_bytes():
    x = np.random.default_rng(0).random(50_000)
    for basis in (sb.BSplineEval(10, order=2), sb.CyclicBSplineEval(10, order=2, bounds=(0, 1))):
        (block,) = basis.design(x).blocks
        assert isinstance(block, TabulatedBlock) and block.axis.n_levels == basis.pieces[0] + 1
        assert np.abs(block.as_matrix(slice(0, len(x))) - basis.compute_features(x)).max() < 1e-8


@pytest.mark.parametrize("order", list(itertools.product([1, 2, 4], repeat=2)), ids=str)
def test_place_maps_of_any_order_are_planes(order):
    rng = np.random.default_rng(0)
    x, y = rng.random(30_000), rng.random(30_000)
    x[3], y[4] = np.nan, np.nan
    place = sb.BSplineEval(9, order=order[0], label="x") * sb.BSplineEval(7, order=order[1], label="y")
    (block,) = place.design(x, y, resolution=4e-3).blocks
    assert isinstance(block, TabulatedPlaneBlock)
    error = np.abs(block.as_matrix(slice(0, len(x))) - place.compute_features(x, y))
    assert np.nanmax(error) <= (0.0 if order == (1, 1) else 4e-3)
    np.testing.assert_array_equal(np.flatnonzero(~block.finite_rows()), [3, 4])


def test_a_line_with_an_outlier_takes_larger_codes():
    x = np.random.default_rng(0).standard_normal(50_000)
    (block,) = sb.IdentityEval().design(x).blocks
    assert isinstance(block, TabulatedBlock) and block.axis.codes.itemsize == 2
    x[7] = 1e4
    (block,) = sb.IdentityEval().design(x).blocks
    assert isinstance(block, TabulatedBlock) and block.axis.codes.itemsize == 4
    assert np.abs(block.as_matrix(slice(0, len(x)))[:, 0] - x).max() < 4e-4 * x.std()


def test_a_resolution_that_no_code_can_hold_is_stored():
    x = np.random.default_rng(0).random(50_000)
    for basis in (sb.BSplineEval(2, order=2), sb.IdentityEval()):
        design = basis.design(x, resolution=1e-12)
        assert isinstance(design.blocks[0], DenseBlock)
        np.testing.assert_array_equal(design.to_dense(), basis.compute_features(x))


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from([3, (1, 4), [2, (2, 6)], [[0, 5], 3]]),
    st.sampled_from(["no-intercept", "all", lambda k, m: k != m]),
    st.integers(0, 1000),
    st.floats(-4.0, -1.5),
)
def test_no_wave_of_two_covariates_is_further_off_than_the_resolution(frequencies, mask, seed, log_resolution):
    rng, resolution = np.random.default_rng(seed), 10.0**log_resolution
    x, y = rng.random(500), rng.standard_normal((500, 1))
    x[:3] = np.nan, np.inf, 0.0
    basis = sb.FourierEval(frequencies, ndim=2, frequency_mask=mask)
    design, features = basis.design(x[:, None], y, resolution=resolution), basis.compute_features(x[:, None], y)
    assert isinstance(design.blocks[0], CombinedBlock)
    error = np.abs(design.to_dense() - features)
    np.testing.assert_array_equal(np.isnan(error), np.isnan(features))
    assert (np.nanmax(error, axis=0) <= resolution + ROUNDING).all()


def test_waves_of_two_covariates_of_several_columns():
    x, y = np.random.default_rng(0).random((2, 600, 2))
    basis = sb.FourierEval(3, ndim=2)
    design = basis.design(x, y)
    assert [type(block) for block in design.blocks[0].blocks] == [CombinedBlock] * 2
    np.testing.assert_allclose(design.to_dense(), basis.compute_features(x, y), atol=1e-4)
