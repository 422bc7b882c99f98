"""The log-likelihood around the fit of all covariates, as a quadratic: what the others would be without one of them.

With `Z` the columns, `W` the weights and ``G = Z' W Z``, posterior modes and covariances of any subset of columns are
algebra in ``A = (G + precisions)^-1``: leaving out covariate `c` subtracts ``A_.c A_cc^-1 A_c.``. Rows are read again
for residuals and a score only, which are exact.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float
from scipy.linalg import solve_triangular

from spikesieve._types import Index, Mask, PerSample
from spikesieve.selection._alignments import Epochs
from spikesieve.selection._columns import RowsOf, Theta
from spikesieve.selection._prior_fit import PriorFit

_SHARE_KNOWN = 1e-2
"""Directions of which priors leave less than this share explain, all together, less than that of any column."""
_DAMPING = 1e-8

Square = Float[np.ndarray, "n_columns n_columns"]


@dataclass(frozen=True)
class SampledRows:
    """Rows that enter sums with weights: enough for a variance, and the same at every alignment.

    Attributes
    ----------
    epochs
        Of the whole recording.
    phases
        Which of the `stride` rows of a grid step. More than one, at no fixed distance, keep a rhythm of the covariates
        from being seen at one of its phases only.
    chosen
        In which epochs.
    """

    epochs: Epochs
    phases: Index
    chosen: Index

    @classmethod
    def drawn(cls, epochs: Epochs, n_rows: int, rng: np.random.Generator) -> "SampledRows":
        """Draw phases, and epochs if those are so short that each has a row in many, for about so many rows."""
        n_phases = min(epochs.stride, 1 + n_rows * epochs.stride // epochs.n_rows)
        phases = np.sort(rng.choice(epochs.stride, n_phases, replace=False))
        order = rng.permutation(len(epochs))
        enough = np.searchsorted(np.cumsum(epochs.n_steps[order] * n_phases), 2 * n_rows) + 1
        return cls(epochs, phases, np.sort(order[:enough]))

    def spans(self, epoch: int) -> list[slice]:
        """Rows of an epoch, phase by phase."""
        return [self.epochs.phase_rows(epoch, int(phase)) for phase in self.phases]

    @property
    def weight(self) -> float:
        """How many rows on the grid each of them stands for."""
        n_on_grid = int(self.epochs.n_steps.sum()) * self.epochs.stride
        return n_on_grid / (int(self.epochs.n_steps[self.chosen].sum()) * len(self.phases))


@dataclass(frozen=True)
class WorkingModel:
    """All covariates and trend around their fit.

    Attributes
    ----------
    fit
        The fit.
    sampled
        Rows that information is summed over.
    information
        ``G`` of the rows that take part.
    covariance
        ``A``.
    root
        `R` with ``R R' = A`` but for directions in which the priors say all.
    taking_part
        Rows that are in scores.
    score
        Derivative of the log-likelihood of counts and priors over those rows. Others, between trials, are in the fit:
        over those that take part alone residuals do not sum to zero.
    """

    fit: PriorFit
    sampled: SampledRows
    information: Square = field(repr=False)
    covariance: Square = field(repr=False)
    root: Float[np.ndarray, "n_columns rank"] = field(repr=False)
    taking_part: Mask = field(repr=False)
    score: Theta = field(repr=False)

    @classmethod
    def of(cls, fit: PriorFit, sampled: SampledRows) -> "WorkingModel":
        """Read the sampled rows, and all for the score."""
        information = np.zeros((fit.columns.n_columns,) * 2)
        for epoch in sampled.chosen:
            for rows in sampled.spans(epoch):
                scaled = fit.columns.matrix(rows) * np.sqrt(sampled.weight * fit.weight[rows])[:, None]
                information += scaled.T @ scaled
        total = information + np.diag(fit.precision)
        taking_part = sampled.epochs.takes_part(fit.columns.n_rows)
        score = _score(fit, taking_part, fit.residual, fit.theta)
        return cls(fit, sampled, information, np.linalg.inv(total), _root(information, total), taking_part, score)

    @cached_property
    def weighted(self) -> dict[int, list[Float[np.ndarray, "n_rows rank"]]]:
        """``W Z R`` on the sampled rows, by epoch and phase, so weighed that their sums stand for all rows."""
        weight = self.sampled.weight * self.fit.weight
        return {
            int(epoch): [self.fit.columns.matrix(rows) @ self.root * weight[rows, None] for rows in spans]
            for epoch in self.sampled.chosen
            for spans in [self.sampled.spans(epoch)]
        }

    @cached_property
    def spectra(self) -> dict[int, Complex[np.ndarray, "n_frequencies n_phases rank"]]:
        """Fourier transforms of `weighted` over the steps of each epoch.

        In single precision (from NumPy 2 on): they make means of a few thousand rows.
        """
        return {
            epoch: np.stack([np.fft.rfft(rows.astype(np.float32), axis=0) for rows in of_epoch], axis=1)
            for epoch, of_epoch in self.weighted.items()
        }

    @cached_property
    def weight_spectra(self) -> dict[int, Complex[np.ndarray, "n_phases n_frequencies"]]:
        """Fourier transforms of the weights of the sampled rows over the steps of each epoch, phase by phase."""
        weight = (self.sampled.weight * self.fit.weight).astype(np.float32)
        return {
            int(e): np.stack([np.fft.rfft(weight[rows]) for rows in self.sampled.spans(e)]) for e in self.sampled.chosen
        }

    @cached_property
    def flat_covariance(self) -> Square:
        """``A`` without priors; a little damped, as splines and the intercept are dependent."""
        total = self.information.copy()
        total.flat[:: len(total) + 1] += _DAMPING * total.diagonal().max()
        return np.linalg.inv(total)

    def without(self, span: slice) -> "WithoutCovariate":
        """Leave the covariate with these columns out."""
        fit, covariance = self.fit, self.covariance
        precision = np.linalg.inv(covariance[span, span])
        newton = covariance @ self.score
        change = newton - covariance[:, span] @ (precision @ (newton[span] + fit.theta[span]))
        change[span] = -fit.theta[span]
        residual = fit.residual - fit.weight * fit.columns.linear_predictor(change)
        # (I - Q Q')^(1/2), from the left singular vectors of Q.
        left, size, _ = np.linalg.svd(self.root[span].T @ np.linalg.cholesky(precision), full_matrices=False)
        shrink = 1.0 - np.sqrt(np.clip(1.0 - size**2, 0.0, 1.0))
        derivative = _score(fit, self.taking_part, residual, fit.theta + change)
        derivative[span] = 0.0
        return WithoutCovariate(self, span, residual, derivative, left, shrink)


@dataclass(frozen=True)
class WithoutCovariate:
    """The others, fitted without one covariate.

    Attributes
    ----------
    residual
        Working residual of each row: linear in the coefficients around the fit of all.
    derivative
        Of the log-likelihood of counts and priors at this fit: zero but for what the quadratic does not know.
    left, shrink
        ``Q = R_c' A_cc^(-1/2)`` has singular vectors `left`, and `shrink` is such that ``M = I - left shrink left'`` is
        the square root of ``I - Q Q'``: the others' coefficients have the covariance ``(R M)(R M)'``.
    """

    model: WorkingModel
    span: slice
    residual: PerSample = field(repr=False)
    derivative: Theta = field(repr=False)
    left: Float[np.ndarray, "rank n_coef"] = field(repr=False)
    shrink: Float[np.ndarray, " n_coef"] = field(repr=False)

    @property
    def score(self) -> Float[np.ndarray, " rank"]:
        """``(R M)'`` times the derivative."""
        return self._mixed(self.derivative @ self.model.root)

    def spectra(self, epoch: int) -> Complex[np.ndarray, "n_frequencies n_phases rank"]:
        """Fourier transforms of ``W Z R M`` over the steps of an epoch."""
        return self._mixed(self.model.spectra[epoch])

    def weighted(self, epoch: int) -> Float[np.ndarray, "n_rows rank"]:
        """``W Z R M`` on an epoch's sampled rows."""
        return self._mixed(np.concatenate(self.model.weighted[epoch]))

    def _mixed(self, values: np.ndarray) -> np.ndarray:
        """``values @ M``."""
        left, shrunk = self.left.astype(values.dtype), (self.left * self.shrink).astype(values.dtype)
        flat = values.reshape(-1, len(left))
        return (flat - flat @ shrunk @ left.T).reshape(values.shape)

    @property
    def remainder(self) -> RowsOf:
        """The covariate's columns less their regression on the others.

        Without priors: what it shares with a covariate that the counts have silenced is not its own either.
        """
        span, flat = self.span, self.model.flat_covariance
        coef = flat @ self.model.information[:, span]
        coef = flat[:, span] @ np.linalg.solve(flat[span, span], coef[span]) - coef
        coef[span] = np.eye(coef.shape[1])
        return self.model.fit.columns.times(coef)


def _root(information: Square, total: Square) -> Float[np.ndarray, "n_columns rank"]:
    """``R R'`` is the inverse of `total`, but for directions of which the priors leave nearly nothing."""
    lower = np.linalg.cholesky(total)
    half = solve_triangular(lower, information, lower=True)
    shares, directions = np.linalg.eigh(solve_triangular(lower, half.T, lower=True))
    return solve_triangular(lower, directions[:, shares > _SHARE_KNOWN], lower=True, trans=1)


def _score(fit: PriorFit, taking_part: Mask, residual: PerSample, theta: Theta) -> Theta:
    """Derivative of the log-likelihood of counts and priors, over the rows that take part."""
    return fit.columns.products(np.where(taking_part, residual, 0.0)) - fit.precision * theta
