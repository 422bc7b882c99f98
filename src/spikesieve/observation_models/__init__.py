"""How observations are distributed given the linear predictor, with losses scaled as in NeMoS."""

from spikesieve.observation_models._base import ObservationModel
from spikesieve.observation_models._bernoulli import BernoulliObservations
from spikesieve.observation_models._categorical import CategoricalObservations
from spikesieve.observation_models._gamma import GammaObservations
from spikesieve.observation_models._gaussian import GaussianObservations
from spikesieve.observation_models._links import (
    Exponential,
    Identity,
    InverseLink,
    Logistic,
    NormalCdf,
    Reciprocal,
    Softplus,
)
from spikesieve.observation_models._negative_binomial import NegativeBinomialObservations
from spikesieve.observation_models._poisson import PoissonObservations
from spikesieve.observation_models._resolve import resolve_observation_model

__all__ = [
    "BernoulliObservations",
    "CategoricalObservations",
    "Exponential",
    "GammaObservations",
    "GaussianObservations",
    "Identity",
    "InverseLink",
    "Logistic",
    "NegativeBinomialObservations",
    "NormalCdf",
    "ObservationModel",
    "PoissonObservations",
    "Reciprocal",
    "Softplus",
    "resolve_observation_model",
]
