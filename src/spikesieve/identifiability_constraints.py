"""Dropping columns that others and the intercept make superfluous, so that unpenalised fits have one answer.

A penalty needs none of this: it chooses among equal predictions by itself.
"""

import warnings

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._types import Index, Matrix
from spikesieve.basis import Basis

_CHUNK_ROWS = 2**16


def apply_identifiability_constraints(
    X: Matrix, add_intercept: bool = True, warn_if_float32: bool = True
) -> tuple[Matrix, Index]:
    """Drop the first columns that depend linearly on the others.

    Parameters
    ----------
    X
        Features, ``(n_samples, n_features)``.
    add_intercept
        Whether the model has an intercept: then a column of ones counts as one of the others.
    warn_if_float32
        Warn where X has less than double precision, in which dependence is hard to tell from nearness.

    Returns
    -------
    X_reduced
        The columns that are left, ``(n_samples, n_kept)``. Samples with a NaN anywhere in X are not looked at, and
        are NaN in all columns.
    kept_columns
        Their numbers in X, increasing.

    Raises
    ------
    ValueError
        If X is not 2-dimensional or every sample has a NaN.

    Notes
    -----
    Going through the columns from the left and dropping each that the rest can do without leaves the same columns as
    going from the right and keeping each that those kept before cannot express (both are the greedy basis of a
    matroid), which is one QR factorisation instead of one rank per column. A column counts as expressed if what is
    left of it is below ``max(n_samples, n_features) * eps`` times the largest singular value.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import BSplineEval
    >>> X = BSplineEval(5).compute_features(np.linspace(0, 1, 50))
    >>> apply_identifiability_constraints(X)[1]
    array([1, 2, 3, 4])
    """
    matrix = _as_matrix(X, warn_if_float32)
    finite = _complete_rows(matrix)
    kept = _independent_columns(matrix[finite], add_intercept)
    return _reduced(matrix, kept, finite), kept


def apply_identifiability_constraints_by_basis_component(
    basis: Basis, X: Matrix, add_intercept: bool = True
) -> tuple[Matrix, Index]:
    """Drop dependent columns within each summand of an additive basis, each taken by itself.

    Parameters
    ----------
    basis
        What computed X: its summands are looked at one by one, a product as a whole.
    X
        ``basis.compute_features(...)``, ``(n_samples, n_features)``.
    add_intercept
        As in `apply_identifiability_constraints`.

    Returns
    -------
    X_reduced, kept_columns
        As in `apply_identifiability_constraints`. Columns may still depend on those of other summands.

    Raises
    ------
    ValueError
        If X does not have the columns of `basis`, or every sample has a NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import BSplineEval
    >>> basis = BSplineEval(5, label="position") + BSplineEval(6, label="speed")
    >>> t = np.linspace(0, 1, 50)
    >>> X = basis.compute_features(t, t**2)
    >>> apply_identifiability_constraints_by_basis_component(basis, X)[1]
    array([ 1,  2,  3,  4,  6,  7,  8,  9, 10])
    """
    matrix = _as_matrix(X, warn_if_float32=True)
    if matrix.shape[1] != basis.n_output_features:
        raise ValueError(
            f"X has {matrix.shape[1]} columns but the basis makes {basis.n_output_features}: "
            "pass what basis.compute_features returned."
        )
    finite = _complete_rows(matrix)
    numbers = np.arange(matrix.shape[1])[None, :]
    kept = []
    for columns in basis.split_by_feature(numbers).values():
        columns = np.ravel(columns)
        kept.append(columns[_independent_columns(matrix[np.ix_(finite, columns)], add_intercept)])
    kept = np.sort(np.concatenate(kept))
    return _reduced(matrix, kept, finite), kept


def _as_matrix(X, warn_if_float32: bool) -> Matrix:
    dtype = getattr(X, "dtype", None)
    if warn_if_float32 and dtype is not None and np.dtype(dtype) in (np.float32, np.float16):
        warnings.warn(
            f"X is {dtype}: dependent columns are hard to tell from nearly dependent ones in less than double "
            "precision. Compute the features in float64.",
            UserWarning,
            stacklevel=3,
        )
    matrix = as_floats(X, "X")
    if matrix.ndim != 2:
        raise ValueError(f"X must be 2-dimensional, (n_samples, n_features), got shape {matrix.shape}.")
    return matrix


def _complete_rows(matrix: Matrix) -> np.ndarray:
    finite = np.asarray(np.isfinite(matrix).all(axis=1))
    if not finite.any():
        raise ValueError("Every sample of X has a NaN or infinity: there is nothing to tell dependent columns by.")
    return finite


def _independent_columns(matrix: Matrix, add_intercept: bool) -> Index:
    """Numbers, increasing, of the columns that those to their right and the intercept cannot express."""
    n_samples, n_features = matrix.shape
    small = _triangular_factor(matrix[:, ::-1], add_intercept)
    largest = np.linalg.norm(small, 2) if small.size else 0.0
    tolerance = max(n_samples, n_features) * np.finfo(np.float64).eps * largest
    found, kept = np.zeros((small.shape[0], 0)), []
    for number, column in enumerate(small.T):
        rest = column - found @ (found.T @ column)
        rest -= found @ (found.T @ rest)  # twice, or rounding would leave what the first pass could not remove
        length = np.linalg.norm(rest)
        if length > tolerance:
            found = np.column_stack([found, rest / length])
            kept.append(number)
    kept = np.array(kept, dtype=np.intp)[int(add_intercept) :]
    return np.sort(n_features - 1 + int(add_intercept) - kept)


def _triangular_factor(matrix: Matrix, add_intercept: bool) -> np.ndarray:
    """Factor R of the QR factorisation, a column of ones ahead: it has the dependences of the whole matrix."""
    n_samples, n_features = matrix.shape
    small = np.zeros((0, n_features + int(add_intercept)))
    for start in range(0, n_samples, _CHUNK_ROWS):
        rows = matrix[start : start + _CHUNK_ROWS]
        ones = np.ones((len(rows), int(add_intercept)))
        small = np.asarray(np.linalg.qr(np.vstack([small, np.hstack([ones, rows])]), mode="r"))
    return small


def _reduced(matrix: Matrix, kept: Index, finite: np.ndarray) -> Matrix:
    reduced = matrix[:, kept]
    reduced[~finite] = np.nan
    return reduced
