"""Which quadratic model goes with which penalty."""

from functools import singledispatch
from typing import Protocol

import numpy as np

from spikesieve._types import Coef, Index
from spikesieve.regularizer import NormSumPenalty, Penalty
from spikesieve.solver._block_quadratic import BlockQuadraticModel
from spikesieve.solver._blocks import Blocks, Curvature, as_dense
from spikesieve.solver._norm_sum_model import NormSumModel
from spikesieve.solver._quadratic import QuadraticModel


class Model(Protocol):
    """A quadratic plus what groups pay, over the coefficients of some groups, one group behind the other."""

    @property
    def matrix(self) -> Curvature:
        """Curvature."""
        ...

    def minimise(self, linear: Coef, thresholds: np.ndarray, x0: Coef, tolerance: np.ndarray) -> Coef:
        """Minimiser from `x0`, every group's optimality distance within `tolerance` (one per group)."""
        ...


@singledispatch
def model_of(penalty: Penalty, groups: Index, matrix: Curvature) -> Model:
    """Model of `penalty` over the coefficients of `groups`, with their curvature."""
    if isinstance(matrix, Blocks):
        return BlockQuadraticModel(matrix, _sizes(penalty, groups))
    return QuadraticModel(matrix, _sizes(penalty, groups))


@model_of.register
def _(penalty: NormSumPenalty, groups: Index, matrix: Curvature) -> Model:
    return NormSumModel(as_dense(matrix), _sizes(penalty, groups), penalty.relative_norms(groups))


def _sizes(penalty: Penalty, groups: Index) -> Index:
    return np.array([len(penalty.groups[g]) for g in groups], dtype=np.intp)
