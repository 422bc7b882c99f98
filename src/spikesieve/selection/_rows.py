"""Rows of features in any form: one array, a pytree of arrays, or a lazy design."""

import numpy as np

from spikesieve._tree import flatten, map_leaves
from spikesieve._types import Index, PyTree
from spikesieve.design import as_design, is_lazy


def count_rows(X: PyTree) -> int:
    """Return the number of samples of `X`, which all its leaves share.

    Raises
    ------
    ValueError
        If leaves differ in length, or there are none.
    """
    if hasattr(X, "n_samples"):
        return int(X.n_samples)
    leaves, structure = flatten(X)
    if not all(hasattr(leaf, "shape") for leaf in leaves):
        return len(X)
    lengths = {label: int(leaf.shape[0]) for label, leaf in zip(structure.labels, leaves, strict=True)}
    if not lengths:
        raise ValueError("X has no arrays: pass an array, a pytree with at least one array, or a design.")
    if len(set(lengths.values())) > 1:
        raise ValueError(f"All arrays of X must have the same number of samples; got {lengths}.")
    return next(iter(lengths.values()))


def with_rows(X: PyTree) -> PyTree:
    """Return `X` as something whose rows can be taken: a design where it holds designs, sparse matrices or files."""
    return as_design(X) if any(map(is_lazy, flatten(X)[0])) else X


def take_rows(X: PyTree, rows: Index) -> PyTree:
    """Return `X` on some rows, in the containers it came in."""
    if hasattr(X, "n_samples"):
        return X[rows] if hasattr(X, "__getitem__") else X.take(rows)
    return map_leaves(lambda leaf: leaf.iloc[rows] if hasattr(leaf, "iloc") else leaf[rows], X)


def finite_rows(X: PyTree) -> np.ndarray:
    """Which rows have no NaN and no infinity, boolean ``(n_samples,)``."""
    if hasattr(X, "finite_rows"):
        return X.finite_rows()
    finite = np.ones(count_rows(X), dtype=bool)
    for leaf in flatten(X)[0]:
        values = np.asarray(leaf)
        finite &= np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    return finite


def number_trials(trial_ids, name: str = "trial_ids") -> Index:
    """Trials (epochs) numbered from 0 in order of appearance; -1 for samples between trials, whose id is NaN.

    Raises
    ------
    ValueError
        If there is not one id per sample.
    """
    ids = np.asarray(trial_ids)
    if ids.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, one per sample; its shape is {ids.shape}.")
    between = np.isnan(ids) if np.issubdtype(ids.dtype, np.floating) else np.zeros(len(ids), dtype=bool)
    numbers = np.full(len(ids), -1)
    _, first, sorted_number = np.unique(ids[~between], return_index=True, return_inverse=True)
    rank_of_sorted = np.empty(len(first), dtype=int)
    rank_of_sorted[np.argsort(first)] = np.arange(len(first))
    numbers[~between] = rank_of_sorted[sorted_number]
    return numbers
