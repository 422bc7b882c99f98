"""From one strength of a path to a fitted model."""

import copy
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesieve._arguments import is_real, shown
from spikesieve._errors import Status, callers_level
from spikesieve.observation_models import CategoricalObservations, ObservationModel
from spikesieve.solver import Path


@dataclass(frozen=True)
class FittedAt:
    """Makes the fitted model at any strength of a path, solving from the nearest larger one where it lies between."""

    model: Any
    sample: Any
    """Rows, as the model's `solve` and `set_solution` take them."""
    path: Path
    family: ObservationModel | CategoricalObservations

    def __call__(self, strength: float):
        """Fitted copy of the model, its ``regularizer_strength`` the one asked for."""
        if not is_real(strength) or not 0 <= strength < np.inf:
            raise ValueError(f"strength must be a finite number >= 0, got {shown(strength)}.")
        strength = float(strength)
        model = copy.copy(self.model)
        model.regularizer_strength = model.regularizer_kind.strength_at(model.regularizer_strength, strength)
        model.set_solution(self._solution(strength), self.sample)
        return model

    def _solution(self, strength: float) -> Path:
        exact = np.flatnonzero(np.isclose(self.path.strengths, strength, rtol=1e-12, atol=0.0))
        if len(exact):
            return self.path.only(int(exact[0]))
        larger = np.flatnonzero(self.path.strengths > strength)
        nearest = int(larger[-1]) if len(larger) else 0
        start = np.atleast_1d(self.path.intercept[nearest]), self.path.coef_matrix[nearest]
        penalty, _ = self.model.penalty(self.path.layout, scalar=1.0)
        solution = self.model.solve(self.sample, penalty, np.array([strength]), self.family, start=start)
        warn_unless_converged(solution)
        return solution


def warn_unless_converged(solution: Path) -> None:
    """One warning for the worst outcome on the path."""
    worst = max(*solution.status, solution.null_status)
    if worst is Status.CONVERGED:
        return
    from sklearn.exceptions import ConvergenceWarning

    if worst not in solution.status:
        warnings.warn(f"{worst.message} [the model without features]", ConvergenceWarning, stacklevel=callers_level())
        return
    failed = [s for s, status in zip(solution.strengths, solution.status, strict=True) if status is worst]
    where = ""
    if len(solution.strengths) > 1:
        where = f" [{len(failed)} of {len(solution.strengths)} strengths, {max(failed):.3g} to {min(failed):.3g}]"
    warnings.warn(worst.message + where, ConvergenceWarning, stacklevel=callers_level())
