"""The estimator: what it accepts, stores, predicts, scores and refuses."""

import collections
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from spikesieve.glm import GLM
from spikesieve.observation_models import PoissonObservations
from spikesieve.regularizer import GroupLasso
from tests.solver.problems import counts, dense, features

Pair = collections.namedtuple("Pair", "first second")


@pytest.fixture(scope="module")
def data():
    X = features(n_samples=300, n_groups=3, size=2)
    return X, counts(X)


@pytest.fixture
def group_lasso():
    return GLM(regularizer="GroupLasso", regularizer_strength=0.02)


def test_shapes_follow_the_features(data, group_lasso):
    X, y = data
    group_lasso.fit(X, y)
    assert list(group_lasso.coef_) == list(X) and all(leaf.shape == (2,) for leaf in group_lasso.coef_.values())
    assert group_lasso.intercept_.shape == (1,)
    matrix, _ = dense(X)
    plain = GLM().fit(matrix, y)
    assert plain.coef_.shape == (6,) and plain.n_features_in_ == 6


@pytest.mark.parametrize(
    "build",
    [
        list,
        tuple,
        lambda leaves: Pair(leaves[0], {"x": leaves[1], "y": leaves[2]}),
        lambda leaves: {"outer": {"a": leaves[0], "b": leaves[1]}, "z": leaves[2]},
    ],
)
def test_any_pytree_gives_the_same_coefficients(data, group_lasso, build):
    X, y = data
    leaves = list(X.values())
    group_lasso.fit(build(leaves), y)
    coef = group_lasso.coef_
    assert type(coef) is type(build(leaves))
    reference = clone(group_lasso).fit(X, y)
    np.testing.assert_array_equal(
        np.concatenate([np.ravel(leaf) for leaf in _walk(coef)]), np.concatenate(list(reference.coef_.values()))
    )
    np.testing.assert_array_equal(group_lasso.predict(build(leaves)), reference.predict(X))


def _walk(tree):
    if isinstance(tree, dict):
        tree = [tree[key] for key in sorted(tree)]
    return [tree] if isinstance(tree, np.ndarray) else [leaf for child in tree for leaf in _walk(child)]


def test_registered_jax_containers_are_walked(data, group_lasso):
    jax = pytest.importorskip("jax")

    class Covariates:
        def __init__(self, position, speed):
            self.position, self.speed = position, speed

    jax.tree_util.register_pytree_node(
        Covariates, lambda c: ((c.position, c.speed), None), lambda _, children: Covariates(*children)
    )
    X, y = data
    group_lasso.fit(Covariates(X["g00"], X["g01"]), y)
    assert isinstance(group_lasso.coef_, Covariates) and group_lasso.coef_.speed.shape == (2,)


def test_jax_arrays_and_float32_are_accepted(data, group_lasso):
    jnp = pytest.importorskip("jax.numpy")
    X, y = data
    group_lasso.fit({label: jnp.asarray(leaf, dtype=jnp.float32) for label, leaf in X.items()}, jnp.asarray(y))
    assert group_lasso.coef_["g00"].dtype == np.float64


def test_masks_group_columns_of_an_array(data):
    X, y = data
    matrix, groups = dense(X)
    mask = np.zeros((3, 6))
    for g, group in enumerate(groups):
        mask[g, group] = 1
    by_mask = GLM(regularizer=GroupLasso(mask), regularizer_strength=0.02).fit(matrix, y)
    by_leaf = GLM(regularizer="GroupLasso", regularizer_strength=0.02).fit(X, y)
    np.testing.assert_allclose(by_mask.coef_, np.concatenate(list(by_leaf.coef_.values())), atol=1e-9)


def test_one_regularizer_serves_several_designs(data):
    X, y = data
    regularizer = GroupLasso()
    model = GLM(regularizer=regularizer, regularizer_strength=0.02)
    model.fit(X, y)
    model.fit({"g00": X["g00"]}, y)
    assert regularizer.mask is None


def test_nothing_passed_is_changed(data, group_lasso):
    X, y = data
    copies = {label: leaf.copy() for label, leaf in X.items()}, y.copy()
    kwargs = {"maxiter": 100}
    group_lasso.set_params(solver_kwargs=kwargs).fit(X, y)
    group_lasso.coef_["g00"][:] = 7.0
    assert kwargs == {"maxiter": 100}
    np.testing.assert_array_equal(copies[1], y)
    assert all(np.array_equal(copies[0][label], X[label]) for label in X)
    assert not (group_lasso.solution_.coef_matrix == 7.0).any()


