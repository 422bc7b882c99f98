"""What all penalties on groups share: how groups, their weights and their strengths are given."""

from abc import abstractmethod

import numpy as np

from spikesieve._arguments import is_flag, is_word, shown
from spikesieve._tree import CoefLayout, flatten
from spikesieve._types import PyTree
from spikesieve.regularizer._base import Regularizer, checked_strengths, scalar_strength
from spikesieve.regularizer._expansion import BoundPenalty
from spikesieve.regularizer._groups import Grouping
from spikesieve.regularizer._output_groups import grouping_of_outputs, mask_has_outputs
from spikesieve.regularizer._penalty import Penalty


class GroupRegularizer(Regularizer):
    """A penalty that keeps or removes groups of coefficients as one.

    Parameters
    ----------
    mask
        Which coefficients form which group: an array ``(n_groups, n_coef)`` of 0 and 1, or a tree like the features
        with one ``(n_groups, n_coef_of_leaf)`` array per leaf.
    groups
        The same in words: ``{"kinematics": ["speed", "acceleration"]}``, a list of lists of labels, or one integer per
        coefficient (negative: in no group). Under the label of one covariate may stand one integer per coefficient of
        it: groups within the covariate.
    weights
        Multiplies each group's strength: one number per group, or a dict by group. None: ``sqrt(p_g)``.
    joint
        With several outputs (neurons of a population, classes): whether a group is one for all of them, so that a
        covariate is kept or removed for all outputs at once. Otherwise each output has groups of its own, as in NeMoS.
        ``"classes"`` joins the classes of a neuron and no neurons.

    Without mask and groups each leaf of the features is a group. Coefficients in no group are unpenalised, and so are
    those of a group whose weight or strength is 0.
    """

    selects = True
    allows_overlap: bool = False
    """Whether a coefficient may be in several groups."""

    def __init__(self, mask: PyTree = None, groups=None, weights=None, joint: bool | str = False):
        self.mask = mask
        self.groups = groups
        self.weights = weights
        self.joint = joint

    def bind(self, layout, strength):
        if not is_flag(self.joint) and not self.joins_classes_only:
            name = f"joint of {type(self).__name__}"
            raise ValueError(f'{name} must be True or False, or "classes", got {shown(self.joint)}.')
        grouping = self.grouping(layout)
        scalar = scalar_strength(strength)
        relative = np.ones(len(grouping.groups))
        if scalar is None:
            relative = self._per_group(strength, layout, grouping)
        weights = relative * self._weights(layout, grouping)
        scalar = 1.0 if scalar is None else scalar
        if not weights.any():
            return Penalty(layout.n_coef, (), np.zeros(0), (), np.zeros(layout.n_coef)), scalar
        return self._penalty(layout, grouping.paying(weights), weights[weights > 0]), scalar

    def grouping(self, layout: CoefLayout) -> Grouping:
        """Groups over the coefficients of some features."""
        return grouping_of_outputs(layout, self.mask, self.groups, bool(self.joint), self.allows_overlap)

    @property
    def has_own_groups(self) -> bool:
        """Whether groups were given, rather than one per leaf."""
        return self.mask is not None or self.groups is not None

    @property
    def joins_classes_only(self) -> bool:
        """Whether the classes of a neuron have their groups together, but no neurons have."""
        return is_word(self.joint, ("classes",))

    @property
    def mask_shapes(self) -> set[tuple[int, ...]]:
        """Shapes of the mask's leaves without the groups' axis, and without that of the features: outputs, if any."""
        leaves, _ = flatten(self.mask, lists_of_numbers_are_leaves=True)
        return {np.shape(leaf)[2:] for leaf in leaves}

    @abstractmethod
    def _penalty(self, layout: CoefLayout, grouping: Grouping, weights: np.ndarray) -> BoundPenalty:
        """Penalty of some groups with positive weights."""

    def _weights(self, layout: CoefLayout, grouping: Grouping) -> np.ndarray:
        if self.weights is None:
            return np.sqrt(grouping.sizes)
        return self._for_outputs(self.weights, layout, grouping, "weights")

    def _per_group(self, strength, layout: CoefLayout, grouping: Grouping) -> np.ndarray:
        leaves, structure = flatten(strength, lists_of_numbers_are_leaves=True)
        by_leaf = not self.has_own_groups and structure.labels == layout.labels
        return self._for_outputs(leaves if by_leaf else strength, layout, grouping, "regularizer_strength")

    def _for_outputs(self, values, layout: CoefLayout, grouping: Grouping, name: str) -> np.ndarray:
        """One number per group, from as many or from one per group of features, repeated for every output."""
        values = values if isinstance(values, dict) else checked_strengths(values, name)
        of_features = self.grouping(layout.with_outputs()) if self._repeats(layout) else grouping
        repeats = len(grouping.groups) // len(of_features.groups)
        if repeats > 1 and not isinstance(values, dict) and values.shape == (len(grouping.groups),):
            return _one_per_group(values, grouping, name)
        return np.repeat(_one_per_group(values, of_features, name), repeats)

    def _repeats(self, layout: CoefLayout) -> bool:
        """Whether groups of features are repeated for every output."""
        return bool(layout.output_shape) and not self.joint and not mask_has_outputs(self.mask, layout)


def standardizes(standardize) -> bool:
    """Whether groups are measured by their contribution to the linear predictor, checked."""
    if standardize is not None and not is_word(standardize, ("group",)):
        raise ValueError(f'standardize must be None or "group", got {shown(standardize)}.')
    return standardize is not None


def _one_per_group(values, grouping: Grouping, name: str) -> np.ndarray:
    """Numbers in the order of the groups, from a sequence in that order or a dict by label."""
    if isinstance(values, dict):
        if set(map(str, values)) != set(grouping.labels):
            raise ValueError(
                f"{name} has keys {list(values)}, expected one number for each of the groups {list(grouping.labels)}."
            )
        by_label = {str(label): value for label, value in values.items()}
        values = [by_label[label] for label in grouping.labels]
    numbers = checked_strengths(values, name)
    if numbers.shape != (len(grouping.groups),):
        scalar = "a scalar or " if name == "regularizer_strength" else ""
        raise ValueError(
            f"{name} has shape {numbers.shape}, expected {scalar}one number for each of the "
            f"{len(grouping.groups)} groups."
        )
    return numbers
