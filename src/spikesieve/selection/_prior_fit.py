"""The fit of all covariates, each with a Gaussian prior whose precision the counts decide: what shift nulls rest on."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from spikesieve._types import PerSample
from spikesieve.basis import BSplineEval
from spikesieve.design import Block
from spikesieve.observation_models import Identity, ObservationModel
from spikesieve.selection._columns import Rows, StandardColumns, Theta, design_of
from spikesieve.selection._learned_precisions import PerBlock, evidence_of_effect, learn_precisions, spread
from spikesieve.selection._relations import related_blocks
from spikesieve.solver import Problem, Sample, as_dense, factorise

_ROWS, _MANY_ROWS, _STRETCHES, _STRETCHES_RELATED = 5_000, 200_000, 8, 2
_MAX_ROUNDS, _LEARNED = 6, 0.05
_ROUGH, _ACCURATE = 0.1, 1e-3
"""Log-likelihood that a further Newton step may promise at the end of a fit: while precisions are learned, and then."""
_EVIDENCE, _FREE = 1.0, 0.01
"""Log of the evidence at which a covariate has an effect, and precision of the prior that is left to it."""
_MAX_STEPS, _MAX_HALVINGS = 50, 30
_SLOW = 0.3


@dataclass(frozen=True)
class PriorFit:
    """Intercept, all covariates and a slow trend, fitted with priors.

    Attributes
    ----------
    columns
        The intercept's and those of all blocks, the trend's last.
    theta
        Intercept and coefficients of the columns.
    precision
        Of each column's prior; the intercept has none.
    dispersion
        Variance over the family's variance function.
    residual, weight
        Derivative of the log-likelihood in the linear predictor, and its expected curvature, per row; each times the
        row's weight.
    """

    columns: StandardColumns = field(repr=False)
    theta: Theta
    precision: Theta
    dispersion: float
    converged: bool
    residual: PerSample = field(repr=False)
    weight: PerSample = field(repr=False)


@dataclass(frozen=True)
class AllCovariates:
    """One neuron's covariates and trend."""

    sample: Sample
    family: ObservationModel
    trend: Block | None = None

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All covariates, and the trend."""
        return self.sample.design.blocks + (() if self.trend is None else (self.trend,))

    @cached_property
    def columns(self) -> StandardColumns:
        """Their columns.

        In units of the linear predictor: 1, or the standard deviation of the observations where the link is the
        identity.
        """
        natural = float(np.std(self.sample.y)) if isinstance(self.family.inverse_link, Identity) else 1.0
        return StandardColumns.of(design_of(self.blocks), self.sampled_rows, natural or 1.0)

    @cached_property
    def spans(self) -> tuple[slice, ...]:
        """Which columns are those of each block."""
        return tuple(self.columns.of_block(number) for number in range(len(self.blocks)))

    @cached_property
    def fit(self) -> PriorFit:
        """Fit and learn precisions in turn, until both agree."""
        theta, precisions = self._null, np.ones(len(self.blocks))
        objective = self._objective(precisions, self._dispersion(theta))
        curvature = objective.curvature(theta)
        for _ in range(_MAX_ROUNDS):
            theta, _ = objective.minimise(theta, curvature, _ROUGH)
            curvature = objective.curvature(theta)
            precisions, change = self._learn(objective, theta, curvature, precisions)
            dispersion = self._dispersion(theta)
            objective = self._objective(precisions, dispersion)
            if change <= _LEARNED:
                break
        objective = self._objective(self._freed(objective, theta, curvature, precisions), dispersion)
        theta, converged = objective.minimise(theta, curvature, _ACCURATE)
        residual, weight = objective.per_row(theta)
        return PriorFit(self.columns, theta, objective.precision, dispersion, converged, residual, weight)

    @cached_property
    def sampled(self) -> Rows:
        """The columns on some of the rows: enough for a curvature."""
        return np.concatenate([self.columns.matrix(rows) for rows in self.sampled_rows])

    @cached_property
    def sampled_rows(self) -> list[slice]:
        """Some five thousand rows or all, evenly spaced from several beginnings.

        At no fixed distance from one another: covariates may have a rhythm.
        """
        n_rows = len(self.sample.y)
        stride = max(1, _STRETCHES * n_rows // _ROWS)
        starts = np.sort(np.random.default_rng(0).choice(stride, min(_STRETCHES, stride), replace=False))
        return [slice(int(start), n_rows, stride) for start in starts]

    @cached_property
    def problem(self) -> Problem:
        """Mean loss of the covariates with the trend beside them."""
        sample = self.sample
        return Sample(self.columns.design, sample.y, sample.offset, sample.weight).problem(self.family)

    def linear_predictor(self, theta: Theta) -> PerSample:
        """Offset, intercept and what the columns add, at each row."""
        predictor = self.columns.linear_predictor(theta)
        return predictor if self.sample.offset is None else predictor + self.sample.offset

    @property
    def _null(self) -> Theta:
        theta = np.zeros(self.columns.n_columns)
        theta[:1] = self.problem.null_intercept()
        return theta

    def _objective(self, precisions: PerBlock, dispersion: float) -> "_Objective":
        per_column = spread(precisions, self.spans, self.columns.n_columns)
        return _Objective(self, per_column, self.sample.total_weight / (self.family.loss_scale * dispersion))

    def _learn(
        self, objective: "_Objective", theta: Theta, curvature: np.ndarray, precisions: PerBlock
    ) -> tuple[PerBlock, float]:
        """Precisions that are likelier, with the log-likelihood as good as quadratic around a fit.

        And by how much the largest share changes that a prior leaves of what the counts say about a covariate.
        """
        information = objective.per_loss * curvature
        # The fit's gradient vanishes: the score is what the priors pull.
        working = information @ theta + objective.precision * theta
        return learn_precisions(information, working, self.spans, precisions)

    def _freed(self, objective: "_Objective", theta: Theta, curvature: np.ndarray, precisions: PerBlock) -> PerBlock:
        """Take the priors off covariates that have an effect, and off those that could be taken for another.

        A prior pulls towards zero, and equally in all columns. What it takes from a place field, which is one column of
        many, a covariate that is related to the place would be found for; and a covariate that has been silenced
        because another one is so like it would be missing where that one is tested. The trend keeps its own: it is
        related to nothing but by chance, as shifted covariates are.
        """
        covariates = self.spans[: len(self.sample.design.blocks)]
        covariance = np.linalg.inv(objective.per_loss * curvature + np.diag(objective.precision))
        freed = precisions.copy()
        related = related_blocks(
            [self.columns.matrix(rows) for rows in self.sampled_rows[:_STRETCHES_RELATED]], covariates
        )
        for number, span in enumerate(covariates):
            has_effect = evidence_of_effect(theta[span], covariance[span, span], precisions[number]) > _EVIDENCE
            if related[number] or has_effect:
                freed[number] = min(_FREE, precisions[number])
        return freed

    def _dispersion(self, theta: Theta) -> float:
        """Of families whose loss does not depend on it."""
        if self.family.estimates_scale:
            return 1.0
        mean = self.family.mean(self.linear_predictor(theta))
        weight = self.sample.relative_weight
        return self.family.estimate_scale(mean, self.sample.y, float(len(mean)), weight) or 1.0


@dataclass(frozen=True)
class _Objective:
    """Minus the log-likelihood of counts and priors, over intercept and coefficients.

    Attributes
    ----------
    precision
        Of each column's prior.
    per_loss
        Log-likelihood per unit of mean loss.
    """

    model: AllCovariates
    precision: Theta
    per_loss: float

    def minimise(self, theta: Theta, curvature: np.ndarray, accuracy: float) -> tuple[Theta, bool]:
        """Newton's method with the curvature where it starts, taken anew where it has become slow.

        If it is slow even so, from as good as all rows: those that are sampled say little about columns of spikes.
        """
        solve, since = self._solver(curvature), _MAX_STEPS
        value, gradient = self._evaluate(theta)
        before = np.inf
        for _ in range(_MAX_STEPS):
            step = -solve(gradient)
            promised = -float(step @ gradient)
            if promised <= accuracy:
                return theta, True
            if promised > _SLOW * before:
                solve = self._solver(self.curvature(theta) if since > 1 else self._curvature_of_many_rows(theta))
                before, since = np.inf, 0
                continue
            descended = self._descend(theta, step, value)
            if descended is None:
                return theta, False
            theta, value, gradient = descended
            before, since = promised, since + 1
        return theta, False

    def curvature(self, theta: Theta) -> np.ndarray:
        """Expected second derivative of the mean loss, from the sampled rows unless some column is constant there."""
        if self.model.columns.n_constant:
            return self._curvature_of_many_rows(theta)
        sampled, sample = self.model.sampled, self.model.sample
        predictor, row_weight = sampled @ theta, np.ones(len(sampled))
        if sample.offset is not None:
            predictor += np.concatenate([sample.offset[rows] for rows in self.model.sampled_rows])
        if sample.weight is not None:
            row_weight = np.concatenate([sample.weight[rows] for rows in self.model.sampled_rows])
        if not row_weight.any():
            return self._curvature_of_many_rows(theta)
        scaled = sampled * np.sqrt(self.model.family.curvature(predictor) * (row_weight / row_weight.sum()))[:, None]
        return scaled.T @ scaled

    def _curvature_of_many_rows(self, theta: Theta) -> np.ndarray:
        columns, stride = self.model.columns, max(1, len(self.model.sample.y) // _MANY_ROWS)
        intercept, coef = columns.as_coef(theta)
        of_design = as_dense(self.model.problem.hessian(np.array([intercept]), coef, np.arange(len(coef)), stride))
        return columns.of_derivative(columns.of_derivative(of_design).T)

    def _solver(self, curvature: np.ndarray):
        return factorise(self.per_loss * curvature + np.diag(self.precision))

    def per_row(self, theta: Theta) -> tuple[PerSample, PerSample]:
        """Derivative of the log-likelihood in the linear predictor, and its curvature, at each row."""
        sample, family = self.model.sample, self.model.family
        predictor = self.model.linear_predictor(theta)
        scale = self.per_loss / sample.total_weight * (1.0 if sample.weight is None else sample.weight)
        return -scale * family.derivative(predictor, sample.y), scale * family.curvature(predictor)

    def _descend(self, theta: Theta, step: Theta, value: float) -> tuple[Theta, float, Theta] | None:
        """Halve the step until the objective falls; None if it does not."""
        for _ in range(_MAX_HALVINGS):
            new = theta + step
            new_value, gradient = self._evaluate(new)
            if new_value < value:
                return new, new_value, gradient
            step = 0.5 * step
        return None

    def _evaluate(self, theta: Theta) -> tuple[float, Theta]:
        intercept, coef = self.model.columns.as_coef(theta)
        at = self.model.problem.evaluate(np.array([intercept]), coef)
        of_loss = self.model.columns.of_derivative(np.concatenate([at.intercept_gradient, at.gradient]))
        pull = self.precision * theta
        return self.per_loss * at.loss + 0.5 * float(pull @ theta), self.per_loss * of_loss + pull


def trend_block(times: PerSample, n_functions: int) -> Block | None:
    """Smooth functions of time, cubic B-splines over the recording; None for none."""
    if n_functions == 0:
        return None
    basis = BSplineEval(n_functions, bounds=(float(times[0]), float(times[-1])))
    return basis.design(times).blocks[0]
