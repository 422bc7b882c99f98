"""From the features that a user passes, an array or any pytree of arrays, to a design."""

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._tree import Axis, CoefLayout, flatten, is_list_of_numbers
from spikesieve._types import PyTree
from spikesieve.design._block import Block
from spikesieve.design._dense import DenseBlock
from spikesieve.design._design import Design
from spikesieve.design._reading import is_stored
from spikesieve.design._sparse import SparseBlock
from spikesieve.design._stacked import StackedBlock
from spikesieve.design._stored import StoredBlock


def as_design(X: PyTree, offset=None, sample_weight=None) -> Design:
    """Lay out an array, or any pytree of arrays, as a design with one block per leaf.

    Parameters
    ----------
    X
        A design, an array, or a pytree of arrays, blocks and designs. What designs in it carry of offset and weights
        the whole carries.
    offset, sample_weight
        For the rows, in addition to what `X` brings.

    Raises
    ------
    TypeError
        If a leaf is not numeric.
    ValueError
        If a leaf is not 2-D, leaves differ in length, there is nothing in it, or an offset or weights are given twice.
    """
    design = X if isinstance(X, Design) else _as_design(X)
    if offset is not None:
        design = _unless_carried(design, "offset").with_offset(offset)
    if sample_weight is not None:
        design = _unless_carried(design, "sample_weight").with_weight(sample_weight)
    return design


def _unless_carried(design: Design, name: str) -> Design:
    if getattr(design, name) is not None:
        verb = {"offset": "with_offset", "sample_weight": "with_weight"}[name]
        raise ValueError(
            f"{name} was passed, but the design carries one already: pass it in one place only. "
            f"design.{verb}(...) returns a design with another one, design.{verb}(None) one without."
        )
    return design


def _as_design(X: PyTree) -> Design:
    if is_list_of_numbers(X):
        X = as_floats(X, "X")
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
    names, axes = [_column_names(leaf) for leaf in leaves], [_axes(leaf) for leaf in leaves]
    layout = CoefLayout.of(structure, [block.n_coef for block in blocks], names, axes)
    if layout.n_coef == 0:
        raise ValueError(
            f"X has 0 feature(s) (shape={(blocks[0].n_samples, 0)}) while a minimum of 1 is required: "
            "there is nothing to fit."
        )
    designs = [leaf for leaf in leaves if isinstance(leaf, Design)]
    design = Design(tuple(blocks), layout)
    return design.with_offset(_shared(designs, "offset")).with_weight(_shared(designs, "sample_weight"))


def _shared(designs: list[Design], name: str) -> np.ndarray | None:
    """What designs that are put side by side say of their rows; those that say nothing agree."""
    found = [getattr(design, name) for design in designs if getattr(design, name) is not None]
    if not all(np.array_equal(found[0], other, equal_nan=True) for other in found[1:]):
        raise ValueError(f"Two designs in X carry different {name}s for the same rows; let one of them carry it.")
    return found[0] if found else None


def is_lazy(leaf) -> bool:
    """Whether a leaf of X is better not made an array: a design, a block, a sparse matrix, or on disk."""
    return isinstance(leaf, Block | Design) or hasattr(leaf, "toarray") or is_stored(leaf)


def _as_block(leaf, label: str) -> Block:
    """Block of one leaf: an array, a block, or a design, whose covariates then form one leaf."""
    if isinstance(leaf, Block):
        return leaf
    if isinstance(leaf, Design):
        return leaf.blocks[0] if len(leaf.blocks) == 1 else StackedBlock(leaf.blocks)
    if hasattr(leaf, "toarray"):
        return SparseBlock(leaf)
    if is_stored(leaf):
        return StoredBlock(leaf)  # read in row chunks, never whole
    return DenseBlock(_as_matrix(leaf, label))


def _axes(leaf) -> tuple[Axis, ...] | None:
    """Axes of the columns of a design of one covariate, where they are known."""
    is_one = isinstance(leaf, Design) and len(leaf.labels) == 1
    return leaf.layout.axes_of(leaf.labels[0]) if is_one else None


def _column_names(leaf) -> tuple[str, ...] | None:
    """Names of the columns of a data frame, None if `leaf` is none or they are not all text."""
    columns = getattr(leaf, "columns", None)
    if columns is None or len(getattr(leaf, "shape", ())) != 2 or not all(isinstance(name, str) for name in columns):
        return None
    return tuple(columns)


def _as_matrix(leaf, label: str) -> np.ndarray:
    name = f"X[{label!r}]" if label else "X"
    array = as_floats(leaf, name)
    if array.ndim != 2:
        raise ValueError(
            f"X must be 2-dimensional. {name} has shape {array.shape}, expected (n_samples, n_features): "
            "Reshape your data, e.g. with numpy.asarray(x).reshape(-1, 1) for a single feature."
        )
    return array
