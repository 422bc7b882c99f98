"""Populations of neurons that drive one another, bin after bin."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesieve._randomness import as_generator
from spikesieve.observation_models import (
    BernoulliObservations,
    Exponential,
    Identity,
    InverseLink,
    Logistic,
    NegativeBinomialObservations,
    ObservationModel,
    PoissonObservations,
    Softplus,
    resolve_observation_model,
)

# The kernel knows these by their positions.
_COMPILED_FAMILIES = (PoissonObservations, BernoulliObservations, NegativeBinomialObservations)
_COMPILED_LINKS = (Exponential, Softplus, Identity, Logistic)
_LARGEST_MEAN = 1e9


def simulate_recurrent(
    coupling_coef: np.ndarray,
    feedforward_coef: np.ndarray,
    intercepts: np.ndarray,
    random_key: Any,
    feedforward_input: np.ndarray,
    coupling_basis_matrix: np.ndarray,
    init_y: np.ndarray,
    inverse_link_function: str | Callable | InverseLink = "softplus",
    *,
    observation_model: str | ObservationModel = "Poisson",
    scale: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Let a population of coupled neurons fire: each bin's rates depend on everybody's last `window_size` bins.

    Parameters
    ----------
    coupling_coef
        ``(n_neurons, n_neurons, n_basis_funcs)``: to neuron ``i`` from neuron ``j``.
    feedforward_coef
        ``(n_neurons, n_features)``.
    intercepts
        ``(n_neurons,)``.
    random_key
        A JAX key, an integer seed, or a NumPy generator.
    feedforward_input
        ``(n_samples, n_neurons, n_features)``: its length is that of the simulation.
    coupling_basis_matrix
        ``(window_size, n_basis_funcs)``; row 0 weighs the bin just before.
    init_y
        What the neurons did in the `window_size` bins before the first, ``(window_size, n_neurons)``.
    inverse_link_function
        From linear predictor to mean: a name or a function. The exponential lets excitation run away easily.
    observation_model
        Distribution of each bin's activity given its mean.
    scale
        Dispersion, for families that have one.

    Returns
    -------
    simulated_obs, firing_rates
        ``(n_samples, n_neurons)`` each: what was drawn, and the means it was drawn from, per bin.

    Raises
    ------
    ValueError
        If shapes do not fit, the rates run away to more than 1e9 per bin, or the family cannot have them.

    Notes
    -----
    Activity is spread into the filtered traces of coming bins when it happens, so that silence costs nothing. Counts
    under the usual links come from a compiled loop; other families, and links given as functions, run bin by bin in
    Python.

    Examples
    --------
    >>> import numpy as np
    >>> silence = np.zeros((100, 2, 1))
    >>> inhibition = np.array([[[-1.0], [0.0]], [[-3.0], [0.0]]])  # of both by the first
    >>> counts, rates = simulate_recurrent(
    ...     inhibition, np.zeros((2, 1)), np.array([0.5, 0.5]), 0, silence, np.ones((4, 1)), np.zeros((4, 2))
    ... )
    >>> counts.shape, bool(rates[:, 1].mean() < rates[:, 0].mean())
    ((100, 2), True)
    """
    population = _checked_population(
        coupling_coef, feedforward_coef, intercepts, feedforward_input, coupling_basis_matrix, init_y
    )
    family = resolve_observation_model(observation_model, inverse_link_function).with_scale(scale)
    is_compiled = type(family) in _COMPILED_FAMILIES and type(family.inverse_link) in _COMPILED_LINKS
    run = _run_compiled if is_compiled else _run
    counts, rates, failed = run(population, family, as_generator(random_key), scale)
    if failed >= 0:
        _refuse(rates[failed], failed, family)
    return counts, rates


def _refuse(rates: np.ndarray, t: int, family: ObservationModel) -> None:
    if np.max(rates) > _LARGEST_MEAN:
        raise ValueError(
            f"The rates of the population run away: in bin {t} one is {np.max(rates):.3g} per bin. "
            "Weaken the coupling, or take an inverse link that grows more slowly (softplus)."
        )
    raise ValueError(
        f"In bin {t} the means are {rates}, which {type(family).__name__} cannot have: take an inverse link with which "
        "they stay in range."
    )


