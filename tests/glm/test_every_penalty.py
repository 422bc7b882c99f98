"""What every regularizer promises, whatever it penalises; one that is not listed here fails."""

import copy

import numpy as np
import pytest
from sklearn.base import clone

from spikesieve import regularizer as public
from spikesieve.glm import GLM
from spikesieve.regularizer import Regularizer, resolve_regularizer
from tests.solver.problems import counts, features

REGULARIZERS = [
    public.UnRegularized(),
    public.Ridge(),
    public.Lasso(),
    public.ElasticNet(ratio=0.7),
    public.GroupLasso(),
    public.GroupElasticNet(ratio=0.7),
    public.SparseGroupLasso(),
    public.GroupLasso(standardize="group"),
    public.OverlappingGroupLasso(groups=[["g00", "g01"], ["g01", "g02"]]),
    public.OverlappingGroupLasso(groups=[["g00", "g01"], ["g01", "g02"]], form="intersection"),
    public.HierarchicalGroupLasso({"g02": ["g00", "g01"]}),
    public.SmoothGroupLasso(cyclic=("g00",)),
    public.AdaptiveGroupLasso(),
    public.GroupMCP(),
    public.GroupSCAD(),
]
every = pytest.mark.parametrize("regularizer", REGULARIZERS, ids=lambda regularizer: type(regularizer).__name__)


@pytest.fixture(scope="module")
def data():
    X = features(n_samples=250, n_groups=3, size=2)
    return X, counts(X)


def test_every_regularizer_is_listed():
    kinds = {kind for kind in vars(public).values() if isinstance(kind, type) and issubclass(kind, Regularizer)}
    concrete = {kind for kind in kinds if not kind.__abstractmethods__}
    assert concrete == {type(regularizer) for regularizer in REGULARIZERS}


@every
def test_a_path_is_certified_and_its_models_are_the_fits(data, regularizer):
    X, y = data
    model = GLM(regularizer=regularizer, solver_kwargs={"tol": 1e-8})
    if not regularizer.uses_strength:
        with pytest.raises(ValueError, match="needs a penalty"):
            model.fit_path(X, y)
        return
    strengths = None if regularizer.selects else [1.0, 0.1, 0.01]
    path = model.fit_path(X, y, strengths, n_strengths=6, min_ratio=0.02)
    assert path.converged.all() and (path.kkt_residual <= path.tolerance).all()
    assert (np.diff(path.loss) <= 1e-12).all() and (path.objective >= path.loss).all()
    if regularizer.selects:
        assert not path.coef_matrix[0].any() and path.coef_matrix[-1].any()
    single = GLM(regularizer=regularizer, regularizer_strength=float(path.strengths[3 % len(path.strengths)]))
    single.set_params(solver_kwargs={"tol": 1e-8}).fit(X, y)
    at = path.at(single.regularizer_strength)
    np.testing.assert_allclose(at.solution_.coef_matrix, single.solution_.coef_matrix, atol=1e-5)
    expected = len(y) - 7 if not regularizer.selects else len(y) - np.count_nonzero(single.solution_.coef_matrix) - 1
    assert at.dof_resid_ == expected


@every
def test_fits_leave_the_regularizer_alone_and_one_serves_several_designs(data, regularizer):
    X, y = data
    before = copy.deepcopy(vars(regularizer))
    model = GLM(regularizer=regularizer, regularizer_strength=0.05).fit(X, y)
    assert vars(regularizer) == before
    twice = {label: np.hstack([leaf, leaf**2]) for label, leaf in X.items()}
    assert model.fit(twice, y).coef_["g00"].shape == (4,)
    assert vars(regularizer) == before


@every
def test_it_survives_cloning_and_names_its_parameters(regularizer):
    copied = clone(GLM(regularizer=regularizer)).regularizer
    assert type(copied) is type(regularizer) and vars(copied) == vars(regularizer)
    assert type(regularizer)(**regularizer.get_params()).get_params() == regularizer.get_params()
    with pytest.raises(ValueError, match="has no parameter"):
        regularizer.set_params(novelty=1)


@every
@pytest.mark.parametrize("strength", [0.0, 0.05])
def test_features_that_are_zero_throughout_leave_finite_coefficients(data, regularizer, strength):
    X, y = data
    X = {**X, "g01": np.zeros_like(X["g01"])}
    model = GLM(regularizer=regularizer, regularizer_strength=strength).fit(X, y)
    assert np.isfinite(model.solution_.coef_matrix).all() and np.isfinite(model.solution_.objective).all()


@every
def test_a_name_is_an_instance_with_its_defaults(regularizer):
    name = type(regularizer).__name__
    if name in ("OverlappingGroupLasso", "HierarchicalGroupLasso"):
        with pytest.raises(ValueError, match=rf"does not say which groups there are: pass {name}\((groups|hierarchy)="):
            resolve_regularizer(name)
        return
    assert type(resolve_regularizer(name)) is type(regularizer)
