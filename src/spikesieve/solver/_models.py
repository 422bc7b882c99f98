"""Which quadratic model goes with which penalty."""

from functools import singledispatch
from typing import Protocol

import numpy as np

from spikesieve._types import Coef, Gram, Index
from spikesieve.regularizer import NormSumPenalty, Penalty
from spikesieve.solver._norm_sum_model import NormSumModel
from spikesieve.solver._quadratic import QuadraticModel


class Model(Protocol):
    """A quadratic plus what groups pay, over the coefficients of some groups, one group behind the other."""

    @property
    def matrix(self) -> Gram:
        """Curvature."""
        ...

    def minimise(self, linear: Coef, thresholds: np.ndarray, x0: Coef, tolerance: np.ndarray) -> Coef:
        """Minimiser from `x0`, every group's optimality distance within `tolerance` (one per group)."""
        ...


@singledispatch
def model_of(penalty: Penalty, groups: Index, matrix: Gram) -> Model:
    """Model of `penalty` over the coefficients of `groups`, with their curvature."""
    return QuadraticModel(matrix, _sizes(penalty, groups))


@model_of.register
def _(penalty: NormSumPenalty, groups: Index, matrix: Gram) -> Model:
    return NormSumModel(matrix, _sizes(penalty, groups), penalty.relative_norms(groups))


def _sizes(penalty: Penalty, groups: Index) -> Index:
    return np.array([len(penalty.groups[g]) for g in groups], dtype=np.intp)
