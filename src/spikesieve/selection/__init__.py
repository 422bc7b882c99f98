"""Which covariates matter: folds that respect time, cross-validation along a path, and error control."""

from spikesieve.selection._cross_validate import CrossValidation, cross_validate
from spikesieve.selection._folds import BlockedFolds, TrialFolds

__all__ = ["BlockedFolds", "CrossValidation", "TrialFolds", "cross_validate"]
