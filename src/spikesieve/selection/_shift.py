"""`Shift`: does a covariate fit the spikes better where it is than moved in time?"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spikesieve._types import Mask
from spikesieve.selection._aligned_moments import aligned_moments, memory
from spikesieve.selection._alignments import Alignments, Epochs, circular_shifts, swaps
from spikesieve.selection._columns import RowsOf, held
from spikesieve.selection._efficient_score import studentised_scores
from spikesieve.selection._method import (
    Assessment,
    EvidenceStatus,
    NotEnoughData,
    SelectionMethod,
    decide_by_p_values,
    gathered,
)
from spikesieve.selection._prior_fit import AllCovariates, trend_block
from spikesieve.selection._refitted import deviance_gains
from spikesieve.selection._rows import number_trials
from spikesieve.selection._shift_p_values import ShiftNull, independent_shifts
from spikesieve.selection._working_model import SampledRows, WithoutCovariate, WorkingModel
from spikesieve.solver import one_blas_thread

GRID_PER_SHIFT = 1.25
"""Grid points of a recording per shift that is asked for: shifts are whole grid steps, but none within the gap."""
N_SAMPLED = 5_000
"""Rows, about, from which variances are computed: they are off by two per cent then."""
FORGOTTEN = 0.2
"""Autocorrelation below which a covariate counts as moved to unrelated values."""
FEWEST_SHIFTS, FEWEST_INDEPENDENT = 10, 8
"""Shifts to ask for at the least, and independent ones below which the scale of a statistic is anyone's guess."""
_USUAL_SHARE = 0.9
_SLOWER = 1.2


