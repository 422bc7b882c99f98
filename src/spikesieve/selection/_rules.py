"""`CrossValidated`: what is left at the strength that cross-validation chooses. It promises no error rate."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spikesieve.selection._cross_validate import cross_validate
from spikesieve.selection._folds import BlockedFolds, FoldsOfKeptRows
from spikesieve.selection._method import Assessment, SelectionMethod, decide_each, entry_strengths
from spikesieve.selection._path_model import PathModel


@dataclass(frozen=True)
class CrossValidated(SelectionMethod):
    """Keep the covariates whose groups are not zero at the strength of a cross-validation rule.

    Simple and fast, and no error rate: with 3 true and 7 null smooth covariates the minimum kept 5 of the 7 on average,
    because a false covariate costs a prediction next to nothing. The one-standard-error rule keeps few false ones and
    loses weak true ones.

    Parameters
    ----------
    rule
        ``"1se"``: the largest strength whose held-out deviance is within one standard error of the smallest;
        ``"min"``: that of the smallest.
    folds
        `BlockedFolds`, `TrialFolds` or any splitter of scikit-learn. None takes those of the selector, by default
        ``BlockedFolds(5)``.
    n_strengths, min_ratio
        The path: how many strengths, down to which share of the largest. 50 over three decades are 15 % apart.

    Raises
    ------
    ValueError
        If `rule` is unknown.

    References
    ----------
    Breiman, L., Friedman, J. H., Olshen, R. A. & Stone, C. J. (1984). Classification and regression trees,
    section 3.4.3.
    """

    rule: str = "1se"
    folds: Any = None
    n_strengths: int = 50
    min_ratio: float = 1e-3

    def __post_init__(self):
        if self.rule not in ("1se", "min"):
            raise ValueError(f"rule must be '1se' or 'min'; got {self.rule!r}.")

    def with_defaults(self, folds, fdr):
        del fdr
        return replace(self, folds=folds) if self.folds is None else self

    def prepared(self, design, kept, rng):
        del design, rng
        return replace(self, folds=FoldsOfKeptRows(self.folds or BlockedFolds(), kept))

    def assess(self, sample, family, rng):
        del rng
        cv = cross_validate(
            PathModel(family),
            sample.carrying_design,
            sample.y,
            folds=self.folds,
            n_strengths=self.n_strengths,
            min_ratio=self.min_ratio,
        )
        kept = cv.selected(self.rule)
        labels = sample.design.labels
        return Assessment.tested(
            labels,
            chosen=np.array([label in kept for label in labels]),
            entry_strength=entry_strengths(cv.path),
        )

    def decide(self, assessments, fdr):
        return decide_each(assessments, fdr)
