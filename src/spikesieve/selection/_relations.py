"""Which covariates are related to one another beyond chance: what one of them does, another may be taken for."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

_N_SHIFTS, _LEAST_SHIFT = 12, 0.1
_RELATED, _ERRORS = 0.25, 4.0
_RANK_TOLERANCE, _SMALLEST = 1e-6, 1e-12


def related_blocks(
    stretches: Sequence[Float[np.ndarray, "n_rows n_columns"]], spans: Sequence[slice]
) -> Bool[np.ndarray, " n_blocks"]:
    """Whether each block of columns shares a quarter of a dimension or more with another one, beyond chance.

    What two blocks share is the sum of their squared canonical correlations: about ``r^2 + r^4 + ...`` for splines of
    two Gaussian covariates with correlation `r`. Chance is what blocks that are moved in time share with the others: of
    slow covariates, much.

    Parameters
    ----------
    stretches
        Rows in order of time, evenly spaced, some of the recording in each.
    spans
        Columns of each block.
    """
    centre = np.mean([rows.mean(axis=0) for rows in stretches], axis=0)
    centred = [rows - centre for rows in stretches]
    grams = [np.sum([rows[:, span].T @ rows[:, span] for rows in centred], axis=0) for span in spans]
    roots = [inverse_root(gram, _RANK_TOLERANCE, _SMALLEST) for gram in grams]
    pairs = list(zip(spans, roots, strict=True))
    whitened = [np.hstack([rows[:, span] @ root for span, root in pairs]).astype(np.float32) for rows in centred]
    starts = np.cumsum([0, *(root.shape[1] for root in roots)])[:-1]
    shared, rng = _shared(whitened, 0.0, starts), np.random.default_rng(0)
    moved = [_shared(whitened, share, starts) for share in rng.uniform(_LEAST_SHIFT, 1.0 - _LEAST_SHIFT, _N_SHIFTS)]
    moved += [found.T for found in moved]  # either of two blocks may be the one that is moved
    beyond = shared - np.mean(moved, axis=0) > np.maximum(_RELATED, _ERRORS * np.std(moved, axis=0))
    np.fill_diagonal(beyond, False)
    return beyond.any(axis=0)


def _shared(whitened: list[np.ndarray], share: float, starts: np.ndarray) -> np.ndarray:
    """Sums of squared canonical correlations, ``(n_blocks, n_blocks)``, with one side moved by a share of the rows."""
    products = np.sum([np.roll(rows, int(share * len(rows)), axis=0).T @ rows for rows in whitened], axis=0)
    return np.add.reduceat(np.add.reduceat(np.square(products), starts, axis=0), starts, axis=1)


def inverse_root(gram: np.ndarray, tolerance: float, smallest: float = 0.0) -> np.ndarray:
    """`R` with ``R R'`` the pseudo-inverse of a Gram matrix, whose eigenvalues below a share of the largest are none.

    At least one column, of zeros if not even the largest exceeds `smallest`.
    """
    values, vectors = np.linalg.eigh(gram)
    kept = values > max(tolerance * values[-1], smallest)
    kept[-1] = True
    return vectors[:, kept] / np.sqrt(np.where(values[kept] > smallest, values[kept], np.inf))
