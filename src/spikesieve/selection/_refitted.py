"""The deviance that a covariate explains beside the others, refitted at every alignment."""

import numpy as np
from jaxtyping import Float

from spikesieve.observation_models import ObservationModel
from spikesieve.selection._alignments import Alignments
from spikesieve.selection._without_covariate import WithoutCovariate, fit_blocks
from spikesieve.solver import Sample


def deviance_gains(
    sample: Sample, family: ObservationModel, covariate: int, without: WithoutCovariate, alignments: Alignments
) -> Float[np.ndarray, " n_alignments"]:
    """Return twice the log-likelihood gained by adding the covariate's rows as each alignment orders them.

    The likelihood-ratio statistic, but for the weak ridge on all coefficients.
    """
    block = sample.design.blocks[covariate]
    start = (float(without.fit.intercept[0]), np.concatenate([without.fit.coef_matrix[0], np.zeros(block.n_coef)]))
    total = len(sample.y) if sample.weight is None else float(sample.weight.sum())
    gains = np.empty(len(alignments.partners))
    for number in range(len(gains)):
        moved = block if number == 0 else block.take(alignments.rows(number))
        fit = fit_blocks((*without.blocks, moved), sample, family, start)
        gains[number] = 2.0 / family.loss_scale * total * (without.fit.objective[0] - fit.objective[0])
    return gains
