"""A quadratic plus a sum of norms of overlapping groups, by a smoothing Newton method.

Norms become ``t_g = sqrt(||x_g||^2 + e^2)``, and ``e`` goes to zero. Newton's method on the smoothed conditions in
``x`` alone breaks down as it does; with the dual vectors as variables, ``t_g u_g = m_g x_g``, it takes some twenty
steps whatever the groups (Chan, Golub & Mulet 1999, SIAM J. Sci. Comput. 20, 1964-1977,
doi:10.1137/S1064827596299767), and ``||u_g|| <= m_g`` throughout.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import get_lapack_funcs

from spikesieve._types import Coef, Gram
from spikesieve.regularizer._norm_sum import NormSum

(_posv,) = get_lapack_funcs(("posv",), dtype=np.float64)
_MAX_STEPS, _MAX_HALVINGS = 100, 30
# Smoothing at the end, and how much of it is left per step, as long as Newton's method follows.
_SMALLEST, _SHRINK = 1e-14, 0.01
# What the dual vectors may leave of the linear term's size at the end.
_UNBALANCED = 1e-10


@dataclass(frozen=True)
class SmoothedMinimum:
    """Where the iteration ended.

    Attributes
    ----------
    x
        Minimiser, smoothed: groups that are zero at the exact one have norms of the order of `smoothing`.
    duals
        Dual vectors of the groups along `NormSum.members`, each of length at most the group's weight.
    singles
        Those of the absolute values, ``(n_coef,)``.
    smoothing
        The last ``e``.
    """

    x: Coef
    duals: np.ndarray
    singles: Coef
    smoothing: float


def minimise_smoothed(matrix: Gram, linear: Coef, norms: NormSum) -> SmoothedMinimum:
    """Minimise ``1/2 x' matrix x - linear' x + norms(x)``; every coefficient should be in a group."""
    state = _State(matrix, linear, norms)
    size = float(np.abs(linear).max(initial=0.0)) / max(float(np.diagonal(matrix).max(initial=0.0)), 1e-300)
    smoothing, smallest = size, _SMALLEST * size
    x, stayed = np.zeros(norms.n_coef), False
    duals, singles = np.zeros(len(norms.members)), np.zeros(norms.n_coef)
    for _ in range(_MAX_STEPS if size > 0 else 0):
        step, decrease = state.step(x, duals, singles, smoothing)
        taken, before = state.search(x, step, decrease, smoothing), smoothing
        duals, singles = state.dual_step(x, taken * step, duals, singles, smoothing)
        x = x + taken * step
        if decrease <= 0.1 * smoothing * state.total_weight:
            unbalanced = np.abs(linear - matrix @ x - norms.gathered(duals) - singles).max(initial=0.0)
            if smoothing <= smallest and unbalanced <= _UNBALANCED * np.abs(linear).max(initial=0.0):
                break
            smoothing = max(_SHRINK * smoothing, smallest)
        if taken == 0.0 and stayed and smoothing == before:
            break  # the dual vectors have followed: all further steps would be this one
        stayed = taken == 0.0
    return SmoothedMinimum(x, duals, singles, smoothing)


class _State:
    """The smoothed conditions and Newton's step in them."""

    def __init__(self, matrix: Gram, linear: Coef, norms: NormSum):
        self.matrix, self.linear, self.norms = matrix, linear, norms
        self.total_weight = float(norms.weights.sum() + norms.absolute.sum())

    def smoothed_norms(self, x: Coef, smoothing: float):
        """``t_g`` of the groups and of the single coefficients."""
        return np.hypot(self.norms.norms(x), smoothing), np.hypot(x, smoothing)

    def value(self, x: Coef, smoothing: float) -> float:
        lengths, singles = self.smoothed_norms(x, smoothing)
        smooth = 0.5 * x @ (self.matrix @ x) - self.linear @ x
        return float(smooth + self.norms.weights @ lengths + self.norms.absolute @ singles)

    def step(self, x: Coef, duals: np.ndarray, singles: Coef, smoothing: float) -> tuple[Coef, float]:
        """Newton's step in ``x`` with the dual vectors eliminated, and the decrease that it promises."""
        norms = self.norms
        lengths, widths = self.smoothed_norms(x, smoothing)
        diagonal = norms.gathered((norms.weights / lengths)[norms.owner]) + norms.absolute / widths
        descent = self.linear - self.matrix @ x - diagonal * x
        hessian = self.matrix.copy()
        hessian.flat[:: norms.n_coef + 1] += diagonal - singles * x / widths**2
        if norms.groups:
            along_x, along_u = (np.zeros((len(norms.groups), norms.n_coef)) for _ in range(2))
            along_x[norms.owner, norms.members] = x[norms.members] / lengths[norms.owner]
            along_u[norms.owner, norms.members] = duals / lengths[norms.owner]
            cross = along_u.T @ along_x
            hessian -= 0.5 * (cross + cross.T)
        step = _solve(hessian, descent)
        return step, float(descent @ step)

    def search(self, x: Coef, step: Coef, decrease: float, smoothing: float) -> float:
        """Length of the step that decreases the smoothed objective."""
        current, taken = self.value(x, smoothing), 1.0
        noise = 1e-14 * abs(current)
        for _ in range(_MAX_HALVINGS):
            if self.value(x + taken * step, smoothing) <= current - 1e-4 * taken * decrease + noise:
                return taken
            taken *= 0.5
        return 0.0

    def dual_step(self, x: Coef, step: Coef, duals, singles, smoothing: float):
        """Dual vectors that go with a step, shortened where they would be too long."""
        norms = self.norms
        lengths, widths = self.smoothed_norms(x, smoothing)
        along = np.bincount(norms.owner, (x * step)[norms.members], minlength=len(norms.groups))
        new = norms.weights[norms.owner] * (x + step)[norms.members] / lengths[norms.owner]
        new -= duals * (along / lengths**2)[norms.owner]
        too_long = np.maximum(norms.lengths(new) / norms.weights, 1.0)
        single = norms.absolute * (x + step) / widths - singles * x * step / widths**2
        return new / too_long[norms.owner], np.clip(single, -norms.absolute, norms.absolute)


def _solve(hessian: Gram, right: Coef) -> Coef:
    """Solve a positive system whose diagonal spans many orders of magnitude."""
    scale = 1.0 / np.sqrt(np.maximum(np.diagonal(hessian), 1e-300))
    scaled = hessian * scale * scale[:, None]
    damping = 0.0
    while damping < 1.0:
        damped = scaled.copy()
        damped.flat[:: len(scaled) + 1] += damping
        _, solution, failed = _posv(damped, scale * right, lower=1)
        if not failed:
            return scale * solution
        damping = max(100.0 * damping, 1e-14)
    return np.zeros_like(right)
