"""Pictures of records: paths, cross-validation, tuning curves, selections, fits. Draws, never fits.

Every function takes an optional Axes, and returns what it drew on. Matplotlib is imported when one
of them is called, not before.
"""

from spikesieve.plotting._cross_validation import plot_cross_validation
from spikesieve.plotting._goodness_of_fit import plot_time_rescaling
from spikesieve.plotting._path import plot_path
from spikesieve.plotting._population_path import plot_population_path
from spikesieve.plotting._selection_matrix import plot_selection_matrix
from spikesieve.plotting._tuning_curves import plot_tuning_curves

__all__ = [
    "plot_cross_validation",
    "plot_path",
    "plot_population_path",
    "plot_selection_matrix",
    "plot_time_rescaling",
    "plot_tuning_curves",
]
