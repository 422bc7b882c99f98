"""What coefficients cost: penalties that remove whole covariates, or shrink, or do nothing."""

from spikesieve.regularizer._adaptive import AdaptiveGroupLasso, AdaptivePenalty
from spikesieve.regularizer._base import Regularizer, checked_strengths, scalar_strength
from spikesieve.regularizer._concave import GroupMCP, GroupSCAD
from spikesieve.regularizer._expansion import BoundPenalty, ExpandedPenalty, Expansion
from spikesieve.regularizer._group_elastic_net import GroupElasticNet
from spikesieve.regularizer._group_lasso import GroupLasso
from spikesieve.regularizer._group_regularizer import GroupRegularizer
from spikesieve.regularizer._groups import Grouping, grouping_of
from spikesieve.regularizer._hierarchical_group_lasso import HierarchicalGroupLasso
from spikesieve.regularizer._lasso import ElasticNet, Lasso
from spikesieve.regularizer._norm_sum import NormSum
from spikesieve.regularizer._norm_sum_penalty import NormSumPenalty
from spikesieve.regularizer._overlapping_group_lasso import OverlappingGroupLasso
from spikesieve.regularizer._penalty import Penalty
from spikesieve.regularizer._resolve import resolve_regularizer
from spikesieve.regularizer._secular import minimise_group
from spikesieve.regularizer._shapes import MCP, SCAD, Norm
from spikesieve.regularizer._smooth import Ridge, UnRegularized
from spikesieve.regularizer._smooth_group_lasso import SmoothGroupLasso
from spikesieve.regularizer._smoothed import minimise_smoothed
from spikesieve.regularizer._sparse_group_lasso import SparseGroupLasso
from spikesieve.regularizer._splitting import remainder

__all__ = [
    "BoundPenalty",
    "ElasticNet",
    "ExpandedPenalty",
    "Expansion",
    "GroupElasticNet",
    "GroupLasso",
    "AdaptiveGroupLasso",
    "AdaptivePenalty",
    "GroupMCP",
    "MCP",
    "Norm",
    "SCAD",
    "GroupSCAD",
    "GroupRegularizer",
    "Grouping",
    "HierarchicalGroupLasso",
    "Lasso",
    "NormSum",
    "NormSumPenalty",
    "OverlappingGroupLasso",
    "Penalty",
    "Regularizer",
    "Ridge",
    "SmoothGroupLasso",
    "SparseGroupLasso",
    "UnRegularized",
    "checked_strengths",
    "grouping_of",
    "minimise_group",
    "minimise_smoothed",
    "remainder",
    "resolve_regularizer",
    "scalar_strength",
]
