"""The design matrix, block by block: what the solver sees of the covariates."""

from spikesieve.design._axis import Axis
from spikesieve.design._block import Block
from spikesieve.design._convolved import ConvolvedBlock
from spikesieve.design._dense import DenseBlock
from spikesieve.design._design import Design
from spikesieve.design._from_basis import design_of_basis, design_of_blocks
from spikesieve.design._from_features import as_design, is_lazy
from spikesieve.design._interaction import InteractionBlock
from spikesieve.design._lanes import LANES, add_sums_and_products, zeros_on_lines
from spikesieve.design._row_runs import row_chunks
from spikesieve.design._signals import EventTrains
from spikesieve.design._sparse import SparseBlock
from spikesieve.design._stacked import StackedBlock
from spikesieve.design._stored import StoredBlock
from spikesieve.design._tabulated import TabulatedBlock, TabulatedPlaneBlock

__all__ = [
    "LANES",
    "Axis",
    "Block",
    "ConvolvedBlock",
    "DenseBlock",
    "Design",
    "EventTrains",
    "InteractionBlock",
    "SparseBlock",
    "StackedBlock",
    "StoredBlock",
    "TabulatedBlock",
    "TabulatedPlaneBlock",
    "add_sums_and_products",
    "as_design",
    "design_of_basis",
    "design_of_blocks",
    "is_lazy",
    "row_chunks",
    "zeros_on_lines",
]