@dataclass(frozen=True)
class Shift(SelectionMethod):
    """Keep the covariates that fit the spikes better where they are than moved in time (circular shifts).

    The null distribution comes from the recording itself: a covariate that is moved by many times its own memory is as
    smooth as before and as related to whatever drifts, but no longer to these spikes. This is the practice of the
    field for head-direction, place and grid cells; Harris gives the reasons, and Elber-Dorozko & Loewenstein show what
    happens without: slow firing correlates with any slow covariate.

    Each covariate is tested *given all others*, by its efficient score at the fit without it, studentised at every
    shift (`statistic`). Three things make that work. A moved covariate has chance correlations with the others, which
    a variance taken once does not know of. A trend, a smooth function of time fitted beside the covariates, takes up
    slow changes of the rate, in which no shift could see anything else. And others with nothing to say are silenced,
    and the trend where nothing drifts, by Gaussian priors whose precisions the counts decide (restricted maximum
    likelihood, as smoothing parameters of additive models are chosen): without that, a hundred columns of ten slow
    covariates, nearly dependent in one recording, explain most of any of them, and with a memory of a fiftieth of the
    recording power was 0.30 where it is 0.96. Covariates that have an effect, or that are related to another one beyond
    chance, are left free: what a prior takes from a place field would be found in whatever happens near the field.

    Assumed: moved covariates relate to the residuals as the true one does where the null holds. So residuals and
    covariate should be stationary but for the trend, and their dependence on the other covariates must be well
    modelled. If another covariate's true tuning is finer than its basis, a covariate correlated with it helps, and will
    be found; so it will if the other is slow, its effect weak, and their relation not to be told from chance, so that
    it was silenced. Wrapping round joins the end of the recording to its beginning: one wrong joint in a recording of
    many memories. Then p-values are uniform under the null and `decide` controls the false discovery rate over all
    neurons and covariates by Benjamini-Hochberg.

    Measured (``benchmarks/bench_shift.py``: 100 recordings of 20 000 bins and 1000 spikes per column, covariates
    smoothed over 20 bins, "fast", or 200, "slow"; "drift" has a standard deviation of 1 in the log rate and a width of
    a tenth of the recording): share of 200 null covariates with a p-value up to 0.05, and, after the stroke, share of
    100 weak true ones with one up to 0.01.

    ======================================== =========== =========== =========== ===========
    test                                     fast        fast, drift slow        slow, drift
    ======================================== =========== =========== =========== ===========
    score test, chi-squared                  0.03 / 0.38 0.53 / 0.65 0.03 / 0.35 0.97 / 0.99
    shifts, variance of the true alignment   0.03 / 0.39 0.03 / 0.10 0.04 / 0.24 0.01 / 0.00
    shifts, studentised, no trend            0.04 / 0.40 0.03 / 0.12 0.06 / 0.32 0.03 / 0.00
    this test                                0.04 / 0.39 0.06 / 0.31 0.07 / 0.30 0.06 / 0.21
    this test, ``tail=False``                0.03 / 0.38 0.06 / 0.28 0.04 / 0.01 0.05 / 0.00
    ======================================== =========== =========== =========== ===========

    With 200 spikes and a correlation of 0.7 it rejects 0.04 at 0.05. With the covariates of the bundled recording,
    spikes drawn from cells of head direction alone and a drift, it rejects 3 of 200 at 0.05, and chi-squared 159. Where
    one column of 30 acts, beside a null covariate that correlates with it by 0.7, it rejects 3 of 100; if they are slow
    (8000 bins of width 60), 8 of 100, and 3 at 0.001.

    A covariate that shares its *fast* part with another one while its own part is slow needs more than that: what it
    has of its own varies more slowly than the whole, which is what shifts move, and may match a drift as no shift of
    the whole does. So where the covariate less its regression on the others is forgotten at least a fifth later than
    the covariate itself, that remainder is shifted too, and the larger p-value counts. With four fifths of the variance
    shared, beside a drift, 18 of 60 null covariates had a p-value up to 0.05 without that, and 2 with it.

    Parameters
    ----------
    n_shifts
        Shifts of each covariate to compare with, spread evenly over the recording (fewer if it has fewer grid points).
        More of them measure the same null distribution more finely, and take time in proportion.
    gap_bins
        Bins by which a shift moves a covariate at the least, and at which two shifts count as different. None
        takes, for each covariate, the lag at which its autocorrelation has fallen to 0.2.
    statistic
        ``"score"``: efficient score, one fit of all covariates. ``"refit"``: deviance gained by the moved covariate in
        a fit of its own at each shift, which takes `n_shifts` fits per covariate and answers alike: in 8 recordings of
        10 000 bins the logarithms of their p-values correlated by 0.99, and 60 shifts took 25 times as long.
    trend_functions
        Cubic B-splines over the recording among the other covariates; at least 4, or 0 for none. Twenty follow changes
        down to a tenth of the recording; where the rate does not drift, the counts silence them.
    epochs
        Trial or session of each sample of the recording, ``(n_samples,)``, as in `TrialFolds`; NaN between them.
        Each is shifted within itself, by random distances of its own. None: one epoch; samples that are left out for
        missing values are closed up. Sessions that were joined end to end are epochs, and which session it is is a
        covariate to offer (`basis.Category`): a smooth trend follows no step.
    swap
        True pairs the counts of each epoch with the covariate of another one instead of shifting: for trials with the
        same course, or shorter than the covariates' memory. An epoch that is longer than its partner meets it again.
    tail
        True: p-values follow a scaled F distribution with the mean and variance of the shifted statistics, but never go
        below the share of shifts that reach the true one. Small p-values then rest on the scores being sums of many
        parts, nearly Gaussian. False: ranks alone, ``(1 + k) / (1 + n)`` with `n` *independent* shifts; slow covariates
        have so few that nothing survives a correction for many tests.

    Raises
    ------
    ValueError
        If an option is impossible, `epochs` and the recording differ in length, or, with ``tail=False``, `n_shifts`
        are too few for one discovery among all tests. Too short a recording for a covariate is marked "not enough
        data" in the evidence: a covariate that is nearly a function of time has no independent shifts.

    References
    ----------
    Harris, K. D. (2020). Nonsense correlations in neuroscience. bioRxiv. doi:10.1101/2020.11.29.402719
    Elber-Dorozko, L. & Loewenstein, Y. (2018). Striatal action-value neurons reconsidered. eLife 7, e34248.
    doi:10.7554/eLife.34248
    Lin, X. (1997). Variance component testing in generalised linear models with random effects. Biometrika 84, 309-326.
    doi:10.1093/biomet/84.2.309
    van der Vaart, A. W. (1998). Asymptotic statistics, section 25.4 (efficient scores). doi:10.1017/CBO9780511802256
    Wood, S. N. & Fasiolo, M. (2017). A generalized Fellner-Schall method for smoothing parameter optimization.
    Biometrics 73, 1071-1081. doi:10.1111/biom.12666
    Winkler, A. M. et al. (2014). Permutation inference for the general linear model. NeuroImage 92, 381-397.
    doi:10.1016/j.neuroimage.2014.01.060

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.ndimage import gaussian_filter1d
    >>> from spikesieve.basis import BSplineEval
    >>> from spikesieve.selection import CovariateSelector, Shift
    >>> rng = np.random.default_rng(0)
    >>> speed, size, drift = (gaussian_filter1d(noise, 20) * 5 for noise in rng.standard_normal((3, 5000)))
    >>> counts = rng.poisson(0.3 * np.exp(speed))
    >>> basis = BSplineEval(5, label="speed") + BSplineEval(5, label="pupil")
    >>> selector = CovariateSelector(Shift(), contributions=False).fit(basis.design(speed, size), counts)
    >>> selector.labels_, selector.selected_
    (('pupil', 'speed'), array([[False,  True]]))
    """

    n_shifts: int = 400
    gap_bins: int | None = None
    statistic: str = "score"
    trend_functions: int = 20
    epochs: Any = field(default=None, repr=False)
    swap: bool = False
    tail: bool = True
    _kept: Mask | None = field(default=None, repr=False)

    def __post_init__(self):
        _check_whole("n_shifts", self.n_shifts, FEWEST_SHIFTS)
        if self.gap_bins is not None:
            _check_whole("gap_bins", self.gap_bins, 1)
        if self.statistic not in ("score", "refit"):
            raise ValueError(f"statistic must be 'score' or 'refit'; got {self.statistic!r}.")
        if self.trend_functions != 0:
            _check_whole("trend_functions", self.trend_functions, 4)
        if self.swap and self.epochs is None:
            raise ValueError("swap=True needs epochs, the trial or session of each sample.")
        if self.epochs is not None:
            number_trials(self.epochs, "epochs")

    def prepared(self, design, kept, rng):
        del design, rng
        return replace(self, _kept=kept)

    def assess(self, sample, family, rng):
        kept = np.ones(len(sample.y), dtype=bool) if self._kept is None else self._kept
        trend = trend_block(np.flatnonzero(kept), self.trend_functions)
        epochs = self._epochs_of(kept)
        labels = sample.design.labels
        covariates = AllCovariates(sample, family, trend)
        with one_blas_thread(1, sample.design.n_coef):
            try:
                if not covariates.fit.converged:
                    return Assessment.untested(
                        labels, EvidenceStatus.NOT_CONVERGED, "The fit of the covariates has not converged."
                    )
                tests = _Tests.of(self, covariates, epochs, rng)
                findings = [tests.of_covariate(number) for number in range(len(labels))]
            except np.linalg.LinAlgError:
                note = "Columns of the features are too large or too alike to be told apart: rescale or remove some."
                return Assessment.untested(labels, EvidenceStatus.NOT_CONVERGED, note)
        notes = [f"{label!r}: {f.note}" for label, f in zip(labels, findings, strict=True) if f.note]
        share = epochs.n_rows / len(sample.y)
        if share < _USUAL_SHARE and self.epochs is not None:
            notes.insert(
                0, f"{100 * share:.0f} % of the rows take part; the others are outside epochs or short of a step."
            )
        return Assessment(
            labels,
            tuple(finding.status for finding in findings),
            " ".join(notes),
            statistic=np.array([finding.statistic for finding in findings]),
            p_value=np.array([finding.p_value for finding in findings]),
        )

    def decide(self, assessments, fdr):
        n_tests = int(np.isfinite(gathered(assessments, "p_value")).sum())
        if not self.tail and n_tests / (1 + self.n_shifts) > fdr:
            raise ValueError(
                f"n_shifts={self.n_shifts} cannot give a p-value as small as fdr / tests = {fdr:g} / {n_tests}, which "
                f"a single discovery needs: take at least {int(np.ceil(n_tests / fdr))}, or tail=True."
            )
        return decide_by_p_values(assessments, fdr)

    def _epochs_of(self, kept: Mask) -> Epochs:
        labels = np.zeros(len(kept), dtype=np.intp) if self.epochs is None else number_trials(self.epochs, "epochs")
        if len(labels) != len(kept):
            raise ValueError(f"There are {len(labels)} epochs but {len(kept)} samples: each sample needs one.")
        if not (labels[kept] >= 0).any():
            raise ValueError("No usable sample lies in an epoch: check that epochs are not NaN everywhere.")
        return Epochs.of_labels(labels[kept], int(GRID_PER_SHIFT * self.n_shifts), self.swap)


