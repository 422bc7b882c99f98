"""Convolution of a series with a bank of kernels, epoch by epoch.

Row ``t`` of a predictor weighs the samples of a window near ``t``: those before it (causal, such as spike
history), those after it (anti-causal, such as a movement that spikes announce), or those around it. Rows whose window
leaves the epoch are NaN, so no window reaches across a gap of the recording.
"""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from spikesieve._tree import map_leaves
from spikesieve.basis._samples import ArrayLike, as_samples, is_time_series

CAUSALITIES = ("causal", "acausal", "anti-causal")
BATCH_ARGUMENTS = ("batch_size_samples", "batch_size_channels", "batch_size_basis")

# Windows are copied out, so that BLAS can multiply them, in blocks of this many multiplications: in cache, and
# small enough that OpenBLAS stays on one thread. On a busy machine, waking a second thread for every
# block made 10^6 rows x 100 bins x 8 kernels take 0.4 to 9 s instead of 0.07 s.
_BLOCK_PRODUCTS = 2**18


def create_convolutional_predictor(
    basis_matrix: Float[np.ndarray, " window_size n_basis_funcs"],
    time_series: Any,
    predictor_causality: str = "causal",
    shift: bool | None = None,
    axis: int = 0,
    batch_size_samples: int | None = None,
    batch_size_channels: int | None = None,
    batch_size_basis: int | None = None,
    epochs: ArrayLike | None = None,
) -> Any:
    """Convolve every column of a series with every column of `basis_matrix`.

    Causal and shifted, row ``t`` is ``sum(basis_matrix[k] * time_series[t - 1 - k] for k in range(window_size))``.

    Parameters
    ----------
    basis_matrix
        Kernels; row ``k`` weighs the sample that lies ``k`` bins further from row ``t``.
    time_series
        An array, a pynapple time series, or a pytree of them (a dict of spike counts, say), in bins of equal width.
    predictor_causality
        ``"causal"``: the window ends at ``t``. ``"anti-causal"``: it begins there. ``"acausal"``: ``t`` is in its
        middle (the later of the two samples in the middle where the window size is even).
    shift
        Whether the window stops one bin short of ``t``, so that spikes do not predict themselves. None: True,
        except for acausal, where it is impossible.
    axis
        The axis of time.
    batch_size_samples, batch_size_channels, batch_size_basis
        Accepted so that programs written for NeMoS run; memory is bounded without them.
    epochs
        Rows ``[first, stop)`` of each uninterrupted stretch, shape ``(n_epochs, 2)``. None: the time support of a
        pynapple object; else the whole array is one stretch.

    Returns
    -------
    :
        Shape of the series with an axis of ``n_basis_funcs`` added at the end, NaN where the window leaves the
        epoch. A pynapple object for a pynapple object.

    Raises
    ------
    ValueError
        If no epoch is as long as the window, the kernels are not two-dimensional, or an argument is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.convolve import create_convolutional_predictor
    >>> create_convolutional_predictor(np.eye(2), np.array([1.0, 2, 3, 4, 5]))
    array([[nan, nan],
           [nan, nan],
           [ 2.,  1.],
           [ 3.,  2.],
           [ 4.,  3.]])
    """
    del batch_size_samples, batch_size_channels, batch_size_basis
    kernel = np.asarray(basis_matrix, dtype=float)
    if kernel.ndim != 2 or kernel.size == 0:
        raise ValueError(f"basis_matrix must have shape (window_size, n_basis_funcs); got shape {kernel.shape}.")
    offset = row_offset(len(kernel), predictor_causality, shift)
    return map_leaves(lambda series: _convolve_leaf(kernel, series, offset, axis, epochs), time_series)


