"""`Stability`: keep what is selected on most halves of the recording."""

from dataclasses import dataclass

import numpy as np

from spikesieve.observation_models import ObservationModel
from spikesieve.selection._method import Assessment, NotEnoughData, SelectionMethod, gathered
from spikesieve.selection._path_model import PathModel
from spikesieve.selection._stability import stability_bound
from spikesieve.solver import Path, Sample

# Entry strengths need no accurate coefficients: at these a half's path took a third of the passes.
_N_STRENGTHS, _MIN_RATIO, _TOLERANCE = 20, 0.03, 1e-3


@dataclass(frozen=True)
class Stability(SelectionMethod):
    """Complementary pairs stability selection on halves made of blocks of time, with the bounds of Shah & Samworth.

    The recording is cut into blocks; `n_pairs` times the blocks are dealt out at random to two halves. On each half the
    first `n_selected` covariates to enter the group lasso path are selected. What is selected in at least a share
    `threshold` of the halves is kept.

    Assumed: halves are as good as independent, so blocks are long compared with the covariates' correlation
    time; what drifts through the whole recording (and happens to resemble a slow covariate) is in both halves, and
    is found to be stable. Bounded is the expected number of kept covariates that are selected no more often than
    chance, ``n_selected / n_covariates``. That is not a false discovery rate: without a given `threshold` the
    smallest one is taken at which the bound is at most `fdr` times the number kept. A false covariate that stands in
    for a true one is selected more often than chance, and no bound speaks of it.

    Parameters
    ----------
    n_pairs
        Complementary pairs of halves; the authors advise 50.
    n_selected
        Covariates selected per half, which is also the most that can be kept reliably. None is 0.4 of them: the bounds
        then allow a threshold just below 1 for ten covariates.
    threshold
        Share of halves, above 1/2; None as above.
    n_blocks
        Blocks of equal length that the recording is cut into.
    assumption
        Of the bound: ``"none"``, ``"unimodal"`` or ``"r-concave"``; see `stability_bound`.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    Meinshausen, N. & Buhlmann, P. (2010). Stability selection. J. R. Stat. Soc. B 72, 417-473.
    doi:10.1111/j.1467-9868.2010.00740.x
    Shah, R. D. & Samworth, R. J. (2013). Variable selection with error control: another look at stability selection.
    J. R. Stat. Soc. B 75, 55-80. doi:10.1111/j.1467-9868.2011.01034.x
    """

    n_pairs: int = 50
    n_selected: int | None = None
    threshold: float | None = None
    n_blocks: int = 40
    assumption: str = "unimodal"

    def __post_init__(self):
        for name, least in (("n_pairs", 2), ("n_blocks", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; got {getattr(self, name)!r}.")
        if self.threshold is not None and not 0.5 < self.threshold <= 1:
            raise ValueError(f"threshold must lie above 1/2 and at most at 1; got {self.threshold!r}.")

    def assess(self, sample, family, rng):
        n_covariates = len(sample.design.labels)
        self._check(sample, n_covariates)
        block = np.arange(sample.design.n_samples) * self.n_blocks // sample.design.n_samples
        times = np.zeros(n_covariates)
        for _ in range(self.n_pairs):
            in_first = rng.permutation(self.n_blocks) < self.n_blocks // 2
            for half in (in_first[block], ~in_first[block]):
                times[_first_to_enter(sample, np.flatnonzero(half), family, self._size(n_covariates))] += 1
        return Assessment.tested(sample.design.labels, selection_probability=times / (2 * self.n_pairs))

    def decide(self, assessments, fdr):
        probabilities = gathered(assessments, "selection_probability")
        return np.array([self._decide_one(row, fdr) for row in probabilities])

    def _decide_one(self, probabilities: np.ndarray, fdr: float) -> np.ndarray:
        tested = probabilities[~np.isnan(probabilities)]
        if self.threshold is not None:
            return np.nan_to_num(probabilities) >= self.threshold
        for n_times in range(self.n_pairs + 1, 2 * self.n_pairs + 1):
            threshold = n_times / (2 * self.n_pairs)
            kept = np.nan_to_num(probabilities) >= threshold - 1e-9
            if kept.any() and self._bound(len(tested), threshold) <= fdr * kept.sum():
                return kept
        return np.zeros(len(probabilities), dtype=bool)

    def _bound(self, n_covariates: int, threshold: float) -> float:
        return stability_bound(n_covariates, self._size(n_covariates), threshold, self.n_pairs, self.assumption)

    def _size(self, n_covariates: int) -> int:
        return max(1, int(0.4 * n_covariates)) if self.n_selected is None else self.n_selected

    def _check(self, sample: Sample, n_covariates: int) -> None:
        if self._size(n_covariates) >= n_covariates:
            raise NotEnoughData(
                f"Each half selects {self._size(n_covariates)} of {n_covariates} covariates: chance alone would keep "
                "them all, and no bound is left. Stability selection needs more covariates than it selects."
            )
        if sample.design.n_samples < 2 * self.n_blocks:
            raise NotEnoughData(f"{sample.design.n_samples} rows are too few for {self.n_blocks} blocks of time.")


def _first_to_enter(sample: Sample, rows: np.ndarray, family: ObservationModel, n_selected: int) -> np.ndarray:
    """Which covariates enter first on some rows: by strength, then by norm; fewer where fewer ever enter."""
    design, y = sample.carrying_design.take(rows), sample.y[rows]
    if not family.has_finite_null(y):
        raise NotEnoughData("Half of the recording has no spikes.")
    followed = PathModel(family).fit_path(
        design, y, n_strengths=_N_STRENGTHS, min_ratio=_MIN_RATIO, tolerance=_TOLERANCE, most_groups=n_selected
    )
    return _order_of_entry(followed)[:n_selected]


def _order_of_entry(followed: Path) -> np.ndarray:
    active = followed.group_norm_matrix > 0
    entered = np.flatnonzero(active.any(axis=0))
    step = active[:, entered].argmax(axis=0)
    norm = followed.group_norm_matrix[step, entered]
    return entered[np.lexsort((-norm, step))]
