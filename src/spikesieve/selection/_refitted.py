"""The deviance that a covariate explains beside the others, refitted at every alignment."""

import numpy as np
from jaxtyping import Float

from spikesieve._types import Coef
from spikesieve.design import Block, DenseBlock
from spikesieve.regularizer import Penalty
from spikesieve.selection._alignments import Alignments
from spikesieve.selection._columns import RowsOf, design_of
from spikesieve.selection._prior_fit import AllCovariates
from spikesieve.solver import Path, path

_TOLERANCE = 1e-5


def deviance_gains(
    model: AllCovariates, covariate: int, own: RowsOf, alignments: Alignments
) -> Float[np.ndarray, " n_alignments"]:
    """Return twice the log-likelihood gained by adding the covariate's own rows as each alignment orders them.

    The likelihood-ratio statistic, but for the priors: the others have those that were learned, and the covariate
    a standard-normal one on what each column adds to the linear predictor over its range.
    """
    span, fit = model.spans[covariate], model.fit
    block = DenseBlock(own(slice(0, len(model.sample.y))))
    others = tuple(np.delete(np.array(model.blocks, dtype=object), covariate))
    keep = np.delete(np.arange(1, len(fit.theta)), slice(span.start - 1, span.stop - 1))
    of_others = fit.precision[keep]
    without = _fit(model, others, of_others, (float(fit.theta[0]), fit.theta[keep]))
    precision = np.concatenate([of_others, fit.unit[span] ** 2])
    start = (float(without.intercept[0]), np.concatenate([without.coef_matrix[0], np.zeros(block.n_coef)]))
    gains = np.empty(len(alignments.partners))
    for number in range(len(gains)):
        moved = block if number == 0 else block.take(alignments.rows(number))
        gains[number] = without.objective[0] - _fit(model, (*others, moved), precision, start).objective[0]
    return 2.0 * model.sample.total_weight / (model.family.loss_scale * fit.dispersion) * gains


def _fit(model: AllCovariates, blocks: tuple[Block, ...], precision: np.ndarray, start: tuple[float, Coef]) -> Path:
    """Fit some blocks with priors; a path of one strength."""
    sample, family, design = model.sample, model.family, design_of(blocks)
    quadratic = family.loss_scale * model.fit.dispersion * precision
    return path(
        design,
        sample.y,
        family,
        Penalty(design.n_coef, (), np.zeros(0), (), quadratic),
        strengths=np.array([1.0 / sample.total_weight]),
        tolerance=_TOLERANCE,
        offset=sample.offset,
        sample_weight=sample.weight,
        start=start,
    )
