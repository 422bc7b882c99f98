"""The model of all covariates but one, fitted anew: what a test of that one rests on."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from spikesieve._tree import CoefLayout, dict_structure
from spikesieve._types import Coef, PerSample
from spikesieve.basis import BSplineEval
from spikesieve.design import Block, Design
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import Penalty
from spikesieve.selection._columns import HeldColumns, OtherColumns
from spikesieve.solver import Path, Problem, Sample, as_dense, factorise, path

RIDGE = 0.1
"""Prior precision of a coefficient: a standard deviation of 3 in the linear predictor, which no tuning exceeds."""

_TOLERANCE = 1e-5
_HESSIAN_ROWS, _MANY_ROWS = 10_000, 200_000
_ACCURACY = 1e-6
"""Log-likelihood that a further Newton step may promise at the end of a fit."""
_MAX_STEPS, _MAX_HALVINGS = 50, 30
_SLOW = 0.1


@dataclass(frozen=True)
class WithoutCovariate:
    """The fit of all covariates but one, a slow trend in its place beside them.

    Attributes
    ----------
    columns
        Intercept and columns of the other covariates and of the trend.
    intercept, coef
        Of all blocks, the left out one's being zero; the trend's come last.
    objective
        Mean loss and ridge.
    residual, weight
        Minus the loss's derivative, and its curvature, at the fit, per row; each times the row's weight.
    """

    columns: OtherColumns = field(repr=False)
    intercept: float
    coef: Coef = field(repr=False)
    objective: float
    converged: bool
    residual: PerSample = field(repr=False)
    weight: PerSample = field(repr=False)


@dataclass(frozen=True)
class AllCovariates:
    """One neuron's covariates and trend with a ridge of precision `RIDGE`, and models that lack one of them."""

    sample: Sample
    family: ObservationModel
    trend: Block | None = None

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All covariates, and the trend."""
        return self.sample.design.blocks + (() if self.trend is None else (self.trend,))

    @cached_property
    def columns(self) -> HeldColumns:
        """Their columns."""
        return HeldColumns(self._whole.design)

    def without(self, covariate: int) -> WithoutCovariate:
        """Leave one covariate out and fit the others anew.

        Newton's method with the curvature of the fit of them all, taken anew where it has become slow, from as good as
        all rows: those that are sampled say little about columns of spikes. On W(2 10^4, 10) it takes 2 to 5 passes for
        covariates without effect.
        """
        others = self.columns.without(covariate)
        free = np.delete(np.arange(self.columns.n_columns), others.left_out)
        blocks = np.delete(np.arange(len(self.blocks)), covariate)
        theta = self._start.copy()
        theta[others.left_out] = 0.0
        theta, objective, converged = self._minimise(theta, free, blocks)
        eta = self._whole.linear_predictor(theta[1:], theta[0])
        residual, weight = -self.family.derivative(eta, self.sample.y), self.family.curvature(eta)
        if self.sample.weight is not None:
            residual, weight = residual * self.sample.weight, weight * self.sample.weight
        return WithoutCovariate(others, float(theta[0]), theta[1:], objective, converged, residual, weight)

    def _minimise(self, theta: np.ndarray, free, blocks) -> tuple[np.ndarray, float, bool]:
        """Minimise over the `free` of (intercept, coefficients) from `theta`."""
        solve = factorise(self._hessian[np.ix_(free, free)])
        objective, gradient = self._evaluate(theta, blocks)
        before = np.inf
        for _ in range(_MAX_STEPS):
            step = np.zeros_like(theta)
            step[free] = -solve(gradient[free])
            promised = -self.sample.total_weight * float(step @ gradient)
            if promised <= _ACCURACY:
                return theta, objective, True
            if promised > _SLOW * before:
                solve = factorise(self._hessian_at(theta, _MANY_ROWS)[np.ix_(free, free)])
                before = np.inf
                continue
            theta, new_objective, gradient = self._descend(theta, step, objective, blocks)
            if not new_objective < objective:
                return theta, objective, False
            objective, before = new_objective, promised
        return theta, objective, False

    def _descend(self, theta: np.ndarray, step: np.ndarray, objective: float, blocks):
        """Halve the step until the objective falls."""
        for _ in range(_MAX_HALVINGS):
            new = theta + step
            new_objective, gradient = self._evaluate(new, blocks)
            if new_objective < objective:
                return new, new_objective, gradient
            step = 0.5 * step
        return theta, objective, np.zeros_like(theta)

    def _evaluate(self, theta: np.ndarray, blocks) -> tuple[float, np.ndarray]:
        at = self._problem.evaluate(theta[:1], theta[1:], blocks)
        ridge = self._ridge * theta[1:]
        return at.loss + 0.5 * float(ridge @ theta[1:]), np.concatenate([at.intercept_gradient, at.gradient + ridge])

    @property
    def _ridge(self) -> float:
        return RIDGE / self.sample.total_weight

    @cached_property
    def _start(self) -> np.ndarray:
        """Intercept and coefficients of the fit of them all."""
        fit = fit_blocks(self.blocks, self.sample, self.family)
        return np.concatenate([np.atleast_1d(fit.intercept[0]), fit.coef_matrix[0]])

    @cached_property
    def _whole(self) -> Sample:
        return Sample(_design_of(self.blocks), self.sample.y, self.sample.offset, self.sample.weight)

    @cached_property
    def _problem(self) -> Problem:
        return self._whole.problem(self.family)

    @cached_property
    def _hessian(self) -> np.ndarray:
        return self._hessian_at(self._start, _HESSIAN_ROWS)

    def _hessian_at(self, theta: np.ndarray, n_rows: int) -> np.ndarray:
        stride = max(1, len(self.sample.y) // n_rows)
        hessian = as_dense(self._problem.hessian(theta[:1], theta[1:], np.arange(len(theta) - 1), stride))
        hessian.flat[len(theta) + 1 :: len(theta) + 1] += self._ridge
        return hessian


def trend_block(times: PerSample, n_functions: int) -> Block | None:
    """Smooth functions of time, cubic B-splines over the recording; None for none."""
    if n_functions == 0:
        return None
    basis = BSplineEval(n_functions, order=min(4, n_functions), bounds=(float(times[0]), float(times[-1])))
    return basis.design(times).blocks[0]


def fit_blocks(
    blocks: tuple[Block, ...], sample: Sample, family: ObservationModel, start: tuple[float, Coef] | None = None
) -> Path:
    """Fit some blocks to a sample's counts with the weak ridge; a path of one strength."""
    design = _design_of(blocks)
    penalty = Penalty(design.n_coef, (), np.zeros(0), (), np.full(design.n_coef, RIDGE))
    return path(
        design,
        sample.y,
        family,
        penalty,
        strengths=np.array([1.0 / sample.total_weight]),
        tolerance=_TOLERANCE,
        offset=sample.offset,
        sample_weight=sample.weight,
        start=start,
    )


def _design_of(blocks: tuple[Block, ...]) -> Design:
    labels = tuple(str(b) for b in range(len(blocks)))
    return Design(blocks, CoefLayout.of(dict_structure(labels), [block.n_coef for block in blocks]))
