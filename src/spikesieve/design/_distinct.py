"""Tables of features at the distinct values of covariates: exact, whatever the functions, where there are few."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spikesieve.basis import Basis, CustomBasis
from spikesieve.basis._range import range_of_bounds
from spikesieve.basis._samples import as_samples, values_of
from spikesieve.design._block import Block
from spikesieve.design._dense import DenseBlock
from spikesieve.design._stacked import side_by_side
from spikesieve.design._tabulate import MAX_DISTINCT, ROWS_PER_DISTINCT, few_distinct, lossless_axis
from spikesieve.design._tabulated import TabulatedBlock

FeaturesAt = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Levels:
    """Level of each row, after which comes one of rows without a value; a row on each level, and where they lie."""

    codes: np.ndarray
    rows: np.ndarray
    missing: np.ndarray
    grid: np.ndarray | None


def of_distinct_values(basis: Basis, covariates: tuple) -> Block | None:
    """Block with a level for each value (pair of values, ...) of the covariates, None where they are many."""
    samples = [as_samples(covariate, basis.label) for covariate in covariates]
    columns = zip(*(values.reshape(len(values), -1).T for values in samples), strict=True)
    found = [_levels(inputs) for inputs in columns]
    levels = [level for level in found if level is not None]
    if len(levels) < len(found):
        return None
    if isinstance(basis, CustomBasis):
        return _of_functions(basis, covariates, levels)
    if not basis.has_learned:
        basis.setup_basis(*covariates)
    return _block(basis, levels, lambda rows: basis.compute_features(*(values[rows] for values in samples)))


def _of_functions(basis: CustomBasis, covariates: tuple, levels: list[_Levels]) -> Block:
    """The same of a user's functions of whole arrays, which may give equal values different features: then stored."""
    features = np.asarray(values_of(basis.compute_features(*covariates)), dtype=np.float64)
    block = _block(basis, levels, features.__getitem__)
    same = np.array_equal(block.as_matrix(slice(0, len(features))), features, equal_nan=True)
    return block if same else DenseBlock(features)


def _block(basis: Basis, levels: list[_Levels], features_at: FeaturesAt) -> Block:
    bounds = range_of_bounds(getattr(basis, "bounds", None) or (0.0, 1.0)) if basis.n_inputs == 1 else None
    axes = []
    for column, level in enumerate(levels):
        n = basis.n_basis_funcs
        own = slice(column * n, (column + 1) * n)
        table = np.full((len(level.rows) + 2, n), np.nan)
        table[: len(level.rows)] = features_at(level.rows)[:, own]
        if len(level.missing):
            table[len(level.rows)] = features_at(level.missing)[0, own]
        grid = None if bounds is None or level.grid is None else bounds.scale(level.grid)
        axes.append(TabulatedBlock(lossless_axis(table, level.codes, grid)))
    return side_by_side(axes)


def _levels(inputs: tuple[np.ndarray, ...]) -> _Levels | None:
    """Levels of one column of each covariate, None if they are many."""
    missing, combined, grid = np.zeros(len(inputs[0]), dtype=bool), np.zeros(len(inputs[0]), dtype=np.int64), None
    for values in inputs:
        known = np.where(np.isfinite(values), values, np.nan)
        grid = few_distinct(known)
        if grid is None or not len(grid):
            return None
        missing |= np.isnan(known)
        combined = combined * len(grid) + np.searchsorted(grid, np.nan_to_num(known, nan=grid[0]))
    present = np.flatnonzero(~missing)
    _, first, levels = np.unique(combined[present], return_index=True, return_inverse=True)
    if not 0 < len(first) <= min(MAX_DISTINCT, len(missing) // ROWS_PER_DISTINCT):
        return None
    codes = np.full(len(missing), len(first))
    codes[present] = levels
    return _Levels(codes, present[first], np.flatnonzero(missing)[:1], grid if len(inputs) == 1 else None)
