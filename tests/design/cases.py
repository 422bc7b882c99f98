"""Blocks of every kind with their dense matrices: ``CASES[name](n_samples, seed)`` gives both."""

import tempfile

import numpy as np
import scipy.sparse

from spikesieve.basis import BSplineEval, FourierEval, IdentityEval
from spikesieve.design import Block, DenseBlock, StackedBlock, TabulatedPlaneBlock
from spikesieve.design._convolved import ConvolvedBlock
from spikesieve.design._interaction import InteractionBlock
from spikesieve.design._signals import ContinuousSignals, EventTrains, Signals
from spikesieve.design._sparse import SparseBlock
from spikesieve.design._stored import StoredBlock


class SlicedOnly:
    """Numbers that can be read only as slices of rows, as from a file; remembers how many rows were read."""

    def __init__(self, values):
        self._values = values
        self.shape, self.dtype, self.chunks = values.shape, values.dtype, None
        self.reads = []

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        read = self._values[rows]
        self.reads.append(len(read))
        return read


def slow_convolution(signals, kernel, row_offset, epochs):
    """Features row by row, from their definition."""
    window_size, n_basis = kernel.shape
    features = np.full((len(signals), signals.shape[1], n_basis), np.nan)
    for first, stop in epochs:
        for start in range(first, stop - window_size + 1):
            if first <= start + row_offset < stop:
                window = signals[start : start + window_size][::-1]
                features[start + row_offset] = [kernel.T @ window[:, channel] for channel in range(signals.shape[1])]
    return features.reshape(len(signals), -1)


