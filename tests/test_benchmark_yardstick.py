"""What the benchmarks measure every library by is right, on a workload small enough to check by hand."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def benchmarks():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import objective
        import workload

        yield workload, objective
    for name in ("objective", "workload"):
        sys.modules.pop(name, None)


def test_workload_is_as_described(benchmarks):
    simulated = benchmarks[0].simulate(50_000, 4)
    assert simulated.counts.mean() == pytest.approx(0.05, rel=0.1)
    assert simulated.covariates.min() >= 0 and simulated.covariates.max() <= 1
    from scipy.special import ndtri

    normal = ndtri(simulated.covariates)
    pairs = np.corrcoef(normal.T)[np.triu_indices(4, 1)]
    assert np.all(np.abs(pairs - 0.3) < 0.2) and abs(pairs.mean() - 0.3) < 0.1
    # A Gaussian of 20 bins gives correlation exp(-1/4) at a lag of 20.
    assert np.mean(normal[20:] * normal[:-20]) == pytest.approx(np.exp(-0.25), abs=0.05)
    features = simulated.features()
    assert list(features) == sorted(features) and features["covariate_003"].shape == (50_000, 10)
    np.testing.assert_allclose(simulated.matrix().sum(axis=1), 4)


def test_objective_and_gradient_agree_with_finite_differences(benchmarks):
    workload, objective = benchmarks
    simulated = workload.simulate(2_000, 3)
    rng = np.random.default_rng(1)
    coef, intercept, strength = rng.normal(0, 0.3, (1, 30)), np.array([-3.0]), np.array([0.01])

    def value(beta):
        return objective.evaluate(simulated, strength, intercept, beta).objective[0]

    log_mean = simulated.matrix() @ coef[0] - 3.0
    norms = np.linalg.norm(coef.reshape(3, 10), axis=1)
    expected = np.mean(np.exp(log_mean) - simulated.counts * log_mean) + 0.01 * np.sqrt(10) * norms.sum()
    assert value(coef) == pytest.approx(expected)
    steps = 1e-6 * np.eye(30)
    slopes = np.array([(value(coef + step) - value(coef - step)) / 2e-6 for step in steps]).reshape(3, 10)
    residual = np.linalg.norm(slopes, axis=1).max() / np.sqrt(10)
    intercept_slope = np.mean(np.exp(log_mean) - simulated.counts)
    found = objective.evaluate(simulated, strength, intercept, coef).kkt_residual[0]
    assert found == pytest.approx(max(residual, abs(intercept_slope)), rel=1e-4)


def test_null_model_is_optimal_at_the_largest_strength_only(benchmarks):
    workload, objective = benchmarks
    simulated = workload.simulate(2_000, 3)
    strongest = objective.strongest(simulated)
    null = np.full(2, np.log(simulated.counts.mean())), np.zeros((2, 30))
    residual = objective.evaluate(simulated, strongest * np.array([1.0, 0.9]), *null).kkt_residual
    np.testing.assert_allclose(residual / strongest, [0, 0.1], atol=1e-12)
