"""Group lasso with groups that share coefficients."""

from spikesieve._arguments import is_word, shown
from spikesieve._types import PyTree
from spikesieve.regularizer._expansion import ExpandedPenalty
from spikesieve.regularizer._group_regularizer import GroupRegularizer, standardizes
from spikesieve.regularizer._norm_sum import NormSum
from spikesieve.regularizer._norm_sum_penalty import NormSumPenalty
from spikesieve.regularizer._roughness import extra_metrics


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
        As in `GroupLasso`. In the latent form, the part of a group of weight 0 is unpenalised.
    roughness, cyclic, shape, standardize
        As in `SmoothGroupLasso`, of the groups' own parts: for the latent form alone.

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
    OverlappingGroupLasso(groups=...)
    """

    allows_overlap = True

    def __init__(
        self,
        groups=None,
        form: str = "latent",
        mask: PyTree = None,
        weights=None,
        joint: bool | str = False,
        roughness: float | dict = 0.0,
        cyclic=(),
        shape: dict | None = None,
        standardize: str | None = None,
    ):
        super().__init__(mask, groups, weights, joint)
        self.form = form
        self.roughness = roughness
        self.cyclic = cyclic
        self.shape = shape
        self.standardize = standardize

    def _penalty(self, layout, grouping, weights):
        if not is_word(self.form, ("latent", "intersection")):
            raise ValueError(
                f'form of OverlappingGroupLasso must be "latent" or "intersection", got {shown(self.form)}.'
            )
        extra = extra_metrics(layout, grouping.groups, self.roughness, self.cyclic, self.shape)
        standardize = standardizes(self.standardize)
        if self.form == "latent":
            return ExpandedPenalty.of(layout.n_coef, grouping, weights, extra, standardize)
        if standardize or any(matrix is not None for matrix in extra):
            raise ValueError(
                'roughness and standardize of OverlappingGroupLasso need form="latent": of the intersection form the '
                "coefficients themselves are shared, so that no coordinates make every norm a plain one."
            )
        norms = NormSum.of(layout.n_coef, grouping.groups, weights)
        return NormSumPenalty.of(norms, grouping.groups, grouping.labels)
