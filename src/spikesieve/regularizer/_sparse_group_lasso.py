"""Sparse group lasso: whole covariates in or out, and few coefficients within those that are in."""

import numpy as np

from spikesieve._arguments import is_real, shown
from spikesieve._types import PyTree
from spikesieve.regularizer._group_regularizer import GroupRegularizer
from spikesieve.regularizer._norm_sum import NormSum
from spikesieve.regularizer._norm_sum_penalty import NormSumPenalty


class SparseGroupLasso(GroupRegularizer):
    """``sum_g strength_g * w_g * ((1 - ratio) * ||coef_g||_2 + ratio * ||coef_g||_1 / sqrt(p_g))``.

    By default ``w_g = sqrt(p_g)``. Groups enter whole or not at all, and are sparse within. It suits covariates of
    which only some basis functions matter, such as one lag of a history or one field of a place map; a smooth tuning
    curve needs all of its functions.

    Parameters
    ----------
    ratio
        Share of the absolute values: 0 is the group lasso, 1 the lasso.
    mask, groups, weights, joint
        As in `GroupLasso`.

    References
    ----------
    Simon, Friedman, Hastie & Tibshirani (2013), J. Comput. Graph. Stat. 22, 231-245, eq. 3, whose ``alpha`` is the
    ratio. doi:10.1080/10618600.2012.681250

    Examples
    --------
    >>> SparseGroupLasso(ratio=0.8, groups={"kinematics": ["speed", "acceleration"]})
    SparseGroupLasso(groups=..., ratio=...)
    """

    def __init__(self, ratio: float = 0.5, mask: PyTree = None, groups=None, weights=None, joint: bool | str = False):
        super().__init__(mask, groups, weights, joint)
        self.ratio = ratio

    def _penalty(self, layout, grouping, weights):
        if not is_real(self.ratio) or not 0.0 <= self.ratio <= 1.0:
            raise ValueError(f"ratio of SparseGroupLasso must be a number within 0 and 1, got {shown(self.ratio)}.")
        ratio, groups = float(self.ratio), list(grouping.groups)
        weighed = list((1.0 - ratio) * weights)
        for group, weight in zip(grouping.groups, ratio * weights, strict=True):
            groups += np.split(group, len(group))
            weighed += [weight / np.sqrt(len(group))] * len(group)
        norms = NormSum.of(layout.n_coef, groups, weighed)
        return NormSumPenalty.of(norms, grouping.groups, grouping.labels)
