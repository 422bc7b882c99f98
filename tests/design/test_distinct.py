"""Tables of covariates of few distinct values: the features themselves, whatever the functions."""

import numpy as np
import pytest

from spikesieve import basis as sb
from spikesieve.design import DenseBlock, TabulatedBlock

N = 3000


def few(seed: int, *shape: int) -> np.ndarray:
    """Values of a tracker's coarse grid, some of them missing."""
    rng = np.random.default_rng(seed)
    x = rng.choice(np.linspace(-1.0, 2.0, 12), (N, *shape))
    x[rng.random(N) < 0.05] = np.nan
    return x


def nothing_missing(x):
    return np.nan_to_num(x, nan=-7.0) ** 2


@pytest.mark.parametrize(
    "basis",
    [
        sb.CustomBasis([np.sin, np.cos]),
        sb.CustomBasis(np.sign, bounds=(-0.5, 1.0), fill_value=0.25),
        sb.CustomBasis(lambda x: np.stack([x, x**2], axis=1), output_shape=2),
        sb.CustomBasis(nothing_missing),
    ],
    ids=["functions", "out of bounds", "values of two", "missing values have features"],
)
@pytest.mark.parametrize("shape", [(), (2,)])
def test_functions_of_a_users_own(basis, shape):
    x = few(0, *shape)
    design, features = basis.design(x), basis.compute_features(x)
    np.testing.assert_array_equal(design.to_dense(), features)
    if not shape:
        assert isinstance(design.blocks[0], TabulatedBlock) and design.n_bytes < 2 * N
        coordinates = (x + 0.5) / 1.5 if basis.bounds else x
        np.testing.assert_allclose(design.blocks[0].axis.coordinates(), coordinates, atol=1e-12)


@pytest.mark.parametrize(
    "function", [np.cumsum, lambda x: x - x.mean() + 1e-3 * np.arange(len(x)), lambda x: np.roll(x, 1)]
)
def test_functions_that_are_not_of_the_value_alone_are_stored(function):
    x = np.nan_to_num(few(0))
    basis = sb.CustomBasis(function)
    design = basis.design(x)
    assert isinstance(design.blocks[0], DenseBlock)
    np.testing.assert_array_equal(design.to_dense(), basis.compute_features(x))


def test_functions_of_two_covariates():
    x, y = few(0), few(1)
    basis = sb.CustomBasis([lambda a, b: a * b, lambda a, b: np.abs(a - b)])
    design = basis.design(x, y)
    assert isinstance(design.blocks[0], TabulatedBlock)
    np.testing.assert_array_equal(design.to_dense(), basis.compute_features(x, y))
    known_alone = sb.CustomBasis(lambda a, b: np.where(np.isnan(a), b, a))
    np.testing.assert_array_equal(known_alone.design(x, y).to_dense(), known_alone.compute_features(x, y))


@pytest.mark.parametrize("bounds", [None, (-1.0, 2.5)])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_waves_of_two_covariates(bounds, shape):
    x, y = few(0, *shape), few(1, *shape)
    basis = sb.FourierEval(3, ndim=2, bounds=bounds)
    design = basis.design(x, y)
    assert design.blocks[0].kind == ("stacked" if shape else "tabulated")
    np.testing.assert_array_equal(design.to_dense(), basis.compute_features(x, y))
    held_out = basis.design(x[:900], y[:900])
    # Too few rows for a table of pairs: one of each covariate's values, and products of the two.
    np.testing.assert_allclose(held_out.to_dense(), design.to_dense()[:900], rtol=0.0, atol=1e-12)


def test_many_values_are_stored():
    x = np.random.default_rng(0).random((2, N))
    x[0, :3] = np.nan, np.inf, -np.inf
    three = np.random.default_rng(1).random((3, N))
    for basis, covariates in ((sb.CustomBasis(np.arctan), x[:1]), (sb.FourierEval(2, ndim=3), three)):
        design = basis.design(*covariates)
        assert isinstance(design.blocks[0], DenseBlock)
        np.testing.assert_array_equal(design.to_dense(), basis.compute_features(*covariates))


def test_infinite_values_keep_their_features():
    x = np.append(np.nan_to_num(few(0)), np.inf)
    basis = sb.CustomBasis(np.arctan)
    np.testing.assert_array_equal(basis.design(x).to_dense(), basis.compute_features(x))
