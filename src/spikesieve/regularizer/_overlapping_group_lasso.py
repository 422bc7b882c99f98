"""Group lasso with groups that share coefficients."""

from spikesieve._types import PyTree
from spikesieve.regularizer._expansion import ExpandedPenalty
from spikesieve.regularizer._group_regularizer import GroupRegularizer
from spikesieve.regularizer._norm_sum import NormSum
from spikesieve.regularizer._norm_sum_penalty import NormSumPenalty


class OverlappingGroupLasso(GroupRegularizer):
    """Group lasso over groups that share coefficients, in one of two forms that differ in what is left.

    ========================  ============================================  ================================
    ``form``                  a coefficient is zero                         what is not zero
    ========================  ============================================  ================================
    ``"latent"``              if *all* of its groups are out                a union of groups
    ``"intersection"``        as soon as *one* of its groups is out         what no group that is out touches
    ========================  ============================================  ================================

    Latent: every group has a part of its own, coefficients are sums of these parts, and the penalty is
    ``sum_g w_g ||part_g||_2`` at its smallest. Take it to ask which *groups* are needed: a covariate stays if any of
    its groups does. Intersection: ``sum_g w_g ||coef_g||_2``. Take it to carve away: with all
    half-lines of a row of coefficients as groups what is left is an interval.

    Parameters
    ----------
    groups, mask
        As in `GroupLasso`, and a coefficient may be in several.
    form
        ``"latent"`` or ``"intersection"``.
    weights, joint
        As in `GroupLasso`.

    Notes
    -----
    ``path.group_norms`` of the latent form are the norms of the groups' own parts; those of the intersection form are
    the norms of the groups' coefficients.

    References
    ----------
    Latent: Jacob, Obozinski & Vert (2009), ICML, 433-440, eq. 3. doi:10.1145/1553374.1553431
    Intersection: Jenatton, Audibert & Bach (2011), J. Mach. Learn. Res. 12, 2777-2824, eq. 3.

    Examples
    --------
    >>> OverlappingGroupLasso({"motion": ["speed", "acceleration"], "space": ["speed", "position"]})
    OverlappingGroupLasso(groups=..., form=...)
    """

    allows_overlap = True

    def __init__(self, groups=None, form: str = "latent", mask: PyTree = None, weights=None, joint: bool = False):
        super().__init__(mask, groups, weights, joint)
        self.form = form

    def _penalty(self, layout, grouping, weights):
        if self.form == "intersection":
            norms = NormSum.of(layout.n_coef, grouping.groups, weights)
            return NormSumPenalty.of(norms, grouping.groups, grouping.labels)
        if self.form != "latent":
            raise ValueError(f'form of OverlappingGroupLasso must be "latent" or "intersection", got {self.form!r}.')
        no_extra = (None,) * len(grouping.groups)
        return ExpandedPenalty(layout.n_coef, grouping.groups, weights, grouping.labels, no_extra, False, None)