@dataclass(frozen=True)
class _Population:
    """Arguments of a simulation, with shapes that fit; `drive` is the feedforward part of the linear predictor."""

    coupling: np.ndarray
    drive: np.ndarray
    basis: np.ndarray
    before: np.ndarray


def _checked_population(coupling, feedforward, intercepts, inputs, basis, before) -> _Population:
    coupling, feedforward, intercepts, inputs, basis, before = (
        np.ascontiguousarray(array, dtype=np.float64)
        for array in (coupling, feedforward, intercepts, inputs, basis, before)
    )
    if inputs.ndim != 3 or basis.ndim != 2:
        raise ValueError(
            "feedforward_input must be (n_samples, n_neurons, n_features) and coupling_basis_matrix (window_size, "
            f"n_basis_funcs), got shapes {inputs.shape} and {basis.shape}."
        )
    (_, n_neurons, n_features), (window, n_basis) = inputs.shape, basis.shape
    expected = {
        "coupling_coef": (coupling, (n_neurons, n_neurons, n_basis)),
        "feedforward_coef": (feedforward, (n_neurons, n_features)),
        "intercepts": (intercepts, (n_neurons,)),
        "init_y": (before, (window, n_neurons)),
    }
    for name, (array, shape) in expected.items():
        if array.shape != shape:
            raise ValueError(
                f"{name} has shape {array.shape}, expected {shape}: there are {n_neurons} neurons and {n_features} "
                f"features in feedforward_input, and {n_basis} functions of {window} bins in coupling_basis_matrix."
            )
    for name, array in (*((name, array) for name, (array, _) in expected.items()), ("feedforward_input", inputs)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has a NaN or infinity; a simulation has no missing values.")
    return _Population(coupling, np.einsum("tnk,nk->tn", inputs, feedforward) + intercepts, basis, before)


def _traces(population: _Population) -> np.ndarray:
    """What past activity leaves, ``(window_size, n_neurons, n_basis_funcs)``: a ring, one entry per coming bin."""
    basis, before = population.basis, population.before
    window = len(basis)
    ring = np.zeros((window, before.shape[1], basis.shape[1]))
    for ahead in range(window):
        # In the bin that many ahead, activity of the last bin before the start is ahead bins old, and so on.
        ring[ahead] = np.einsum("kb,kn->nb", basis[ahead:], before[ahead:][::-1])
    return ring


def _run(population: _Population, family: ObservationModel, rng, scale: float):
    """Bin by bin, for any family and link."""
    n_samples, n_neurons = population.drive.shape
    window, (low, high) = len(population.basis), _possible_means(family)
    ring, coupling = _traces(population), population.coupling.reshape(n_neurons, -1)
    counts, rates = np.zeros((n_samples, n_neurons)), np.zeros((n_samples, n_neurons))
    for t in range(n_samples):
        now = t % window
        rates[t] = family.mean(population.drive[t] + coupling @ ring[now].ravel())
        if not ((rates[t] >= low) & (rates[t] <= high)).all():
            return counts, rates, t
        counts[t] = family.sample(rng, rates[t], scale)
        ring[now] = 0.0
        for lag in range(window):
            ring[(now + 1 + lag) % window] += counts[t][:, None] * population.basis[lag]
    return counts, rates, -1


def _run_compiled(population: _Population, family: ObservationModel, rng, scale: float):
    from spikesieve.simulation._kernel import run_recurrent

    n_neurons = population.drive.shape[1]
    counts, rates = np.zeros_like(population.drive), np.zeros_like(population.drive)
    failed = run_recurrent(
        population.coupling.reshape(n_neurons, -1),
        population.drive,
        population.basis,
        _traces(population).reshape(len(population.basis), -1),
        (_COMPILED_FAMILIES.index(type(family)), _COMPILED_LINKS.index(type(family.inverse_link))),
        float(scale),
        _possible_means(family),
        rng,
        counts,
        rates,
    )
    return counts, rates, int(failed)


def _possible_means(family: ObservationModel) -> tuple[float, float]:
    low, high = family.mean_range
    return float(max(low, -_LARGEST_MEAN)), float(min(high, _LARGEST_MEAN))
