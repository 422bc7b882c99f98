"""A block of fixed combinations of another block's columns, and what is one: Fourier features of two covariates."""

import numpy as np
from jaxtyping import Float

from spikesieve.basis import FourierEval
from spikesieve.design._block import Block
from spikesieve.design._interaction import InteractionBlock
from spikesieve.design._stacked import side_by_side
from spikesieve.design._tabulate import tabulate
from spikesieve.design._tabulated import TabulatedBlock

# A wave of two angles is a sum of two products of waves of one, of height 1: each of the four may be off by so much.
_SHARE = 0.25


class CombinedBlock(Block):
    """``X[t] = A[t] @ mixing`` with the columns `A` of another block; never stored.

    Parameters
    ----------
    block
        Where the columns come from.
    mixing
        What each of them contributes to each of these, ``(block.n_coef, n_coef)``.
    """

    def __init__(self, block: Block, mixing: Float[np.ndarray, "n_inner n_coef"]):
        self.block, self.mixing = block, mixing
        self.n_samples, self.n_coef = block.n_samples, mixing.shape[1]

    def add_linear_predictor(self, rows, coef, out):
        self.block.add_linear_predictor(rows, self.mixing @ coef, out)

    def add_gradient(self, rows, residual, out):
        inner = np.zeros((self.block.n_coef, *residual.shape[1:]))
        self.block.add_gradient(rows, residual, inner)
        out += self.mixing.T @ inner

    def predictor(self, coef):
        return self.block.predictor(self.mixing @ coef)

    def partial_gradient(self, rows, residual, partial=None):
        return self.block.partial_gradient(rows, residual, partial)

    def finish_gradient(self, partial):
        return self.mixing.T @ self.block.finish_gradient(partial)

    def open_pass(self):
        return self.block.open_pass()

    def as_matrix(self, rows):
        return self.block.as_matrix(rows) @ self.mixing

    def take(self, rows):
        return CombinedBlock(self.block.take(rows), self.mixing)

    def finite_rows(self):
        return self.block.finite_rows()

    @property
    def row_bytes(self):
        return self.block.row_bytes

    @property
    def n_sums(self):
        return self.block.n_sums

    @property
    def n_bytes(self):
        return self.block.n_bytes + self.mixing.nbytes


def waves_of_two(basis: FourierEval, covariates: tuple, resolution: float) -> Block | None:
    """Fourier features of two covariates from tables of either; None if a table would be too long.

    ``cos(a + b) = cos a cos b - sin a sin b`` and ``sin(a + b) = sin a cos b + cos a sin b``.
    """
    if not basis.has_learned:
        basis.setup_basis(*covariates)
    columns = [angles.reshape(len(angles), -1).T for angles in basis.rescale(*covariates)]
    own = [np.unique(frequencies) for frequencies in basis.masked_frequencies]
    blocks = []
    for pair in zip(*columns, strict=True):
        first, second = (_waves(frequencies, x, _SHARE * resolution) for frequencies, x in zip(own, pair, strict=True))
        if first is None or second is None:
            return None
        mixing = _sums_of_angles(basis.masked_frequencies, own)
        blocks.append(CombinedBlock(InteractionBlock([first, second]), mixing))
    return side_by_side(blocks)


def _waves(frequencies: np.ndarray, coordinates: np.ndarray, resolution: float) -> Block | None:
    waves = FourierEval(frequencies, bounds=(0.0, 1.0), frequency_mask="all")
    axis = tabulate(waves, coordinates, np.zeros(len(coordinates), dtype=bool), np.nan, resolution)
    return None if axis is None else TabulatedBlock(axis)


def _sums_of_angles(frequencies: np.ndarray, own: list[np.ndarray]) -> np.ndarray:
    """What each product of one wave of either covariate contributes to each wave of both."""
    n_first, n_second = (len(one) + np.count_nonzero(one) for one in own)
    cosines, sines = [], []
    for first, second in frequencies.T:
        (cos_a, sin_a), (cos_b, sin_b) = _picked(first, own[0]), _picked(second, own[1])
        cosines.append(np.outer(cos_a, cos_b) - np.outer(sin_a, sin_b))
        if first or second:
            sines.append(np.outer(sin_a, cos_b) + np.outer(cos_a, sin_b))
    return np.array(cosines + sines).reshape(-1, n_first * n_second).T.copy()


def _picked(frequency: float, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which column of all cosines, then all sines but that of frequency zero, is its cosine, and which its sine."""
    nonzero = own != 0
    sine = np.concatenate([np.zeros(len(own)), own[nonzero] == frequency])
    return np.concatenate([own == frequency, np.zeros(np.count_nonzero(nonzero))]), sine
