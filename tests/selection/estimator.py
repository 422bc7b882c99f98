"""The reference fit behind the interface that cross-validation asks of an estimator."""

import numpy as np
from sklearn.base import BaseEstimator

from spikesieve._errors import Status
from spikesieve._tree import CoefLayout, flatten
from spikesieve.observation_models import PoissonObservations
from spikesieve.solver._record import Path
from tests import reference


class ReferenceGLM(BaseEstimator):
    """Poisson group lasso, one group per leaf, slowly."""

    family = PoissonObservations()

    def fit_path(self, X, y, strengths=None, n_strengths=100, min_ratio=1e-3):
        matrix, layout, y, groups = _flat(X, np.asarray(y, dtype=float))
        if strengths is None:
            top = reference.largest_strength(matrix, y, groups)
            strengths = top * np.geomspace(1.0, min_ratio, n_strengths)
        coef, coefs, intercepts = None, [], []
        for strength in strengths:
            coef, intercept = reference.fit(matrix, y, groups, strength, coef, tolerance=1e-8)
            coefs.append(coef)
            intercepts.append(intercept)
        return _record(np.asarray(strengths), np.array(coefs), np.array(intercepts), layout, groups)

    def path_linear_predictor(self, path, X):
        matrix = np.concatenate([np.asarray(leaf) for leaf in flatten(X)[0]], axis=1)
        return matrix @ path.coef_matrix.T + path.intercept


def _flat(X, y):
    leaves, structure = flatten(X)
    layout = CoefLayout.of(structure, [leaf.shape[1] for leaf in leaves])
    matrix = np.concatenate(leaves, axis=1)
    complete = np.isfinite(matrix).all(axis=1) & np.isfinite(y)
    return matrix[complete], layout, y[complete], [np.arange(s.start, s.stop) for s in layout.leaf_slices]


def _record(strengths, coefs, intercepts, layout, groups):
    zeros = np.zeros(len(strengths))
    return Path(
        strengths=strengths,
        strength_max=float(strengths[0]),
        coef_matrix=coefs,
        intercept=intercepts,
        loss=zeros,
        objective=zeros,
        deviance_explained=zeros,
        kkt_residual=zeros,
        duality_gap=zeros,
        status=(Status.CONVERGED,) * len(strengths),
        n_iterations=zeros,
        n_passes=zeros,
        n_hessians=zeros,
        tolerance=1e-8,
        group_labels=layout.labels,
        group_norm_matrix=np.column_stack([np.linalg.norm(coefs[:, group], axis=1) for group in groups]),
        layout=layout,
    )
