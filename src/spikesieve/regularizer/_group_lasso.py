"""Group Lasso: whole covariates in or out."""

import numpy as np

from spikesieve._types import PyTree
from spikesieve.regularizer._expansion import ExpandedPenalty
from spikesieve.regularizer._group_regularizer import GroupRegularizer, standardizes
from spikesieve.regularizer._penalty import Penalty


class GroupLasso(GroupRegularizer):
    """``sum_g strength_g * w_g * ||coef_g||_2`` with ``w_g = sqrt(p_g)``: each group is kept or removed as one.

    Parameters
    ----------
    mask
        Which coefficients form which group: an array ``(n_groups, n_coef)`` of 0 and 1, or a tree like the
        features with one ``(n_groups, n_coef_of_leaf)`` array per leaf. A group may span leaves, a leaf may
        hold many groups, and coefficients in no group are unpenalised. None makes one group per leaf; a
        plain array is one group.
    groups
        The same in words: ``{"kinematics": ["speed", "acceleration"], "position": ["position"]}``, a list of lists of
        labels or of column numbers, or one integer per coefficient (negative: in no group). Under the label of a
        covariate may stand one integer per coefficient of it, or a mask: groups within it, as regions of a place map.
        A covariate that is named nowhere is unpenalised.
    weights
        ``w_g``: one number per group, or a dict by group. None: the square roots of the group sizes ``p_g``, so that a
        covariate does not enter more easily for having more coefficients. 0 leaves a group unpenalised.
    joint
        With several outputs (neurons, classes): whether a group is one for all of them, or, ``"classes"``, for all
        classes of a neuron.
    standardize
        ``"group"``: ``||X_g coef_g||_2 / sqrt(n)`` with centred features, the size of the group's contribution to the
        linear predictor, in place of ``||coef_g||_2``. Whatever basis spans the same functions then gives the same
        fit; the covariance of each group's features costs one more pass. None: the coefficients themselves.

    Notes
    -----
    The strength may be a scalar, one number per group, or a dict by group or leaf. A strength of 0 leaves that group
    unpenalised.

    References
    ----------
    Yuan & Lin (2006), J. R. Stat. Soc. B 68, 49-67, eq. 2.1 with ``K_g = p_g I``.
    doi:10.1111/j.1467-9868.2005.00532.x
    With ``standardize="group"``: Simon & Tibshirani (2012), Stat. Sin. 22, 983-1001, eq. 5. doi:10.5705/ss.2011.075

    Examples
    --------
    >>> import numpy as np
    >>> GroupLasso(mask=np.array([[1, 1, 0, 0], [0, 0, 1, 1]]))
    GroupLasso(mask=...)
    >>> GroupLasso(groups={"kinematics": ["speed", "acceleration"], "position": [0, 0, 1, 1]})
    GroupLasso(groups=...)
    """

    def __init__(
        self, mask: PyTree = None, groups=None, weights=None, joint: bool | str = False, standardize: str | None = None
    ):
        super().__init__(mask, groups, weights, joint)
        self.standardize = standardize

    def _penalty(self, layout, grouping, weights):
        if standardizes(self.standardize):
            return ExpandedPenalty.of(layout.n_coef, grouping, weights, standardize=True, reported=grouping)
        return Penalty(layout.n_coef, grouping.groups, weights, grouping.labels, np.zeros(layout.n_coef))
