"""Which coefficients form which group: masks of 0 and 1, or the plain ways people think of groups.

Everything that a user may pass as ``mask=`` or ``groups=`` ends here as a `Grouping`, or as one sentence that says
what is wrong with it.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._tree import CoefLayout
from spikesieve._types import Index, PyTree


@dataclass(frozen=True)
class Grouping:
    """Groups of coefficients and their names.

    Attributes
    ----------
    groups
        Indices of each group's coefficients in the flat vector, increasing; coefficients in none are unpenalised.
    labels
        One name per group.
    free
        Coefficients that are unpenalised even if a group holds them.
    """

    groups: tuple[Index, ...]
    labels: tuple[str, ...]
    free: Index = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    def paying(self, weights: np.ndarray) -> "Grouping":
        """Return the groups of positive weight; the others leave their coefficients free."""
        free = [group for group, weight in zip(self.groups, weights, strict=True) if weight == 0]
        kept = np.flatnonzero(weights > 0)
        groups, labels = tuple(self.groups[g] for g in kept), tuple(self.labels[g] for g in kept)
        return Grouping(groups, labels, np.unique(np.concatenate([self.free, *free])))

    @property
    def sizes(self) -> np.ndarray:
        """Number of coefficients of each group."""
        return np.array([len(group) for group in self.groups], dtype=np.intp)


def grouping_of(layout: CoefLayout, mask: PyTree = None, groups: Any = None, overlap: bool = False) -> Grouping:
    """Groups that `mask` or `groups` describe; one per leaf of the features if both are None.

    Parameters
    ----------
    layout
        Where the leaves' coefficients lie.
    mask
        Array ``(n_groups, n_coef)`` of 0 and 1, or a tree of such arrays like the features.
    groups
        One of:

        - a dict from the name of a group to the labels of its covariates, ``{"kinematics": ["speed", "heading"]}``;
          under the label of one covariate may also stand an integer per coefficient of it (regions of a place map), or
          a mask ``(n_groups, n_coef_of_leaf)``, for groups within it;
        - a list of such lists of labels, or of lists of column numbers;
        - one integer per coefficient, ``(n_coef,)``: equal ones form a group, negative ones are in no group.
    overlap
        Whether a coefficient may be in several groups.

    Raises
    ------
    ValueError
        If a label is unknown, a shape does not fit, a group is empty, or a coefficient is in two groups.
    """
    if mask is not None and groups is not None:
        raise ValueError("Give either mask or groups, not both: they say the same thing in two ways.")
    if mask is not None:
        found = _of_mask(mask, layout)
    elif groups is None:
        found = _of_leaves(layout)
    elif isinstance(groups, dict):
        found = _of_dict(groups, layout)
    elif _holds_lists(groups):
        found = _of_lists(groups, layout)
    else:
        where = np.arange(layout.n_coef, dtype=np.intp)
        found = _of_integers(groups, where, "groups", "group {}")
    _check(found, overlap)
    return Grouping(tuple(np.sort(group) for group in found.groups), found.labels)


def _of_leaves(layout: CoefLayout) -> Grouping:
    spans = [np.arange(columns.start, columns.stop, dtype=np.intp) for columns in layout.leaf_slices]
    empty = [label for label, group in zip(layout.labels, spans, strict=True) if len(group) == 0]
    if empty:
        raise ValueError(f"Features {', '.join(map(repr, empty))} have no columns, so they cannot form a group.")
    return Grouping(tuple(spans), tuple(label or "all features" for label in layout.labels))


def _of_dict(groups: dict, layout: CoefLayout) -> Grouping:
    members, labels = [], []
    for name, value in groups.items():
        names = names_in(value)
        if names is not None:
            members.append(_union_of(names, layout))
            labels.append(str(name))
            continue
        inside = _within(str(name), value, _columns_named(str(name), layout))
        members.extend(inside.groups)
        labels.extend(inside.labels)
    return Grouping(tuple(members), tuple(labels))


def _within(name: str, value, columns: Index) -> Grouping:
    """Groups within one covariate, from an integer per coefficient or from a mask."""
    try:
        n_axes = np.ndim(value)
    except ValueError as error:  # lists of unequal lengths
        raise ValueError(_unreadable(f"groups[{name!r}]")) from error
    if n_axes != 2:
        return _of_integers(value, columns, f"groups[{name!r}]", name + "[{}]")
    rows = as_floats(value, f"groups[{name!r}]")
    if rows.shape[1] != len(columns):
        raise ValueError(
            f"groups[{name!r}] has shape {rows.shape}, expected (n_groups, {len(columns)}): one column per coefficient."
        )
    groups = _of_rows(rows, f"groups[{name!r}]")
    return Grouping(tuple(columns[group] for group in groups), tuple(f"{name}[{g}]" for g in range(len(groups))))


def _of_lists(groups, layout: CoefLayout) -> Grouping:
    members, labels = [], []
    for number, item in enumerate(groups):
        names = names_in(item)
        if names is not None:
            members.append(_union_of(names, layout))
            labels.append("+".join(names) or f"group {number}")
            continue
        columns = _whole_numbers(item, f"groups[{number}]")
        if (columns < 0).any() or (columns >= layout.n_coef).any():
            raise ValueError(f"groups[{number}] names columns outside 0 to {layout.n_coef - 1}.")
        members.append(columns)
        labels.append(f"group {number}")
    return Grouping(tuple(members), tuple(labels))


def _of_integers(values, columns: Index, name: str, label: str) -> Grouping:
    """Groups of equal integers over some columns; negative ones are in no group."""
    numbers = _whole_numbers(values, name)
    if numbers.shape != columns.shape:
        raise ValueError(
            f"{name} has shape {numbers.shape}, expected ({len(columns)},): one integer per coefficient, negative for "
            "a coefficient in no group."
        )
    kinds = np.unique(numbers[numbers >= 0])
    return Grouping(tuple(columns[numbers == kind] for kind in kinds), tuple(label.format(kind) for kind in kinds))


def _whole_numbers(values, name: str) -> Index:
    try:
        numbers = np.asarray(values)
        with np.errstate(invalid="ignore"):  # NaN, which is no whole number
            whole = np.real(numbers).astype(np.intp)
    except (TypeError, ValueError) as error:
        raise ValueError(_unreadable(name)) from error
    if numbers.dtype == bool or numbers.ndim != 1 or not (numbers == whole).all():
        raise ValueError(_unreadable(name))
    return whole


def _unreadable(name: str) -> str:
    return (
        f"{name} is neither a list of covariate labels nor a list of whole numbers; write for example "
        '{"kinematics": ["speed", "acceleration"]}, or one integer per coefficient.'
    )


def _union_of(labels: list[str], layout: CoefLayout) -> Index:
    return np.concatenate([np.zeros(0, dtype=np.intp), *(_columns_named(label, layout) for label in labels)])


def _columns_named(label: str, layout: CoefLayout) -> Index:
    """Columns of the leaf of that label, of all leaves of the branch of that name, or the one column of that name."""
    columns = layout.names_of("") if layout.structure.is_leaf else None
    if columns is not None and label in columns:
        return np.flatnonzero(np.array(columns, dtype=object) == label)
    spans = [
        np.arange(columns.start, columns.stop, dtype=np.intp)
        for known, columns in zip(layout.labels, layout.leaf_slices, strict=True)
        if known == label or known.startswith(f"{label}/")
    ]
    if not spans:
        labels = columns or layout.labels
        known = ", ".join(map(repr, labels)) if labels != ("",) else "a single array, without labels"
        raise ValueError(f"groups names the covariate {label!r}, but the features are {known}.")
    return np.concatenate(spans)


def names_in(value) -> list[str] | None:
    """Labels of covariates: one, or a list, set or array of them; None if `value` holds anything else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    items = value.tolist() if isinstance(value, np.ndarray) else value
    if isinstance(items, list | tuple) and all(isinstance(item, str) for item in items):
        return list(items)
    return None


