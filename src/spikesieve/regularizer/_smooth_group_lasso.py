"""Sparse and smooth: whole covariates in or out, and those that are in with smooth tuning."""

from spikesieve._types import PyTree
from spikesieve.regularizer._expansion import ExpandedPenalty
from spikesieve.regularizer._group_regularizer import GroupRegularizer, standardizes
from spikesieve.regularizer._roughness import extra_metrics


class SmoothGroupLasso(GroupRegularizer):
    """``sum_g strength_g * w_g * sqrt(||coef_g||_2^2 + roughness * ||D coef_g||_2^2)``, ``D`` second differences.

    One strength decides which covariates enter and how smooth they are. `roughness` only sets how a rough tuning curve
    compares with a smooth one of the same size: with 10, coefficients that zigzag by one cost as much as a constant of
    about 13.

    Parameters
    ----------
    roughness
        A number, or a dict by label; covariates that a dict does not name are not smoothed. 0 is the group lasso.
    cyclic
        Labels of covariates whose last basis function neighbours the first, as ``("head_direction",)``; or a dict from
        label to one bool, or one per axis. For a design made by ``basis.design(...)`` it need not be said.
    shape
        Numbers of basis functions along the axes of covariates that have several, ``{"place": (8, 8)}``: differences
        are taken along each axis. The coefficients of a product of bases are in this order, the last axis fastest.
        Designs of bases know it, too; what has no neighbours (categories, Fourier functions, the columns of one
        covariate) is not smoothed along that axis.
    standardize
        ``"group"``: ``||X_g coef_g||_2 / sqrt(n)`` with centred features in place of ``||coef_g||_2``, as the authors
        have it. None: the coefficients themselves.
    mask, groups, weights, joint
        As in `GroupLasso`. Roughness is added up over the covariates of a group; differences that reach outside a group
        (regions of a place map) are left out.

    References
    ----------
    Meier, van de Geer & Buhlmann (2009), Ann. Stat. 37, 3779-3821, eq. 5. doi:10.1214/09-AOS692

    Examples
    --------
    A place map on a grid of 2 x 3 functions and a heading:

    >>> regularizer = SmoothGroupLasso(5.0, cyclic=("heading",), shape={"place": (2, 3)})
    >>> regularizer
    SmoothGroupLasso(roughness=..., cyclic=..., shape=...)
    """

    def __init__(
        self,
        roughness: float | dict = 1.0,
        cyclic=(),
        shape: dict | None = None,
        standardize: str | None = None,
        mask: PyTree = None,
        groups=None,
        weights=None,
        joint: bool | str = False,
    ):
        super().__init__(mask, groups, weights, joint)
        self.roughness = roughness
        self.cyclic = cyclic
        self.shape = shape
        self.standardize = standardize

    def _penalty(self, layout, grouping, weights):
        extra = extra_metrics(layout, grouping.groups, self.roughness, self.cyclic, self.shape)
        return ExpandedPenalty.of(
            layout.n_coef, grouping, weights, extra, standardizes(self.standardize), reported=grouping
        )
