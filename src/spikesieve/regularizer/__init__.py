"""What coefficients cost: penalties that remove whole covariates, or shrink, or do nothing."""

from spikesieve.regularizer._base import Regularizer, checked_strengths, scalar_strength
from spikesieve.regularizer._group_lasso import GroupLasso
from spikesieve.regularizer._group_regularizer import GroupRegularizer
from spikesieve.regularizer._groups import Grouping, grouping_of
from spikesieve.regularizer._penalty import Penalty
from spikesieve.regularizer._resolve import resolve_regularizer
from spikesieve.regularizer._secular import minimise_group
from spikesieve.regularizer._smooth import Ridge, UnRegularized

__all__ = [
    "GroupLasso",
    "GroupRegularizer",
    "Grouping",
    "Penalty",
    "Regularizer",
    "Ridge",
    "UnRegularized",
    "checked_strengths",
    "grouping_of",
    "minimise_group",
    "resolve_regularizer",
    "scalar_strength",
]
