"""Roughness of a covariate's coefficients: sums of squared second differences, along each axis of its basis.

Neighbouring functions of a B-spline or raised-cosine basis overlap, so second differences of their coefficients are
the curvature of the tuning curve on the grid of the functions (Eilers & Marx 1996, Stat. Sci. 11, 89-121,
doi:10.1214/ss/1038425655).
"""

from dataclasses import replace

import numpy as np

from spikesieve._arguments import check_flag, is_flag, is_real, shown
from spikesieve._tree import Axis, CoefLayout
from spikesieve._types import Gram, Index


def second_differences(axes: tuple[Axis, ...]) -> np.ndarray:
    """Second differences along every axis of coefficients in C order, ``(n_differences, n_coef)``.

    Examples
    --------
    >>> second_differences((Axis(4),))
    array([[ 1., -2.,  1.,  0.],
           [ 0.,  1., -2.,  1.]])
    >>> second_differences((Axis(4, is_cyclic=True),)).shape, second_differences((Axis(3), Axis(4))).shape
    ((4, 4), (10, 12))
    """
    rows = []
    for number, axis in enumerate(axes):
        before, after = (int(np.prod([a.size for a in part])) for part in (axes[:number], axes[number + 1 :]))
        rows.append(np.kron(np.kron(np.eye(before), _along(axis)), np.eye(after)))
    return np.concatenate(rows)


def _along(axis: Axis) -> np.ndarray:
    n = axis.size
    if not axis.is_ordered:
        return np.zeros((0, n))
    if axis.is_cyclic and n > 2:
        return np.roll(np.eye(n), -1, axis=1) - 2.0 * np.eye(n) + np.roll(np.eye(n), 1, axis=1)
    return np.diff(np.eye(n), 2, axis=0) if n > 2 else np.zeros((0, n))


def roughness_of(layout: CoefLayout, axes: tuple[tuple[Axis, ...], ...], weights: np.ndarray, group: Index) -> Gram:
    """Matrix ``K`` with ``v' K v`` the roughness of a group's coefficients ``v``, leaf by leaf and output by output.

    Parameters
    ----------
    axes
        Of each leaf.
    weights
        Multiplies each leaf's roughness.
    group
        Indices of the coefficients. Differences that reach outside the group are left out.
    """
    matrix = np.zeros((len(group), len(group)))
    for leaf, columns in enumerate(layout.leaf_slices):
        inside = np.flatnonzero((group >= columns.start) & (group < columns.stop))
        feature, output = np.divmod(group[inside] - columns.start, layout.n_outputs)
        differences = second_differences(axes[leaf]) if len(inside) else np.zeros((0, 0))
        for one in np.unique(output):
            own = output == one
            outside = np.setdiff1d(np.arange(differences.shape[1]), feature[own])
            whole = differences[~differences[:, outside].any(axis=1)][:, feature[own]]
            matrix[np.ix_(inside[own], inside[own])] += weights[leaf] * whole.T @ whole
    return matrix


def extra_metrics(layout: CoefLayout, groups: tuple[Index, ...], roughness, cyclic, shape) -> tuple[Gram | None, ...]:
    """What each group pays besides its norm: the roughness of its coefficients, None where there is none.

    Parameters
    ----------
    roughness
        A number for all leaves, or a dict by label; leaves that it does not name are not smoothed.
    cyclic
        Labels of leaves whose basis is cyclic along all axes, or a dict from label to one bool for all axes or for
        each. Of leaves that it does not name the layout tells, where it knows.
    shape
        Dict from label to the numbers of functions along the axes, for leaves with more than one; the same holds.

    Raises
    ------
    ValueError
        If a label is unknown, a roughness is negative, or a shape does not multiply to the number of coefficients.
    """
    weights = _per_leaf(layout, roughness)
    axes = _axes(layout, _cyclic_by_label(layout, cyclic), _sizes_by_label(layout, shape))
    if not weights.any():
        return (None,) * len(groups)
    found = (roughness_of(layout, axes, weights, group) for group in groups)
    return tuple(matrix if matrix.any() else None for matrix in found)


