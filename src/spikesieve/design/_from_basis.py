"""``basis.design(*covariates)``: a lazy design of the covariates that a basis expands."""

from dataclasses import replace

import numpy as np

from spikesieve._tree import Axis as ColumnAxis
from spikesieve._tree import CoefLayout, flatten
from spikesieve.basis import Basis, Category, CustomBasis, FourierEval, IdentityEval, MultiplicativeBasis
from spikesieve.basis._convolution import epochs_of
from spikesieve.basis._range import outside, range_of_bounds
from spikesieve.basis._samples import as_samples, check_number_of_inputs, check_same_length, values_of
from spikesieve.design._axis import Axis
from spikesieve.design._block import Block
from spikesieve.design._combined import waves_of_two
from spikesieve.design._convolved import ConvolvedBlock
from spikesieve.design._dense import DenseBlock
from spikesieve.design._design import Design
from spikesieve.design._distinct import of_distinct_values
from spikesieve.design._interaction import InteractionBlock
from spikesieve.design._reading import is_stored
from spikesieve.design._stacked import side_by_side
from spikesieve.design._tabulate import lossless_axis, tabulate, tabulate_line
from spikesieve.design._tabulated import TabulatedBlock, TabulatedPlaneBlock

# A pass fills the cells of a plane anew for each of four shares of the rows or more. Stored columns were quicker in
# every case measured (16 to 64 columns, 20 000 to 320 000 rows) but take eight bytes an entry: with fewer than 16
# entries per cell they are hardly larger than the cells and what is summed in them.
_ENTRIES_PER_CELL = 16


def design_of_basis(basis: Basis, covariates: tuple, resolution: float, exact: bool) -> Design:
    """Lay out one block per term of a basis; see `Basis.design` for the meaning of the arguments."""
    if not isinstance(resolution, float | int) or not 0 < resolution < 1:
        raise ValueError(f"resolution must lie between 0 and 1 (the largest error of a feature), got {resolution!r}.")
    check_number_of_inputs(covariates, basis.n_inputs, basis.label)
    check_same_length(covariates, basis.label)
    blocks, bases, used = {}, {}, 0
    for component in basis.components:
        share = covariates[used : used + component.n_inputs]
        used += component.n_inputs
        blocks[component.label] = _block(component.basis, share, resolution, exact)
        bases[component.label] = component.basis
    return design_of_blocks(blocks, bases)


def design_of_blocks(blocks: dict[str, Block], bases: dict[str, Basis] | None = None) -> Design:
    """Put labelled blocks side by side, in the order that their coefficients have in a dict."""
    leaves, structure = flatten(blocks)
    known = tuple(flatten(bases)[0]) if bases else ()
    axes = [_axes_of_columns(basis, block.n_coef) for basis, block in zip(known, leaves, strict=True)] if known else ()
    layout = CoefLayout.of(structure, [block.n_coef for block in leaves], axes=axes)
    return Design(tuple(leaves), layout, known)


def _axes_of_columns(basis: Basis, n_columns: int) -> tuple[ColumnAxis, ...] | None:
    """Axes of the columns that a basis makes, the columns of its covariate first; None if they are other ones."""
    n_channels, rest = divmod(n_columns, basis.n_basis_funcs)
    channels = (ColumnAxis(n_channels, is_ordered=False),) if n_channels > 1 else ()
    return None if rest else channels + basis.axes


def _block(basis: Basis, covariates: tuple, resolution: float, exact: bool) -> Block:
    if basis.is_convolved:
        return _convolved(basis, covariates[0])
    tabulated = None if exact else _tabulated(basis, covariates, resolution)
    if tabulated is not None:
        return tabulated
    if isinstance(basis, Category):
        return _categories(basis, covariates[0])
    if isinstance(basis, MultiplicativeBasis) and not _is_plane(basis, covariates):
        n_first = basis.parts[0].n_inputs
        shares = covariates[:n_first], covariates[n_first:]
        factors = [_block(part, x, resolution, exact) for part, x in zip(basis.parts, shares, strict=True)]
        return InteractionBlock(factors, basis.parts[0].n_input_columns)
    return DenseBlock(np.asarray(values_of(basis.compute_features(*covariates)), dtype=np.float64))


def _convolved(basis: Basis, covariate) -> Block:
    """Signals and kernels; no window reaches across the end of an epoch. What lies on disk stays there."""
    values = values_of(covariate)
    if is_stored(values) and len(values.shape) <= 2:
        basis.set_input_shape(tuple(values.shape[1:]))
        return ConvolvedBlock(values, basis.kernel(), basis.row_offset, epochs_of(covariate, values.shape[0]))
    samples = as_samples(covariate, basis.label)
    basis.set_input_shape(samples)
    signals = samples.reshape(len(samples), -1)
    return ConvolvedBlock(signals, basis.kernel(), basis.row_offset, epochs_of(covariate, len(samples)))


