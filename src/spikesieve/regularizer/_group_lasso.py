"""Group Lasso: whole covariates in or out."""

import numpy as np

from spikesieve._tree import CoefLayout, flatten
from spikesieve.regularizer._base import Regularizer, checked_strengths, scalar_strength
from spikesieve.regularizer._penalty import Penalty


class GroupLasso(Regularizer):
    """``sum_g strength_g * sqrt(p_g) * ||coef_g||_2``: each group of coefficients is kept or removed as one.

    Parameters
    ----------
    mask
        Which coefficients form which group: an array ``(n_groups, n_coef)`` of 0 and 1, or a tree like the
        features with one ``(n_groups, n_coef_of_leaf)`` array per leaf. A group may span leaves, a leaf may
        hold many groups, and coefficients in no group are unpenalised. None makes one group per leaf; a
        plain array is one group.

    Notes
    -----
    The strength may be a scalar, one number per group, or, with the default mask, a dict by leaf. A strength
    of 0 leaves that group unpenalised.

    References
    ----------
    Yuan & Lin (2006), J. R. Stat. Soc. B 68, 49-67, eq. 2.1 with ``K_g = p_g I``.
    doi:10.1111/j.1467-9868.2005.00532.x

    Examples
    --------
    >>> import numpy as np
    >>> GroupLasso(mask=np.array([[1, 1, 0, 0], [0, 0, 1, 1]]))
    GroupLasso(mask=...)
    """

    selects = True

    def __init__(self, mask=None):
        self.mask = mask

    def bind(self, layout, strength):
        groups, labels = _default_groups(layout) if self.mask is None else _groups_of_mask(self.mask, layout)
        scalar = scalar_strength(strength)
        per_group = np.ones(len(groups)) if scalar is not None else _per_group(strength, layout, groups, self.mask)
        weights = per_group * np.sqrt([len(group) for group in groups])
        kept = np.flatnonzero(weights > 0)
        penalty = Penalty(
            layout.n_coef,
            tuple(groups[g] for g in kept),
            weights[kept],
            tuple(labels[g] for g in kept),
            np.zeros(layout.n_coef),
        )
        return penalty, 1.0 if scalar is None else scalar


def _default_groups(layout: CoefLayout):
    groups = [np.arange(columns.start, columns.stop) for columns in layout.leaf_slices]
    empty = [label for label, group in zip(layout.labels, groups, strict=True) if len(group) == 0]
    if empty:
        raise ValueError(f"Features {', '.join(map(repr, empty))} have no columns, so they cannot form a group.")
    return groups, [label or "all features" for label in layout.labels]


def _groups_of_mask(mask, layout: CoefLayout):
    flat = _flat_mask(mask, layout)
    if not np.isin(flat, (0.0, 1.0)).all():
        raise ValueError("mask must hold only 0 and 1.")
    members = flat.sum(axis=1)
    if (members == 0).any():
        empty = np.flatnonzero(members == 0).tolist()
        raise ValueError(f"mask rows {empty} are all 0: a group needs at least one coefficient; remove those rows.")
    if (flat.sum(axis=0) > 1).any():
        shared = np.flatnonzero(flat.sum(axis=0) > 1)[:5].tolist()
        raise ValueError(
            "Incorrect group assignment. Some of the features are assigned to more than one group: "
            f"coefficients {shared}{'...' if len(shared) == 5 else ''}."
        )
    groups = [np.flatnonzero(row) for row in flat]
    return groups, _mask_labels(groups, layout)


def _flat_mask(mask, layout: CoefLayout) -> np.ndarray:
    leaves, structure = flatten(mask, lists_of_numbers_are_leaves=True)
    if structure.labels != layout.labels:
        raise ValueError(
            f"mask has leaves {list(structure.labels)} but the features have {list(layout.labels)}; "
            "both must be the same pytree."
        )
    arrays = [np.asarray(leaf, dtype=np.float64) for leaf in leaves]
    for label, array, columns in zip(layout.labels, arrays, layout.leaf_slices, strict=True):
        wanted = (arrays[0].shape[0] if arrays[0].ndim else 0, columns.stop - columns.start)
        if array.ndim != 2 or array.shape != wanted or wanted[0] == 0:
            where = f" of {label!r}" if label else ""
            raise ValueError(
                f"mask{where} has shape {array.shape}, expected (n_groups, {wanted[1]}) with the same "
                "n_groups >= 1 in every leaf."
            )
    return np.concatenate(arrays, axis=1)


def _mask_labels(groups, layout: CoefLayout) -> list[str]:
    """Name a group after the leaf it fills exactly; otherwise number it."""
    whole = {
        tuple(range(columns.start, columns.stop)): label
        for columns, label in zip(layout.leaf_slices, layout.labels, strict=True)
        if label
    }
    return [whole.get(tuple(group.tolist()), f"group {g}") for g, group in enumerate(groups)]


def _per_group(strength, layout: CoefLayout, groups, mask) -> np.ndarray:
    leaves, structure = flatten(strength, lists_of_numbers_are_leaves=True)
    by_leaf = mask is None and structure.labels == layout.labels
    if isinstance(strength, dict) and not by_leaf:
        raise ValueError(
            f"regularizer_strength has keys {list(structure.labels)}, expected one number for each of the groups "
            f"{list(layout.labels)}" + ("." if mask is None else "; with a mask, give one number per mask row.")
        )
    values = checked_strengths(leaves if by_leaf else strength)
    if values.shape != (len(groups),):
        raise ValueError(
            f"regularizer_strength has shape {values.shape}, expected a scalar or one number for each of the "
            f"{len(groups)} groups."
        )
    return values
