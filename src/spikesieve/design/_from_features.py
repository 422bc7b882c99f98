"""From the features that a user passes, an array or any pytree of arrays, to a design."""

import numpy as np

from spikesieve._tree import CoefLayout, flatten, is_list_of_numbers
from spikesieve._types import PyTree
from spikesieve.design._block import Block
from spikesieve.design._dense import DenseBlock
from spikesieve.design._design import Design
from spikesieve.design._sparse import SparseBlock
from spikesieve.design._stacked import StackedBlock
from spikesieve.design._stored import StoredBlock


def as_design(X: PyTree) -> Design:
    """Lay out an array, or any pytree of arrays, as a design with one block per leaf.

    Raises
    ------
    TypeError
        If a leaf is not numeric.
    ValueError
        If a leaf is not 2-D, leaves differ in length, or there is nothing in it.
    """
    if isinstance(X, Design):
        return X
    if is_list_of_numbers(X):
        X = np.asarray(X, dtype=np.float64)
    leaves, structure = flatten(X)
    if not leaves:
        raise ValueError("X holds no features: pass an array (n_samples, n_features) or a dict of such arrays.")
    blocks = [_as_block(leaf, label) for leaf, label in zip(leaves, structure.labels, strict=True)]
    lengths = {block.n_samples for block in blocks}
    if len(lengths) > 1:
        found = ", ".join(
            f"{label!r}: {block.n_samples}" for label, block in zip(structure.labels, blocks, strict=True)
        )
        raise ValueError(f"All features must have the same number of samples, got {found}.")
    layout = CoefLayout.of(structure, [block.n_coef for block in blocks])
    if layout.n_coef == 0:
        raise ValueError(
            f"X has 0 feature(s) (shape={(blocks[0].n_samples, 0)}) while a minimum of 1 is required: "
            "there is nothing to fit."
        )
    return Design(tuple(blocks), layout)


def _as_block(leaf, label: str) -> Block:
    """Block of one leaf: an array, a block, or a design, whose covariates then form one leaf."""
    if isinstance(leaf, Block):
        return leaf
    if isinstance(leaf, Design):
        return leaf.blocks[0] if len(leaf.blocks) == 1 else StackedBlock(leaf.blocks)
    if hasattr(leaf, "toarray"):
        return SparseBlock(leaf)
    if isinstance(leaf, np.memmap) or (hasattr(leaf, "shape") and hasattr(leaf, "chunks")):
        return StoredBlock(leaf)  # on disk (NumPy, HDF5, zarr): read in row chunks, never whole
    return DenseBlock(_as_matrix(leaf, label))


def _as_matrix(leaf, label: str) -> np.ndarray:
    name = f"X[{label!r}]" if label else "X"
    array = as_floats(leaf, name)
    if array.ndim != 2:
        raise ValueError(
            f"X must be 2-dimensional. {name} has shape {array.shape}, expected (n_samples, n_features): "
            "Reshape your data, e.g. with numpy.asarray(x).reshape(-1, 1) for a single feature."
        )
    return array


def as_floats(values, name: str) -> np.ndarray:
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)  # masked means missing
    array = np.asarray(values)
    if array.dtype.kind == "O" and hasattr(values, "to_numpy"):
        array = _without_missing(values, array)
    if array.dtype.kind in "USMm":
        raise TypeError(f"{name} must be numeric, got an array of {array.dtype}.")
    if np.iscomplexobj(array):
        raise ValueError(f"Complex data not supported: {name} is complex.")
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numeric, got an array of {array.dtype}: {error}.") from error


def _without_missing(values, array: np.ndarray) -> np.ndarray:
    """Nullable columns of pandas with NaN for what they mark as missing; `array` if that is not what they are."""
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return array
