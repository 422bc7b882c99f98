"""A block of products: every column of one factor times every column of the next, row by row, never stored.

``X[t, (i, j)] = A[t, i] * B[t, j]``, the last factor's columns varying fastest, so that the linear predictor is
``sum_j (A C)[t, j] * B[t, j]`` with ``C`` the coefficients as a matrix, and a gradient ``A' (r * B)``: products of the
factors, and not of the far larger matrix of their columns.
"""

from collections.abc import Sequence

import numpy as np

from spikesieve.design._block import Block
from spikesieve.design._row_runs import row_chunks


class InteractionBlock(Block):
    """Products of the columns of two or more blocks, row by row.

    Parameters
    ----------
    factors
        Blocks of the same number of rows.
    n_channels
        Number of columns of the covariates, which are multiplied channel by channel: each factor's columns are
        ordered by channel, and so are the products.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.design._dense import DenseBlock
    >>> factors = [DenseBlock(np.array([[1.0, 2.0]])), DenseBlock(np.array([[10.0, 100.0]]))]
    >>> InteractionBlock(factors).as_matrix(slice(0, 1))
    array([[ 10., 100.,  20., 200.]])
    """

    def __init__(self, factors: Sequence[Block], n_channels: int = 1):
        lengths = [factor.n_samples for factor in factors]
        if len(lengths) < 2 or len(set(lengths)) > 1:
            raise ValueError(f"An interaction needs two or more blocks of one number of rows; got {lengths} rows.")
        if any(factor.n_coef % n_channels for factor in factors):
            widths = [factor.n_coef for factor in factors]
            raise ValueError(f"An interaction of {n_channels} channels cannot share out columns of {widths}.")
        self.factors, self.n_channels = tuple(factors), n_channels
        self.n_samples = lengths[0]
        self.n_coef = n_channels * int(np.prod([factor.n_coef // n_channels for factor in factors]))

    def add_linear_predictor(self, rows, coef, out):
        for part, chunk in row_chunks(self.n_samples, rows):
            left, right = self._sides(chunk)
            pairs = coef.reshape(self.n_channels, left.shape[2], right.shape[2], *coef.shape[1:])
            for a, b, weights in zip(left, right, pairs, strict=True):
                if coef.ndim == 1:
                    out[part] += np.einsum("tj,tj->t", a @ weights, b)
                    continue
                for neuron in range(coef.shape[1]):
                    out[part, neuron] += np.einsum("tj,tj->t", a @ weights[:, :, neuron], b)

    def add_gradient(self, rows, residual, out):
        for part, chunk in row_chunks(self.n_samples, rows):
            left, right = self._sides(chunk)
            # Splitting the first axis of an array is a view of it, whatever its strides.
            pairs = out.reshape(self.n_channels, left.shape[2], right.shape[2], *out.shape[1:])
            for a, b, weights in zip(left, right, pairs, strict=True):
                if residual.ndim == 1:
                    weights += a.T @ (b * residual[part, None])
                    continue
                for neuron in range(residual.shape[1]):
                    weights[:, :, neuron] += a.T @ (b * residual[part, neuron, None])

    def open_pass(self):
        return [factor.open_pass() for factor in self.factors]

    def as_matrix(self, rows):
        products = _pairs(*self._sides(rows))
        return np.moveaxis(products, 0, 1).reshape(products.shape[1], self.n_coef)

    @property
    def row_bytes(self):
        # Products are made from both sides as matrices.
        return sum(8 * factor.n_coef for factor in self.factors)

    @property
    def n_bytes(self):
        return sum(factor.n_bytes for factor in self.factors)

    def take(self, rows):
        return InteractionBlock([factor.take(rows) for factor in self.factors], self.n_channels)

    def finite_rows(self):
        return np.logical_and.reduce([factor.finite_rows() for factor in self.factors])

    def _sides(self, rows):
        """Products of all factors but the last, and the last, ``(n_channels, n_rows, n_columns)`` each."""
        first, *others, last = (self._by_channel(factor.as_matrix(rows)) for factor in self.factors)
        for other in others:
            first = _pairs(first, other)
        return first, last

    def _by_channel(self, matrix):
        return np.moveaxis(matrix.reshape(len(matrix), self.n_channels, matrix.shape[1] // self.n_channels), 1, 0)


def _pairs(left, right):
    """Products of columns, ``(n_channels, n_rows, n_left * n_right)``, those of `right` varying fastest."""
    products = left[:, :, :, None] * right[:, :, None, :]
    return products.reshape(*left.shape[:2], left.shape[2] * right.shape[2])
