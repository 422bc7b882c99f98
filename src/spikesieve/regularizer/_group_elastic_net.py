"""Group elastic net: whole covariates in or out, and those that are in shrunk smoothly as well."""

import numpy as np

from spikesieve.regularizer._group_regularizer import GroupRegularizer
from spikesieve.regularizer._lasso import checked_ratio
from spikesieve.regularizer._penalty import Penalty


class GroupElasticNet(GroupRegularizer):
    """``sum_g strength_g * w_g * (ratio * ||coef_g||_2 + (1 - ratio) / 2 * ||coef_g||_2^2)``, ``w_g = sqrt(p_g)``.

    Of correlated covariates the group lasso keeps one and drops the others by chance; the quadratic part lets them
    share.

    Parameters
    ----------
    ratio
        Share of the group lasso, in (0, 1]; 1 is the group lasso.
    mask, groups, weights, joint
        As in `GroupLasso`.

    References
    ----------
    Zou & Hastie (2005), J. R. Stat. Soc. B 67, 301-320; for groups as in Yang & Hastie (2024), arXiv:2405.08631, eq. 2.

    Examples
    --------
    >>> GroupElasticNet(ratio=0.8, groups={"kinematics": ["speed", "acceleration"]})
    GroupElasticNet(groups=..., ratio=...)
    """

    def __init__(self, ratio=0.5, mask=None, groups=None, weights=None, joint=False):
        super().__init__(mask, groups, weights, joint)
        self.ratio = ratio

    def _penalty(self, layout, grouping, weights):
        ratio = checked_ratio(self.ratio)
        if ratio.ndim:
            raise ValueError(f"ratio of a GroupElasticNet must be one number, got shape {ratio.shape}.")
        quadratic = np.zeros(layout.n_coef)
        for group, weight in zip(grouping.groups, weights, strict=True):
            quadratic[group] = (1.0 - ratio) * weight
        return Penalty(layout.n_coef, grouping.groups, ratio * weights, grouping.labels, quadratic)
