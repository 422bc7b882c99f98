"""The design matrix, block by block: what the solver sees of the covariates."""

from spikesieve.design._block import Block
from spikesieve.design._dense import DenseBlock
from spikesieve.design._design import Design
from spikesieve.design._from_basis import design_of_basis, design_of_blocks
from spikesieve.design._stacked import StackedBlock
from spikesieve.design._tabulated import Axis, TabulatedBlock, TabulatedPlaneBlock

__all__ = [
    "Axis",
    "Block",
    "DenseBlock",
    "Design",
    "StackedBlock",
    "TabulatedBlock",
    "TabulatedPlaneBlock",
    "design_of_basis",
    "design_of_blocks",
]