def row_offset(window_size: int, predictor_causality: str = "causal", shift: bool | None = None) -> int:
    """Return the row that the window ``[0, window_size)`` predicts; checks both arguments."""
    if predictor_causality not in CAUSALITIES:
        raise ValueError(f"predictor_causality must be one of {', '.join(CAUSALITIES)}; got {predictor_causality!r}.")
    if predictor_causality == "acausal":
        if shift:
            raise ValueError("An acausal predictor has no direction to shift to; use shift=False or None.")
        return (window_size - 1) // 2
    moved = shift is None or bool(shift)
    return window_size - 1 + moved if predictor_causality == "causal" else -int(moved)


def epochs_of(series: ArrayLike, n_samples: int) -> list[tuple[int, int]]:
    """Rows ``[first, stop)`` of each epoch of a pynapple object; one epoch for anything else."""
    if not is_time_series(series):
        return [(0, n_samples)]
    support = series.time_support
    first = np.searchsorted(series.t, support.start, side="left")
    stop = np.searchsorted(series.t, support.end, side="right")
    return [(int(a), int(b)) for a, b in zip(first, stop, strict=True)]


def convolve(
    kernel: Float[np.ndarray, " window_size n_basis_funcs"],
    x: Float[np.ndarray, " n_samples *columns"],
    offset: int,
    epochs: list[tuple[int, int]],
) -> Float[np.ndarray, " n_samples *columns n_basis_funcs"]:
    """Convolve each column within each epoch; the window that starts at ``i`` goes to row ``i + offset``."""
    window_size, n_basis_funcs = kernel.shape
    longest = max((stop - first for first, stop in epochs), default=0)
    if longest < window_size:
        raise ValueError(
            f"The window is {window_size} samples long, but the longest uninterrupted stretch of the series has "
            f"only {longest}. Use a shorter window, or a longer recording."
        )
    flat = x.reshape(len(x), -1)
    features = np.full((len(x), flat.shape[1], n_basis_funcs), np.nan)
    for first, stop in epochs:
        for column in range(flat.shape[1]):
            _convolve_stretch(kernel, flat[first:stop, column], features[first:stop, column], offset)
    return features.reshape(*x.shape, n_basis_funcs)


def _convolve_stretch(kernel, x, features, offset):
    window_size = len(kernel)
    first = max(0, -offset)
    stop = min(len(x) - window_size + 1, len(x) - offset)
    if stop <= first:
        return
    windows = np.lib.stride_tricks.sliding_window_view(x, window_size)
    if kernel.shape[0] == kernel.shape[1] and np.array_equal(kernel, np.eye(window_size)):
        # A history is its windows: nothing to multiply.
        features[first + offset : stop + offset] = windows[first:stop, ::-1]
        return
    newest_last = np.ascontiguousarray(kernel[::-1])
    block = math.ceil(_BLOCK_PRODUCTS / kernel.size)
    with np.errstate(invalid="ignore"):
        for start in range(first, stop, block):
            end = min(start + block, stop)
            features[start + offset : end + offset] = np.ascontiguousarray(windows[start:end]) @ newest_last


def _convolve_leaf(kernel, series, offset, axis, epochs):
    x = as_samples(series, "create_convolutional_predictor")
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis {axis} is no axis of a series of shape {x.shape}.")
    moved = np.moveaxis(x, axis, 0)
    rows = epochs_of(series, len(moved)) if epochs is None else _checked_epochs(epochs, len(moved))
    features = np.moveaxis(convolve(kernel, moved, offset, rows), 0, axis)
    if not is_time_series(series) or axis % x.ndim != 0:
        return features
    import pynapple

    kind = pynapple.TsdFrame if features.ndim == 2 else pynapple.TsdTensor
    return kind(t=series.t, d=features, time_support=series.time_support)


def _checked_epochs(epochs, n_samples):
    rows = np.asarray(epochs)
    ordered = rows.ndim == 2 and rows.shape[1] == 2 and rows.dtype.kind in "iu"
    if not ordered or (np.diff(rows.ravel()) < 0).any() or rows.min(initial=0) < 0 or rows.max() > n_samples:
        raise ValueError(
            f"epochs must be rows (first, stop) in increasing order within the {n_samples} samples; got {epochs!r}."
        )
    return [(int(first), int(stop)) for first, stop in rows]
