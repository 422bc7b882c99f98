"""Penalties on latent coefficients, overlap, hierarchy, roughness, standardized groups: CVXPY, limits, properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.regularizer import (
    AdaptiveGroupLasso,
    GroupLasso,
    GroupMCP,
    HierarchicalGroupLasso,
    OverlappingGroupLasso,
    SmoothGroupLasso,
    SparseGroupLasso,
    UnRegularized,
)
from spikesieve.solver import path
from tests.solver.convex import FAMILIES, smallest_objective
from tests.solver.problems import counts, dense, design_of, features

WINDOWS = [list(range(start, start + 4)) for start in range(0, 10, 2)]
HIERARCHY = {"a*b": ["a", "b"], "a*b*c": ["a*b", "c"]}


def data(family="Poisson", n_samples=150, n_groups=4, size=3):
    X = features(n_samples=n_samples, n_groups=n_groups, size=size)
    y = counts(X)
    return X, np.log1p(y) if family == "Gaussian" else y


def solve(regularizer, X, y, family="Poisson", strengths=None, **options):
    design = design_of(X)
    penalty, _ = regularizer.bind(design.layout, 1.0)
    return path(design, y, FAMILIES[family], penalty, strengths, **options)


def interactions(n_samples=200, seed=0):
    rng = np.random.default_rng(seed)
    X = {label: rng.normal(size=(n_samples, 2)) for label in "abc"}
    X["a*b"] = np.einsum("ij,ik->ijk", X["a"], X["b"]).reshape(n_samples, 4)
    X["a*b*c"] = np.einsum("ij,ik->ijk", X["a*b"], X["c"]).reshape(n_samples, 8)
    return X


def latent_cost(groups, weights):
    """The latent norm as a CVXPY expression: the parts are variables of their own."""
    import cvxpy as cp

    def cost(coef):
        parts = [cp.Variable(len(group)) for group in groups]
        spread = [np.eye(coef.shape[0])[:, group] for group in groups]
        norms = sum(w * cp.norm(part) for w, part in zip(weights, parts, strict=True))
        total = sum(matrix @ part for matrix, part in zip(spread, parts, strict=True))
        return norms, [coef == total]

    return cost


def assert_as_good_as_cvxpy(solved, X, y, family, cost):
    matrix, _ = dense(X)
    assert solved.converged.all()
    for k, strength in enumerate(solved.strengths):
        excess = solved.objective[k] - smallest_objective(matrix, y, family, cost, strength)
        assert abs(excess) <= 1e-7, (k, excess)
        eta = matrix @ solved.coef_matrix[k] + solved.intercept[k]
        np.testing.assert_allclose(FAMILIES[family].loss(eta, y).mean(), solved.loss[k], rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_latent_overlap_equals_cvxpy(family):
    pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    X, y = data(family)
    solved = solve(OverlappingGroupLasso(WINDOWS), X, y, family, n_strengths=6, min_ratio=1e-2, tolerance=1e-8)
    assert_as_good_as_cvxpy(solved, X, y, family, latent_cost(WINDOWS, [2.0] * 5))


@pytest.mark.parametrize("family", FAMILIES)
def test_latent_overlap_of_rough_standardized_parts_equals_cvxpy(family):
    cp = pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    X, y = data(family)
    matrix, _ = dense(X)
    centred = matrix - matrix.mean(axis=0)
    groups = [np.arange(6), np.arange(3, 9), np.arange(9, 12)]
    bend = np.array([[1.0, -2.0, 1.0]])

    def cost(coef):
        parts = [cp.Variable(len(group)) for group in groups]
        sizes = []
        for group, part in zip(groups, parts, strict=True):
            rough = np.kron(np.eye(len(group) // 3), np.sqrt(0.5) * bend)
            sizes.append(cp.norm(np.vstack([centred[:, group] / np.sqrt(len(y)), rough]) @ part))
        total = sum(np.eye(12)[:, group] @ part for group, part in zip(groups, parts, strict=True))
        return sum(np.sqrt(len(group)) * size for group, size in zip(groups, sizes, strict=True)), [coef == total]

    named = {"one": ["g00", "g01"], "two": ["g01", "g02"], "three": ["g03"]}
    regularizer = OverlappingGroupLasso(named, roughness=0.5, standardize="group")
    solved = solve(regularizer, X, y, family, n_strengths=6, min_ratio=1e-2, tolerance=1e-8)
    assert_as_good_as_cvxpy(solved, X, y, family, cost)


@pytest.mark.parametrize("family", FAMILIES)
def test_hierarchy_equals_cvxpy(family):
    pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    X = interactions()
    y = np.random.default_rng(1).poisson(np.exp(0.5 * X["a"][:, 0] + 0.4 * X["a*b"][:, 1] - 0.5)).astype(float)
    y = np.log1p(y) if family == "Gaussian" else y
    columns = dict(zip(sorted(X), np.split(np.arange(18), np.cumsum([2, 4, 8, 2])), strict=True))
    own = {**{label: [label] for label in X}, "a*b": ["a*b", "a", "b"], "a*b*c": ["a*b*c", "a*b", "a", "b", "c"]}
    groups = [np.concatenate([columns[label] for label in own[name]]) for name in sorted(X)]
    solved = solve(HierarchicalGroupLasso(HIERARCHY), X, y, family, n_strengths=6, min_ratio=1e-2, tolerance=1e-8)
    assert_as_good_as_cvxpy(solved, X, y, family, latent_cost(groups, np.sqrt([len(group) for group in groups])))
    assert solved.group_labels == tuple(sorted(X))
    np.testing.assert_allclose(solved.group_norms["a"], np.linalg.norm(solved.coef["a"], axis=1), rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_roughness_equals_cvxpy(family):
    cp = pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    X, y = data(family, n_groups=3, size=6)
    line = np.diff(np.eye(6), 2, axis=0)
    ring = np.roll(np.eye(6), 1, axis=0) + np.roll(np.eye(6), -1, axis=0) - 2 * np.eye(6)
    grid = np.vstack([np.kron(np.diff(np.eye(3), 2, axis=0), np.eye(2))])  # two functions have no second difference

    def cost(coef):
        stacked = [np.vstack([np.eye(6), np.sqrt(3.0) * rows]) for rows in (line, ring, grid)]
        norms = [cp.norm(rows @ coef[6 * g : 6 * g + 6]) for g, rows in enumerate(stacked)]
        return np.sqrt(6) * sum(norms)

    regularizer = SmoothGroupLasso(3.0, cyclic=("g01",), shape={"g02": (3, 2)})
    solved = solve(regularizer, X, y, family, n_strengths=6, min_ratio=1e-2, tolerance=1e-8)
    assert_as_good_as_cvxpy(solved, X, y, family, cost)
    np.testing.assert_allclose(solved.group_norms["g01"], np.linalg.norm(solved.coef["g01"], axis=1), rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_standardized_groups_equal_cvxpy(family):
    cp = pytest.importorskip("cvxpy", reason="cvxpy (test extra) is not installed")
    X, y = data(family)
    matrix, groups = dense(X)
    centred = matrix - matrix.mean(axis=0)

    def cost(coef):
        sizes = [cp.norm(centred[:, group] @ coef[group]) / np.sqrt(len(y)) for group in groups]
        return np.sqrt(3) * sum(sizes)

    solved = solve(GroupLasso(standardize="group"), X, y, family, n_strengths=6, min_ratio=1e-2, tolerance=1e-8)
    assert_as_good_as_cvxpy(solved, X, y, family, cost)


def assert_same_paths(first, second, atol=1e-5):
    np.testing.assert_allclose(first.strengths, second.strengths, rtol=1e-9)
    np.testing.assert_allclose(first.objective, second.objective, rtol=1e-8)
    np.testing.assert_allclose(first.coef_matrix, second.coef_matrix, atol=atol)
    np.testing.assert_allclose(first.group_norm_matrix, second.group_norm_matrix, atol=atol)
    assert first.group_labels == second.group_labels


@pytest.mark.parametrize(
    "regularizer",
    [
        OverlappingGroupLasso([["g00"], ["g01"], ["g02"], ["g03"]]),
        SmoothGroupLasso(0.0),
        SmoothGroupLasso({"g01": 0.0}),
    ],
    ids=["overlap without overlap", "roughness 0", "roughness 0 of one"],
)
def test_limits_are_the_group_lasso(regularizer):
    X, y = data()
    options = {"n_strengths": 10, "tolerance": 1e-8}
    assert_same_paths(solve(regularizer, X, y, **options), solve(GroupLasso(), X, y, **options))


def test_standardizing_orthonormal_groups_changes_nothing():
    X, y = data()
    whitened = {}
    for label, columns in X.items():
        centred = columns - columns.mean(axis=0)
        whitened[label] = centred @ np.linalg.inv(np.linalg.cholesky(centred.T @ centred / len(y))).T
    options = {"n_strengths": 10, "tolerance": 1e-8}
    plain = solve(GroupLasso(), whitened, y, **options)
    assert_same_paths(solve(GroupLasso(standardize="group"), whitened, y, **options), plain)
    same_functions = solve(GroupLasso(standardize="group"), X, y, **options)
    np.testing.assert_allclose(same_functions.objective, plain.objective, rtol=1e-8)


def test_standardized_groups_without_full_rank_are_fitted():
    """B-splines sum to one: their centred columns have no full rank; constant ones have none at all."""
    from spikesieve.basis import BSplineEval

    rng = np.random.default_rng(0)
    x = rng.random((400, 2))
    X = {f"c{c}": BSplineEval(7).compute_features(x[:, c]) for c in range(2)}
    X["constant"] = np.ones((400, 2))
    y = rng.poisson(np.exp(2 * x[:, 0] - 1)).astype(float)
    solved = solve(GroupLasso(standardize="group"), X, y, n_strengths=15)
    assert solved.converged.all()
    assert not solved.coef["constant"].any()
    np.testing.assert_allclose(solved.coef["c0"].sum(axis=1), 0.0, atol=1e-10)


def test_weights_of_rows_enter_the_standard_deviation():
    X, y = data()
    times = np.random.default_rng(3).integers(0, 3, len(y))
    often = {label: np.repeat(columns, times, axis=0) for label, columns in X.items()}
    weighed = solve(GroupLasso(standardize="group"), X, y, sample_weight=times.astype(float), n_strengths=5)
    repeated = solve(GroupLasso(standardize="group"), often, np.repeat(y, times), n_strengths=5)
    np.testing.assert_allclose(weighed.objective, repeated.objective, rtol=1e-8)


def test_smooth_coefficients_are_smoother():
    rng = np.random.default_rng(0)
    X = {"x": rng.normal(size=(300, 12)), "z": rng.normal(size=(300, 12))}
    tuning = np.sin(np.linspace(0, 2 * np.pi, 12, endpoint=False))
    y = rng.poisson(np.exp(0.3 * X["x"] @ tuning - 1)).astype(float)
    rough, smooth = (
        solve(SmoothGroupLasso(roughness, cyclic="x"), X, y, strengths=[0.01]).coef["x"][0] for roughness in (0.0, 10.0)
    )
    around = np.roll(np.eye(12), 1, axis=0) + np.roll(np.eye(12), -1, axis=0) - 2 * np.eye(12)
    assert np.linalg.norm(around @ smooth) < 0.5 * np.linalg.norm(around @ rough)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 1000),
    interaction=st.floats(-1, 1),
    main=st.floats(-1, 1),
    shrink=st.sampled_from([None, "group"]),
)
def test_interactions_enter_only_with_their_main_effects(seed, interaction, main, shrink):
    X = interactions(60, seed)
    eta = main * X["c"][:, 0] + interaction * X["a*b"][:, 0] + interaction * X["a*b*c"][:, 0]
    y = np.random.default_rng(seed).poisson(np.exp(np.minimum(eta, 4.0))).astype(float)
    solved = solve(HierarchicalGroupLasso(HIERARCHY, standardize=shrink), X, y, n_strengths=10, min_ratio=0.02)
    active = {label: solved.group_norms[label] > 0 for label in X}
    for below, above in (("a*b", "a"), ("a*b", "b"), ("a*b*c", "a*b"), ("a*b*c", "c")):
        assert (active[above] | ~active[below]).all(), (below, above)


def test_main_effects_enter_without_interaction():
    X = interactions(400)
    y = np.random.default_rng(1).poisson(np.exp(0.6 * X["a"][:, 0] - 0.5)).astype(float)
    entered = solve(HierarchicalGroupLasso(HIERARCHY), X, y, n_strengths=40).entry_strengths()
    assert entered["a"] > max(entered[label] for label in entered if label != "a")


def test_latent_groups_report_their_own_parts():
    X, y = data(n_samples=400)
    regularizer = OverlappingGroupLasso({"first": ["g00", "g01"], "second": ["g01", "g02"], "third": ["g02", "g03"]})
    solved = solve(regularizer, X, y, n_strengths=20)
    assert solved.group_labels == ("first", "second", "third")
    active = {label: norms > 0 for label, norms in solved.group_norms.items()}
    nonzero = {label: coef.any(axis=1) for label, coef in solved.coef.items()}
    np.testing.assert_array_equal(nonzero["g00"], active["first"])
    np.testing.assert_array_equal(nonzero["g01"], active["first"] | active["second"])
    np.testing.assert_array_equal(nonzero["g02"], active["second"] | active["third"])
    assert any((~active["second"]) & active["first"])


def test_start_from_coefficients_changes_nothing():
    X, y = data()
    regularizer = OverlappingGroupLasso(WINDOWS)
    cold = solve(regularizer, X, y, strengths=[0.02], tolerance=1e-8)
    near = cold.intercept[0] + 0.1, cold.coef_matrix[0] * 1.1
    warm = solve(regularizer, X, y, strengths=[0.02], tolerance=1e-8, start=near)
    np.testing.assert_allclose(warm.coef_matrix, cold.coef_matrix, atol=1e-6)


def test_gap_of_latent_penalties_bounds_the_excess():
    X, y = data()
    rough = solve(OverlappingGroupLasso(WINDOWS), X, y, n_strengths=8, tolerance=1e-4)
    exact = solve(OverlappingGroupLasso(WINDOWS), X, y, strengths=rough.strengths, tolerance=1e-9)
    assert (rough.objective - exact.objective <= rough.duality_gap + 1e-9).all()
    assert exact.duality_gap.max() <= 1e-7


@pytest.mark.parametrize(
    ("regularizer", "message"),
    [
        (OverlappingGroupLasso(WINDOWS, "union"), 'must be "latent" or "intersection"'),
        (OverlappingGroupLasso(WINDOWS, "intersection", roughness=1.0), 'need form="latent"'),
        (OverlappingGroupLasso(WINDOWS, "intersection", standardize="group"), 'need form="latent"'),
        (HierarchicalGroupLasso({}), "hierarchy must be a dict"),
        (HierarchicalGroupLasso({"g00": 5}), r"hierarchy must be a dict .* got {'g00': 5}; write for example"),
        (HierarchicalGroupLasso({"g00*g01": ["g00", "g01"]}), r"hierarchy names \['g00\*g01'\], but the features are"),
        (HierarchicalGroupLasso({"g00": ["g01"], "g01": ["g00"]}), "goes in a circle: g00 -> g01 -> g00"),
        (SmoothGroupLasso(-1.0), "roughness must be finite and not negative"),
        (SmoothGroupLasso("much"), "roughness must be a number"),
        (SmoothGroupLasso({"speed": 1.0}), r"roughness names \['speed'\]"),
        (SmoothGroupLasso(cyclic=("heading",)), r"cyclic names \['heading'\]"),
        (SmoothGroupLasso(shape={"g00": (2, 2)}), "g00 have 3 coefficients, but shape is"),
        (SmoothGroupLasso(cyclic={"g00": (True, False)}), "cyclic hold one value per axis"),
        (SmoothGroupLasso(cyclic={"g00": "yes"}), r"cyclic\['g00'\] must be True or False, got 'yes'"),
        (SmoothGroupLasso(cyclic=3.0), 'cyclic must be labels, or a dict .* write for example \\("heading",\\)'),
        (SmoothGroupLasso(shape={"g00": "x"}), r"shape\['g00'\] must be the numbers of functions along its axes"),
        (SmoothGroupLasso(shape=(2, 2)), "shape must be a dict from label to numbers of functions"),
        (SmoothGroupLasso(0.0, cyclic=("heading",)), r"cyclic names \['heading'\]"),
        (SmoothGroupLasso([1.0]), "roughness must be a number"),
        (GroupLasso(standardize="columns"), 'standardize must be None or "group"'),
    ],
)
def test_misuse_is_explained(regularizer, message):
    with pytest.raises(ValueError, match=message):
        regularizer.bind(design_of(features()).layout, 1.0)


# ---- Groups of weight 0 ----------------------------------------------------------------------------------------------


def test_a_latent_group_of_weight_0_leaves_its_coefficients_unpenalised():
    X, y = data()
    groups = {"free": ["g00", "g01"], "both": ["g01", "g02"], "last": ["g03"]}
    weights = {"free": 0.0, "both": 2.0, "last": 1.5}
    options = {"n_strengths": 6, "min_ratio": 0.05, "tolerance": 1e-8}
    found = solve(OverlappingGroupLasso(groups, weights=weights), X, y, **options)
    plain = solve(GroupLasso(groups={"both": ["g02"], "last": ["g03"]}, weights=[2.0, 1.5]), X, y, **options)
    assert found.converged.all() and found.coef["g00"][0].all() and found.coef["g01"][0].all()
    assert_same_paths(found, plain)


def test_a_main_effect_of_weight_0_is_unpenalised_and_still_comes_with_its_interaction():
    X = interactions()
    y = np.random.default_rng(1).poisson(np.exp(0.3 * X["a"][:, 0] + 0.3 * X["a*b"][:, 1] - 0.5)).astype(float)
    X = {label: X[label] for label in ("a", "b", "a*b")}
    weights = {"a": 0.0, "b": 1.0, "a*b": 2.0}
    options = {"n_strengths": 6, "min_ratio": 0.05, "tolerance": 1e-8}
    found = solve(HierarchicalGroupLasso({"a*b": ["a", "b"]}, weights=weights), X, y, **options)
    latent = OverlappingGroupLasso({"b": ["b"], "with its main effect": ["a*b", "b"]}, weights=[1.0, 2.0])
    plain = solve(latent, X, y, **options)
    assert found.converged.all() and found.coef["a"][0].all() and not found.coef["b"][0].any()
    np.testing.assert_allclose(found.objective, plain.objective, rtol=1e-8)
    np.testing.assert_allclose(found.coef_matrix, plain.coef_matrix, atol=1e-5)


def test_standardized_groups_pay_for_what_an_unpenalised_one_leaves_of_them():
    X = interactions()
    y = np.random.default_rng(1).poisson(np.exp(0.3 * X["a"][:, 0] + 0.3 * X["a*b"][:, 1] - 0.5)).astype(float)
    X = {"a": X["a"], "a*b": X["a*b"] + X["a"][:, :1]}
    known = np.hstack([np.ones((len(y), 1)), X["a"]])
    left = {"a": X["a"], "a*b": X["a*b"] - known @ np.linalg.lstsq(known, X["a*b"])[0]}
    options = {"n_strengths": 6, "min_ratio": 0.05, "tolerance": 1e-8}
    hierarchy = HierarchicalGroupLasso({"a*b": ["a"]}, standardize="group", weights={"a": 0.0, "a*b": 2.0})
    found = solve(hierarchy, X, y, **options)
    plain = solve(GroupLasso(groups={"a*b": ["a*b"]}, weights=[2.0], standardize="group"), left, y, **options)
    np.testing.assert_allclose(found.objective, plain.objective, rtol=1e-8)
    np.testing.assert_allclose(found.coef["a*b"], plain.coef["a*b"], atol=1e-5)


@pytest.mark.parametrize(
    "regularizer",
    [
        GroupLasso(weights=[0.0] * 4, standardize="group"),
        SmoothGroupLasso(weights=[0.0] * 4),
        HierarchicalGroupLasso({"g01": ["g00"]}, weights=[0.0] * 4),
        OverlappingGroupLasso({"a": ["g00", "g01"], "b": ["g01", "g02", "g03"]}, weights=[0.0] * 2),
        OverlappingGroupLasso({"a": ["g00", "g01"], "b": ["g01"]}, "intersection", weights=[0.0] * 2),
        SparseGroupLasso(weights=[0.0] * 4),
        AdaptiveGroupLasso(weights=[0.0] * 4),
        GroupMCP(weights=[0.0] * 4),
    ],
    ids=lambda regularizer: type(regularizer).__name__,
)
def test_with_every_group_unpenalised_a_fit_is_one_without_penalty(regularizer):
    X, y = data()
    found = solve(regularizer, X, y, strengths=np.array([1.0]), tolerance=1e-9)
    plain = solve(UnRegularized(), X, y, strengths=np.array([1.0]), tolerance=1e-9)
    assert found.converged.all()
    np.testing.assert_allclose(found.coef_matrix, plain.coef_matrix, atol=1e-7)
