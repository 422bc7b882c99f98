"""How far a point is from optimal: the KKT residual, and an upper bound on the objective's excess.

The duality gap needs no extra pass. With residuals ``r_i`` (derivative of the loss in the linear predictor
``eta_i``), Fenchel's equality gives the conjugate of the mean loss at ``r`` as ``mean(r eta) - loss``; at ``s r``,
``0 <= s <= 1``, convexity bounds it by ``s (mean(r eta) - loss) + (1 - s) (-saturated loss)``, as the conjugate at 0 is
minus the smallest loss. Scaling by ``s = min(1, strength / largest dual norm)`` makes the point feasible for the
dual of the group lasso (Ndiaye, Fercoq, Gramfort & Salmon 2017, JMLR 18(128), section 2), and ``s = 1`` at
the solution, where the bound is exact. A group with a quadratic part is feasible without scaling: the conjugate of its
penalty is finite everywhere.
"""

from dataclasses import dataclass

import numpy as np

from spikesieve._types import Coef, Intercepts
from spikesieve.regularizer import Penalty
from spikesieve.solver._protocol import Evaluation


@dataclass(frozen=True)
class Scale:
    """What the residuals of one problem are measured against.

    Attributes
    ----------
    strength
        Size of a gradient that matters, on the scale of the strengths: the largest strength, where there is one.
    free
        Size of a gradient that matters for each unpenalised coefficient, ``(n_ungrouped,)``: `intercept` times the
        root mean square of its column.
    intercept
        The same for every intercept: as `strength`, but at most the root mean square of the null model's residual (an
        upper bound on the gradient) and at least a millionth of it (rounding).
    """

    strength: float
    free: np.ndarray
    intercept: float


def kkt_residual(
    penalty: Penalty, coef: Coef, at: Evaluation, strength: float, scale: Scale, distances: np.ndarray | None = None
) -> float:
    """Largest optimality distance over all groups, or of those given, and over the unpenalised coefficients."""
    if distances is None:
        distances = group_distances(penalty, coef, at, strength)
    relative = [float(np.abs(at.intercept_gradient).max()) / scale.intercept]
    if len(penalty.ungrouped):
        free = np.abs(penalty.smooth_gradient(coef, at.gradient, strength)[penalty.ungrouped])
        relative.append(float(np.divide(free, scale.free, out=np.zeros_like(free), where=scale.free > 0).max()))
    # Not Python's max, which loses a NaN.
    return float(np.max([distances.max(initial=0.0), *(scale.strength * share for share in relative)]))


def group_distances(penalty: Penalty, coef: Coef, at: Evaluation, strength: float) -> np.ndarray:
    """Optimality distance of each group, ``(n_groups,)``."""
    return penalty.optimality_distances(coef, penalty.smooth_gradient(coef, at.gradient, strength), strength)


def duality_gap(
    penalty: Penalty, intercept: Intercepts, coef: Coef, at: Evaluation, strength: float, saturated_loss: float
) -> float:
    """Upper bound on the objective minus its minimum, given a gradient over all groups.

    NaN if some coefficient other than the intercept is neither in a group nor in the quadratic part: then the
    dual point would have to be exactly orthogonal to it. NaN too for a concave penalty, whose minimum has no dual. The
    intercept is taken as optimal, which leaves out its gradient (at most the KKT residual) times its distance from the
    optimal one.
    """
    free = penalty.ungrouped
    if strength == 0.0 or not penalty.shape.is_convex or (penalty.quadratic[free] == 0).any():
        return np.nan
    at_residual = at.residual_dot_predictor - float(at.intercept_gradient @ intercept) - at.loss
    dual_norms, has_quadratic = penalty.dual_bounds(coef, at.gradient, strength), penalty.group_quadratic > 0
    # Groups with a quadratic part are feasible at any size; where they exceed the strength, shrinking may still give
    # the better bound, so both are had.
    shrinks = {strength / float(norms.max(initial=strength)) for norms in (dual_norms, dual_norms[~has_quadratic])}
    least = min(
        s * at_residual - (1.0 - s) * saturated_loss + penalty.conjugate(s * at.gradient, strength) for s in shrinks
    )
    return max(at.loss + penalty.value(coef, strength) + least, 0.0)
