"""From what a user writes (``"GroupLasso"``, None, an instance) to a regularizer."""

from spikesieve._arguments import shown
from spikesieve.regularizer._adaptive import AdaptiveGroupLasso
from spikesieve.regularizer._base import Regularizer
from spikesieve.regularizer._concave import GroupMCP, GroupSCAD
from spikesieve.regularizer._group_elastic_net import GroupElasticNet
from spikesieve.regularizer._group_lasso import GroupLasso
from spikesieve.regularizer._lasso import ElasticNet, Lasso
from spikesieve.regularizer._smooth import Ridge, UnRegularized
from spikesieve.regularizer._smooth_group_lasso import SmoothGroupLasso
from spikesieve.regularizer._sparse_group_lasso import SparseGroupLasso

_REGULARIZERS = {
    kind.__name__: kind
    for kind in (
        UnRegularized,
        Ridge,
        Lasso,
        ElasticNet,
        GroupLasso,
        GroupElasticNet,
        SmoothGroupLasso,
        SparseGroupLasso,
        AdaptiveGroupLasso,
        GroupMCP,
        GroupSCAD,
    )
}
# These mean nothing without an argument.
_NEED_GROUPS = {"HierarchicalGroupLasso": "hierarchy", "OverlappingGroupLasso": "groups"}


def resolve_regularizer(regularizer) -> Regularizer:
    """Regularizer named or given; None is ``"UnRegularized"``.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor a regularizer.
    """
    if regularizer is None:
        return UnRegularized()
    if isinstance(regularizer, Regularizer):
        return regularizer
    if not isinstance(regularizer, str):
        raise TypeError(f"regularizer must be a name or a Regularizer, got {type(regularizer).__name__}.")
    if regularizer in _NEED_GROUPS:
        raise ValueError(
            f"regularizer={regularizer!r} does not say which groups there are: pass {regularizer}("
            f"{_NEED_GROUPS[regularizer]}=...) in place of its name."
        )
    if regularizer not in _REGULARIZERS:
        raise ValueError(f"Unknown regularizer {shown(regularizer)}; known names: {', '.join(_REGULARIZERS)}.")
    return _REGULARIZERS[regularizer]()
