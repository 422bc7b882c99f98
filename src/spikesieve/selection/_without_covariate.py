"""The model of all covariates but one, fitted anew: what a test of that one rests on."""

from dataclasses import dataclass, field

import numpy as np

from spikesieve._tree import CoefLayout, dict_structure
from spikesieve._types import Coef, PerSample
from spikesieve.basis import BSplineEval
from spikesieve.design import Block, Design
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import Penalty
from spikesieve.solver import Path, Sample, Status, path

RIDGE = 0.1
"""Prior precision of a coefficient: a standard deviation of 3 in the linear predictor, which no tuning exceeds."""

_TOLERANCE = 1e-5


@dataclass(frozen=True)
class WithoutCovariate:
    """All covariates but one, a slow trend in their place beside them, and the fit.

    Attributes
    ----------
    blocks
        Columns of the other covariates and of the trend; the intercept aside.
    residual, weight
        Minus the loss's derivative, and its curvature, at the fit, per row; each times the row's weight.
    """

    blocks: tuple[Block, ...] = field(repr=False)
    fit: Path = field(repr=False)
    residual: PerSample = field(repr=False)
    weight: PerSample = field(repr=False)

    @property
    def converged(self) -> bool:
        """Whether the fit is at its optimum."""
        return self.fit.status[0] is Status.CONVERGED

    def columns(self, rows: slice) -> np.ndarray:
        """Intercept and columns on a slice of rows."""
        stops = 1 + np.cumsum([0, *(block.n_coef for block in self.blocks)])
        matrix = np.ones((len(range(*rows.indices(len(self.residual)))), stops[-1]))
        for block, stop in zip(self.blocks, stops[1:], strict=True):
            block.write_matrix(rows, matrix[:, stop - block.n_coef : stop])
        return matrix


def rows_of(block: Block, rows: slice) -> np.ndarray:
    """Columns of a block on a slice of rows, by the quickest way it has."""
    matrix = np.empty((len(range(*rows.indices(block.n_samples))), block.n_coef))
    block.write_matrix(rows, matrix)
    return matrix


def trend_block(times: PerSample, n_functions: int) -> Block | None:
    """Smooth functions of time, cubic B-splines over the recording; None for none."""
    if n_functions == 0:
        return None
    basis = BSplineEval(n_functions, order=min(4, n_functions), bounds=(float(times[0]), float(times[-1])))
    return basis.design(times).blocks[0]


def fit_all(sample: Sample, family: ObservationModel, trend: Block | None) -> Path:
    """Fit all blocks of the sample and the trend: where fits without one of them start."""
    return fit_blocks(sample.design.blocks + (() if trend is None else (trend,)), sample, family)


def fit_without(
    sample: Sample, family: ObservationModel, covariate: int, trend: Block | None, with_it: Path | None = None
) -> WithoutCovariate:
    """Fit all blocks of the sample but one, and the trend, with a ridge of precision `RIDGE`.

    From `with_it`, the fit of them all, it takes 2 to 7 passes on W(10^5, 10) and one Hessian, and 12 and two without.
    """
    blocks = tuple(block for b, block in enumerate(sample.design.blocks) if b != covariate)
    blocks += () if trend is None else (trend,)
    start = None
    if with_it is not None:
        of_it = sample.design.layout.leaf_slices[covariate]
        start = (float(with_it.intercept[0]), np.delete(with_it.coef_matrix[0], of_it))
    fit = fit_blocks(blocks, sample, family, start)
    eta = np.full(len(sample.y), float(np.ravel(fit.intercept[0])[0]))
    eta += 0.0 if sample.offset is None else sample.offset
    everything, coef = slice(0, len(sample.y)), fit.coef_matrix[0]
    spans = np.cumsum([0, *(block.n_coef for block in blocks)])
    for block, first, last in zip(blocks, spans[:-1], spans[1:], strict=True):
        block.add_linear_predictor(everything, coef[first:last], eta)
    residual, weight = -family.derivative(eta, sample.y), family.curvature(eta)
    if sample.weight is not None:
        residual, weight = residual * sample.weight, weight * sample.weight
    return WithoutCovariate(blocks, fit, residual, weight)


def fit_blocks(
    blocks: tuple[Block, ...], sample: Sample, family: ObservationModel, start: tuple[float, Coef] | None = None
) -> Path:
    """Fit some blocks to a sample's counts with the weak ridge; a path of one strength."""
    labels = tuple(str(b) for b in range(len(blocks)))
    layout = CoefLayout.of(dict_structure(labels), [block.n_coef for block in blocks])
    quadratic = np.full(layout.n_coef, RIDGE)
    penalty = Penalty(layout.n_coef, (), np.zeros(0), (), quadratic)
    total = len(sample.y) if sample.weight is None else float(sample.weight.sum())
    return path(
        Design(blocks, layout),
        sample.y,
        family,
        penalty,
        strengths=np.array([1.0 / total]),
        tolerance=_TOLERANCE,
        offset=sample.offset,
        sample_weight=sample.weight,
        start=start,
    )
