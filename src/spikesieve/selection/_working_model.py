"""The log-likelihood around the fit of all covariates, as a quadratic: what the others would be without one of them.

With `Z` the columns, `W` the weights and ``G = Z' W Z``, posterior modes and covariances of any subset of columns are
algebra in ``A = (G + precisions)^-1``: leaving out covariate `c` subtracts ``A_.c A_cc^-1 A_c.``. Rows are read again
for residuals and a score only, which are exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float
from scipy.linalg import solve_triangular

from spikesieve._types import Index, PerSample
from spikesieve.design import row_chunks
from spikesieve.selection._alignments import Epochs
from spikesieve.selection._columns import ROWS_AT_A_TIME, RowsOf
from spikesieve.selection._prior_fit import PriorFit

_SHARE_KNOWN = 1e-2
"""Directions of which priors leave less than this share explain, all together, less than that of any column."""
_DAMPING = 1e-8


@dataclass(frozen=True)
class WorkingModel:
    """All covariates and trend around their fit.

    Attributes
    ----------
    fit
        The fit.
    phases
        Which of the `stride` rows of a grid step enter sums with weights. More than one, at no fixed distance, keep a
        rhythm of the covariates from being seen at one of its phases only.
    information
        ``G``, from the sampled rows; of the rows that take part.
    covariance
        ``A``.
    root
        `R` with ``R R' = A`` but for directions in which the priors say all.
    weighted
        ``W Z R`` on the sampled rows, epoch by epoch and phase by phase, so weighed that their sums stand for all rows.
    score
        Derivative of the log-likelihood of counts and priors over the rows that take part. Others, between trials, are
        in the fit: over those that take part alone residuals do not sum to zero.
    """

    fit: PriorFit
    epochs: Epochs
    phases: Index
    information: Float[np.ndarray, "n_columns n_columns"] = field(repr=False)
    covariance: Float[np.ndarray, "n_columns n_columns"] = field(repr=False)
    root: Float[np.ndarray, "n_columns rank"] = field(repr=False)
    weighted: list[list[Float[np.ndarray, "n_rows rank"]]] = field(repr=False)
    score: Float[np.ndarray, " n_columns"] = field(repr=False)

    @classmethod
    def of(cls, fit: PriorFit, epochs: Epochs, phases: Index) -> "WorkingModel":
        """Read the sampled rows, and all for the score."""
        spans = [[epochs.phase_rows(epoch, int(phase)) for phase in phases] for epoch in range(len(epochs))]
        share = len(phases) / epochs.stride
        information, sampled = np.zeros((len(fit.unit),) * 2), []
        for of_epoch in spans:
            columns = [fit.columns.matrix(rows) for rows in of_epoch]
            for rows, here in zip(of_epoch, columns, strict=True):
                scaled = here * np.sqrt(fit.weight[rows] / share)[:, None]
                information += scaled.T @ scaled
            sampled.append(columns)
        covariance, root = _inverse_and_root(information, fit)
        weighted = [
            [columns @ root * (fit.weight[rows, None] / share) for columns, rows in zip(*pair, strict=True)]
            for pair in zip(sampled, spans, strict=True)
        ]
        score = _score(fit, epochs, fit.residual, fit.theta)
        return cls(fit, epochs, phases, information, covariance, root, weighted, score)

    @cached_property
    def spectra(self) -> list[Complex[np.ndarray, "n_frequencies n_phases rank"]]:
        """Fourier transforms of `weighted` over the steps of each epoch.

        In single precision: they make means of a few thousand rows.
        """
        return [
            np.stack([np.fft.rfft(rows.astype(np.float32), axis=0) for rows in of_epoch], axis=1)
            for of_epoch in self.weighted
        ]

    @cached_property
    def weight_spectra(self) -> list[Complex[np.ndarray, "n_phases n_frequencies"]]:
        """Fourier transforms of `sampled_weight` over the steps of each epoch, phase by phase."""
        weight = self.sampled_weight.astype(np.float32)
        spans = [[self.epochs.phase_rows(e, int(phase)) for phase in self.phases] for e in range(len(self.epochs))]
        return [np.stack([np.fft.rfft(weight[rows]) for rows in of_epoch]) for of_epoch in spans]

    @cached_property
    def flat_covariance(self) -> Float[np.ndarray, "n_columns n_columns"]:
        """``A`` without priors; a little damped, as splines and the intercept are dependent."""
        units = np.outer(self.fit.unit, self.fit.unit)
        total = self.information / units
        total.flat[:: len(total) + 1] += _DAMPING * total.diagonal().max()
        return np.linalg.inv(total) / units

    @cached_property
    def sampled_weight(self) -> PerSample:
        """Weights such that sums over the sampled rows stand for all."""
        return self.fit.weight * (self.epochs.stride / len(self.phases))

    def without(self, span: slice) -> "WithoutCovariate":
        """Leave the covariate with these columns out."""
        fit, covariance = self.fit, self.covariance
        within = np.linalg.cholesky(np.linalg.inv(covariance[span, span]))
        newton = covariance @ self.score
        change = newton - covariance[:, span] @ (within @ (within.T @ (newton[span] + fit.theta[span])))
        change[span] = -fit.theta[span]
        moved = fit.columns.design.linear_predictor(change[1:], change[0])
        residual = fit.residual - fit.weight * moved
        left, size, _ = np.linalg.svd(self.root[span].T @ within, full_matrices=False)
        shrink = 1.0 - np.sqrt(np.clip(1.0 - size**2, 0.0, 1.0))
        score = _score(fit, self.epochs, residual, fit.theta + change)
        score[span] = 0.0
        return WithoutCovariate(self, span, residual, score, within, left, shrink)


@dataclass(frozen=True)
class WithoutCovariate:
    """The others, fitted without one covariate.

    Attributes
    ----------
    residual
        Working residual of each row: linear in the coefficients around the fit of all.
    derivative
        Of the log-likelihood of counts and priors at this fit: zero but for what the quadratic does not know.
    within
        Cholesky factor of ``A_cc^-1``.
    left, shrink
        ``Q = R_c' within`` has singular vectors `left`, and `shrink` is such that ``M = I - left shrink left'`` is the
        square root of ``I - Q Q'``: the others' coefficients have the covariance ``(R M)(R M)'``.
    """

    model: WorkingModel
    span: slice
    residual: PerSample = field(repr=False)
    derivative: Float[np.ndarray, " n_columns"] = field(repr=False)
    within: Float[np.ndarray, "n_coef n_coef"] = field(repr=False)
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
        columns = self.model.fit.columns
        return lambda rows: columns.matrix(rows) @ coef


def _inverse_and_root(information: np.ndarray, fit: PriorFit) -> tuple[np.ndarray, np.ndarray]:
    """``A``, and `R` of the directions of which the priors leave something."""
    units = np.outer(fit.unit, fit.unit)
    in_units = information / units
    total = in_units + np.diag(fit.precision / fit.unit**2)
    lower = np.linalg.cholesky(total)
    half = solve_triangular(lower, in_units, lower=True)
    shares, directions = np.linalg.eigh(solve_triangular(lower, half.T, lower=True))
    root = solve_triangular(lower, directions[:, shares > _SHARE_KNOWN], lower=True, trans=1)
    return np.linalg.inv(total) / units, root / fit.unit[:, None]


def _score(fit: PriorFit, epochs: Epochs, residual: PerSample, theta: np.ndarray) -> np.ndarray:
    """Derivative of the log-likelihood of counts and priors, over the rows that take part."""
    taking_part = [rows for epoch in range(len(epochs)) for rows in _taking_part(epochs, epoch)]
    products = np.zeros(len(theta))
    for rows in taking_part:
        products += fit.columns.products(rows, residual[rows])
    return products - fit.precision * theta


def _taking_part(epochs: Epochs, epoch: int) -> Iterator[slice]:
    """Rows of an epoch that are in the score, so many at a time that their columns fit in memory."""
    start = int(epochs.starts[epoch])
    stop = start + int(epochs.n_taking_part[epoch])
    return (rows for _, rows in row_chunks(stop, slice(start, stop), ROWS_AT_A_TIME))
