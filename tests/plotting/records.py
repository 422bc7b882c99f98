"""Records made by hand, so that what is drawn can be compared with known numbers."""

from types import SimpleNamespace

import numpy as np

from spikesieve._errors import Status
from spikesieve._tree import CoefLayout, flatten
from spikesieve.solver._record import Path


def made_path(norms, strengths=None, unconverged=(), interrupted=False) -> Path:
    """A path whose groups have one coefficient each, and the given ``{label: norms}``."""
    labels = tuple(norms)
    matrix = np.column_stack([np.asarray(norms[label], dtype=float) for label in labels])
    count = len(matrix)
    strengths = np.geomspace(1e-2, 1e-4, count) if strengths is None else np.asarray(strengths, dtype=float)
    zeros = np.zeros(count)
    status = [Status.ITERATION_LIMIT if i in unconverged else Status.CONVERGED for i in range(count)]
    return Path(
        strengths=strengths,
        strength_max=float(strengths[0]),
        coef_matrix=matrix,
        intercept=zeros,
        loss=zeros,
        objective=zeros,
        deviance_explained=np.linspace(0.0, 0.2, count),
        kkt_residual=zeros,
        duality_gap=zeros,
        status=tuple(status),
        n_iterations=zeros,
        n_passes=zeros,
        n_hessians=zeros,
        tolerance=1e-9,
        group_labels=labels,
        group_norm_matrix=matrix,
        layout=CoefLayout.of(flatten(dict.fromkeys(labels, 0))[1], [1] * len(labels)),
        interrupted=interrupted,
    )


def made_cross_validation(n_folds=4, n_strengths=9):
    """Held-out scores with a minimum at strength 5 and the one-standard-error choice at strength 3."""
    strengths = np.geomspace(1e-2, 1e-4, n_strengths)
    shape = 0.3 + 0.01 * (np.arange(n_strengths) - 5.0) ** 2
    deviance = shape + 0.1 * np.arange(n_folds)[:, None]

    def mean_and_error(quantity):
        folds = deviance if quantity == "deviance" else 1.0 - deviance
        return np.nanmean(folds, axis=0), np.nanstd(folds, axis=0, ddof=1) / np.sqrt(n_folds)

    return SimpleNamespace(
        strengths=strengths,
        deviance=deviance,
        mean_and_error=mean_and_error,
        bits_per_spike=1.0 - deviance,
        strength_min=strengths[5],
        strength_1se=strengths[3],
        n_active=np.arange(n_strengths),
    )
