"""Which covariates matter: folds that respect time, cross-validation along a path, and error control."""

from spikesieve.selection._cross_validate import CrossValidation, cross_validate
from spikesieve.selection._evidence import Evidence
from spikesieve.selection._folds import BlockedFolds, TrialFolds
from spikesieve.selection._forward import Forward
from spikesieve.selection._goodness_of_fit import TimeRescaling, time_rescaling
from spikesieve.selection._knockoffs import Knockoffs
from spikesieve.selection._method import Assessment, EvidenceStatus, NotEnoughData, SelectionMethod
from spikesieve.selection._multiplicity import (
    benjamini_hochberg,
    e_benjamini_hochberg,
    knockoff_e_values,
    knockoff_threshold,
)
from spikesieve.selection._refit import Refit, refit
from spikesieve.selection._rules import CrossValidated
from spikesieve.selection._selector import CovariateSelector
from spikesieve.selection._shift import Shift
from spikesieve.selection._stability import stability_bound, stability_threshold
from spikesieve.selection._stability_selection import Stability
from spikesieve.selection._tuning_curve import TuningCurve

__all__ = [
    "Assessment",
    "BlockedFolds",
    "CovariateSelector",
    "CrossValidated",
    "CrossValidation",
    "Evidence",
    "EvidenceStatus",
    "Forward",
    "Knockoffs",
    "NotEnoughData",
    "Refit",
    "SelectionMethod",
    "Shift",
    "Stability",
    "TimeRescaling",
    "TrialFolds",
    "TuningCurve",
    "benjamini_hochberg",
    "cross_validate",
    "e_benjamini_hochberg",
    "knockoff_e_values",
    "knockoff_threshold",
    "refit",
    "stability_bound",
    "stability_threshold",
    "time_rescaling",
]