def _categories(basis: Category, covariate) -> Block:
    """A table of one row per category: exact."""
    basis.setup_basis(covariate)
    codes = basis.codes(covariate).reshape(len(values_of(covariate)), -1)
    n = basis.n_basis_funcs
    # Codes count on after the categories: no value, another label.
    table = np.vstack([np.eye(n), np.full(n, np.nan), np.zeros(n)])
    return side_by_side([TabulatedBlock(lossless_axis(table, column)) for column in codes.T])


def _tabulated(basis: Basis, covariates: tuple, resolution: float) -> Block | None:
    """Tables of a basis, None where it is not made of tables."""
    if isinstance(basis, MultiplicativeBasis):
        return _plane(basis, covariates, resolution) if _is_plane(basis, covariates) else None
    if _is_curve(basis):
        axes = _axes(basis, covariates[0], resolution)
        return None if axes is None else side_by_side([TabulatedBlock(axis) for axis in axes])
    if isinstance(basis, FourierEval):
        found = of_distinct_values(basis, covariates)
        return waves_of_two(basis, covariates, resolution) if found is None and basis.ndim == 2 else found
    is_custom = isinstance(basis, CustomBasis) and basis.ndim_input == 1
    return of_distinct_values(basis, covariates) if is_custom else None


def _plane(basis: MultiplicativeBasis, covariates: tuple, resolution: float) -> Block | None:
    """A table of two axes, None where it has too many cells."""
    axes = [_axes(part, x, resolution / 2) or [] for part, x in zip(basis.parts, covariates, strict=True)]
    if not all(axes):
        return None
    (first,), (second,) = axes
    n_cells = len(first.table) * len(second.table)
    n_columns = max(first.table.shape[1] * second.table.shape[1], _ENTRIES_PER_CELL)
    is_worth_it = n_cells * _ENTRIES_PER_CELL <= len(first.codes) * n_columns
    return TabulatedPlaneBlock(first, second) if is_worth_it else None


def _is_plane(basis: MultiplicativeBasis, covariates: tuple) -> bool:
    """Whether a product is one of two functions of one column each, which may make a table of two axes."""
    # A fill value of one factor would be multiplied by the other's features: only NaN stays what it is.
    return all(
        _is_curve(part) and np.isnan(getattr(part, "fill_value", np.nan)) and as_samples(x, part.label)[0].size == 1
        for part, x in zip(basis.parts, covariates, strict=False)
    )


def _is_curve(basis: Basis) -> bool:
    """Whether features are functions of a single covariate that tables are made of."""
    return isinstance(basis, IdentityEval) or (basis.is_tabulable and not basis.parts and basis.n_inputs == 1)


def _axes(basis, covariate, resolution: float) -> list[Axis] | None:
    """One axis per column of a covariate of an atomic basis."""
    make = _lines if isinstance(basis, IdentityEval) else _curves
    axes = make(basis, covariate, resolution)
    found = [axis for axis in axes if axis is not None]
    return found if len(found) == len(axes) else None


def _lines(basis: IdentityEval, covariate, resolution: float) -> list[Axis | None]:
    samples = as_samples(covariate, basis.label)
    basis.set_input_shape(samples)
    columns = samples.reshape(len(samples), -1)
    strays = np.any(outside(columns, basis.bounds), axis=1)
    axes = [tabulate_line(column, strays, basis.fill_value, resolution) for column in columns.T]
    known = range_of_bounds(basis.bounds or (0.0, 1.0))
    return [axis and replace(axis, grid=known.scale(axis.grid)) for axis in axes]


def _curves(basis, covariate, resolution: float) -> list[Axis | None]:
    if not basis.has_learned:
        basis.setup_basis(covariate)
    samples = as_samples(covariate, basis.label)
    (coordinates,) = basis.rescale(covariate)
    basis.set_input_shape(samples)
    strays = basis.is_outside(covariate)
    columns = coordinates.reshape(len(coordinates), -1)
    fill_value = getattr(basis, "fill_value", np.nan)
    return [
        tabulate(_OneColumn(basis, coordinates.shape[1:], j), columns[:, j], strays, fill_value, resolution)
        for j in range(columns.shape[1])
    ]


class _OneColumn:
    """A basis as functions of one column of its covariate: columns may differ in range, hence in height."""

    def __init__(self, basis, shape: tuple[int, ...], column: int):
        self.basis, self.shape, self.column = basis, shape, column
        self.pieces = basis.pieces

    def derivative_bound(self, order: int) -> np.ndarray:
        return self.basis.derivative_bound(order)

    def features_at(self, grid: np.ndarray) -> np.ndarray:
        if not self.shape:
            return self.basis.features_at(grid)
        everywhere = np.broadcast_to(grid.reshape(-1, *(1,) * len(self.shape)), (len(grid), *self.shape))
        values = self.basis.features_at(np.array(everywhere))
        return values.reshape(len(grid), -1, self.basis.n_basis_funcs)[:, self.column]
