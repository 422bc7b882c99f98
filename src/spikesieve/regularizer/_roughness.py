"""Roughness of a covariate's coefficients: sums of squared second differences, along each axis of its basis.

Neighbouring functions of a B-spline or raised-cosine basis overlap, so second differences of their coefficients are
the curvature of the tuning curve on the grid of the functions (Eilers & Marx 1996, Stat. Sci. 11, 89-121,
doi:10.1214/ss/1038425655).
"""

from dataclasses import dataclass

import numpy as np

from spikesieve._tree import CoefLayout
from spikesieve._types import Gram, Index


@dataclass(frozen=True)
class Axis:
    """One axis of a covariate's basis: its number of functions, and whether the last neighbours the first."""

    size: int
    is_cyclic: bool = False


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
        Labels of leaves whose basis is cyclic along all axes, or a dict from label to one bool per axis.
    shape
        Dict from label to the numbers of functions along the axes, for leaves with more than one.

    Raises
    ------
    ValueError
        If a label is unknown, a roughness is negative, or a shape does not multiply to the number of coefficients.
    """
    weights = _per_leaf(layout, roughness)
    if not weights.any():
        return (None,) * len(groups)
    axes = _axes(layout, cyclic or (), shape or {})
    found = (roughness_of(layout, axes, weights, group) for group in groups)
    return tuple(matrix if matrix.any() else None for matrix in found)


def _per_leaf(layout: CoefLayout, roughness) -> np.ndarray:
    by_label = roughness if isinstance(roughness, dict) else dict.fromkeys(layout.labels, roughness)
    _check_labels(layout, by_label, "roughness")
    try:
        weights = np.array([by_label.get(label, 0.0) for label in layout.labels], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"roughness must be a number, or a dict of numbers by label, got {roughness!r}.") from error
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"roughness must be finite and not negative, got {roughness!r}.")
    return weights


def _axes(layout: CoefLayout, cyclic, shape: dict) -> tuple[tuple[Axis, ...], ...]:
    if isinstance(cyclic, str):
        cyclic = (cyclic,)
    _check_labels(layout, cyclic, "cyclic")
    _check_labels(layout, shape, "shape")
    axes = []
    for label, (n_features, *_) in zip(layout.labels, layout.leaf_shapes, strict=True):
        sizes = tuple(np.atleast_1d(shape.get(label, n_features)).tolist())
        given = cyclic.get(label, False) if isinstance(cyclic, dict) else label in cyclic
        around = tuple(np.broadcast_to(given, len(sizes) if np.ndim(given) == 0 else np.shape(given)).tolist())
        if np.prod(sizes) != n_features or len(around) != len(sizes):
            raise ValueError(
                f"{label or 'The features'} have {n_features} coefficients, but shape is {sizes} and cyclic {around}: "
                "shape must multiply to the number of coefficients, and cyclic hold one value per axis."
            )
        axes.append(tuple(Axis(int(size), is_cyclic) for size, is_cyclic in zip(sizes, around, strict=True)))
    return tuple(axes)


def _check_labels(layout: CoefLayout, labels, name: str) -> None:
    unknown = [label for label in labels if label not in layout.labels]
    if unknown:
        raise ValueError(f"{name} names {unknown}, but the features are {list(layout.labels)}.")
