"""How spike counts are distributed given the linear predictor, with losses scaled as in NeMoS."""

from spikesieve.observation_models._base import ObservationModel
from spikesieve.observation_models._links import Exponential, InverseLink
from spikesieve.observation_models._poisson import PoissonObservations
from spikesieve.observation_models._resolve import resolve_observation_model

__all__ = ["Exponential", "InverseLink", "ObservationModel", "PoissonObservations", "resolve_observation_model"]
