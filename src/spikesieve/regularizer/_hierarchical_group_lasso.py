"""Interactions only with their main effects."""

from spikesieve._arguments import shown
from spikesieve.regularizer._expansion import ExpandedPenalty
from spikesieve.regularizer._group_regularizer import GroupRegularizer, standardizes
from spikesieve.regularizer._groups import names_in
from spikesieve.regularizer._output_groups import grouping_of_outputs
from spikesieve.regularizer._roughness import extra_metrics


class HierarchicalGroupLasso(GroupRegularizer):
    """Group lasso in which an interaction enters only together with its main effects.

    Every main effect is a group of its own, and every interaction one with all its main effects: coefficients of main
    effects are sums of their own part and of the parts that interactions bring. An interaction that is not zero makes
    its main effects so, while main effects enter without it. ``path.group_norms`` are those of the covariates.

    Parameters
    ----------
    hierarchy
        ``{"position*speed": ["position", "speed"]}``: from the label of an interaction to those of its main effects,
        which may be interactions themselves and then bring theirs.
    roughness, cyclic, shape, standardize
        As in `SmoothGroupLasso`; by default 0, nothing is smoothed.
    weights
        Multiplies each group's strength: one number per covariate, or a dict by label, for the group that is named
        after it. None: ``sqrt(p_g)`` with ``p_g`` all coefficients of the group, those of the main effects included.
        Under the null hypothesis and with columns of equal variance no group is then favoured, and main effects
        without interaction are always cheaper in their own groups. 0 leaves a group unpenalised, that of an interaction
        with its main effects. Products of basis functions vary less than their
        factors; ``standardize="group"`` makes up for it.
    joint
        As in `GroupLasso`.

    References
    ----------
    Lim & Hastie (2015), J. Comput. Graph. Stat. 24, 627-654, section 4. doi:10.1080/10618600.2014.938812
    Jacob, Obozinski & Vert (2009), ICML, 433-440, section 3. doi:10.1145/1553374.1553431

    Examples
    --------
    >>> HierarchicalGroupLasso({"position*speed": ["position", "speed"]})
    HierarchicalGroupLasso(hierarchy=...)
    """

    # Not parameters: the hierarchy says which groups there are.
    mask, groups = None, None

    def __init__(
        self,
        hierarchy: dict,
        roughness: float | dict = 0.0,
        cyclic=(),
        shape: dict | None = None,
        standardize: str | None = None,
        weights=None,
        joint: bool | str = False,
    ):
        self.hierarchy = hierarchy
        self.roughness = roughness
        self.cyclic = cyclic
        self.shape = shape
        self.standardize = standardize
        self.weights = weights
        self.joint = joint

    @property
    def has_own_groups(self):
        return True

    def grouping(self, layout):
        closed = _closed(self.hierarchy, layout.labels)
        groups = {label: [label, *closed.get(label, ())] for label in layout.labels}
        return grouping_of_outputs(layout, None, groups, bool(self.joint), overlap=True)

    def _penalty(self, layout, grouping, weights):
        covariates = grouping_of_outputs(layout, None, {label: [label] for label in layout.labels}, bool(self.joint))
        extra = extra_metrics(layout, grouping.groups, self.roughness, self.cyclic, self.shape)
        return ExpandedPenalty.of(
            layout.n_coef, grouping, weights, extra, standardizes(self.standardize), reported=covariates
        )


def _closed(hierarchy, labels: tuple[str, ...]) -> dict[str, list[str]]:
    """Every interaction's main effects, with what these depend on themselves.

    Examples
    --------
    >>> _closed({"a*b": ["a", "b"], "a*b*c": ["a*b", "c"]}, ("a", "b", "c", "a*b", "a*b*c"))["a*b*c"]
    ['a*b', 'a', 'b', 'c']
    """
    parents = {name: names_in(value) or [] for name, value in hierarchy.items()} if isinstance(hierarchy, dict) else {}
    if not parents or not all(parents.values()):
        raise ValueError(
            f"hierarchy must be a dict from an interaction to its main effects, got {shown(hierarchy)}; write for "
            'example {"position*speed": ["position", "speed"]}.'
        )
    unknown = sorted({str(label) for name in parents for label in (name, *parents[name]) if label not in labels})
    if unknown:
        raise ValueError(f"hierarchy names {unknown}, but the features are {list(labels)}.")

    def above(label: str, below: tuple[str, ...]) -> list[str]:
        if label in below:
            raise ValueError(f"hierarchy goes in a circle: {' -> '.join([*below, label])}.")
        return [found for parent in parents.get(label, ()) for found in (parent, *above(parent, (*below, label)))]

    return {label: list(dict.fromkeys(above(label, ()))) for label in parents}
