"""The regularizers without groups: none, and ridge."""

import numpy as np

from spikesieve.regularizer._base import Regularizer, scalar_strength, strength_per_coef
from spikesieve.regularizer._penalty import Penalty


def _smooth_penalty(quadratic: np.ndarray) -> Penalty:
    return Penalty(len(quadratic), (), np.zeros(0), (), quadratic)


class UnRegularized(Regularizer):
    """No penalty: the maximum-likelihood fit. A strength is accepted and ignored, as in NeMoS."""

    uses_strength = False

    def bind(self, layout, strength):
        del strength
        return _smooth_penalty(np.zeros(layout.n_coef)), 0.0


class Ridge(Regularizer):
    """``strength / 2 * sum_j coef_j^2``.

    The strength may be a scalar, or a tree like the coefficients with a scalar or an array per leaf.

    References
    ----------
    Hoerl & Kennard (1970), Technometrics 12, 55-67. doi:10.1080/00401706.1970.10488634
    """

    def bind(self, layout, strength):
        scalar = scalar_strength(strength)
        if scalar is not None:
            return _smooth_penalty(np.ones(layout.n_coef)), scalar
        return _smooth_penalty(strength_per_coef(layout, strength)), 1.0
