"""From what a user passes to what the solver takes; every misuse ends here, in one sentence."""

import warnings
from dataclasses import dataclass

import numpy as np

from spikesieve._tree import CoefLayout, flatten
from spikesieve._types import PerSample, PyTree
from spikesieve.design import Block, DenseBlock, Design, SparseBlock, StackedBlock, StoredBlock
from spikesieve.observation_models import NegativeBinomialObservations, ObservationModel, PoissonObservations

_USUAL_SHARE_DROPPED = 0.1
_FEW_COUNTS, _COUNTS_LOOKED_AT = 20, 10_000
_SOLVER_OPTIONS = {"maxiter": int, "tol": float}
# Solver names of NeMoS: accepted so that programs move unchanged, but one solver serves all penalties here.
_FOREIGN_SOLVERS = (
    "ProximalGradient",
    "ProxSVRG",
    "LBFGS",
    "GradientDescent",
    "BFGS",
    "NonlinearCG",
    "SVRG",
)


@dataclass(frozen=True)
class Sample:
    """Rows that can be fitted: finite in every covariate, in the counts, in offset and weight."""

    design: Design
    y: PerSample
    offset: PerSample | None = None
    weight: PerSample | None = None


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
        raise ValueError("X has 0 feature(s): there is nothing to fit; a minimum of 1 is required.")
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
    array = _as_floats(leaf, name)
    if array.ndim == 0:
        raise ValueError(
            "X must be 2-dimensional, but its leaves are single numbers: a list is read as a pytree. "
            "Pass numpy.asarray(X) of shape (n_samples, n_features)."
        )
    if array.ndim != 2:
        raise ValueError(
            f"X must be 2-dimensional. {name} has shape {array.shape}, expected (n_samples, n_features): "
            "Reshape your data, e.g. with numpy.asarray(x).reshape(-1, 1) for a single feature."
        )
    return array


def _as_floats(values, name: str) -> np.ndarray:
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)  # masked means missing
    array = np.asarray(values)
    if array.dtype.kind in "USMm":
        raise TypeError(f"{name} must be numeric, got an array of {array.dtype}.")
    if np.iscomplexobj(array):
        raise ValueError(f"Complex data not supported: {name} is complex.")
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numeric, got an array of {array.dtype}: {error}.") from error


def as_counts(y, n_samples: int) -> PerSample:
    """Check the shape of the observations of one neuron and convert them to floats."""
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    counts = _as_floats(y, "y")
    if counts.ndim != 1:
        raise ValueError(
            f"y must be 1-dimensional, one count per time bin, got shape {counts.shape}. "
            "Fit several neurons one by one, or pass one column."
        )
    if len(counts) != n_samples:
        raise ValueError(f"X has {n_samples} samples but y has {len(counts)}; both must be binned alike.")
    return counts


def as_sample(X: PyTree, y, family: ObservationModel, sample_weight=None, offset=None) -> Sample:
    """Check and convert everything of one length, and drop rows with NaN or infinity, as NeMoS does.

    Raises
    ------
    ValueError
        If lengths differ, no row is left, weights are negative or all zero, or the family cannot have such counts.
    """
    design = as_design(X)
    if design.n_samples == 0:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    counts = as_counts(y, design.n_samples)
    per_row = [
        _per_row(values, name, design.n_samples)
        for values, name in ((offset, "offset"), (sample_weight, "sample_weight"))
    ]
    finite = design.finite_rows() & np.isfinite(counts)
    for values in per_row:
        if values is not None:
            finite &= np.isfinite(values)
    if not finite.any():
        culprits = _never_finite(design, {"y": counts, "offset": per_row[0], "sample_weight": per_row[1]})
        raise ValueError(
            f"Every one of the {design.n_samples} samples has a NaN or infinity: nothing is left to fit. "
            f"Never finite: {culprits}."
        )
    _warn_if_many_are_dropped(finite)
    if not finite.all():
        design, counts = design.take(finite), counts[finite]
        per_row = [None if values is None else values[finite] for values in per_row]
    problem = family.invalid_observation(counts)
    if problem is not None:
        raise ValueError(f"y does not fit {type(family).__name__}: {problem}.")
    _warn_if_not_counts(counts, family)
    offset, weight = per_row
    if weight is not None and ((weight < 0).any() or not weight.any()):
        raise ValueError("sample_weight must be non-negative with at least one positive entry.")
    return Sample(design, counts, offset, weight)


def _per_row(values, name: str, n_samples: int) -> PerSample | None:
    """One number per row, from a scalar or an array; None stays None."""
    if values is None:
        return None
    array = _as_floats(values, name)
    if array.ndim == 0:
        return np.full(n_samples, float(array))
    if array.shape != (n_samples,):
        raise ValueError(f"{name} has shape {array.shape}, expected a number or ({n_samples},), one per time bin.")
    return array


def _never_finite(design: Design, per_row: dict) -> str:
    labels = [
        label or "X"
        for label, block in zip(design.layout.labels, design.blocks, strict=True)
        if not block.finite_rows().any()
    ]
    labels += [name for name, values in per_row.items() if values is not None and not np.isfinite(values).any()]
    return ", ".join(labels) or "nothing by itself; each row has one somewhere in X, y, offset or sample_weight"


def _warn_if_many_are_dropped(finite: np.ndarray) -> None:
    """Say so when more than a tenth of the recording is not used: wrong bounds or units do this silently."""
    n_dropped = int((~finite).sum())
    if n_dropped > _USUAL_SHARE_DROPPED * len(finite):
        warnings.warn(
            f"{n_dropped} of {len(finite)} samples have a NaN or infinity and are left out. If that is not meant, "
            "check the units of the covariates against the bounds of their bases.",
            UserWarning,
            stacklevel=4,
        )


def _warn_if_not_counts(y: PerSample, family: ObservationModel) -> None:
    """Say so when all counts are multiples of one number: rates in Hz of bins of 25 ms are multiples of 40."""
    if not isinstance(family, PoissonObservations | NegativeBinomialObservations):
        return
    positive = y[y > 0][:_COUNTS_LOOKED_AT].astype(np.int64)
    divisor = int(np.gcd.reduce(positive)) if len(positive) >= _FEW_COUNTS else 1
    if divisor > 1:
        warnings.warn(
            f"All counts are multiples of {divisor}: are they rates? Pass counts per bin, not Hz.",
            UserWarning,
            stacklevel=4,
        )


def solver_options(solver_name, solver_kwargs) -> dict:
    """Tolerance and step limit for the solver, checked."""
    if solver_name is not None and solver_name.split("[")[0] not in _FOREIGN_SOLVERS:
        raise ValueError(
            f"Unknown solver_name {solver_name!r}. Leave it None: one solver serves every penalty; "
            f"accepted for compatibility: {', '.join(_FOREIGN_SOLVERS)}."
        )
    options = dict(solver_kwargs or {})
    unknown = sorted(set(options) - set(_SOLVER_OPTIONS))
    if unknown:
        raise ValueError(
            f"Unknown solver_kwargs {unknown}; known are 'maxiter' (Newton steps per strength) and "
            "'tol' (optimality residual, relative to the largest strength)."
        )
    for name, kind in _SOLVER_OPTIONS.items():
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value > 0:
            raise ValueError(f"solver_kwargs[{name!r}] must be a positive number, got {value!r}.")
        if kind is int and value != int(value):
            raise ValueError(f"solver_kwargs[{name!r}] must be a whole number, got {value!r}.")
    renamed = {"tolerance": options.get("tol"), "maxiter": options.get("maxiter")}
    return {name: value for name, value in renamed.items() if value is not None}