def _holds_lists(value) -> bool:
    """Whether `value` is a list of groups and not one of integers."""
    return isinstance(value, list | tuple) and any(
        isinstance(item, str | list | tuple | set | frozenset) or np.ndim(item) == 1 for item in value
    )


def _of_mask(mask, layout: CoefLayout) -> Grouping:
    groups = _of_rows(_flat_mask(mask, layout), "mask")
    whole = {
        tuple(range(columns.start, columns.stop)): label
        for columns, label in zip(layout.leaf_slices, layout.labels, strict=True)
        if label
    }
    # A group that fills a leaf exactly takes its name.
    labels = tuple(whole.get(tuple(group.tolist()), f"group {g}") for g, group in enumerate(groups))
    return Grouping(tuple(groups), labels)


def _of_rows(rows: np.ndarray, name: str) -> list[Index]:
    if not np.isin(rows, (0.0, 1.0)).all():
        raise ValueError(f"{name} must hold only 0 and 1.")
    empty = np.flatnonzero(rows.sum(axis=1) == 0).tolist()
    if empty:
        raise ValueError(f"{name} rows {empty} are all 0: a group needs at least one coefficient; remove those rows.")
    return [np.flatnonzero(row) for row in rows]


def _flat_mask(mask, layout: CoefLayout) -> np.ndarray:
    arrays = [
        as_floats(leaf, f"mask of {label!r}" if label else "mask")
        for label, leaf in zip(layout.labels, layout.leaves_of(mask, "mask"), strict=True)
    ]
    for label, array, columns in zip(layout.labels, arrays, layout.leaf_slices, strict=True):
        wanted = (arrays[0].shape[0] if arrays[0].ndim else 0, columns.stop - columns.start)
        if array.ndim != 2 or array.shape != wanted or wanted[0] == 0:
            where = f" of {label!r}" if label else ""
            raise ValueError(
                f"mask{where} has shape {array.shape}, expected (n_groups, {wanted[1]}) with the same "
                "n_groups >= 1 in every leaf."
            )
    return np.concatenate(arrays, axis=1)


def _check(found: Grouping, overlap: bool) -> None:
    if not found.groups:
        raise ValueError("There is not a single group: every coefficient would be unpenalised.")
    for label, group in zip(found.labels, found.groups, strict=True):
        if len(group) == 0:
            raise ValueError(f"Group {label!r} is empty: a group needs at least one coefficient; remove it.")
        if len(np.unique(group)) < len(group):
            raise ValueError(f"Group {label!r} names a coefficient twice.")
    repeated = sorted({label for label in found.labels if found.labels.count(label) > 1})
    if repeated:
        raise ValueError(f"Several groups are called {', '.join(map(repr, repeated))}; give each a name of its own.")
    members, times = np.unique(np.concatenate(found.groups), return_counts=True)
    shared = members[times > 1][:5].tolist()
    if shared and not overlap:
        raise ValueError(
            "Incorrect group assignment. Some of the features are assigned to more than one group: "
            f"coefficients {shared}{'...' if len(shared) == 5 else ''}."
        )
