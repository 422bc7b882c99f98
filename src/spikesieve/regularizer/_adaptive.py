"""Adaptive group lasso: groups that a first fit found small pay more, large ones less."""

from dataclasses import dataclass, field, fields

import numpy as np

from spikesieve._types import Coef
from spikesieve.regularizer._base import Regularizer, checked_number
from spikesieve.regularizer._expansion import BoundPenalty
from spikesieve.regularizer._group_lasso import GroupLasso
from spikesieve.regularizer._group_regularizer import GroupRegularizer
from spikesieve.regularizer._penalty import Penalty
from spikesieve.regularizer._smooth import Ridge, UnRegularized

# Groups that the pilot leaves out count as this share of the largest.
_SMALLEST_SHARE = 1e-3
_PILOTS = {kind.__name__: kind for kind in (GroupLasso, Ridge, UnRegularized)}


@dataclass(frozen=True)
class AdaptivePenalty(Penalty):
    """A penalty whose weights wait for a pilot fit, which the solver makes.

    Attributes
    ----------
    pilot
        Penalty of the pilot fit.
    pilot_strength
        Its strength; None takes a hundredth of the smallest one at which every group is zero.
    power
        Of the pilot's norms.
    """

    pilot: BoundPenalty = field(kw_only=True)
    pilot_strength: float | None = field(kw_only=True)
    power: float = field(kw_only=True)

    def informed(self, coef: Coef) -> Penalty:
        """Return the penalty with the weights that the pilot's coefficients give."""
        plain = {item.name: getattr(self, item.name) for item in fields(Penalty)}
        return Penalty(**{**plain, "weights": self.weights * adaptive_factors(self, coef, self.power)})


def adaptive_factors(penalty: Penalty, coef: Coef, power: float) -> np.ndarray:
    """What a pilot's coefficients multiply each group's weight by: 1 for the group of largest root mean square."""
    sizes = np.array([len(group) for group in penalty.groups])
    size = penalty.norms(coef) / np.sqrt(sizes)
    largest = size.max(initial=0.0)
    return np.ones(len(size)) if largest == 0.0 else np.maximum(size / largest, _SMALLEST_SHARE) ** -power


class AdaptiveGroupLasso(GroupRegularizer):
    """Group lasso with ``w_g = sqrt(p_g) * (r_max / r_g)^power``, ``r_g`` the size of the coefficients of a pilot fit.

    Sizes are root mean squares over the coefficients of a group, ``r_max`` is the largest.

    Covariates that the pilot finds strong are shrunk less, and those it finds weak leave earlier: with enough data it
    selects the right ones, which the group lasso need not.

    Parameters
    ----------
    pilot
        ``"GroupLasso"`` (the default), ``"Ridge"`` or ``"UnRegularized"``, a regularizer, or coefficients shaped like
        the model's. A pilot that is not given is fitted to the same rows: in cross-validation to each fold's training
        rows.
    pilot_strength
        Strength of the pilot fit. None, for penalties that have a largest one: a hundredth of it.
    power
        0 is the group lasso; 1 is usual.
    mask, groups, weights, joint
        As in `GroupLasso`; `weights` stand for ``sqrt(p_g)``.

    Notes
    -----
    The papers' weights are ours times one number for all groups: here the strongest covariate keeps the weight it has
    in the group lasso, so that strengths mean for it what they mean there. A group that the pilot leaves out counts as
    a thousandth of the strongest, which keeps it out but for tiny strengths (the papers: an infinite weight).

    References
    ----------
    Wang & Leng (2008), Comput. Stat. Data Anal. 52, 5277-5286: unpenalised pilot. doi:10.1016/j.csda.2008.05.006
    Wei & Huang (2010), Bernoulli 16, 1369-1384: group lasso pilot. doi:10.3150/10-BEJ252
    Zou (2006), J. Am. Stat. Assoc. 101, 1418-1429: `power`. doi:10.1198/016214506000000735

    Examples
    --------
    >>> AdaptiveGroupLasso(pilot="Ridge", pilot_strength=0.001)
    AdaptiveGroupLasso(pilot=..., pilot_strength=...)
    """

    def __init__(
        self, pilot="GroupLasso", pilot_strength=None, power=1.0, mask=None, groups=None, weights=None, joint=False
    ):
        super().__init__(mask, groups, weights, joint)
        self.pilot = pilot
        self.pilot_strength = pilot_strength
        self.power = power

    def bind(self, layout, strength):
        penalty, scalar = super().bind(layout, strength)
        assert isinstance(penalty, Penalty)
        power = checked_number(self.power, "power of an AdaptiveGroupLasso")
        regularizer = self._pilot_regularizer()
        if regularizer is None:
            coef = layout.to_flat(self.pilot, "pilot")
            if not np.isfinite(coef).all():
                raise ValueError("pilot of an AdaptiveGroupLasso must be finite coefficients; it has NaN or infinity.")
            weights = penalty.weights * adaptive_factors(penalty, coef, power)
            return Penalty(penalty.n_coef, penalty.groups, weights, penalty.labels, penalty.quadratic), scalar
        chosen = self.pilot_strength
        if chosen is not None and not isinstance(chosen, dict | list | tuple | np.ndarray):
            checked_number(chosen, "pilot_strength of an AdaptiveGroupLasso")
        pilot, pilot_scalar = regularizer.bind(layout, 1.0 if chosen is None else chosen)
        if chosen is None and regularizer.uses_strength and not pilot.groups:
            raise ValueError(f"AdaptiveGroupLasso needs a pilot_strength for the pilot {type(regularizer).__name__}.")
        known = None if chosen is None and pilot.groups else pilot_scalar
        plain = {item.name: getattr(penalty, item.name) for item in fields(Penalty)}
        return AdaptivePenalty(**plain, pilot=pilot, pilot_strength=known, power=power), scalar

    def _penalty(self, layout, grouping, weights):
        return Penalty(layout.n_coef, grouping.groups, weights, grouping.labels, np.zeros(layout.n_coef))

    def _pilot_regularizer(self) -> Regularizer | None:
        """Regularizer of the pilot fit, None if its coefficients were given."""
        if isinstance(self.pilot, Regularizer):
            return self.pilot
        if not isinstance(self.pilot, str):
            return None
        if self.pilot not in _PILOTS:
            raise ValueError(
                f"pilot must be one of {', '.join(_PILOTS)}, a regularizer, or coefficients; got {self.pilot!r}."
            )
        if self.pilot == "GroupLasso":
            return GroupLasso(self.mask, self.groups, None, self.joint)
        return _PILOTS[self.pilot]()
