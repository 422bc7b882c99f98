"""The columns that are dropped are those that dropping one by one, with a rank each time, drops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.basis import BSplineEval, CyclicBSplineEval, RaisedCosineLinearEval
from spikesieve.identifiability_constraints import (
    apply_identifiability_constraints,
    apply_identifiability_constraints_by_basis_component,
)


def one_by_one(X, add_intercept=True):
    """From the left, drop each column without which the rank stays."""
    ones = np.ones((len(X), int(add_intercept)))

    def rank(columns):
        return np.linalg.matrix_rank(np.hstack([ones, X[:, columns]]))

    kept = list(range(X.shape[1]))
    for column in range(X.shape[1]):
        others = [k for k in kept if k != column]
        if rank(others) == rank(kept):
            kept = others
    return np.array(kept, dtype=int)


@given(data=st.data(), add_intercept=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_same_columns_as_one_by_one(data, add_intercept):
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    n_samples, n_free, n_columns = (data.draw(st.integers(1, top)) for top in (12, 5, 8))
    # Small whole numbers: dependence is then exact, and the ranks are not a matter of opinion.
    mix = rng.integers(-1, 2, size=(n_free, n_columns))
    X = (rng.integers(-3, 4, size=(n_samples, n_free)) @ mix).astype(float)
    reduced, kept = apply_identifiability_constraints(X, add_intercept=add_intercept)
    np.testing.assert_array_equal(kept, one_by_one(X, add_intercept))
    np.testing.assert_array_equal(reduced, X[:, kept])


def test_splines_lose_the_column_that_the_intercept_makes_superfluous():
    t = np.linspace(0, 1, 300)
    basis = BSplineEval(6, label="x") + CyclicBSplineEval(5, label="y") + RaisedCosineLinearEval(4, label="z")
    X = basis.compute_features(t, t**2, np.sin(9 * t))
    whole = apply_identifiability_constraints(X)
    np.testing.assert_array_equal(whole[1], one_by_one(X))
    assert np.linalg.matrix_rank(np.column_stack([np.ones(300), whole[0]])) == whole[0].shape[1] + 1
    by_component = apply_identifiability_constraints_by_basis_component(basis, X)
    pieces = [one_by_one(X[:, a:b]) + a for a, b in ((0, 6), (6, 11), (11, 15))]
    np.testing.assert_array_equal(by_component[1], np.concatenate(pieces))
    without = apply_identifiability_constraints_by_basis_component(basis, X, add_intercept=False)
    assert len(without[1]) == 15


def test_products_are_one_component():
    rng = np.random.default_rng(0)
    basis = BSplineEval(4, label="x") * BSplineEval(4, label="y") + BSplineEval(5, label="z")
    X = basis.compute_features(*rng.random((3, 400)))
    _, kept = apply_identifiability_constraints_by_basis_component(basis, X)
    np.testing.assert_array_equal(kept, np.concatenate([one_by_one(X[:, :16]), 16 + one_by_one(X[:, 16:])]))


def test_samples_with_nan_are_not_looked_at_and_are_nan():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3))
    X = np.column_stack([X[:, 0], X[:, 1], X[:, 0] + X[:, 1], X[:, 2]])
    X[3, 1] = np.nan
    before = X.copy()
    reduced, kept = apply_identifiability_constraints(X)
    assert kept.tolist() == [1, 2, 3] and np.isnan(reduced[3]).all()
    np.testing.assert_array_equal(np.delete(reduced, 3, axis=0), np.delete(X[:, 1:], 3, axis=0))
    np.testing.assert_array_equal(X, before)


def test_many_rows_are_the_same_in_pieces(monkeypatch):
    from spikesieve import identifiability_constraints

    X = BSplineEval(8).compute_features(np.random.default_rng(0).random(1000))
    whole = apply_identifiability_constraints(X)[1]
    monkeypatch.setattr(identifiability_constraints, "_CHUNK_ROWS", 7)
    np.testing.assert_array_equal(apply_identifiability_constraints(X)[1], whole)


def test_columns_of_zeros_and_ones_go():
    X = np.column_stack([np.zeros(9), np.ones(9), np.arange(9.0)])
    assert apply_identifiability_constraints(X)[1].tolist() == [2]
    assert apply_identifiability_constraints(X, add_intercept=False)[1].tolist() == [1, 2]
    assert apply_identifiability_constraints(np.zeros((5, 2)))[0].shape == (5, 0)


def test_single_precision_is_said():
    X = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    with pytest.warns(UserWarning, match="X is float32"):
        apply_identifiability_constraints(X)
    assert apply_identifiability_constraints(X, warn_if_float32=False)[1].tolist() == [0, 1]


def test_misuse_is_one_sentence():
    with pytest.raises(ValueError, match="Every sample of X has a NaN"):
        apply_identifiability_constraints(np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="must be 2-dimensional"):
        apply_identifiability_constraints(np.zeros(3))
    with pytest.raises(ValueError, match="X has 3 columns but the basis makes 5"):
        apply_identifiability_constraints_by_basis_component(BSplineEval(5).set_input_shape(1), np.zeros((9, 3)))


def test_nemos_keeps_the_same_columns():
    nemos = pytest.importorskip("nemos", reason="NeMoS needs an environment of its own, see make bench")
    import jax

    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(0)
    basis = nemos.basis.BSplineEval(5) + nemos.basis.CyclicBSplineEval(6)
    X = np.asarray(basis.compute_features(*rng.random((2, 80))))
    X[5] = np.nan
    theirs = nemos.identifiability_constraints
    for add_intercept in (True, False):
        ours = apply_identifiability_constraints(X, add_intercept)
        for mine, other in zip(ours, theirs.apply_identifiability_constraints(X, add_intercept), strict=True):
            np.testing.assert_array_equal(mine, other)
