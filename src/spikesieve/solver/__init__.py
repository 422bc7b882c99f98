"""The path solver: certified minimisers of mean loss plus strength times penalty."""

from spikesieve._errors import Status
from spikesieve.solver._blocks import as_dense
from spikesieve.solver._categorical_population_problem import CategoricalPopulationProblem
from spikesieve.solver._categorical_problem import CategoricalProblem
from spikesieve.solver._columns import Columns
from spikesieve.solver._dispersion import Dispersion, with_estimated_scale
from spikesieve.solver._factorise import factorise
from spikesieve.solver._masked_problem import MaskedProblem
from spikesieve.solver._null import null_linear_predictor
from spikesieve.solver._path import DEFAULT_TOLERANCE, path, solve_path
from spikesieve.solver._population_problem import PopulationProblem
from spikesieve.solver._protocol import Problem
from spikesieve.solver._record import Path
from spikesieve.solver._sample import Sample, as_counts, as_sample
from spikesieve.solver._shared_passes import can_share, solve_neurons
from spikesieve.solver._threads import number_of_threads, one_blas_thread

__all__ = [
    "DEFAULT_TOLERANCE",
    "CategoricalPopulationProblem",
    "CategoricalProblem",
    "Columns",
    "Dispersion",
    "MaskedProblem",
    "Path",
    "PopulationProblem",
    "Problem",
    "Sample",
    "Status",
    "as_counts",
    "as_dense",
    "as_sample",
    "can_share",
    "factorise",
    "null_linear_predictor",
    "number_of_threads",
    "one_blas_thread",
    "path",
    "solve_neurons",
    "solve_path",
    "with_estimated_scale",
]
