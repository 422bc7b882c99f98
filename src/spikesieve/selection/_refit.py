"""After selection: the chosen covariates fitted without the lasso's shrinkage, with errors that respect time."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from spikesieve._types import Coef, PerSample, PyTree
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import Ridge
from spikesieve.selection._goodness_of_fit import TimeRescaling, time_rescaling
from spikesieve.selection._leave_blocks_out import Changes, changes_without_blocks
from spikesieve.selection._tuning_curve import TuningCurve, has_tuning_curve, tuning_curve
from spikesieve.solver import Sample, null_linear_predictor, path, with_estimated_scale

# A normal prior with a standard deviation of 3 on every coefficient: a rate may change twentyfold before it is felt.
_PRIOR_DEVIATION = 3.0
_LEAST_BLOCKS = 8


@dataclass(frozen=True)
class Refit:
    """One neuron's model of the covariates that were kept.

    Attributes
    ----------
    labels
        The covariates of the model.
    coef
        ``{label: (n_coef_of_covariate,)}``.
    intercept
        On the scale of the linear predictor.
    linear_predictor
        Of every sample that was fitted, offsets included.
    deviance, null_deviance
        Summed over samples; the null model is a constant rate.
    changes
        What leaving out each block of time does to (intercept, coefficients), ``(n_blocks, 1 + n_coef)``.
    """

    labels: tuple[str, ...]
    coef: PyTree = field(repr=False)
    intercept: float
    linear_predictor: PerSample = field(repr=False)
    deviance: float
    null_deviance: float
    changes: Changes = field(repr=False)
    sample: Sample = field(repr=False)
    family: ObservationModel = field(repr=False)

    @property
    def mean(self) -> PerSample:
        """Expected count in every bin that was fitted."""
        return self.family.mean(self.linear_predictor)

    @property
    def pseudo_r2(self) -> float:
        """Share of the null model's deviance that the model explains (Cohen's pseudo-R2)."""
        return 1.0 - self.deviance / self.null_deviance

    def tuning_curve(
        self, label: str, bin_width_s: float, n_points: int = 100, level: float = 0.95, seed: int = 0
    ) -> TuningCurve:
        """Rate over the range of one kept covariate, the others as they were, with bands.

        Parameters
        ----------
        label
            The covariate; of two for a map.
        bin_width_s
            Width of a bin [s]: rates are in Hz.
        n_points
            Grid points, per axis of a map.
        level
            Probability that a band covers: the pointwise one at any one value, the simultaneous one everywhere at once.
        seed
            Of the draws that the simultaneous band rests on.

        Raises
        ------
        ValueError
            If the covariate is not in the model, or was not made from a basis that is a function of its value.
        """
        return tuning_curve(self, label, bin_width_s, n_points, level, seed)

    def tuning_curves(self, bin_width_s: float, **options) -> list[TuningCurve]:
        """Tuning curves of all covariates that have one; `options` as of `tuning_curve`."""
        shown = [label for label in self.labels if has_tuning_curve(self.sample.design.basis_of(label))]
        return [self.tuning_curve(label, bin_width_s, **options) for label in shown]

    def time_rescaling(self, seed: int = 0) -> TimeRescaling:
        """Kolmogorov-Smirnov test of the fitted rates by time rescaling; see `spikesieve.selection.time_rescaling`.

        On the spikes that were fitted, so that the p-value is too large: a failure tells, a pass does not.
        """
        return time_rescaling(self.sample.y, self.mean, seed=seed)


def refit(
    sample: Sample,
    family: ObservationModel,
    labels: Iterable[str],
    n_blocks: int = 40,
    prior_deviation: float = _PRIOR_DEVIATION,
) -> Refit:
    """Fit some covariates of a sample without the lasso's shrinkage.

    A ridge as weak as a normal prior of standard deviation `prior_deviation` on each coefficient keeps finite what the
    data leave open, such as the rate where a neuron was never seen to fire.

    Parameters
    ----------
    sample
        Complete rows of one neuron, as from `spikesieve.solver.as_sample`, all candidate covariates in its design.
    family
        Observation model.
    labels
        Covariates to keep; none gives a constant rate.
    n_blocks
        Stretches of time whose scores are taken as independent: their length should exceed the time over which what the
        model leaves out stays correlated. More blocks give steadier errors, longer blocks more honest ones.
    prior_deviation
        See above.

    Raises
    ------
    ValueError
        If there are fewer samples than two per block, or a label is unknown.

    Notes
    -----
    Intervals take the choice of covariates as given: they do not know that a covariate was chosen because it looked
    strong in these data.
    """
    kept = list(labels)
    if not _LEAST_BLOCKS <= n_blocks <= len(sample.y) // 2:
        raise ValueError(
            f"n_blocks must lie between {_LEAST_BLOCKS} and half of the {len(sample.y)} samples, got {n_blocks}."
        )
    null = _constant(sample, family)
    if not kept:
        return null
    chosen = replace(sample, design=sample.design.only(kept))
    ridge = 1.0 / (len(sample.y) * prior_deviation**2)
    fitted, intercept, coef = _fit(chosen, family, ridge)
    predictor = chosen.linear_predictor(coef, intercept)
    return Refit(
        labels=chosen.design.labels,
        coef=chosen.design.layout.to_tree(coef),
        intercept=intercept,
        linear_predictor=predictor,
        deviance=_deviance(fitted, predictor, sample),
        null_deviance=_deviance(fitted, null.linear_predictor, sample),
        changes=changes_without_blocks(chosen, fitted, intercept, coef, ridge, n_blocks),
        sample=chosen,
        family=fitted,
    )


def _fit(sample: Sample, family: ObservationModel, ridge: float) -> tuple[ObservationModel, float, Coef]:
    penalty, strength = Ridge().bind(sample.design.layout, ridge)

    def solve(fixed: ObservationModel, start):
        options = {"offset": sample.offset, "sample_weight": sample.weight, "start": start}
        return path(sample.design, sample.y, fixed, penalty, np.array([strength]), **options)

    found = with_estimated_scale(family, sample, solve)
    solution = solve(found.family, found.start)
    return found.family, float(solution.intercept[0]), solution.coef_matrix[0]


def _constant(sample: Sample, family: ObservationModel) -> Refit:
    """The model without covariates."""
    predictor = null_linear_predictor(family, sample.y, sample.offset, sample.weight)
    intercept = float(predictor[0] - (0.0 if sample.offset is None else sample.offset[0]))
    deviance = _deviance(family, predictor, sample)
    return Refit((), {}, intercept, predictor, deviance, deviance, np.zeros((0, 1)), sample, family)


def _deviance(family: ObservationModel, predictor: PerSample, sample: Sample) -> float:
    return float((family.deviance(predictor, sample.y) * sample.relative_weight).sum())