def two_epochs(n_samples):
    return [(0, n_samples // 3), (n_samples // 3, n_samples // 3 + 2), (n_samples // 3 + 2, n_samples)]


def dense(n_samples, seed):
    matrix = np.random.default_rng(seed).normal(size=(n_samples, 5))
    matrix[n_samples // 4, 2] = np.nan
    return DenseBlock(matrix), matrix


def dense_by_columns(n_samples, seed):
    matrix = np.asfortranarray(np.random.default_rng(seed).normal(size=(n_samples, 5)))
    return DenseBlock(matrix), matrix


def events(n_samples, seed, row_offset=6, window_size=6, rate=0.1):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rate, size=(n_samples, 3))
    kernel = rng.normal(size=(window_size, 2))
    epochs = two_epochs(n_samples)
    block = ConvolvedBlock(EventTrains.from_matrix(counts), kernel, row_offset, epochs)
    return block, slow_convolution(counts, kernel, row_offset, epochs)


def events_with_a_missing_bin(n_samples, seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.1, size=(n_samples, 2)).astype(float)
    counts[n_samples // 2, 1] = np.nan
    kernel = rng.normal(size=(4, 3))
    return ConvolvedBlock(counts, kernel, 4), slow_convolution(counts, kernel, 4, [(0, n_samples)])


def continuous(n_samples, seed, row_offset=5, epochs=two_epochs):
    rng = np.random.default_rng(seed)
    signals = rng.normal(size=(n_samples, 2))
    signals[n_samples // 2, 0] = np.nan
    kernel = rng.normal(size=(5, 3))
    block = ConvolvedBlock(ContinuousSignals(signals), kernel, row_offset, epochs(n_samples))
    return block, slow_convolution(signals, kernel, row_offset, epochs(n_samples))


def whole_number_signal(n_samples, seed):
    signal = np.random.default_rng(seed).integers(-3, 4, size=n_samples).astype(np.int8)
    return ConvolvedBlock(signal, np.eye(4), 4), slow_convolution(signal[:, None], np.eye(4), 4, [(0, n_samples)])


def signals_on_disk(n_samples, seed, row_offset=5, source=SlicedOnly):
    signals = np.random.default_rng(seed).normal(size=(n_samples, 2)).astype(np.float32)
    signals[n_samples // 2, 0] = np.nan
    kernel = np.random.default_rng(seed).normal(size=(5, 3))
    epochs = two_epochs(n_samples)
    block = ConvolvedBlock(source(signals), kernel, row_offset, epochs)
    # Pieces shorter than a recording of a test, so that what happens at their ends is seen.
    block.signals._piece_rows = 37
    return block, slow_convolution(signals.astype(float), kernel, row_offset, epochs)


def stored(n_samples, seed, source=SlicedOnly, dtype=np.float32):
    matrix = np.random.default_rng(seed).normal(size=(n_samples, 4)).astype(dtype)
    matrix[n_samples // 3, 1] = np.inf
    return StoredBlock(source(matrix)), matrix.astype(float)


def on_disk(matrix):
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, dtype=matrix.dtype, shape=matrix.shape, mode="w+")
    mapped[:] = matrix
    return mapped


def stored_vector(n_samples, seed):
    values = np.random.default_rng(seed).integers(0, 9, size=n_samples)
    return StoredBlock(SlicedOnly(values)), values[:, None].astype(float)


def sparse(n_samples, seed):
    matrix = scipy.sparse.random(n_samples, 6, density=0.2, format="coo", rng=np.random.default_rng(seed))
    matrix.data[3] = np.nan
    return SparseBlock(matrix), matrix.toarray()


def interaction(n_samples, seed):
    (a, x), (b, y) = dense(n_samples, seed), events(n_samples, seed + 1)
    return InteractionBlock([a, b]), (x[:, :, None] * y[:, None, :]).reshape(n_samples, -1)


def interaction_of_three(n_samples, seed):
    (a, x), (b, y), (c, z) = dense(n_samples, seed), sparse(n_samples, seed), stored_vector(n_samples, seed)
    product = x[:, :, None, None] * y[:, None, :, None] * z[:, None, None, :]
    return InteractionBlock([a, b, c]), product.reshape(n_samples, -1)


def interaction_of_channels(n_samples, seed):
    (a, x), (b, y) = events(n_samples, seed), events(n_samples, seed + 1)
    product = x.reshape(n_samples, 3, 2, 1) * y.reshape(n_samples, 3, 1, 2)
    return InteractionBlock([a, b], n_channels=3), product.reshape(n_samples, -1)


def tabulated(n_samples, seed, n_basis_funcs=6):
    x = np.random.default_rng(seed).random(n_samples)
    x[n_samples // 5] = np.nan
    # Coarse, for the sake of speed; how far it is from the exact features is checked where lazy designs are.
    (block,) = BSplineEval(n_basis_funcs).design(x, resolution=0.05).blocks
    return block, np.array(block.as_matrix(slice(0, n_samples)))


def boxcars(n_samples, seed, n_basis_funcs=4):
    x = np.random.default_rng(seed).random(n_samples)
    x[n_samples // 6] = np.nan
    basis = BSplineEval(n_basis_funcs, order=1)
    (block,) = basis.design(x).blocks
    return block, basis.compute_features(x)


def line(n_samples, seed):
    x = np.random.default_rng(seed).normal(size=n_samples)
    x[n_samples // 6] = np.nan
    basis = IdentityEval()
    (block,) = basis.design(x, resolution=1e-9).blocks
    # As `tabulated`: the contract is about the features that the table has.
    return block, np.array(block.as_matrix(slice(0, n_samples)))


def distinct_pairs(n_samples, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.choice([0.0, 0.3, 1.0], n_samples), rng.choice([np.nan, 2.0], n_samples, p=[0.02, 0.98])
    basis = FourierEval(2, ndim=2, bounds=(0.0, 3.0))
    (block,) = basis.design(x, y).blocks
    return block, basis.compute_features(x, y)


def combined(n_samples, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.random((2, n_samples))
    x[n_samples // 3] = np.nan
    (block,) = FourierEval(3, ndim=2).design(x, y, resolution=1e-5).blocks
    # As `tabulated`: the contract is about the features that the tables have.
    return block, np.array(block.as_matrix(slice(0, n_samples)))


def plane_of_boxcars(n_samples, seed):
    (a, x), (b, y) = boxcars(n_samples, seed, 5), boxcars(n_samples, seed + 1, 3)
    return TabulatedPlaneBlock(a.axis, b.axis), (x[:, :, None] * y[:, None, :]).reshape(n_samples, -1)


def tabulated_plane(n_samples, seed):
    (a, x), (b, y) = tabulated(n_samples, seed, 5), tabulated(n_samples, seed + 1, 4)
    return TabulatedPlaneBlock(a.axis, b.axis), (x[:, :, None] * y[:, None, :]).reshape(n_samples, -1)


def stacked(n_samples, seed):
    (a, x), (b, y) = dense(n_samples, seed), events(n_samples, seed)
    return StackedBlock((a, b)), np.hstack([x, y])


CASES = {
    "combined": combined,
    "dense": dense,
    "dense by columns": dense_by_columns,
    "events, causal": events,
    "events, causal without shift": lambda n, seed: events(n, seed, row_offset=5),
    "events, acausal": lambda n, seed: events(n, seed, row_offset=2),
    "events, anti-causal": lambda n, seed: events(n, seed, row_offset=-1),
    "events, a window of one bin": lambda n, seed: events(n, seed, row_offset=1, window_size=1),
    "events, no spikes": lambda n, seed: events(n, seed, rate=0.0),
    "events, a missing bin": events_with_a_missing_bin,
    "continuous, causal": continuous,
    "continuous, acausal": lambda n, seed: continuous(n, seed, row_offset=2),
    "continuous, anti-causal": lambda n, seed: continuous(n, seed, row_offset=-1),
    "continuous, one epoch": lambda n, seed: continuous(n, seed, epochs=lambda n_samples: [(0, n_samples)]),
    "continuous, whole numbers": whole_number_signal,
    "on disk, causal": signals_on_disk,
    "on disk, anti-causal": lambda n, seed: signals_on_disk(n, seed, row_offset=-1, source=on_disk),
    "stored, slices only": stored,
    "stored, mapped": lambda n, seed: stored(n, seed, source=on_disk, dtype=np.float64),
    "stored, mapped single precision": lambda n, seed: stored(n, seed, source=on_disk),
    "stored, one column": stored_vector,
    "sparse": sparse,
    "interaction": interaction,
    "interaction of three": interaction_of_three,
    "interaction of channels": interaction_of_channels,
    "tabulated": tabulated,
    "tabulated boxcars": boxcars,
    "tabulated line": line,
    "tabulated pairs of values": distinct_pairs,
    "tabulated plane": tabulated_plane,
    "tabulated plane of boxcars": plane_of_boxcars,
    "stacked": stacked,
}


def kinds() -> set[type[Block]]:
    """Classes of all blocks, those inside others included."""
    return {type(make(60, 0)[0]) for make in CASES.values()}


def kinds_of_signals() -> set[type[Signals]]:
    """Classes of what the convolved blocks convolve."""
    blocks = [make(60, 0)[0] for make in CASES.values()]
    return {type(block.signals) for block in blocks if isinstance(block, ConvolvedBlock)}
