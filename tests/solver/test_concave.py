"""Group MCP and group SCAD: stationary points by an independent check, limits, and another library's answers."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from spikesieve.glm import GLM, PopulationGLM
from spikesieve.regularizer import GroupLasso, GroupMCP, GroupSCAD
from spikesieve.solver import Status
from tests import reference
from tests.solver.problems import counts, dense, features

EXACT = {"tol": 1e-9}
CONCAVE = [GroupMCP(), GroupSCAD(), GroupMCP(gamma=1.2), GroupMCP(gamma=0.5, relative=False), GroupSCAD(gamma=1.1)]
NAMES = ["MCP", "SCAD", "steep MCP", "absolute MCP", "steep SCAD"]


@pytest.fixture(scope="module")
def data():
    X = features(n_samples=300, n_groups=6, size=3)
    return X, counts(X)


def slope(regularizer, norm, strength, curvature):
    """Derivative of the penalty as its papers print it, at curvature times the norm."""
    t = norm * curvature
    if isinstance(regularizer, GroupMCP):
        return strength - t / regularizer.gamma if t <= regularizer.gamma * strength else 0.0
    if t <= strength:
        return strength
    return max(regularizer.gamma * strength - t, 0.0) / (regularizer.gamma - 1)


def curvatures(X, y, groups):
    """Mean diagonal of the null model's Hessian per group: for Poisson counts, the rate times the variances."""
    return [y.mean() * X[:, group].var(axis=0).mean() for group in groups]


def stationarity(matrix, y, groups, regularizer, strength, coef, intercept):
    gradient, intercept_gradient = reference.gradient(matrix, y, coef, intercept)
    scales = curvatures(matrix, y, groups) if regularizer.relative else np.ones(len(groups))
    worst = abs(intercept_gradient)
    for group, curvature in zip(groups, scales, strict=True):
        weight, norm = np.sqrt(len(group)), np.linalg.norm(coef[group])
        pull = slope(regularizer, norm, strength * weight, curvature)
        if norm > 0:
            distance = np.linalg.norm(gradient[group] + pull * coef[group] / norm)
        else:
            distance = max(0.0, np.linalg.norm(gradient[group]) - pull)
        worst = max(worst, distance / weight)
    return worst


@pytest.mark.parametrize("regularizer", CONCAVE, ids=NAMES)
def test_every_solution_is_stationary(data, regularizer):
    X, y = data
    matrix, groups = dense(X)
    path = GLM(regularizer=regularizer, solver_kwargs=EXACT).fit_path(X, y, n_strengths=15, min_ratio=0.01)
    assert path.converged.all() and np.isnan(path.duality_gap).all()
    assert path.coef_matrix[-1].any() and not path.coef_matrix[0].any()
    for k, strength in enumerate(path.strengths):
        found = stationarity(matrix, y, groups, regularizer, strength, path.coef_matrix[k], path.intercept[k])
        assert found <= 1e-8 * path.strength_max
        assert path.kkt_residual[k] <= path.tolerance


@pytest.mark.parametrize("regularizer", CONCAVE, ids=NAMES)
def test_the_objective_is_not_above_that_of_the_group_lassos_solution(data, regularizer):
    X, y = data
    norm = GLM(regularizer=GroupLasso()).fit_path(X, y, n_strengths=8, min_ratio=0.02)
    path = GLM(regularizer=regularizer).fit_path(X, y, norm.strengths)
    # The norm's objective is above the concave one at the same point, and that is above its stationary point below.
    assert (path.objective <= norm.objective + 1e-12).all() and (path.objective < norm.objective - 1e-6).any()


@pytest.mark.parametrize("kind", [GroupMCP, GroupSCAD])
def test_an_endless_gamma_is_the_group_lasso(data, kind):
    X, y = data
    norm = GLM(regularizer=GroupLasso(), solver_kwargs=EXACT).fit_path(X, y, n_strengths=6, min_ratio=0.05)
    path = GLM(regularizer=kind(gamma=1e9), solver_kwargs=EXACT).fit_path(X, y, norm.strengths)
    np.testing.assert_allclose(path.coef_matrix, norm.coef_matrix, atol=1e-7)
    np.testing.assert_allclose(path.objective, norm.objective, atol=1e-8)


