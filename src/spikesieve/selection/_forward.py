"""`Forward`: the forward search of Hardcastle et al. 2017, the baseline of the field."""

import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spikesieve.design import Design
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import Ridge
from spikesieve.selection._folds import BlockedFolds, FoldsOfKeptRows
from spikesieve.selection._method import Assessment, NotEnoughData, SelectionMethod, decide_each
from spikesieve.selection._path_model import PathModel
from spikesieve.solver import Sample, null_linear_predictor


@dataclass(frozen=True)
class Forward(SelectionMethod):
    """Add the covariate that raises the held-out likelihood most, while a signed-rank test over folds agrees.

    The search that Hardcastle et al. introduced for navigation cells. It promises no false discovery rate: the test
    is made on the best of many candidates, folds share most of their training data, and slow covariates match slow
    drift in held-out blocks too. Each step costs one fit per candidate and fold.

    Parameters
    ----------
    folds
        At least 5, so that the smallest p-value, ``2^-n_folds``, is below 0.05. None takes those of the selector, by
        default ``BlockedFolds(10)`` as in the paper.
    significance
        Of the one-sided Wilcoxon signed-rank test, per step.
    strength
        Of the ridge on all coefficients; None is one standard-normal prior per coefficient. The paper penalises
        differences between neighbouring bins instead; smooth bases do not need that.
    n_keep
        Keep exactly so many, without a test: what a search that knew the number of true covariates would find.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    Hardcastle, K., Maheswaranathan, N., Ganguli, S. & Giocomo, L. M. (2017). A multiplexed, heterogeneous, and adaptive
    code for navigation in medial entorhinal cortex. Neuron 94, 375-387. doi:10.1016/j.neuron.2017.03.025
    """

    folds: Any = None
    significance: float = 0.05
    strength: float | None = None
    n_keep: int | None = None

    def __post_init__(self):
        if not 0 < self.significance < 1:
            raise ValueError(f"significance must lie between 0 and 1; got {self.significance!r}.")
        if self.strength is not None and not self.strength >= 0:
            raise ValueError(f"strength must not be negative; got {self.strength!r}.")

    def with_defaults(self, folds, fdr):
        del fdr
        return replace(self, folds=folds) if self.folds is None else self

    def prepared(self, design, kept, rng):
        del design, rng
        return replace(self, folds=FoldsOfKeptRows(self.folds or BlockedFolds(10), kept))

    def assess(self, sample, family, rng):
        del rng
        labels = sample.design.labels
        folds = _folds_of(sample, family, self.folds or BlockedFolds(10))
        self._check(len(folds))
        strength = 1.0 / sample.design.n_samples if self.strength is None else self.strength
        current = _Model((), [_Fit(np.zeros(1), {}, 0.0)] * len(folds))
        gains = dict.fromkeys(labels, np.nan)
        n_spikes = max(sum(fold.n_spikes for fold in folds), 1.0)
        while len(current.labels) < len(labels):
            candidates = [
                _extended(current, label, folds, family, strength) for label in labels if label not in current.labels
            ]
            for candidate in candidates:
                gains[candidate.labels[-1]] = candidate.gained_over(current).sum() / (np.log(2.0) * n_spikes)
            best = max(candidates, key=lambda model: model.gained_over(current).mean())
            if not self._accepts(best, current):
                break
            current = best
        return Assessment.tested(
            labels,
            chosen=np.array([label in current.labels for label in labels]),
            statistic=np.array([gains[label] for label in labels]),
        )

    def decide(self, assessments, fdr):
        return decide_each(assessments, fdr)

    def _check(self, n_folds: int) -> None:
        if self.n_keep is None and 0.5**n_folds >= self.significance:
            raise ValueError(
                f"{n_folds} folds give p-values of {0.5**n_folds:.3g} at best, which is not below {self.significance}: "
                "use more folds."
            )

    def _accepts(self, best: "_Model", current: "_Model") -> bool:
        if self.n_keep is not None:
            return len(current.labels) < self.n_keep
        return signed_rank_p_value(best.gained_over(current)) < self.significance


