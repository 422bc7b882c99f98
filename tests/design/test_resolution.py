"""The bound of tabulated features: no entry is further from `compute_features` than the resolution says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve import basis as sb
from spikesieve.design import TabulatedBlock, TabulatedPlaneBlock

FAMILIES = {
    "B-spline": lambda n: sb.BSplineEval(n, order=4),
    "quadratic B-spline": lambda n: sb.BSplineEval(n, order=3),
    "cyclic B-spline": lambda n: sb.CyclicBSplineEval(n),
    "M-spline": lambda n: sb.MSplineEval(n),
    "raised cosine": lambda n: sb.RaisedCosineLinearEval(n),
    "raised cosine, log": lambda n: sb.RaisedCosineLogEval(n),
    "Fourier": lambda n: sb.FourierEval(n // 2),
}
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


def largest(basis) -> np.ndarray:
    """Largest absolute value of each feature over the range of its covariate."""
    return np.abs(basis.evaluate_on_grid(20_001)[-1]).max(axis=0)


@settings(deadline=None)
@given(st.sampled_from(sorted(FAMILIES)), st.integers(4, 14), covariates(), st.floats(-6.0, -1.5))
def test_no_feature_is_further_off_than_the_resolution(family, n, x, log_resolution):
    basis, resolution = FAMILIES[family](n), 10.0**log_resolution
    design = basis.design(x, resolution=resolution)
    features = basis.compute_features(x)
    error = np.abs(design.to_dense() - features)
    np.testing.assert_array_equal(np.isnan(error), np.isnan(features))
    if isinstance(design.blocks[0], TabulatedBlock):
        assert (np.nan_to_num(error).max(axis=0) <= (resolution + ROUNDING) * largest(basis)).all()
    else:  # too fine a resolution for a table: stored as they are
        assert not np.nan_to_num(error).any()


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
    scale = np.kron(largest(place.parts[0]), largest(place.parts[1]))
    error = np.abs(design.to_dense() - place.compute_features(x, y)).max(axis=0)
    # Half of the resolution for either axis; their errors multiply once.
    assert (error <= (resolution * (1 + resolution / 4) + ROUNDING) * scale).all()


@pytest.mark.parametrize(("resolution", "code_bytes"), [(1e-2, 2), (1e-3, 2), (1e-4, 4)])
def test_a_finer_resolution_takes_larger_codes(resolution, code_bytes):
    (block,) = sb.BSplineEval(10).design(np.random.default_rng(0).random(50_000), resolution=resolution).blocks
    assert isinstance(block, TabulatedBlock) and block.axis.codes.itemsize == code_bytes


def test_a_resolution_that_no_code_can_hold_is_told():
    x = np.random.default_rng(0).random(50_000)
    with pytest.raises(ValueError, match="codes up to .* does not fit 4 bytes per row: pass a larger resolution"):
        sb.BSplineEval(2, order=2).design(x, resolution=1e-12)
