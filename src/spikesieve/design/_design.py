"""`Design`: the blocks of all covariates side by side, and how their coefficients are laid out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from spikesieve._tree import CoefLayout, dict_structure
from spikesieve._types import Index, Mask, PerSample, PyTree
from spikesieve.basis import Basis
from spikesieve.design._block import Block
from spikesieve.design._numbers import per_row, row_weights
from spikesieve.design._pass_parts import Part, PassParts

# A chunk's linear predictor, loss and residual stay in a 1 MB cache at 32768 rows; stored columns bring their own
# bytes, which should stay within 8 MB.
_MAX_CHUNK_ROWS, _MIN_CHUNK_ROWS, _CHUNK_BYTES = 32_768, 1024, 8 * 2**20
_LONG_CHUNK_ROWS, _MANY_CHUNKS = 131_072, 8


@dataclass(frozen=True, eq=False)
class Design:
    """The design matrix as a row of blocks, one per leaf of the features; accepted wherever X is.

    Make one with ``basis.design(*covariates)``, join designs, arrays and dicts with `join`. ``design["speed"]`` is the
    design of one covariate, ``design[rows]`` that of some rows (a slice copies nothing large). An exposure and a mask
    of valid bins travel with it: `with_offset`, `with_weight`.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import BSplineEval
    >>> basis = BSplineEval(10, label="speed") + BSplineEval(4, label="x") * BSplineEval(4, label="y")
    >>> t = np.linspace(0, 20, 200_000)
    >>> design = basis.design(np.sin(t), np.cos(t), np.sin(3 * t))
    >>> design.shape, design.labels
    ((200000, 26), ('(x * y)', 'speed'))
    >>> print(design)
    covariate  columns  kind              bytes
    (x * y)         16  tabulated plane ... MB
    speed           10  tabulated... kB
    200,000 rows, 26 columns, ... MB (dense: 41.6 MB)
    """

    blocks: tuple[Block, ...]
    layout: CoefLayout
    bases: tuple[Basis | None, ...] = ()
    """The basis that each block expands a covariate in, where it is known; empty if none is."""
    offset: PerSample | None = None
    """Added to the linear predictor of each row in fits, predictions and scores; see `with_offset`."""
    sample_weight: PerSample | None = None
    """Weight of each row's loss in fits and scores; see `with_weight`."""

    @property
    def n_samples(self) -> int:
        """Rows: time bins."""
        return self.blocks[0].n_samples

    @property
    def n_coef(self) -> int:
        """Columns of all blocks together."""
        return self.layout.n_coef

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_samples, n_coef)``."""
        return self.n_samples, self.n_coef

    @property
    def labels(self) -> tuple[str, ...]:
        """One per covariate, in the order of the columns."""
        return self.layout.labels

    @property
    def n_bytes(self) -> int:
        """Memory of all blocks."""
        return sum(block.n_bytes for block in self.blocks)

    @cached_property
    def chunk_rows(self) -> int:
        """Rows per chunk of a pass that keep its data in cache.

        Long recordings of tables have longer chunks, because threads wait for one another between two kernels: a path
        over 10^6 bins and 10 covariates takes 2.4 s of processor time with 125 000 rows, 2.6 s with 32 768.
        """
        row_bytes = sum(block.row_bytes for block in self.blocks)
        most = int(np.clip(self.n_samples // _MANY_CHUNKS, _MAX_CHUNK_ROWS, _LONG_CHUNK_ROWS))
        return int(np.clip(_CHUNK_BYTES // (row_bytes + 1), _MIN_CHUNK_ROWS, most))

    def parts(self, numbers: Index) -> tuple[Part, ...]:
        """What a pass for one neuron visits in each row chunk, for some of the blocks."""
        return self._parts.of(numbers)

    @cached_property
    def _parts(self) -> PassParts:
        return PassParts(self.blocks, self.layout.leaf_slices)

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, key) -> "Design":
        if isinstance(key, tuple) and len(key) == 2 and _is_all(key[1]):
            key = key[0]  # rows and all columns, as scikit-learn's cross-validation indexes what has a shape
        if isinstance(key, int | np.integer):
            raise TypeError(f"Rows are chosen by a slice or an array, got the number {key}: use [{key}:{key + 1}].")
        if isinstance(key, str):
            return self.only([key])
        is_labels = isinstance(key, list | tuple) and len(key) > 0 and all(isinstance(item, str) for item in key)
        return self.only(key) if is_labels else self.take(key)

    def only(self, labels: Iterable[str]) -> "Design":
        """Return the design of some covariates, in its own order; so do ``design["x"]`` and ``design[["x", "y"]]``."""
        wanted = list(labels)
        for label in wanted:
            if label not in self.labels:
                raise KeyError(
                    f"There is no covariate {label!r} in this design; it has {', '.join(map(repr, self.labels))}."
                )
        numbers = [number for number, label in enumerate(self.labels) if label in wanted]
        chosen = [self.labels[number] for number in numbers]
        blocks = tuple(self.blocks[number] for number in numbers)
        structure = dict_structure(tuple(chosen))
        names = [self.layout.names_of(label) for label in chosen]
        axes = [self.layout.axes_of(label) for label in chosen]
        layout = CoefLayout.of(structure, [block.n_coef for block in blocks], names, axes)
        bases = tuple(self.basis_of(label) for label in chosen)
        return replace(self, blocks=blocks, layout=layout, bases=bases)

    def basis_of(self, label: str) -> Basis | None:
        """Return the basis of a covariate, None where the design was not made from one."""
        return self.bases[self.labels.index(label)] if self.bases else None

    def with_offset(self, offset) -> "Design":
        """Return the design with an offset: what is known beforehand to add to the linear predictor.

        Parameters
        ----------
        offset
            A number or ``(n_samples,)``. For the exponential link the log of an exposure: the time in a bin that was
            recorded, the number of trials summed in it. NaN leaves a row out of fits. None takes the offset off.

        Examples
        --------
        >>> import numpy as np
        >>> from spikesieve.basis import BSplineEval
        >>> from spikesieve.glm import GLM
        >>> rng = np.random.default_rng(0)
        >>> speed, exposure_s = rng.random(2000), rng.choice([0.1, 0.2], 2000)
        >>> counts = rng.poisson(exposure_s * np.exp(1 + 2 * speed))
        >>> design = BSplineEval(5, label="speed").design(speed).with_offset(np.log(exposure_s))
        >>> model = GLM(regularizer="GroupLasso", regularizer_strength=1e-3).fit(design, counts)
        >>> rate_hz = model.predict(design.with_offset(None))
        >>> bool(rate_hz.max() > 15)
        True
        """
        return replace(self, offset=per_row(offset, "offset", self.n_samples))

    def with_weight(self, sample_weight) -> "Design":
        """Return the design with a weight of each row's loss, or a mask of valid bins.

        Parameters
        ----------
        sample_weight
            Non-negative, ``(n_samples,)``; only ratios matter. A row of weight 0 (False) is left out of fits and
            scores, whatever it holds; predictions are made for all rows. None takes the weights off.

        Raises
        ------
        ValueError
            If a weight is negative, or none is positive.
        """
        return replace(self, sample_weight=row_weights(sample_weight, self.n_samples))

    def linear_predictor(self, coef: np.ndarray, intercept: float | np.ndarray = 0.0) -> np.ndarray:
        """``X @ coef + intercept + offset`` for ``(n_coef,)`` or, several models at once, ``(n_coef, n_models)``."""
        rows = slice(0, self.n_samples)
        out = np.zeros((self.n_samples, *coef.shape[1:])) + intercept
        with np.errstate(invalid="ignore"):  # infinite features: some BLAS kernels warn where the result is right
            for block, columns in zip(self.blocks, self.layout.leaf_slices, strict=True):
                block.add_linear_predictor(rows, coef[columns], out)
        if self.offset is not None:
            out += self.offset.reshape(-1, *(1,) * (out.ndim - 1))
        return out

    def finite_rows(self) -> np.ndarray:
        """Which rows have no NaN and no infinity in any block, in offset and weight, shape ``(n_samples,)``."""
        finite = np.ones(self.n_samples, dtype=bool)
        for block in self.blocks:
            finite &= block.finite_rows()
        for values in (self.offset, self.sample_weight):
            if values is not None:
                finite &= np.isfinite(values)
        return finite

    def take(self, rows) -> "Design":
        """Return the design on some rows: a slice, or an index or boolean array."""
        blocks = tuple(block.take(rows) for block in self.blocks)
        offset, weight = (None if v is None else v[rows] for v in (self.offset, self.sample_weight))
        return replace(self, blocks=blocks, offset=offset, sample_weight=weight)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self.to_dense().astype(dtype or np.float64, copy=False)

    def to_tree(self) -> PyTree:
        """Dense features, one array ``(n_samples, n_coef_of_leaf)`` per covariate."""
        rows = slice(0, self.n_samples)
        return self.layout.structure.unflatten([np.array(block.as_matrix(rows)) for block in self.blocks])

    def to_dense(self) -> np.ndarray:
        """Dense features side by side, ``(n_samples, n_coef)``."""
        rows = slice(0, self.n_samples)
        return np.hstack([block.as_matrix(rows) for block in self.blocks])

    def rank_with_intercept(self, columns: Mask | None = None) -> int:
        """Rank of some columns (all) and a column of ones, from their Gram matrix, every column scaled to length 1."""
        kept = np.ones(self.n_coef + 1, dtype=bool)
        kept[1:] = True if columns is None else columns
        gram = np.zeros((self.n_coef + 1, self.n_coef + 1))
        for start in range(0, self.n_samples, _MIN_CHUNK_ROWS * 8):
            rows = slice(start, min(start + _MIN_CHUNK_ROWS * 8, self.n_samples))
            matrix = np.hstack([np.ones((rows.stop - start, 1)), *(block.as_matrix(rows) for block in self.blocks)])
            gram += matrix.T @ matrix
        gram = gram[np.ix_(kept, kept)]
        length = np.sqrt(np.diagonal(gram))
        length = np.where(length > 0, length, 1.0)
        return int(np.linalg.matrix_rank(gram / length / length[:, None], tol=1e-10, hermitian=True))

    def __str__(self) -> str:
        rows = [
            (label or "(array)", str(block.n_coef), block.kind, _in_bytes(block.n_bytes))
            for label, block in zip(self.labels, self.blocks, strict=True)
        ]
        header = ("covariate", "columns", "kind", "bytes")
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}" for a, b, c, d in [header, *rows]
        ]
        dense = _in_bytes(8 * self.n_samples * self.n_coef)
        total = f"{self.n_samples:,} rows, {self.n_coef:,} columns, {_in_bytes(self.n_bytes)} (dense: {dense})"
        carried = [name for name in ("offset", "sample_weight") if getattr(self, name) is not None]
        return "\n".join([*lines, total, *([f"with {' and '.join(carried)}"] if carried else [])])

    def __repr__(self) -> str:
        return f"Design({self.n_samples} rows, covariates {', '.join(map(repr, self.labels))})"


def _is_all(key) -> bool:
    return key is Ellipsis or (isinstance(key, slice) and key == slice(None))


def _in_bytes(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
