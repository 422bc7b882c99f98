"""Several blocks as one: the columns of a covariate of several columns."""

from collections.abc import Sequence

import numpy as np

from spikesieve.design._block import Block


def side_by_side(blocks: Sequence[Block]) -> Block:
    """Blocks of the columns of a covariate as one; of a single column, its own."""
    return blocks[0] if len(blocks) == 1 else StackedBlock(tuple(blocks))


class StackedBlock(Block):
    """Blocks side by side that form one leaf of the coefficients."""

    def __init__(self, blocks: tuple[Block, ...]):
        self.blocks = blocks
        self.n_samples = blocks[0].n_samples
        stops = np.cumsum([0, *(block.n_coef for block in blocks)])
        self._spans = [slice(int(a), int(b)) for a, b in zip(stops[:-1], stops[1:], strict=True)]
        self.n_coef = int(stops[-1])

    def add_linear_predictor(self, rows, coef, out):
        for block, span in zip(self.blocks, self._spans, strict=True):
            block.add_linear_predictor(rows, coef[span], out)

    def add_gradient(self, rows, residual, out):
        for block, span in zip(self.blocks, self._spans, strict=True):
            block.add_gradient(rows, residual, out[span])

    def open_pass(self):
        return [block.open_pass() for block in self.blocks]

    def as_matrix(self, rows):
        return np.hstack([block.as_matrix(rows) for block in self.blocks])

    def take(self, rows):
        return StackedBlock(tuple(block.take(rows) for block in self.blocks))

    def finite_rows(self):
        return np.logical_and.reduce([block.finite_rows() for block in self.blocks])

    def write_matrix(self, rows, out):
        for block, span in zip(self.blocks, self._spans, strict=True):
            block.write_matrix(rows, out[:, span])

    def column_squares(self, rows):
        return np.concatenate([block.column_squares(rows) for block in self.blocks])

    @property
    def row_bytes(self):
        return sum(block.row_bytes for block in self.blocks)

    @property
    def n_bytes(self):
        return sum(block.n_bytes for block in self.blocks)
