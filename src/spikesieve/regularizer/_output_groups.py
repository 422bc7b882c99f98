"""Groups where there are several outputs (neurons, classes): one per output, or one for all of them."""

from typing import Any

import numpy as np

from spikesieve._tree import CoefLayout, flatten, map_leaves
from spikesieve._types import PyTree
from spikesieve.regularizer._groups import Grouping, grouping_of


def grouping_of_outputs(layout: CoefLayout, mask: PyTree, groups: Any, joint: bool, overlap: bool = False) -> Grouping:
    """Groups over coefficients ``(n_features, *output_shape)``.

    Parameters
    ----------
    layout
        Features and outputs; without outputs this is `grouping_of`.
    mask, groups
        Groups of features, repeated for each output. A mask may instead have the outputs as trailing axes,
        ``(n_groups, n_features_of_leaf, *output_shape)``: then it is taken as it is.
    joint
        Whether a group of features is one group for all outputs together.
    overlap
        Whether a coefficient may be in several groups.

    Examples
    --------
    >>> from spikesieve._tree import flatten
    >>> _, structure = flatten({"speed": np.zeros(1), "x": np.zeros(1)})
    >>> layout = CoefLayout.of(structure, [1, 2]).with_outputs(2)
    >>> [group.tolist() for group in grouping_of_outputs(layout, None, None, joint=True).groups]
    [[0, 1], [2, 3, 4, 5]]
    >>> grouping_of_outputs(layout, None, None, joint=False).labels
    ('speed[0]', 'speed[1]', 'x[0]', 'x[1]')
    """
    if not layout.output_shape:
        return grouping_of(layout, mask, groups, overlap)
    flat = CoefLayout(layout.structure, layout.leaf_slices)
    if mask_has_outputs(mask, layout):
        return grouping_of(flat, map_leaves(lambda leaf: np.reshape(leaf, (len(leaf), -1)), mask), None, overlap)
    of_features = grouping_of(layout.with_outputs(), mask, groups, overlap)
    outputs = np.arange(layout.n_outputs)
    if joint:
        members = [(group[:, None] * len(outputs) + outputs).ravel() for group in of_features.groups]
        return Grouping(tuple(members), of_features.labels)
    members = [group * len(outputs) + output for group in of_features.groups for output in outputs]
    names = [output_name(index) for index in np.ndindex(*layout.output_shape)]
    return Grouping(tuple(members), tuple(label + name for label in of_features.labels for name in names))


def output_name(index: tuple[int, ...]) -> str:
    """What a group's label gets for one output.

    Examples
    --------
    >>> output_name((3,)), output_name((3, 0))
    ('[3]', '[3,0]')
    """
    return f"[{','.join(map(str, index))}]"


def mask_has_outputs(mask: PyTree, layout: CoefLayout) -> bool:
    """Whether a mask has the outputs as trailing axes."""
    if mask is None:
        return False
    leaves, _ = flatten(mask, lists_of_numbers_are_leaves=True)
    return all(np.ndim(leaf) == 2 + len(layout.output_shape) for leaf in leaves)
