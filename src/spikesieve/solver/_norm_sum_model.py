"""The quadratic model with a sum of norms of overlapping groups: ``1/2 x' S x - q' x + sum_g m_g ||x_g||``.

Newton's method on the coefficients that are not zero, where the norms are smooth, then a step along what the dual
vectors of the zero groups cannot balance, which is the steepest descent and lets in what has to come in. If that
does not settle, a smoothing Newton method from `regularizer`, slower but indifferent to the groups, says what is zero.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesieve._types import Coef, Gram, Index
from spikesieve.regularizer import NormSum, minimise_smoothed, remainder
from spikesieve.solver._factorise import factorise

_MAX_ROUNDS, _ROUNDS_BEFORE_SMOOTHING = 60, 12
_MAX_NEWTON_STEPS, _MAX_HALVINGS = 25, 40
# Groups whose norm at the smoothed minimum is this many times the smoothing are not zero.
_VISIBLE = 1e3
# Rounding of the model's value, relative to it.
_NOISE = 1e-15


@dataclass(frozen=True)
class NormSumModel:
    """The model around one curvature matrix, kept while the linear term changes.

    Attributes
    ----------
    matrix
        ``S``, symmetric positive semi-definite, ``(n, n)``, of penalised coefficients only.
    sizes
        Number of coefficients of each connected set of groups; they lie one behind the other.
    norms
        The norms, in units of one threshold per connected set.
    """

    matrix: Gram
    sizes: Index
    norms: NormSum

    @cached_property
    def _starts(self) -> Index:
        return np.cumsum([0, *self.sizes])[:-1].astype(np.intp)

    def minimise(self, linear: Coef, thresholds: np.ndarray, x0: Coef, tolerance: np.ndarray) -> Coef:
        """Minimiser from `x0`, every connected set's optimality distance within `tolerance` (one per set)."""
        norms = self.norms.times(np.repeat(thresholds, self.sizes))
        x = x0.copy()
        for round_ in range(_MAX_ROUNDS):
            if round_ == _ROUNDS_BEFORE_SMOOTHING:
                x = self._better(norms, linear, x, self._smoothed(norms, linear))
            x = self._polish(norms, linear, x, tolerance)
            left = remainder(norms, x, linear - self.matrix @ x)
            if (np.sqrt(np.add.reduceat(left * left, self._starts)) <= tolerance).all():
                break
            new = self._descend(norms, linear, x, left)
            if new is None:
                if round_ >= _ROUNDS_BEFORE_SMOOTHING:
                    break
                new = self._better(norms, linear, x, self._smoothed(norms, linear))
            x = new
        return x

    def value(self, norms: NormSum, linear: Coef, x: Coef) -> float:
        """The model at `x`."""
        return float(0.5 * x @ (self.matrix @ x) - linear @ x) + norms.value(x)

    def _better(self, norms: NormSum, linear: Coef, x: Coef, other: Coef) -> Coef:
        return other if self.value(norms, linear, other) < self.value(norms, linear, x) else x

    def _descend(self, norms: NormSum, linear: Coef, x: Coef, left: Coef) -> Coef | None:
        """Step along `left`, the steepest descent; None if rounding leaves nothing to gain."""
        curvature = float(left @ (self.matrix @ left))
        length = float(left @ left) / curvature if curvature > 0 else 1.0
        current = self.value(norms, linear, x)
        for _ in range(_MAX_HALVINGS):
            new = x + length * left
            if self.value(norms, linear, new) < current:
                return new
            length *= 0.25
        return None

    def _smoothed(self, norms: NormSum, linear: Coef) -> Coef:
        """Solution of the smoothing Newton method with what is too small to be seen set to zero."""
        found = minimise_smoothed(self.matrix, linear, norms)
        x, visible = found.x.copy(), _VISIBLE * found.smoothing
        for g in np.flatnonzero(norms.norms(x) <= visible):
            x[norms.groups[g]] = 0.0
        x[(np.abs(x) <= visible) & (norms.absolute > 0)] = 0.0
        return x

    def _polish(self, norms: NormSum, linear: Coef, x: Coef, tolerance: np.ndarray) -> Coef:
        """Newton's method on the coefficients that are not held at zero, until their gradient is within a tenth."""
        enough = 0.1 * float(tolerance.min()) if len(tolerance) else 0.0
        for _ in range(_MAX_NEWTON_STEPS):
            held = np.zeros(len(x), dtype=bool)
            idle = norms.norms(x) == 0.0
            held[norms.members[idle[norms.owner]]] = True
            free = np.flatnonzero(~held & ((x != 0.0) | (norms.absolute == 0.0)))
            if len(free) == 0:
                break
            smooth = _SmoothPart(self.matrix[np.ix_(free, free)], linear[free], norms.within(free))
            new, done = smooth.newton(x[free], enough)
            x = x.copy()
            x[free] = new
            if done:
                break
        return x


