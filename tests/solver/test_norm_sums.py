"""Sparse group lasso and overlapping norms: whole paths against CVXPY, limiting cases, certificates, zero patterns."""

import numpy as np
import pytest

from spikesieve.regularizer import GroupLasso, NormSumPenalty, OverlappingGroupLasso, SparseGroupLasso
from spikesieve.solver import path
from tests.solver.convex import FAMILIES, assert_smallest
from tests.solver.problems import counts, dense, design_of, features

WINDOWS = [list(range(start, start + 4)) for start in range(0, 10, 2)]
REGIONS = {"left": ["g00", "g01"], "middle": ["g01", "g02"], "right": ["g02", "g03"]}
CARVED = OverlappingGroupLasso(REGIONS, "intersection")


def data(family="Poisson", n_samples=150, n_groups=4, size=3):
    X = features(n_samples=n_samples, n_groups=n_groups, size=size)
    y = counts(X)
    return X, np.log1p(y) if family == "Gaussian" else y


def solve(regularizer, X, y, family="Poisson", strengths=None, **options):
    design = design_of(X)
    penalty, _ = regularizer.bind(design.layout, 1.0)
    return path(design, y, FAMILIES[family], penalty, strengths, **options)


def sum_of_norms(groups, weights, norm):
    return lambda coef: sum(w * norm(coef[np.asarray(g)]) for g, w in zip(groups, weights, strict=True))


def against_cvxpy(regularizer, groups, weights, family):
    import cvxpy as cp

    X, y = data(family)
    matrix, _ = dense(X)
    solved = solve(regularizer, X, y, family, n_strengths=6, min_ratio=1e-2, tolerance=1e-8)
    cost, value = sum_of_norms(groups, weights, cp.norm), sum_of_norms(groups, weights, np.linalg.norm)
    assert_smallest(solved, matrix, y, family, cost, value)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("ratio", [0.2, 0.9])
def test_sparse_group_lasso_equals_cvxpy(family, ratio):
    pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    groups = [*(range(start, start + 3) for start in range(0, 12, 3)), *([j] for j in range(12))]
    weights = [(1 - ratio) * np.sqrt(3)] * 4 + [ratio] * 12
    against_cvxpy(SparseGroupLasso(ratio), [list(g) for g in groups], weights, family)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("groups", [WINDOWS, [*WINDOWS, [0], [5], [11]]], ids=["windows", "windows and singles"])
def test_overlapping_norms_equal_cvxpy(family, groups):
    pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    against_cvxpy(OverlappingGroupLasso(groups, "intersection"), groups, [np.sqrt(len(g)) for g in groups], family)


def test_limits_of_the_ratio_are_group_lasso_and_lasso():
    X, y = data()
    single = {f"{label}{j}": X[label][:, [j]] for label in X for j in range(3)}
    for ratio, same in [(0.0, solve(GroupLasso(), X, y)), (1.0, solve(GroupLasso(), single, y))]:
        mixed = solve(SparseGroupLasso(ratio), X, y, strengths=same.strengths)
        assert mixed.converged.all()
        np.testing.assert_allclose(mixed.strength_max, same.strength_max, rtol=1e-12)
        np.testing.assert_allclose(mixed.objective, same.objective, rtol=1e-9)


def test_overlap_without_overlap_is_the_group_lasso():
    X, y = data()
    same = solve(GroupLasso(), X, y, n_strengths=10)
    overlapping = solve(OverlappingGroupLasso([[label] for label in X], "intersection"), X, y, n_strengths=10)
    assert overlapping.group_labels == same.group_labels
    np.testing.assert_allclose(overlapping.strengths, same.strengths, rtol=1e-9)
    np.testing.assert_allclose(overlapping.coef_matrix, same.coef_matrix, atol=1e-5)
    np.testing.assert_allclose(overlapping.objective, same.objective, rtol=1e-9)


