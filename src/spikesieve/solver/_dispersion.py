"""Families whose loss depends on a dispersion: fit and estimate in turn until both agree."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spikesieve._errors import Status
from spikesieve.observation_models import ObservationModel
from spikesieve.solver._record import Path
from spikesieve.solver._sample import Sample

_MAX_ROUNDS, _TOLERANCE = 25, 1e-6


@dataclass(frozen=True)
class Dispersion:
    """A family at the dispersion that is most likely given its own fit.

    Attributes
    ----------
    family
        With its dispersion fixed.
    start
        Intercept and coefficients of the last fit at one strength: where to go on. None if nothing was estimated.
    status
        `ITERATION_LIMIT` if fit and dispersion did not agree in the end.
    counts
        Newton steps, passes and Hessians that it took.
    """

    family: ObservationModel
    start: tuple | None = None
    status: Status = Status.CONVERGED
    counts: tuple[int, int, int] = (0, 0, 0)

    def told_in(self, solution: Path) -> Path:
        """Return a path with this family, saying what the dispersion took, at the smallest strength, and its status."""
        names = ("n_iterations", "n_passes", "n_hessians")
        last = np.arange(len(solution.strengths)) == len(solution.strengths) - 1
        costs = {name: getattr(solution, name) + last * n for name, n in zip(names, self.counts, strict=True)}
        return replace(solution, status=tuple(max(own, self.status) for own in solution.status), **costs)


def with_estimated_scale(
    family: ObservationModel,
    sample: Sample,
    fit: Callable[[ObservationModel, tuple | None], Path],
    start: tuple | None = None,
) -> Dispersion:
    """Estimate the dispersion of a family, where it has one to estimate.

    `fit` solves at one strength for a family of fixed dispersion, from a start. Mean and dispersion are orthogonal
    parameters, so few rounds suffice (Venables & Ripley 2002, Modern Applied Statistics with S, section 7.4).
    """
    if not family.estimates_scale:
        return Dispersion(family, start)
    scale, agreed, counts = 1.0, False, np.zeros(3, dtype=int)
    for _ in range(_MAX_ROUNDS):
        solution = fit(family.with_scale(scale), start)
        start = solution.intercept[-1:], solution.coef_matrix[-1]
        counts += [int(n.sum()) for n in (solution.n_iterations, solution.n_passes, solution.n_hessians)]
        predictor = sample.design.linear_predictor(start[1], start[0])
        mean = family.mean(predictor if sample.offset is None else predictor + sample.offset)
        n, weight = float(np.size(sample.y)), sample.relative_weight
        previous, scale = scale, family.estimate_scale(mean, sample.y, n, weight)
        if agreed := abs(scale - previous) <= _TOLERANCE * scale:
            break
    status = Status.CONVERGED if agreed else Status.ITERATION_LIMIT
    return Dispersion(family.with_scale(scale), start, status, tuple(counts.tolist()))