@pytest.mark.parametrize("regularizer", [GroupMCP(), GroupSCAD()], ids=["MCP", "SCAD"])
def test_clear_groups_are_fitted_as_if_unpenalised(data, regularizer):
    X, y = data
    strength = 0.15 * GLM(regularizer="GroupLasso").fit_path(X, y, n_strengths=1).strength_max
    model = GLM(regularizer=regularizer, regularizer_strength=strength, solver_kwargs=EXACT).fit(X, y)
    kept = [label for label, coef in model.coef_.items() if coef.any()]
    assert kept == ["g00", "g01"]
    oracle = GLM(solver_kwargs=EXACT).fit({label: X[label] for label in kept}, y)
    for label in kept:
        np.testing.assert_allclose(model.coef_[label], oracle.coef_[label], atol=1e-6)


def test_the_answer_depends_on_the_strength_alone(data):
    X, y = data
    model = GLM(regularizer="GroupMCP", solver_kwargs=EXACT)
    coarse, fine = (model.fit_path(X, y, n_strengths=n, min_ratio=0.05) for n in (4, 13))
    np.testing.assert_allclose(coarse.coef_matrix, fine.coef_matrix[::4], atol=1e-7)
    single = GLM(regularizer="GroupMCP", regularizer_strength=float(coarse.strengths[2]), solver_kwargs=EXACT)
    np.testing.assert_allclose(single.fit(X, y).solution_.coef_matrix[0], coarse.coef_matrix[2], atol=1e-7)
    np.testing.assert_allclose(coarse.at(coarse.strengths[2]).coef_["g00"], single.coef_["g00"], atol=1e-7)
    start = {label: np.full(3, 2.0) for label in X}, np.array([0.5])
    np.testing.assert_allclose(single.fit(X, y, start).coef_["g00"], coarse.coef["g00"][2], atol=1e-7)


def test_a_relative_gamma_means_the_same_in_any_unit(data):
    X, y = data
    plain, scaled = (
        GLM(regularizer="GroupSCAD", solver_kwargs=EXACT).fit_path(
            {label: factor * leaf for label, leaf in X.items()}, y, n_strengths=8, min_ratio=0.05
        )
        for factor in (1.0, 100.0)
    )
    np.testing.assert_allclose(scaled.strengths, 100 * plain.strengths)
    np.testing.assert_allclose(100 * scaled.coef_matrix, plain.coef_matrix, atol=1e-6)


ROWS_OF_OUTPUTS = """solver = skglm.solvers.MultiTaskBCD(tol=1e-10, fit_intercept=False)
datafit, penalty, X, begin = skglm.datafits.QuadraticMultiTask(), skglm.penalties.{}, given["X"], given["begin"]
found = solver.solve(X, given["y"], datafit, penalty, begin, np.asfortranarray(X @ begin))[0]"""


def by_skglm(code: str, **arrays) -> np.ndarray:
    """What a program with skglm finds as ``found``, interpreted: compiling its solvers takes many times the fits."""
    pytest.importorskip("skglm", reason="skglm (test extra) is not installed")
    given = {name: np.asarray(array).tolist() for name, array in arrays.items()}
    lines = [
        "import json, sys, numpy as np, skglm",
        "given = {k: np.asfortranarray(v) for k, v in json.load(sys.stdin).items()}",
        code,
        "print(json.dumps(np.asarray(found).tolist()))",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        input=json.dumps(given),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return np.array(json.loads(done.stdout))


def test_gaussian_groups_of_one_are_skglms():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(200, 6))
    matrix -= matrix.mean(axis=0)
    y = matrix @ [2.0, -1.0, 0.3, 0.0, 0.0, 0.1] + rng.normal(size=200)
    y -= y.mean()
    theirs = by_skglm(
        ROWS_OF_OUTPUTS.format("BlockMCPenalty(0.1, 3.0)"), X=matrix, y=y[:, None], begin=np.zeros((6, 1))
    )
    # Twice their objective is ours: their loss has a half and ours has none.
    regularizer = GroupMCP(3.0 / 2, relative=False, groups=range(6))
    ours = GLM("Gaussian", regularizer=regularizer, regularizer_strength=0.2, solver_kwargs=EXACT).fit(matrix, y)
    np.testing.assert_allclose(ours.coef_, theirs[:, 0], atol=1e-6)