def _per_leaf(layout: CoefLayout, roughness) -> np.ndarray:
    by_label = roughness if isinstance(roughness, dict) else dict.fromkeys(layout.labels, roughness)
    _check_labels(layout, by_label, "roughness")
    if not all(map(is_real, by_label.values())):
        raise ValueError(f"roughness must be a number, or a dict of numbers by label, got {shown(roughness)}.")
    weights = np.array([by_label.get(label, 0.0) for label in layout.labels], dtype=np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"roughness must be finite and not negative, got {shown(roughness)}.")
    return weights


def _cyclic_by_label(layout: CoefLayout, cyclic) -> dict[str, tuple[bool, ...] | bool]:
    """What was said of each label: one answer for all axes, or one for each."""
    given = (cyclic,) if isinstance(cyclic, str) else () if cyclic is None else cyclic
    if not isinstance(given, dict | list | tuple | set | frozenset):
        raise ValueError(
            f"cyclic must be labels, or a dict from label to one bool per axis, got {shown(cyclic)}; write for "
            'example ("heading",).'
        )
    _check_labels(layout, given, "cyclic")
    if not isinstance(given, dict):
        return dict.fromkeys(given, True)
    return {
        label: check_flag(value, f"cyclic[{label!r}]")
        if is_flag(value) or np.ndim(value) != 1
        else tuple(check_flag(one, f"cyclic[{label!r}]") for one in value)
        for label, value in given.items()
    }


def _sizes_by_label(layout: CoefLayout, shape) -> dict[str, tuple[int, ...]]:
    if not (shape is None or isinstance(shape, dict)):
        raise ValueError(
            f"shape must be a dict from label to numbers of functions, got {shown(shape)}; write for "
            'example {"place": (8, 8)}.'
        )
    _check_labels(layout, shape or {}, "shape")
    sizes = {}
    for label, value in (shape or {}).items():
        given = np.atleast_1d(np.asarray(value, dtype=object))
        if given.ndim != 1 or not all(is_real(size) and size == int(size) and size > 0 for size in given):
            raise ValueError(
                f"shape[{label!r}] must be the numbers of functions along its axes, as (8, 8), got {shown(value)}."
            )
        sizes[label] = tuple(int(size) for size in given)
    return sizes


def _axes(layout: CoefLayout, cyclic: dict, sizes: dict) -> tuple[tuple[Axis, ...], ...]:
    """Axes of each leaf: as they were said to be, else as the layout knows them, else one that has two ends."""
    axes = []
    for label, (n_features, *_) in zip(layout.labels, layout.leaf_shapes, strict=True):
        known = layout.axes_of(label) or (Axis(n_features),)
        if label in sizes and sizes[label] != tuple(axis.size for axis in known):
            known = tuple(Axis(size) for size in sizes[label])
        around = cyclic.get(label, tuple(axis.is_cyclic for axis in known))
        around = (around,) * len(known) if isinstance(around, bool) else around
        lengths = tuple(axis.size for axis in known)
        if np.prod(lengths) != n_features or len(around) != len(known):
            raise ValueError(
                f"{label or 'The features'} have {n_features} coefficients, but shape is {lengths} and cyclic "
                f"{around}: shape must multiply to the number of coefficients, and cyclic hold one value per axis."
            )
        axes.append(tuple(replace(axis, is_cyclic=ring) for axis, ring in zip(known, around, strict=True)))
    return tuple(axes)


def _check_labels(layout: CoefLayout, labels, name: str) -> None:
    unknown = [label for label in labels if not isinstance(label, str) or label not in layout.labels]
    if unknown:
        raise ValueError(f"{name} names {shown(unknown)}, but the features are {list(layout.labels)}.")
