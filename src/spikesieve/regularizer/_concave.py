"""Group MCP and group SCAD: whole covariates in or out, and those that are clearly in not shrunk at all."""

import numpy as np

from spikesieve._arguments import check_flag
from spikesieve._types import PyTree
from spikesieve.regularizer._base import checked_number
from spikesieve.regularizer._group_regularizer import GroupRegularizer
from spikesieve.regularizer._penalty import Penalty
from spikesieve.regularizer._shapes import MCP, SCAD, ConcaveShape


class _ConcaveGroups(GroupRegularizer):
    """What both concave penalties share: `gamma` and what it is relative to."""

    _shape: type[ConcaveShape]
    _smallest_gamma: float

    def __init__(self, gamma: float, relative: bool, mask: PyTree, groups, weights, joint: bool | str):
        super().__init__(mask, groups, weights, joint)
        self.gamma = gamma
        self.relative = relative

    def _penalty(self, layout, grouping, weights):
        gamma = checked_gamma(self.gamma, self._smallest_gamma, type(self).__name__)
        shape = self._shape(gamma, None if check_flag(self.relative, f"relative of {type(self).__name__}") else 1.0)
        return Penalty(layout.n_coef, grouping.groups, weights, grouping.labels, np.zeros(layout.n_coef), shape=shape)


class GroupMCP(_ConcaveGroups):
    """Minimax concave penalty of the norm of each group: selects like the group lasso, without shrinking what it keeps.

    With ``s_g = strength_g * w_g`` a group pays ``s_g t - t^2 / (2 gamma)`` for a norm ``t`` up to ``gamma s_g``, and
    nothing more beyond.

    Parameters
    ----------
    gamma
        Above 1 (`relative`) or 0. Larger is closer to the group lasso and has fewer local minima; 3 is usual.
    relative
        True: `gamma` is in units of the inverse of the data's curvature along each group (the mean diagonal of the null
        model's Hessian), so that it means the same for any unit of the features and any rate. False: as it is.
    mask, groups, weights, joint
        As in `GroupLasso`.

    Notes
    -----
    The objective has local minima. At each strength the solver starts from the group lasso's solution there and goes
    downhill to a stationary point, so the answer depends neither on the path taken nor on ``init_params``. Its
    certificate is the KKT residual with the penalty's own slope at each norm; there is no duality gap (NaN).

    References
    ----------
    Zhang (2010), Ann. Stat. 38, 894-942. doi:10.1214/09-AOS729
    Breheny & Huang (2015), Stat. Comput. 25, 173-187: groups, and gamma = 3. doi:10.1007/s11222-013-9424-2
    Breheny & Huang (2011), Ann. Appl. Stat. 5, 232-253, section 3.2: `relative`. doi:10.1214/10-AOAS388
    Fan, Xue & Zou (2014), Ann. Stat. 42, 819-849: starting from the lasso. doi:10.1214/13-AOS1198

    Examples
    --------
    >>> GroupMCP(groups={"kinematics": ["speed", "acceleration"]})
    GroupMCP(groups=...)
    """

    _shape, _smallest_gamma = MCP, 0.0

    def __init__(self, gamma=3.0, relative=True, mask=None, groups=None, weights=None, joint=False):
        super().__init__(gamma, relative, mask, groups, weights, joint)


class GroupSCAD(_ConcaveGroups):
    """Smoothly clipped absolute deviation of the norm of each group: as `GroupMCP`, with a flatter bend.

    With ``s_g = strength_g * w_g`` a group pays ``s_g t`` for a norm ``t`` up to ``s_g``, then a parabola, and nothing
    more beyond ``gamma s_g``.

    Parameters
    ----------
    gamma
        Above 1 (above 2 for a convex problem where `relative`); 4 is usual for groups, 3.7 for single coefficients.
    relative
        As in `GroupMCP`.
    mask, groups, weights, joint
        As in `GroupLasso`.

    Notes
    -----
    As in `GroupMCP`.

    References
    ----------
    Fan & Li (2001), J. Am. Stat. Assoc. 96, 1348-1360, eq. 2.7. doi:10.1198/016214501753382273
    Breheny & Huang (2015), Stat. Comput. 25, 173-187: groups, and gamma = 4. doi:10.1007/s11222-013-9424-2
    """

    _shape, _smallest_gamma = SCAD, 1.0

    def __init__(self, gamma=4.0, relative=True, mask=None, groups=None, weights=None, joint=False):
        super().__init__(gamma, relative, mask, groups, weights, joint)


def checked_gamma(gamma, smallest: float, name: str) -> float:
    """`gamma` as a number above `smallest`."""
    value = checked_number(gamma, f"gamma of a {name}")
    if not value > smallest:
        raise ValueError(f"gamma of a {name} must be a number above {smallest:g}, got {gamma}.")
    return value
