"""The deviance that a covariate explains beside the others, refitted at every alignment."""

import numpy as np
from jaxtyping import Float

from spikesieve.design import DenseBlock
from spikesieve.selection._alignments import Alignments
from spikesieve.selection._columns import RowsOf
from spikesieve.selection._without_covariate import AllCovariates, WithoutCovariate, fit_blocks


def deviance_gains(
    model: AllCovariates, covariate: int, without: WithoutCovariate, own: RowsOf, alignments: Alignments
) -> Float[np.ndarray, " n_alignments"]:
    """Return twice the log-likelihood gained by adding the covariate's own rows as each alignment orders them.

    The likelihood-ratio statistic, but for the weak ridge on all coefficients.
    """
    sample, family = model.sample, model.family
    block = DenseBlock(own(slice(0, len(sample.y))))
    others = tuple(np.delete(np.array(model.blocks, dtype=object), covariate))
    coef = np.delete(without.coef, sample.design.layout.leaf_slices[covariate])
    start = (without.intercept, np.concatenate([coef, np.zeros(block.n_coef)]))
    gains = np.empty(len(alignments.partners))
    for number in range(len(gains)):
        moved = block if number == 0 else block.take(alignments.rows(number))
        fit = fit_blocks((*others, moved), sample, family, start)
        gains[number] = 2.0 / family.loss_scale * sample.total_weight * (without.objective - fit.objective[0])
    return gains