@pytest.mark.parametrize("regularizer", [SparseGroupLasso(0.3), CARVED], ids=type)
def test_largest_strength_is_the_smallest_with_all_zero(regularizer):
    X, y = data()
    largest = solve(regularizer, X, y, n_strengths=1).strength_max
    at, below = (solve(regularizer, X, y, strengths=[share * largest]) for share in (1.0, 0.999))
    assert not at.coef_matrix.any()
    assert below.coef_matrix.any()


def test_zeros_of_overlapping_norms_are_unions_of_groups():
    X, y = data(n_groups=4)
    solved = solve(CARVED, X, y, n_strengths=20)
    members = {"left": slice(0, 6), "middle": slice(3, 9), "right": slice(6, 12)}
    for coef in solved.coef_matrix:
        union = np.zeros(12, dtype=bool)
        for columns in members.values():
            union[columns] |= not coef[columns].any()
        np.testing.assert_array_equal(coef == 0.0, union)
    np.testing.assert_allclose(
        solved.group_norms["middle"], np.linalg.norm(solved.coef_matrix[:, 3:9], axis=1), rtol=1e-12
    )


def test_sparse_group_lasso_is_sparse_within_groups():
    X, y = data(n_samples=400)
    solved = solve(SparseGroupLasso(0.5), X, y, n_strengths=20)
    inside = (solved.coef_matrix.reshape(20, 4, 3) != 0).sum(axis=2)
    assert ((inside > 0) & (inside < 3)).any() and (inside == 0).any()


def test_certificate_bounds_the_distance_and_the_excess():
    X, y = data()
    regularizer = OverlappingGroupLasso(WINDOWS, "intersection")
    rough = solve(regularizer, X, y, n_strengths=8, tolerance=1e-4)
    exact = solve(regularizer, X, y, strengths=rough.strengths, tolerance=1e-9)
    excess = rough.objective - exact.objective
    assert excess.max() > 1e-12
    assert (excess <= rough.duality_gap + 1e-9).all()  # the gap takes the intercept's gradient as zero
    assert exact.duality_gap.max() <= 1e-6
    assert (exact.kkt_residual <= exact.tolerance).all()


def test_more_coefficients_than_rows_converge():
    X = features(n_samples=40, n_groups=20, size=4)
    y = counts(X)
    runs = [list(range(start, start + 6)) for start in range(0, 75, 3)]
    for regularizer in (SparseGroupLasso(0.5), OverlappingGroupLasso(runs, "intersection")):
        solved = solve(regularizer, X, y, n_strengths=15, min_ratio=1e-2)
        assert solved.converged.all()
        assert (solved.kkt_residual <= solved.tolerance).all()


def test_coefficients_in_no_group_are_unpenalised():
    X, y = data()
    solved = solve(OverlappingGroupLasso([["g01", "g02"], ["g02", "g03"]], "intersection"), X, y, n_strengths=3)
    alone = solve(GroupLasso(), {"g00": X["g00"]}, y, strengths=[0.0], tolerance=1e-9)
    np.testing.assert_allclose(solved.coef_matrix[0, :3], alone.coef_matrix[0], atol=1e-5)
    assert not solved.coef_matrix[0, 3:].any()


def test_sets_that_share_nothing_are_screened_apart():
    design = design_of(features())
    penalty, _ = OverlappingGroupLasso([[0, 1, 2], [2, 3], [5, 6], [6, 7, 8]], "intersection").bind(design.layout, 1.0)
    assert isinstance(penalty, NormSumPenalty)
    assert [group.tolist() for group in penalty.groups] == [[0, 1, 2, 3], [5, 6, 7, 8]]
    assert penalty.ungrouped.tolist() == [4, 9, 10, 11]


@pytest.mark.parametrize("ratio", [-0.1, 1.5, "half", None, np.nan])
def test_impossible_ratio_is_an_error(ratio):
    with pytest.raises(ValueError, match="ratio of SparseGroupLasso must be a number within 0 and 1"):
        SparseGroupLasso(ratio).bind(design_of(features()).layout, 1.0)
