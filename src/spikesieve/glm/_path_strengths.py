"""The strengths of a path, as the user gave them."""

import numpy as np

from spikesieve._arguments import shown
from spikesieve._types import Strengths
from spikesieve.regularizer import BoundPenalty, Regularizer, checked_strengths


def path_strengths(
    kind: Regularizer, penalty: BoundPenalty, strengths, n_strengths: int, min_ratio: float
) -> Strengths | None:
    """Check the arguments of ``fit_path``; None leaves it to the solver to start at the largest strength.

    Raises
    ------
    ValueError
        If the penalty has no strength, or none to start from and none are given, or an argument is impossible.
    """
    if not kind.uses_strength:
        raise ValueError("fit_path needs a penalty: construct the GLM with regularizer='GroupLasso', say.")
    if strengths is not None:
        checked = checked_strengths(strengths)
        if checked.ndim != 1 or len(checked) == 0:
            raise ValueError(f"strengths must be a non-empty list of numbers, got shape {checked.shape}.")
        return checked
    if not penalty.groups:
        raise ValueError(
            f"{type(kind).__name__} has no largest strength to start a path from: pass strengths=..., "
            "for example np.geomspace(10, 1e-4, 50)."
        )
    if isinstance(n_strengths, bool) or not isinstance(n_strengths, int | np.integer) or n_strengths < 1:
        raise ValueError(f"n_strengths must be a whole number of at least 1, got {shown(n_strengths)}.")
    is_number = isinstance(min_ratio, int | float | np.number) and not isinstance(min_ratio, bool)
    if not is_number or not 0 < min_ratio <= 1:
        raise ValueError(f"min_ratio must be a number in (0, 1], got {shown(min_ratio)}.")
    return None