def test_rows_with_nan_are_dropped_for_fitting_and_kept_for_prediction(data, group_lasso):
    X, y = data
    holes = {label: leaf.copy() for label, leaf in X.items()}
    holes["g01"][5, 1], holes["g02"][9, 0] = np.nan, np.inf
    y_holes = y.copy()
    y_holes[20] = np.nan
    group_lasso.fit(holes, y_holes)
    keep = np.setdiff1d(np.arange(300), [5, 9, 20])
    clean = clone(group_lasso).fit({label: leaf[keep] for label, leaf in X.items()}, y[keep])
    np.testing.assert_allclose(group_lasso.coef_["g00"], clean.coef_["g00"], atol=1e-12)
    assert group_lasso.dof_resid_ == clean.dof_resid_
    predicted = group_lasso.predict(holes)
    assert len(predicted) == 300 and np.isnan(predicted[5]) and np.isfinite(np.delete(predicted, [5, 9])).all()
    assert group_lasso.score(holes, y_holes) == pytest.approx(clean.score({k: v[keep] for k, v in X.items()}, y[keep]))


def test_scores_against_their_formulas(data):
    X, y = data
    model = GLM(regularizer="Ridge", regularizer_strength=0.01).fit(X, y)
    mean = model.predict(X)
    from scipy.stats import poisson

    ll, ll0 = poisson.logpmf(y, mean).mean(), poisson.logpmf(y, y.mean()).mean()
    assert model.score(X, y) == pytest.approx(ll)
    assert model.score(X, y, score_type="pseudo-r2-McFadden") == pytest.approx(1 - ll / ll0)
    d, d0 = (2 * (np.where(y > 0, y * np.log(np.maximum(y, 1) / m), 0) - (y - m)).mean() for m in (mean, y.mean()))
    assert model.score(X, y, score_type="pseudo-r2-Cohen") == pytest.approx(1 - d / d0)
    assert model.score(X, y, aggregate_sample_scores=np.sum) == pytest.approx(300 * ll)
    assert model.score(X, y, score_type="pseudo-r2-Cohen") > 0.1
    np.testing.assert_allclose(model.score(X, y, aggregate_sample_scores=lambda each: each), poisson.logpmf(y, mean))


def test_ridge_and_unregularized_against_statsmodels(data):
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels (test extra) is not installed")
    X, y = data
    matrix, _ = dense(X)
    theirs = sm.GLM(y, sm.add_constant(matrix), family=sm.families.Poisson()).fit(tol=1e-13)
    ours = GLM(solver_kwargs={"tol": 1e-9}).fit(matrix, y)
    np.testing.assert_allclose(ours.coef_, theirs.params[1:], atol=1e-7)
    assert ours.dof_resid_ == theirs.df_resid
    from sklearn.linear_model import PoissonRegressor

    ridge = GLM(regularizer="Ridge", regularizer_strength=0.1, solver_kwargs={"tol": 1e-9}).fit(matrix, y)
    sklearn = PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=1000).fit(matrix, y)
    np.testing.assert_allclose(ridge.coef_, sklearn.coef_, atol=1e-6)
    assert ridge.dof_resid_ == 300 - 6 - 1


def test_simulate_draws_around_the_mean(data, group_lasso):
    X, y = data
    group_lasso.fit(X, y)
    drawn, mean = group_lasso.simulate(3, X)
    np.testing.assert_array_equal(mean, group_lasso.predict(X))
    many = np.mean([group_lasso.simulate(np.random.default_rng(k), X)[0] for k in range(400)], axis=0)
    assert np.abs((many - mean) / np.sqrt(mean / 400)).max() < 5
    np.testing.assert_array_equal(drawn, group_lasso.simulate(3, X)[0])


def test_simulate_takes_jax_keys(data, group_lasso):
    jax = pytest.importorskip("jax")
    X, y = data
    group_lasso.fit(X, y)
    old, new = jax.random.PRNGKey(1), jax.random.key(1)
    np.testing.assert_array_equal(group_lasso.simulate(old, X)[0], group_lasso.simulate(new, X)[0])
    with pytest.raises(TypeError, match="random_key must be"):
        group_lasso.simulate(np.array([0.5]), X)