def signed_rank_p_value(gains: np.ndarray) -> float:
    """One-sided p-value that gains are positive, by Wilcoxon's signed-rank test; 1 where none differs from 0.

    Examples
    --------
    >>> signed_rank_p_value(np.array([0.1, 0.2, 0.3, 0.4, -0.05]))
    0.0625
    """
    from scipy.stats import wilcoxon

    if not np.any(gains):
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few folds, or ties: the normal approximation is SciPy's own choice
        result: Any = wilcoxon(gains, alternative="greater")
    return float(result.pvalue)


@dataclass(frozen=True)
class _Fold:
    """Training and held-out rows of one fold, and the held-out log-likelihood of the training mean."""

    train: Sample
    test: Sample
    null_intercept: float
    null_deviance: float

    @property
    def n_spikes(self) -> float:
        return float(self.test.y.sum())


@dataclass(frozen=True)
class _Fit:
    """One fold's solution, and its held-out log-likelihood above that of the training mean [nats]."""

    intercept: np.ndarray
    coef: dict[str, np.ndarray]
    log_likelihood: float


@dataclass(frozen=True)
class _Model:
    """Covariates in the order in which they were added, and their fits fold by fold."""

    labels: tuple[str, ...]
    fits: list[_Fit] = field(repr=False)

    def gained_over(self, other: "_Model") -> np.ndarray:
        """Held-out log-likelihood gained in each fold [nats]."""
        return np.array([a.log_likelihood - b.log_likelihood for a, b in zip(self.fits, other.fits, strict=True)])


def _folds_of(sample: Sample, family: ObservationModel, folds: Any) -> list[_Fold]:
    found = []
    for number, (train, test) in enumerate(folds.split(sample.design, sample.y)):
        y_train, y_test = sample.y[train], sample.y[test]
        if not len(y_train) or not family.has_finite_null(y_train):
            raise NotEnoughData(f"Fold {number} has no spikes to train on: use fewer folds, or leave this neuron out.")
        if not len(y_test):
            continue
        training, held_out = _part(sample, train), _part(sample, test)
        null = null_linear_predictor(family, y_train, training.offset, training.weight)
        intercept = null[0] - (0.0 if sample.offset is None else sample.offset[train[0]])
        deviance = _deviance(held_out, family, np.zeros(0), intercept, ())
        found.append(_Fold(training, held_out, intercept, deviance))
    return found


def _part(sample: Sample, rows: np.ndarray) -> Sample:
    offset, weight = (None if values is None else values[rows] for values in (sample.offset, sample.weight))
    return Sample(sample.design.take(rows), sample.y[rows], offset, weight)


def _deviance(part: Sample, family: ObservationModel, coef: np.ndarray, intercept, labels: tuple[str, ...]) -> float:
    """Deviance of the rows of a fold; with no covariates, of a constant (and the offset)."""
    constant = np.full(len(part.y), intercept) + (0.0 if part.offset is None else part.offset)
    predictor = part.design.only(labels).linear_predictor(coef, constant) if labels else constant
    return float((part.relative_weight * family.deviance(predictor, part.y)).sum())


def _extended(model: _Model, label: str, folds: list[_Fold], family: ObservationModel, strength: float) -> _Model:
    """Refit every fold with one covariate more, from where the model is."""
    labels = (*model.labels, label)
    fits = [_fit(fold, labels, family, strength, fit) for fold, fit in zip(folds, model.fits, strict=True)]
    return _Model(labels, fits)


def _fit(fold: _Fold, labels: tuple[str, ...], family: ObservationModel, strength: float, start: _Fit) -> _Fit:
    train: Design = fold.train.carrying_design.only(labels)
    sizes = dict(zip(train.labels, (block.n_coef for block in train.blocks), strict=True))
    coef = np.concatenate([start.coef.get(label, np.zeros(size)) for label, size in sizes.items()])
    intercept = start.intercept if start.coef else np.array([fold.null_intercept])
    solved = PathModel(family, Ridge()).fit_path(train, fold.train.y, np.array([strength]), start=(intercept, coef))
    deviance = _deviance(fold.test, family, solved.coef_matrix[0], solved.intercept[0], labels)
    by_label = train.layout.to_tree(solved.coef_matrix[0])
    return _Fit(solved.intercept[:1], by_label, 0.5 * (fold.null_deviance - deviance))
