"""From what a user writes (``"Poisson"``, ``jax.nn.softplus``, an instance) to an observation model."""

import numpy as np

from spikesieve.observation_models._base import ObservationModel
from spikesieve.observation_models._bernoulli import BernoulliObservations
from spikesieve.observation_models._function_links import link_of_function
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

_MODELS = {
    "Poisson": PoissonObservations,
    "Gamma": GammaObservations,
    "Bernoulli": BernoulliObservations,
    "NegativeBinomial": NegativeBinomialObservations,
    "Gaussian": GaussianObservations,
}
# Names as strings, and as functions of these names are called in NumPy, SciPy and JAX.
_LINKS = {
    "exp": Exponential,
    "exponential": Exponential,
    "softplus": Softplus,
    "identity": Identity,
    "logistic": Logistic,
    "sigmoid": Logistic,
    "expit": Logistic,
    "reciprocal": Reciprocal,
    "1/x": Reciprocal,
    "one_over_x": Reciprocal,
    "norm_cdf": NormalCdf,
    "ndtr": NormalCdf,
    "probit": NormalCdf,
}


def resolve_observation_model(observation_model, inverse_link_function=None) -> ObservationModel:
    """Observation model named or given, with the inverse link named or given.

    Parameters
    ----------
    observation_model
        ``"Poisson"``, ``"Gamma"``, ``"Bernoulli"``, ``"NegativeBinomial"``, ``"Gaussian"``, or an `ObservationModel`.
    inverse_link_function
        None for the family's default (or the one an instance already carries); ``"exp"``, ``"softplus"``,
        ``"identity"``, ``"logistic"``, ``"1/x"``, ``"norm_cdf"``; the function of NumPy, SciPy or JAX that computes
        one of these; an `InverseLink`; or any elementwise function, written with ``jax.numpy``, or with NumPy if
        it accepts complex numbers.

    Raises
    ------
    ValueError
        If a name is unknown, or a function cannot be differentiated.
    TypeError
        If it is neither a name nor an observation model, or the function is not elementwise.

    Examples
    --------
    >>> resolve_observation_model("Poisson", np.exp)
    PoissonObservations(inverse_link=Exponential())
    >>> resolve_observation_model("Gamma", lambda x: 1 / x)
    GammaObservations(inverse_link=Reciprocal())
    """
    link = None if inverse_link_function is None else _resolve_link(inverse_link_function)
    if isinstance(observation_model, ObservationModel):
        return observation_model if link is None else observation_model.with_inverse_link(link)
    if not isinstance(observation_model, str):
        raise TypeError(
            f"observation_model must be a name or an ObservationModel, got {type(observation_model).__name__}."
        )
    name = observation_model.removesuffix("Observations")
    if name not in _MODELS:
        raise ValueError(f"Unknown observation_model {observation_model!r}; known names: {', '.join(_MODELS)}.")
    return _MODELS[name](inverse_link=link)


def _resolve_link(function) -> InverseLink:
    if isinstance(function, InverseLink):
        return function
    if isinstance(function, type) and issubclass(function, InverseLink):
        return function()
    if isinstance(function, str):
        if function not in _LINKS:
            raise ValueError(f"Unknown inverse_link_function {function!r}; known names: {', '.join(_LINKS)}.")
        return _LINKS[function]()
    if not callable(function):
        raise TypeError(f"inverse_link_function must be a name or a function, got {type(function).__name__}.")
    # A library's own function is known by its name, which spares it being compiled to be tried out.
    of_library = isinstance(function, np.ufunc) or (getattr(function, "__module__", None) or "").startswith("jax.")
    name = getattr(function, "__name__", "")
    return _LINKS[name]() if of_library and name in _LINKS else link_of_function(function)
