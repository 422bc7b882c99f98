"""Bases in scikit-learn's pipelines and grid searches."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from spikesieve.basis import BSplineEval, RaisedCosineLinearEval, TransformerBasis

RNG = np.random.default_rng(0)
COVARIATES = RNG.uniform(size=(200, 2))
RESPONSE = np.sin(6 * COVARIATES[:, 0]) + 0.1 * RNG.normal(size=200)


def position_and_speed():
    return BSplineEval(5, label="position") + RaisedCosineLinearEval(6, label="speed")


def test_a_grid_search_reaches_every_argument():
    search = GridSearchCV(
        make_pipeline(position_and_speed().to_transformer(), Ridge(1e-3)),
        {
            "transformerbasis__basis__position__n_basis_funcs": [4, 8],
            "transformerbasis__basis__basis2__width": [1.5, 2.0],
        },
        cv=3,
    ).fit(COVARIATES, RESPONSE)
    assert search.best_params_["transformerbasis__basis__position__n_basis_funcs"] == 8
    assert search.best_score_ > 0.95


def test_a_grid_search_can_exchange_the_basis():
    step = BSplineEval(5).to_transformer()
    search = GridSearchCV(
        make_pipeline(step, Ridge(1e-3)),
        {"transformerbasis__basis": [BSplineEval(4), RaisedCosineLinearEval(7)]},
        cv=3,
    ).fit(COVARIATES[:, :1], RESPONSE)
    assert len(search.cv_results_["mean_test_score"]) == 2


def test_held_out_samples_are_scaled_like_the_training_samples():
    transformer = position_and_speed().to_transformer().fit(COVARIATES)
    whole = transformer.transform(COVARIATES)
    np.testing.assert_array_equal(transformer.transform(COVARIATES[:7]), whole[:7])
    np.testing.assert_array_equal(clone(transformer).fit_transform(COVARIATES), whole)


def test_fitting_again_learns_anew():
    transformer = BSplineEval(4).to_transformer().fit(COVARIATES[:, :1])
    transformer.fit(10 * COVARIATES[:, :1])
    assert transformer.basis_.range_[1] > 5


def test_covariates_of_many_columns_are_announced():
    basis = position_and_speed().set_input_shape(1, 2)
    transformer = TransformerBasis(basis).fit(RNG.normal(size=(30, 3)))
    assert transformer.transform(RNG.normal(size=(30, 3)) / 9).shape == (30, 17)
    names = transformer.get_feature_names_out()
    assert names[0] == "position_0" and names[-1] == "speed_11"
    with pytest.raises(ValueError, match="takes 3 columns in all; X has 2. Call set_input_shape"):
        transformer.fit(COVARIATES)
    with pytest.raises(ValueError, match="X must have shape"):
        transformer.fit(COVARIATES[:, 0])


def test_bases_import_none_of_the_costly_libraries():
    program = (
        "import sys, numpy as np, spikesieve.basis as b;"
        "(b.BSplineEval(5) + b.HistoryConv(3)).compute_features(np.arange(9.0), np.arange(9.0));"
        "print([m for m in ('scipy', 'sklearn', 'jax', 'numba', 'pynapple') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