def test_init_params_and_warm_start_save_steps(data, group_lasso):
    X, y = data
    cold = group_lasso.fit(X, y).n_iter_
    started = clone(group_lasso).fit(X, y, init_params=(group_lasso.coef_, group_lasso.intercept_))
    assert started.n_iter_ == 0 < cold
    np.testing.assert_allclose(started.coef_["g00"], group_lasso.coef_["g00"], atol=1e-6)
    warm = clone(group_lasso).set_params(warm_start=True).fit(X, y)
    assert warm.fit(X, y).n_iter_ == 0


def test_clone_params_and_grid_search(data):
    X, y = data
    matrix, groups = dense(X)
    mask = np.zeros((3, 6))
    for g, group in enumerate(groups):
        mask[g, group] = 1
    model = GLM(regularizer=GroupLasso(mask), observation_model=PoissonObservations(), regularizer_strength=0.1)
    copy = clone(model)
    assert copy.get_params(deep=False).keys() == model.get_params(deep=False).keys()
    np.testing.assert_array_equal(copy.regularizer.mask, mask)
    search = GridSearchCV(model, {"regularizer_strength": [0.3, 0.03, 0.003]}, cv=3).fit(matrix, y)
    assert search.best_params_["regularizer_strength"] < 0.3
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_strength_not_given_is_said(data):
    X, y = data
    with pytest.warns(UserWarning, match="regularizer_strength was not given"):
        GLM(regularizer="GroupLasso").fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GLM().fit(X, y)


def test_plain_array_is_one_group_and_said(data):
    X, y = data
    matrix, _ = dense(X)
    with pytest.warns(UserWarning, match="one group of all features"):
        GLM(regularizer="GroupLasso", regularizer_strength=0.02).fit(matrix, y)


def test_outcomes_are_warnings(data):
    X, y = data
    with pytest.warns(ConvergenceWarning, match="Raise solver_kwargs"):
        GLM("Poisson", regularizer="GroupLasso", regularizer_strength=1e-4, solver_kwargs={"maxiter": 1}).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="no finite maximum"):
        GLM(regularizer="GroupLasso", regularizer_strength=0.1).fit(X, np.zeros(300))


def test_path_at_gives_fitted_models(data):
    X, y = data
    path = GLM(regularizer="GroupLasso").fit_path(X, y, n_strengths=10)
    on = path.at(path.strengths[4])
    np.testing.assert_array_equal(on.coef_["g00"], path.coef["g00"][4])
    between = path.at(0.5 * (path.strengths[4] + path.strengths[5]))
    direct = clone(between).fit(X, y)
    np.testing.assert_allclose(between.coef_["g00"], direct.coef_["g00"], atol=1e-5)
    assert between.solution_.converged.all() and between.score(X, y) < 0
    with pytest.raises(ValueError, match="finite number >= 0"):
        path.at(-1.0)


def test_path_at_respects_strengths_per_group(data):
    X, y = data
    relative = {"g00": 1.0, "g01": 3.0, "g02": 1.0}
    path = GLM(regularizer="GroupLasso", regularizer_strength=relative).fit_path(X, y, n_strengths=5)
    model = path.at(path.strengths[3])
    np.testing.assert_allclose(clone(model).fit(X, y).coef_["g00"], model.coef_["g00"], atol=1e-5)


def test_path_record_is_labelled(data):
    X, y = data
    path = GLM(regularizer="GroupLasso").fit_path(X, y, n_strengths=7)
    assert set(path.group_norms) == set(X) == set(path.entry_strengths())
    assert path.coef["g01"].shape == (7, 2)
    first = max(path.entry_strengths(), key=path.entry_strengths().get)
    assert path.group_norms[first][0] == 0 < path.group_norms[first][1]
    assert (np.diff(path.deviance_explained) >= -1e-12).all()


def test_path_needs_a_penalty_that_has_a_largest_strength(data):
    X, y = data
    with pytest.raises(ValueError, match="needs a penalty"):
        GLM().fit_path(X, y)
    with pytest.raises(ValueError, match="pass strengths"):
        GLM(regularizer="Ridge").fit_path(X, y)
    ridge = GLM(regularizer="Ridge").fit_path(X, y, strengths=[0.1, 1.0])
    assert ridge.strengths.tolist() == [1.0, 0.1] and ridge.converged.all()


def test_compute_loss_is_the_unpenalised_loss_of_the_fit(data, group_lasso):
    X, y = data
    group_lasso.fit(X, y)
    loss = group_lasso.compute_loss((group_lasso.coef_, group_lasso.intercept_), X, y)
    assert loss == pytest.approx(group_lasso.solution_.loss[0], rel=1e-12)