@dataclass(frozen=True)
class _Finding:
    """One covariate's statistic and p-value, or why there is none."""

    statistic: float = np.nan
    p_value: float = np.nan
    status: EvidenceStatus = EvidenceStatus.TESTED
    note: str = ""


@dataclass(frozen=True)
class _Tests:
    """The tests of one neuron's covariates."""

    method: Shift
    covariates: AllCovariates
    model: WorkingModel
    rng: np.random.Generator

    @classmethod
    def of(cls, method: Shift, covariates: AllCovariates, epochs: Epochs, rng: np.random.Generator) -> "_Tests":
        model = WorkingModel.of(covariates.fit, SampledRows.drawn(epochs, N_SAMPLED, rng))
        return cls(method, covariates, model, rng)

    def of_covariate(self, number: int) -> _Finding:
        """Test one covariate given all others."""
        without = self.model.without(self.covariates.spans[number])
        try:
            findings = [
                self._compare(number, without, columns, self._alignments(gap))
                for columns, gap in self._moved(number, without)
            ]
        except NotEnoughData as reason:
            return _Finding(status=EvidenceStatus.NOT_ENOUGH_DATA, note=str(reason))
        return max(findings, key=lambda found: (found.status is not EvidenceStatus.TESTED, found.p_value))

    def _moved(self, number: int, without: WithoutCovariate) -> list[tuple[RowsOf, float]]:
        """What to move: the covariate, and what it does not share with the others where that varies more slowly.

        With the grid steps after which each is forgotten.
        """
        epochs = self.model.sampled.epochs
        whole, own = self.covariates.columns.rows_of_block(number), without.remainder
        of_whole, of_own = memory(whole, epochs, FORGOTTEN), memory(own, epochs, FORGOTTEN)
        if of_own <= _SLOWER * of_whole:
            return [(whole, of_whole)]
        return [(whole, of_whole), (held(own, len(self.covariates.sample.y)), of_own)]

    def _compare(self, number: int, without: WithoutCovariate, columns: RowsOf, alignments: Alignments) -> _Finding:
        """Test by moving these columns."""
        n_independent = alignments.n_independent
        if self.method.statistic == "refit":
            values = deviance_gains(self.covariates, number, columns, alignments)
        else:
            scores = studentised_scores(aligned_moments(columns, without, alignments), without.score)
            values = np.sum(scores * scores, axis=1)
            if alignments.are_ordered:
                n_independent = min(n_independent, independent_shifts(scores[1:]))
        null, statistic = ShiftNull(values[1:], n_independent), float(values[0])
        if n_independent < FEWEST_INDEPENDENT:
            found = f"The recording is worth {n_independent:.0f} independent shifts of it"
            note = f"{found}; {FEWEST_INDEPENDENT} are the least to judge by."
            return _Finding(statistic, status=EvidenceStatus.NOT_ENOUGH_DATA, note=note)
        return _Finding(statistic, null.tail_p_value(statistic) if self.method.tail else null.rank_p_value(statistic))

    def _alignments(self, forgotten: float) -> Alignments:
        """Where else columns are put that are forgotten after so many grid steps."""
        epochs, gap_bins = self.model.sampled.epochs, self.method.gap_bins
        if self.method.swap:
            return swaps(epochs, self.method.n_shifts, self.rng)
        gap = forgotten if gap_bins is None else gap_bins / epochs.stride
        return circular_shifts(epochs, self.method.n_shifts, gap, self.rng)


def _check_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}.")
