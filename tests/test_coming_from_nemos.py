"""A program as written for NeMoS runs after changing its import, and the page for those who move is true."""

import re
from pathlib import Path

import numpy as np
import pytest

import spikesieve as nmo
from spikesieve.glm import _solver_options

PAGE = (Path(__file__).parent.parent / "docs" / "coming-from-nemos.md").read_text()
RNG = np.random.default_rng(0)
POSITION, SPEED = RNG.random((2, 400))
COUNTS = RNG.poisson(np.exp(np.sin(6 * POSITION) - 0.5)).astype(float)


@pytest.fixture(autouse=True)
def solver_names_were_said(monkeypatch):
    monkeypatch.setattr(_solver_options, "_already_said", {"solver_name", "solver_kwargs"})


@pytest.fixture
def features():
    basis = nmo.basis.RaisedCosineLinearEval(6, label="position") + nmo.basis.RaisedCosineLinearEval(6, label="speed")
    return basis.split_by_feature(basis.compute_features(POSITION, SPEED))


@pytest.mark.filterwarnings("ignore:regularizer_strength was not given")
def test_the_code_of_the_page_runs(features):
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if "GridSearchCV" in block)
    names = {"nmo": nmo, "features": features, "counts": COUNTS}
    exec(compile(code, "coming-from-nemos.md", "exec"), names)
    assert names["search"].best_estimator_.coef_["speed"].shape == (6,)


def test_every_name_that_is_the_same_exists():
    rows = [line.split("|")[1:3] for line in PAGE.splitlines() if line.startswith("| `") and "| the same" in line]
    names = [name for ours, _ in rows for name in re.findall(r"[`, ]([a-z_]+\.[A-Za-z_]+)\b", ours)]
    assert len(names) >= 4
    for name in names:
        module, _, attribute = name.partition(".")
        assert hasattr(getattr(nmo, module), attribute), name
    model = nmo.glm.GLM()
    for method in ("fit", "predict", "score", "simulate", "compute_loss", "save_params", "get_params", "set_params"):
        assert callable(getattr(model, method))
    assert callable(nmo.load_model) and callable(nmo.inspect_npz)


def test_a_program_moves_unchanged(features, tmp_path):
    mask = {label: np.eye(2)[:, [k] * 6] for k, label in enumerate(sorted(features))}
    model = nmo.glm.GLM(
        observation_model=nmo.observation_models.PoissonObservations(),
        inverse_link_function=np.exp,
        regularizer=nmo.regularizer.GroupLasso(mask=mask),
        regularizer_strength=0.005,
        solver_name="ProximalGradient",
        solver_kwargs={"tol": 1e-8, "maxiter": 5000, "acceleration": True, "stepsize": 0.1},
    )
    model.fit(features, COUNTS)
    assert np.linalg.norm(model.coef_["position"]) > 0 and model.intercept_.shape == (1,)
    assert model.dof_resid_ == 400 - 1 - sum(np.count_nonzero(leaf) for leaf in model.coef_.values())
    for score in ("log-likelihood", "pseudo-r2-McFadden", "pseudo-r2-Cohen"):
        assert np.isfinite(model.score(features, COUNTS, score_type=score, aggregate_sample_scores=np.mean))
    counts, rates = model.simulate(123, features)
    assert counts.shape == rates.shape == (400,)
    model.save_params(tmp_path / "model.npz")
    loaded = nmo.load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict(features), model.predict(features))
    started = nmo.glm.GLM(**model.get_params(deep=False)).fit(features, COUNTS, (model.coef_, model.intercept_))
    assert started.n_iter_ <= 2
