"""Group lasso with groups that share coefficients."""

from spikesieve._types import PyTree
from spikesieve.regularizer._group_regularizer import GroupRegularizer
from spikesieve.regularizer._norm_sum import NormSum
from spikesieve.regularizer._norm_sum_penalty import NormSumPenalty


class OverlappingGroupLasso(GroupRegularizer):
    """``sum_g strength_g * w_g * ||coef_g||_2`` over groups that share coefficients, ``w_g = sqrt(p_g)``.

    Parameters
    ----------
    groups, mask
        As in `GroupLasso`, and a coefficient may be in several.
    weights, joint
        As in `GroupLasso`.

    References
    ----------
    Jenatton, Audibert & Bach (2011), J. Mach. Learn. Res. 12, 2777-2824, eq. 3.

    Examples
    --------
    >>> OverlappingGroupLasso({"motion": ["speed", "acceleration"], "space": ["speed", "position"]})
    OverlappingGroupLasso(groups=...)
    """

    allows_overlap = True

    def __init__(self, groups=None, mask: PyTree = None, weights=None, joint: bool = False):
        super().__init__(mask, groups, weights, joint)

    def _penalty(self, n_coef, grouping, weights):
        norms = NormSum.of(n_coef, grouping.groups, weights)
        return NormSumPenalty.of(norms, grouping.groups, grouping.labels)