@pytest.mark.parametrize("kind", [GroupMCP, GroupSCAD])
def test_gaussian_groups_of_several_are_skglms_rows_of_outputs(kind):
    """Its groups are the coefficients of a feature for all outputs: ours, joined, over features of one column."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(200, 6))
    matrix -= matrix.mean(axis=0)
    outputs = matrix[:, :3] @ rng.normal(size=(3, 4)) + rng.normal(size=(200, 4))
    outputs -= outputs.mean(axis=0)
    X = {f"x{j}": matrix[:, [j]] for j in range(6)}
    gamma, strength, unit = 4.0, 0.8, {"weights": np.ones(6), "joint": True}
    options = {"regularizer_strength": strength, "solver_kwargs": EXACT}
    regularizer = kind(gamma=gamma, relative=False, **unit)
    ours = PopulationGLM("Gaussian", regularizer=regularizer, **options).fit(X, outputs)
    start = PopulationGLM("Gaussian", regularizer=GroupLasso(**unit), **options).fit(X, outputs)
    # Half of our objective is theirs: MCP in the same unit with half the strength, SCAD in features of another.
    is_mcp = kind is GroupMCP
    factor = 1.0 if is_mcp else np.sqrt(0.5)
    penalty = f"BlockMCPenalty({strength / 2}, {2 * gamma})" if is_mcp else f"BlockSCAD({strength * factor}, {gamma})"
    begin = np.vstack([start.coef_[label] for label in X]) * factor
    found = by_skglm(ROWS_OF_OUTPUTS.format(penalty), X=matrix / factor, y=outputs, begin=begin)
    np.testing.assert_allclose(np.vstack([ours.coef_[label] for label in X]), found / factor, atol=1e-6)
    norms = np.linalg.norm(found, axis=1)
    assert (norms > 0).any() and (norms == 0).any()


def nearest(kind, size, step, strength, gamma):
    """Minimiser of ``(t - size)^2 / (2 step) + penalty(t)``: the best of the stationary points of its pieces."""
    flat = max(size, gamma * strength)
    if kind is GroupMCP:
        bent = np.clip((size - step * strength) / (1 - step / gamma), 0.0, gamma * strength)
        candidates = [0.0, bent, flat]
    else:
        bent = np.clip(((gamma - 1) * size - step * gamma * strength) / (gamma - 1 - step), strength, gamma * strength)
        candidates = [0.0, np.clip(size - step * strength, 0.0, strength), bent, flat]
    return min(candidates, key=lambda t: (t - size) ** 2 / (2 * step) + price(kind, t, strength, gamma))


def price(kind, t, s, gamma):
    if kind is GroupMCP:
        return s * t - t**2 / (2 * gamma) if t <= gamma * s else gamma * s**2 / 2
    if t <= s:
        return s * t
    return (2 * gamma * s * t - t**2 - s**2) / (2 * (gamma - 1)) if t <= gamma * s else s**2 * (gamma + 1) / 2


def descended(matrix, y, groups, regularizer, strength, coef, intercept, n_steps=4000):
    """Proximal gradient steps on the objective itself, each as long as still descends, and where they end."""
    kind, gamma = type(regularizer), regularizer.gamma

    def loss(coef, intercept):
        eta = matrix @ coef + intercept
        return np.mean(np.exp(eta) - y * eta)

    def penalty(coef):
        return sum(price(kind, np.linalg.norm(coef[g]), strength * np.sqrt(len(g)), gamma) for g in groups)

    step, current = 0.5, loss(coef, intercept)
    for _ in range(n_steps):
        gradient, of_intercept = reference.gradient(matrix, y, coef, intercept)
        step = min(2.0 * step, 0.5)
        while True:
            moved, new_intercept = coef - step * gradient, intercept - step * of_intercept
            new = np.zeros_like(coef)
            for group in groups:
                size = np.linalg.norm(moved[group])
                if size > 0:
                    length = nearest(kind, size, step, strength * np.sqrt(len(group)), gamma)
                    new[group] = moved[group] * length / size
            change, shift = new - coef, new_intercept - intercept
            bound = current + gradient @ change + of_intercept * shift + (change @ change + shift**2) / (2 * step)
            found = loss(new, new_intercept)
            if found <= bound + 1e-14:
                break
            step *= 0.5
        coef, intercept, current = new, new_intercept, found
        if max(np.abs(change).max(), abs(shift)) < 1e-9 * step:
            break
    return coef, intercept, current + penalty(coef)


@pytest.mark.parametrize(("kind", "gamma"), [(GroupMCP, 1.5), (GroupMCP, 3.0), (GroupSCAD, 1.6), (GroupSCAD, 4.0)])
def test_descent_from_the_group_lasso_ends_where_the_solver_does_and_from_elsewhere_in_no_better_ones(kind, gamma):
    regularizer = kind(gamma, relative=False)
    X = features(n_samples=150, n_groups=4, size=3)
    y = counts(X)
    matrix, groups = dense(X)
    strength = 0.05
    options = {"regularizer_strength": strength, "solver_kwargs": EXACT}
    ours = GLM(regularizer=regularizer, **options).fit(X, y).solution_
    lasso = GLM(regularizer="GroupLasso", **options).fit(X, y).solution_
    assert np.abs(ours.coef_matrix - lasso.coef_matrix).max() > 0.01
    begin = lasso.coef_matrix[0], lasso.intercept[0]
    coef, _, value = descended(matrix, y, groups, regularizer, strength, *begin)
    assert value == pytest.approx(ours.objective[0], abs=1e-8)
    np.testing.assert_allclose(coef, ours.coef_matrix[0], atol=1e-4)
    values = []
    for seed in range(6):
        start = np.random.default_rng(seed).normal(scale=0.5, size=12)
        coef, intercept, value = descended(matrix, y, groups, regularizer, strength, start, 0.0)
        assert stationarity(matrix, y, groups, regularizer, strength, coef, intercept) < 1e-5
        values.append(value)
    assert ours.objective[0] <= min(values) + 1e-8


@pytest.mark.parametrize("family", ["Bernoulli", "Gaussian", "NegativeBinomial"])
def test_other_families_are_certified(data, family):
    X, y = data
    y = np.minimum(y, 1.0) if family == "Bernoulli" else y
    path = GLM(family, regularizer="GroupMCP").fit_path(X, y, n_strengths=12, min_ratio=0.03)
    assert path.converged.all()


def test_constant_features_never_enter_and_zero_counts_have_no_minimum():
    rng = np.random.default_rng(0)
    X = {"constant": np.full((200, 2), 3.0), "x": rng.normal(size=(200, 2))}
    y = rng.poisson(np.exp(X["x"][:, 0])).astype(float)
    path = GLM(regularizer="GroupMCP").fit_path(X, y, n_strengths=10)
    assert path.converged.all() and not path.coef["constant"].any() and np.isfinite(path.objective).all()
    with pytest.warns(match="no finite maximum"):
        silent = GLM(regularizer="GroupMCP").fit_path(X, 0 * y, [0.1, 0.0])
    assert set(silent.status) == {Status.NO_FINITE_MINIMUM}


def test_a_separating_group_on_the_flat_part_has_no_finite_minimum():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 1))
    y = (x[:, 0] > 0).astype(float)
    model = GLM("Bernoulli", regularizer=GroupMCP(), regularizer_strength=0.01)
    with pytest.warns(match="no finite maximum"):
        model.fit({"x": x, "other": rng.normal(size=(200, 2))}, y)
    assert model.solution_.status == (Status.NO_FINITE_MINIMUM,)


def test_strength_zero_is_unpenalised(data):
    X, y = data
    free = GLM(solver_kwargs=EXACT).fit(X, y)
    model = GLM(regularizer="GroupMCP", regularizer_strength=0.0, solver_kwargs=EXACT).fit(X, y)
    np.testing.assert_allclose(model.coef_["g03"], free.coef_["g03"], atol=1e-7)