class _SmoothPart:
    """The model on coefficients that are not held at zero."""

    def __init__(self, matrix: Gram, linear: Coef, norms: NormSum):
        self.matrix, self.linear, self.norms = matrix, linear, norms

    def value(self, z: Coef) -> float:
        return float(0.5 * z @ (self.matrix @ z) - self.linear @ z) + self.norms.value(z)

    def descent(self, z: Coef) -> Coef:
        return self.linear - self.matrix @ z - self.norms.slope(z)

    def newton(self, z: Coef, enough: float) -> tuple[Coef, bool]:
        """Newton steps from `z` until the gradient is small (True), or until something has become zero (False)."""
        descent, current = self.descent(z), self.value(z)
        for _ in range(_MAX_NEWTON_STEPS):
            size = np.sqrt(descent @ descent)
            if size <= enough:
                break
            for new in self._candidates(z, descent):
                value, became_zero = self.value(new), bool(((new == 0.0) & (z != 0.0)).any())
                after = descent if became_zero else self.descent(new)
                # Close to the minimum the value is all rounding, and the gradient tells.
                flat = abs(value - current) <= _NOISE * abs(current) and after @ after < 0.25 * size * size
                if value < current - _NOISE * abs(current) or flat:
                    break
            else:
                break
            if became_zero:
                return new, False
            z, current, descent = new, value, after
        return z, True

    def _candidates(self, z: Coef, descent: Coef):
        """Points to try in turn, by Newton's step, first with what turns round left at zero.

        The last two steps have every norm majorised by a quadratic, which cannot increase the model (Hunter & Lange
        2004, The American Statistician 58, 30-37, doi:10.1198/0003130042836).
        """
        norms = self.norms
        lengths = norms.norms(z)
        hessian = self.matrix.copy()
        hessian.flat[:: len(z) + 1] += norms.gathered((norms.weights / lengths)[norms.owner])
        rows = np.zeros((len(norms.groups), len(z)))
        rows[norms.owner, norms.members] = (np.sqrt(norms.weights / lengths) / lengths)[norms.owner] * z[norms.members]
        new = z + factorise(hessian - rows.T @ rows)(descent)
        stopped = self._stopped_at_zero(z, new)
        yield stopped
        if not np.array_equal(stopped, new):
            yield new
        hessian.flat[:: len(z) + 1] += norms.absolute / np.where(z == 0.0, np.inf, np.abs(z))
        step = factorise(hessian)(descent)
        yield z + step
        yield z + 0.1 * step

    def _stopped_at_zero(self, z: Coef, new: Coef) -> Coef:
        """`new` with coefficients that change their sign, and groups that turn round, at zero."""
        norms = self.norms
        out = np.where((norms.absolute > 0) & (z * new <= 0.0), 0.0, new)
        along = np.bincount(norms.owner, (z * new)[norms.members], minlength=len(norms.groups))
        out[norms.members[(along <= 0.0)[norms.owner]]] = 0.0
        return out
