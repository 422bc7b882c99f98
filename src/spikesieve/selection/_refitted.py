"""The deviance that a covariate explains beside the others, refitted at every alignment."""

import numpy as np
from jaxtyping import Float

from spikesieve._types import Coef
from spikesieve.design import Block, DenseBlock
from spikesieve.regularizer import Penalty
from spikesieve.selection._alignments import Alignments
from spikesieve.selection._columns import RowsOf, design_of
from spikesieve.selection._prior_fit import AllCovariates
from spikesieve.solver import path

_TOLERANCE = 1e-5


def deviance_gains(
    model: AllCovariates, covariate: int, own: RowsOf, alignments: Alignments
) -> Float[np.ndarray, " n_alignments"]:
    """Return twice the log-likelihood gained by adding the covariate's own rows as each alignment orders them.

    The likelihood-ratio statistic, but for the priors: the others have those that were learned, and the covariate's
    columns, in the units of theirs, standard-normal ones.
    """
    fit, within = model.fit, model.columns.design.layout.leaf_slices[covariate]
    n_rows, block = len(model.sample.y), DenseBlock(own(slice(0, len(model.sample.y))))
    others = model.blocks[:covariate] + model.blocks[covariate + 1 :]
    precision = np.delete(fit.precision[1:] * fit.columns.unit**2, within)
    intercept, coef = fit.columns.as_coef(fit.theta)
    without, intercept, coef = _fit(model, others, precision, intercept, np.delete(coef, within))
    precision, coef = np.append(precision, np.ones(block.n_coef)), np.append(coef, np.zeros(block.n_coef))
    gains = np.empty(len(alignments.partners))
    for number in range(len(gains)):
        moved = block if number == 0 else block.take(alignments.rows(number, n_rows))
        gains[number] = without - _fit(model, (*others, moved), precision, intercept, coef)[0]
    return 2.0 * model.sample.total_weight / (model.family.loss_scale * fit.dispersion) * gains


def _fit(
    model: AllCovariates, blocks: tuple[Block, ...], precision: Coef, intercept: float, coef: Coef
) -> tuple[float, float, Coef]:
    """Objective, intercept and coefficients of a fit of some blocks with priors, from where it starts."""
    if not blocks:
        null = model.problem.null_intercept()
        return model.problem.evaluate(null, np.zeros(model.columns.n_columns - 1)).loss, float(null[0]), coef
    sample, family, design = model.sample, model.family, design_of(blocks)
    fit = path(
        design,
        sample.y,
        family,
        Penalty(design.n_coef, (), np.zeros(0), (), family.loss_scale * model.fit.dispersion * precision),
        strengths=np.array([1.0 / sample.total_weight]),
        tolerance=_TOLERANCE,
        offset=sample.offset,
        sample_weight=sample.weight,
        start=(intercept, coef),
    )
    return float(fit.objective[0]), float(fit.intercept[0]), fit.coef_matrix[0]
