"""Which covariates matter: folds that respect time, cross-validation along a path, and error control."""

from spikesieve.selection._folds import BlockedFolds, TrialFolds

__all__ = ["BlockedFolds", "TrialFolds"]
