"""Estimated dispersions, and families end to end."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from spikesieve.glm import GLM
from spikesieve.observation_models import NegativeBinomialObservations
from spikesieve.solver import Status, _dispersion
from tests.solver.problems import dense, features


def overdispersed(X, scale=0.8):
    rng = np.random.default_rng(4)
    mean = np.exp(0.5 * X["g00"][:, 0] + 0.3)
    return rng.poisson(rng.gamma(1 / scale, scale * mean)).astype(float)


def test_negative_binomial_dispersion_is_the_joint_maximum_likelihood():
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels (test extra) is not installed")
    X = features(n_samples=1500, n_groups=2, size=2)
    y = overdispersed(X)
    matrix, _ = dense(X)
    ours = GLM("NegativeBinomial", solver_kwargs={"tol": 1e-9}).fit(matrix, y)
    theirs = sm.NegativeBinomial(y, sm.add_constant(matrix)).fit(disp=0, maxiter=500, warn_convergence=False)
    np.testing.assert_allclose(ours.scale_, theirs.params[-1], rtol=1e-4)
    np.testing.assert_allclose(ours.coef_, theirs.params[1:-1], atol=1e-4)


def test_fixed_dispersion_stays():
    X = features(n_samples=300, n_groups=2, size=2)
    model = GLM(NegativeBinomialObservations(scale=0.5)).fit(X, overdispersed(X))
    assert model.scale_ == 0.5


class Recorded(GLM):
    """A model that keeps every path it solves, in a list that all of them share."""

    solved: list = []

    def solve(self, *given, **options):
        self.solved.append(super().solve(*given, **options))
        return self.solved[-1]


def test_the_last_fit_goes_on_where_the_dispersion_was_estimated():
    X = features(n_samples=300, n_groups=2, size=2)
    Recorded.solved.clear()
    model = Recorded("NegativeBinomial", regularizer="GroupLasso", regularizer_strength=0.01).fit(X, overdispersed(X))
    passes = [int(path.n_passes[0]) for path in Recorded.solved]
    assert passes[-1] <= 1 < passes[0]
    assert model.solution_.n_passes[0] == sum(passes)


@pytest.mark.parametrize("name", ["fit", "fit_path"])
def test_a_dispersion_that_does_not_settle_is_a_status(monkeypatch, name):
    monkeypatch.setattr(_dispersion, "_MAX_ROUNDS", 1)
    X = features(n_samples=300, n_groups=2, size=2)
    model = GLM("NegativeBinomial", regularizer="GroupLasso", regularizer_strength=0.01)
    options = {"n_strengths": 2} if name == "fit_path" else {}
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        found = getattr(model, name)(X, overdispersed(X), **options)
    path = found if name == "fit_path" else found.solution_
    assert set(path.status) == {Status.ITERATION_LIMIT}


def test_path_of_an_estimated_dispersion_has_one_dispersion():
    X = features(n_samples=600, n_groups=3, size=2)
    y = overdispersed(X)
    path = GLM("NegativeBinomial", regularizer="GroupLasso").fit_path(X, y, n_strengths=12)
    assert path.converged.all() and (np.diff(path.deviance_explained) > -1e-12).all()
    assert max(path.entry_strengths(), key=path.entry_strengths().get) == "g00"


@pytest.mark.parametrize("family", ["Gamma", "Bernoulli", "Gaussian"])
def test_group_paths_of_other_families_are_certified(family):
    X = features(n_samples=400, n_groups=4, size=3)
    rng = np.random.default_rng(0)
    eta = X["g01"] @ [0.8, -0.5, 0.3]
    y = {
        "Gamma": rng.gamma(2.0, np.exp(eta) / 2.0),
        "Bernoulli": (rng.random(400) < 1 / (1 + np.exp(-eta))).astype(float),
        "Gaussian": eta + rng.normal(size=400),
    }[family]
    link = "exp" if family == "Gamma" else None
    path = GLM(family, inverse_link_function=link, regularizer="GroupLasso").fit_path(X, y, n_strengths=20)
    assert path.converged.all()
    assert (path.duality_gap >= 0).all() and path.duality_gap.max() < 1e-3
    assert max(path.entry_strengths(), key=path.entry_strengths().get) == "g01"
