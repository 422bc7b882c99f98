"""The design matrix, block by block: what the solver sees of the covariates."""

from spikesieve.design._block import Block
from spikesieve.design._dense import DenseBlock
from spikesieve.design._design import Design

__all__ = ["Block", "DenseBlock", "Design"]
