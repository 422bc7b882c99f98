"""Tables whose codes are of one type, read together for one neuron: one compiled call per row chunk for all of them.

A call holds the interpreter for 1 to 3 us, and a thread that has to wait for it may be woken much later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from spikesieve._types import Coef, Index, PerSample
from spikesieve.design._axis import Axis

# What compiled loops know of one table: addresses of its codes, of its columns, and of these with zeros for what is
# not finite; bits of the fraction; grid points; levels, which are more; coefficients.
CODES, COLUMNS, WEIGHING, SHIFT, GRID, LEVELS, COEF = range(7)


@dataclass(frozen=True, eq=False)
class TableGroup:
    """Some axes of the same rows side by side, with the verbs of a pass that blocks have.

    Coefficients, moments and gradients of all stand one after the other.
    """

    axes: tuple[Axis, ...]
    tables: np.ndarray
    """A row for each axis, ``(n_axes, 7)``."""
    held: tuple[Axis, ...]
    """Whose arrays the tables are: axes with the same table use that of the first, which stays in the cache."""

    @classmethod
    def of(cls, axes: Sequence[Axis]) -> "TableGroup":
        """Group of axes whose codes are of one type."""
        tables, known = np.empty((len(axes), 7), dtype=np.uint64), {}
        for axis, row in zip(axes, tables, strict=True):
            held = known.setdefault((axis.table.shape, axis.table.tobytes()), axis)
            row[:] = _address(axis.codes), _address(held.columns), _address(held.weighing_table), *_sizes(axis)
        return cls(tuple(axes), tables, tuple(known.values()))

    def only(self, members: Index) -> "TableGroup":
        """Group of some of the axes, in their order."""
        return replace(self, axes=tuple(self.axes[member] for member in members), tables=self.tables[members])

    def predictor(self, coef: Coef) -> Callable[[slice, PerSample], None]:
        """Return ``add(rows, out)`` for ``out += X[rows] @ coef``."""
        assert len(coef) == self.tables[:, COEF].sum()  # as is said of rows in `_at`
        lines = np.empty((self._n_levels, 2))
        # A copy of one kind, whatever was passed: loops read tables as arrays of the kind of the coefficients.
        kernels().write_lines(self.tables, np.array(coef, dtype=np.float64), lines)

        def add(rows: slice, out: PerSample) -> None:
            tables, first, kept = self._at(rows, len(out))
            kernels().add_lookups(tables, first, lines, out, self._kind)
            del kept

        return add

    def partial_gradient(self, rows: slice, residual: PerSample, partial: np.ndarray | None = None) -> np.ndarray:
        """Sums of the residual, and of the residual times the fraction, per level of each table."""
        moments = np.zeros((self._n_levels, 2)) if partial is None else partial
        residual = np.ascontiguousarray(residual, dtype=np.float64)
        tables, first, kept = self._at(rows, len(residual))
        kernels().add_moments(tables, first, residual, moments, self._kind)
        del kept
        return moments

    def finish_gradient(self, partial: np.ndarray) -> Coef:
        """``X.T @ residual`` from the sum of `partial_gradient` over the chunks."""
        gradient = np.empty(int(self.tables[:, COEF].sum()))
        kernels().write_gradient(self.tables, partial, gradient)
        return gradient

    @property
    def n_coef_of_each(self) -> Index:
        """Number of columns of each axis."""
        return self.tables[:, COEF].astype(np.intp)

    def _at(self, rows: slice, n_rows: int) -> tuple[np.ndarray, int, list[np.ndarray]]:
        """Tables with the first row of a chunk, and arrays to be held for as long as they are used."""
        first, stop, step = rows.indices(len(self.axes[0].codes))
        assert n_rows == len(range(first, stop, step))  # loops at an address go as far as they are told
        if step == 1 and self._is_contiguous:
            return self.tables, first, []
        codes, tables = [axis.codes_of(rows) for axis in self.axes], self.tables.copy()
        tables[:, CODES] = [_address(own) for own in codes]
        return tables, 0, codes

    @cached_property
    def _is_contiguous(self) -> bool:
        return all(axis.codes.flags.c_contiguous for axis in self.axes)

    @cached_property
    def _n_levels(self) -> int:
        return int(self.tables[:, LEVELS].sum())

    @cached_property
    def _kind(self) -> np.ndarray:
        """An array of the type of the codes, by which compiled loops know it."""
        return np.empty(0, dtype=self.axes[0].codes.dtype)

    def __reduce__(self):
        # Addresses are of this process, and of these arrays.
        return TableGroup.of, (self.axes,)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _sizes(axis: Axis) -> tuple[int, int, int, int]:
    return axis.shift, axis.n_levels, *axis.table.shape


# Importing Numba takes half a second, so only a pass does.


@cache
def kernels():
    """Compiled loops of tables, for one neuron."""
    import spikesieve.design._table_kernels as loops

    return loops
