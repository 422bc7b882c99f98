"""From what a user writes (``"Poisson"``, ``np.exp``, an instance) to an observation model."""

import numpy as np

from spikesieve.observation_models._base import ObservationModel
from spikesieve.observation_models._links import Exponential, InverseLink
from spikesieve.observation_models._poisson import PoissonObservations

_MODELS = {"Poisson": PoissonObservations}


def resolve_observation_model(observation_model, inverse_link_function=None) -> ObservationModel:
    """Observation model named or given, with the inverse link named or given.

    Parameters
    ----------
    observation_model
        ``"Poisson"``, or an `ObservationModel`.
    inverse_link_function
        None for the family's default (or the one an instance already carries), ``"exp"``, ``numpy.exp``,
        ``jax.numpy.exp``, or an `InverseLink`.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor an observation model.

    Examples
    --------
    >>> type(resolve_observation_model("Poisson", np.exp).inverse_link).__name__
    'Exponential'
    """
    link = None if inverse_link_function is None else _resolve_link(inverse_link_function)
    if isinstance(observation_model, ObservationModel):
        return observation_model if link is None else type(observation_model)(link)
    if not isinstance(observation_model, str):
        raise TypeError(
            f"observation_model must be a name or an ObservationModel, got {type(observation_model).__name__}."
        )
    name = observation_model.removesuffix("Observations")
    if name not in _MODELS:
        raise ValueError(f"Unknown observation_model {observation_model!r}; known names: {', '.join(_MODELS)}.")
    return _MODELS[name](link)


def _resolve_link(function) -> InverseLink:
    if isinstance(function, InverseLink):
        return function
    name = function if isinstance(function, str) else getattr(function, "__name__", "")
    is_library_function = isinstance(function, str | np.ufunc) or getattr(function, "__module__", "").startswith("jax")
    if name in ("exp", "exponential") and is_library_function:
        return Exponential()
    raise ValueError(
        f"inverse_link_function {function!r} is not supported: use None, 'exp', numpy.exp or jax.numpy.exp."
    )
