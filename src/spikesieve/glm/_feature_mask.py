"""Which features each neuron of a population may use."""

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._tree import CoefLayout
from spikesieve._types import PyTree


def kept_features(feature_mask: PyTree, layout: CoefLayout) -> np.ndarray | None:
    """Boolean ``(n_features, n_neurons)`` from a user's mask; None where everything is kept.

    Raises
    ------
    ValueError
        If it is not a tree like the features, or its shapes or entries are impossible.
    """
    if feature_mask is None:
        return None
    leaves = layout.leaves_of(feature_mask, "feature_mask")
    rows = []
    for label, leaf, shape in zip(layout.labels, leaves, layout.leaf_shapes, strict=True):
        where = f" of {label!r}" if label else ""
        values = as_floats(leaf, f"feature_mask{where}")
        if values.shape not in ((shape, shape[1:]) if label else (shape,)):
            whole = f" or {shape[1:]}" if label else ""
            raise ValueError(f"feature_mask{where} has shape {values.shape}, expected {shape}{whole}.")
        if not np.isin(values, (0.0, 1.0)).all():
            raise ValueError(f"feature_mask{where} must hold only 0 and 1.")
        rows.append(np.broadcast_to(values, shape) > 0)
    kept = np.concatenate(rows)
    return None if kept.all() else kept
