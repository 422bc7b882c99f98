"""A least-squares problem in coefficient space: the rows are read once, into first and second moments.

With ``v = (intercept, coef)`` and rows ``x_i`` that begin with a one, the mean squared residual is ``v' A v - 2 c' v +
d`` with the moments ``A = mean x x'``, ``c = mean x z`` and ``d = mean z^2``. Loss, gradient and curvature are then
exact at the cost of a product with A, which is why programs for Gaussian observations work on A (the "covariance
updates" of Friedman, Hastie & Tibshirani 2010, J. Stat. Softw. 33(1), section 2.2, doi:10.18637/jss.v033.i01).

Two things keep digits that the plain formula loses. Features and observations are taken about their means, as far as
a part of the rows tells them. And the loss is ``|R v - q|^2 + rest`` with ``A = R' R``: where residuals are small, the
differences that a line search looks at would drown in the rounding of ``d``.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from spikesieve._types import Coef, Gram, Index, Intercepts
from spikesieve.solver._columns import Columns
from spikesieve.solver._masked_problem import MaskedProblem
from spikesieve.solver._problem import SingleProblem
from spikesieve.solver._protocol import Evaluation, Problem
from spikesieve.solver._record import Path
from spikesieve.solver._threads import shares_of, sum_over_chunks
from spikesieve.solver._wrapped_problem import WrappedProblem

# On W(10^5, 10) the moments take as long as 20 passes, and a strength takes two or three.
_COLUMNS_PER_STRENGTH, _MOST_COLUMNS = 10, 2000
_CENTRING_ROWS = 10_000
# Eigenvalues below this share of the largest, of moments scaled to a diagonal of ones, are rounding.
_ROUNDING = 1e-14
# What the loss may be off by, as a share of itself and of that without any feature.
_LOSS_SHARE, _LOSS_ROUNDING = 1e-7, 1e-12


def in_moments(problem: Problem, n_strengths: int) -> Problem:
    """The problem by its moments, where it has some and making them is less work than so many strengths of passes."""
    if isinstance(problem, MaskedProblem):
        inner = in_moments(problem.inner, n_strengths)
        return problem if inner is problem.inner else replace(problem, inner=inner)
    if not isinstance(problem, SingleProblem) or not problem.family.is_quadratic:
        return problem
    few = problem.n_coef <= min(_COLUMNS_PER_STRENGTH * n_strengths, _MOST_COLUMNS, problem.n_samples // 2)
    return MomentsProblem.of(problem) if few else problem


def holds_over_rows(problem: Problem, found: Path) -> bool:
    """Whether the loss that moments gave at a path's last solution, the one with least penalty, is that of the rows.

    Moments square the condition of the features: where two of them differ by 1e-6 of their size, and coefficients are
    so large that it matters, the loss was found 0.6 % too small.
    """
    if isinstance(problem, MaskedProblem):
        return holds_over_rows(problem.inner, found)
    assert isinstance(problem, MomentsProblem)
    none, intercept = np.zeros(0, dtype=np.intp), np.atleast_1d(found.intercept[-1])
    loss = problem.inner.evaluate(intercept, found.coef_matrix[-1], none).loss
    return bool(abs(found.loss[-1] - loss) <= _LOSS_SHARE * loss + _LOSS_ROUNDING * problem.moments[-1, -1])


@dataclass(frozen=True)
class MomentsProblem(WrappedProblem):
    """The mean squared residual of a Gaussian problem of one neuron, by its moments.

    Attributes
    ----------
    inner
        The problem over rows.
    centre
        What is taken off the features, ``(n_coef,)``, and off the observations, a number.
    moments
        Mean products of a column of ones, the features and the observations, the latter two about their centres,
        ``(n_coef + 2, n_coef + 2)``.
    root, target, rest
        The mean squared residual is ``|root @ v - target|^2 + rest`` at ``v = (intercept, coef)`` about the centres.
    """

    centre: tuple[Coef, float]
    moments: Gram
    root: np.ndarray
    target: np.ndarray
    rest: float

    @classmethod
    def of(cls, problem: SingleProblem) -> Self:
        """Read the rows of a problem."""
        everything = Columns(problem.design, np.arange(problem.n_coef))
        centre = _rough_centre(problem, everything)
        moments = _moments_about(problem, everything, centre)
        root, target, rest = _as_sum_of_squares(moments)
        return cls(problem, centre, moments, root, target, rest)

    def evaluate(self, intercept: Intercepts, coef: Coef, blocks: Index | None = None) -> Evaluation:
        del blocks  # a part of the gradient costs as much as all of it
        features, observed = self.centre
        with np.errstate(over="ignore", invalid="ignore"):  # a step may be endless: its loss says so
            about = np.concatenate([[intercept[0] + features @ coef - observed], coef, [-1.0]])
            slopes = 2.0 * (self.moments[:-1] @ about)
            gradient = slopes[1:] + features * slopes[0]
            short = self.root @ about[:-1] - self.target
            loss = float(short @ short) + self.rest
            return Evaluation(loss, gradient, slopes[:1], float(intercept[0] * slopes[0] + coef @ gradient))

    def hessian(self, intercept: Intercepts, coef: Coef, columns: Index, stride: int) -> Gram:
        del intercept, coef, stride
        chosen = np.concatenate([[0], 1 + columns])
        shift = np.eye(len(chosen))
        shift[0, 1:] = self.centre[0][columns]
        return 2.0 * shift.T @ self.moments[np.ix_(chosen, chosen)] @ shift

    def column_covariance(self, columns: Index) -> Gram:
        mean = self.moments[0, 1 + columns]
        return self.moments[np.ix_(1 + columns, 1 + columns)] - np.outer(mean, mean)

    def residual_rms(self, intercept: Intercepts, coef: Coef) -> float:
        return 2.0 * float(np.sqrt(self.evaluate(intercept, coef).loss))

    def blocks_of(self, columns: Index) -> Index:
        return self.inner.blocks_of(columns)

    def column_rms(self, columns: Index) -> np.ndarray:
        return self.inner.column_rms(columns)

    def column_peak(self, columns: Index) -> np.ndarray:
        return self.inner.column_peak(columns)


def _observed(problem: SingleProblem, rows: slice) -> np.ndarray:
    return problem.y[rows] if problem.offset is None else problem.y[rows] - problem.offset[rows]


def _rough_centre(problem: SingleProblem, everything: Columns) -> tuple[Coef, float]:
    """Means of features and observations over some rows: any numbers near the means serve."""
    rows = slice(0, problem.n_samples, max(1, problem.n_samples // _CENTRING_ROWS))
    return everything.with_intercept(rows)[:, 1:].mean(axis=0), float(_observed(problem, rows).mean())


def _moments_about(problem: SingleProblem, everything: Columns, centre: tuple[Coef, float]) -> Gram:
    features, observed = centre

    def of_share(share: list[slice]):
        total = np.zeros((problem.n_coef + 2,) * 2)
        for piece in (piece for rows in share for _, piece in everything.pieces(rows)):
            matrix = np.empty((piece.stop - piece.start, problem.n_coef + 2))
            everything.write_with_intercept(piece, matrix)
            matrix[:, 1:-1] -= features
            matrix[:, -1] = _observed(problem, piece) - observed
            if problem.row_weights is not None:
                matrix *= np.sqrt(problem.row_weights[piece])[:, None]
            total += matrix.T @ matrix
        return [total]

    # Shares, not chunks: 1000 columns at 10^7 bins have 2400 chunks, and a matrix of 8 MB would be added for each.
    shares = shares_of(problem.matrix_chunks())
    return sum_over_chunks(of_share, shares, problem.n_threads)[0] / problem.n_samples


def _as_sum_of_squares(moments: Gram) -> tuple[np.ndarray, np.ndarray, float]:
    """Root of the features' moments, and what the squares of ``root @ v - target`` leave of the loss."""
    scale = np.sqrt(np.diagonal(moments)[:-1])
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(moments[:-1, :-1] / scale / scale[:, None])
    kept = values > _ROUNDING * values[-1]
    lengths, vectors = np.sqrt(values[kept]), vectors[:, kept]
    target = (vectors / lengths).T @ (moments[:-1, -1] / scale)
    return lengths[:, None] * vectors.T * scale, target, max(float(moments[-1, -1] - target @ target), 0.0)
