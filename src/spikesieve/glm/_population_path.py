"""The paths of the neurons of a population."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikesieve._tree import flatten
from spikesieve._types import PyTree
from spikesieve.regularizer import checked_strengths
from spikesieve.solver import Path


@dataclass(frozen=True)
class PopulationPath:
    """One `Path` per neuron, each with strengths of its own unless they were given.

    ``len(paths)`` is the number of neurons, ``paths[n]`` the path of one, and they can be iterated over.

    Attributes
    ----------
    neurons
        The paths.

    Examples
    --------
    >>> from spikesieve.glm import PopulationGLM
    >>> rng = np.random.default_rng(0)
    >>> X = {"position": rng.normal(size=(500, 3)), "speed": rng.normal(size=(500, 2))}
    >>> counts = rng.poisson(np.exp(X["position"] @ rng.normal(scale=0.5, size=(3, 4)) - 1.0))
    >>> paths = PopulationGLM(regularizer="GroupLasso").fit_path(X, counts, n_strengths=20)
    >>> paths.strengths.shape, paths.coef["speed"].shape
    ((20, 4), (20, 2, 4))
    >>> model = paths.at(paths.strengths[2])
    >>> model.coef_["speed"].shape, bool(model.coef_["speed"].any())
    ((2, 4), False)
    """

    neurons: tuple[Path, ...]
    joined_as: Callable[[list[Any]], Any] = field(repr=False)
    """Makes a fitted population of its neurons' fitted models."""

    def __len__(self) -> int:
        return len(self.neurons)

    def __getitem__(self, neuron: int) -> Path:
        return self.neurons[neuron]

    def __iter__(self):
        return iter(self.neurons)

    @property
    def strengths(self) -> np.ndarray:
        """Strengths, ``(n_strengths, n_neurons)``, decreasing."""
        return np.stack([path.strengths for path in self.neurons], axis=1)

    @property
    def intercept(self) -> np.ndarray:
        """Intercepts, ``(n_strengths, n_neurons)``; of classifiers ``(n_strengths, n_neurons, n_classes)``."""
        return np.stack([path.intercept for path in self.neurons], axis=1)

    @property
    def coef(self) -> PyTree:
        """Coefficients as the features came; every leaf has shape ``(n_strengths, n_features_of_leaf, n_neurons)``.

        Those of classifiers have the classes as a fourth axis.
        """
        leaves = zip(*(flatten(path.coef)[0] for path in self.neurons), strict=True)
        return self.neurons[0].layout.structure.unflatten([np.stack(leaf, axis=2) for leaf in leaves])

    @property
    def deviance_explained(self) -> np.ndarray:
        """Share of the null models' deviance, ``(n_strengths, n_neurons)``."""
        return np.stack([path.deviance_explained for path in self.neurons], axis=1)

    @property
    def converged(self) -> np.ndarray:
        """Whether each solution's certificate is within its tolerance, ``(n_strengths, n_neurons)``."""
        return np.stack([path.converged for path in self.neurons], axis=1)

    def entry_strengths(self) -> dict[str, np.ndarray]:
        """Largest strength at which each group is not zero, ``{label: (n_neurons,)}``; 0 where it never enters."""
        entries = [path.entry_strengths() for path in self.neurons]
        return {label: np.array([entry[label] for entry in entries]) for label in entries[0]}

    def at(self, strength) -> Any:
        """Return the fitted population at `strength`, a number, or one per neuron: ``paths.at(paths.strengths[5])``.

        Raises
        ------
        ValueError
            If there is not one strength, or one for each neuron, or one is negative or not finite.
        """
        strengths = checked_strengths(strength, "strength")
        if strengths.shape not in ((), (len(self),)):
            raise ValueError(f"strength has shape {strengths.shape}, expected one number, or one per neuron.")
        each = np.broadcast_to(strengths, len(self))
        return self.joined_as([path.at(float(one)) for path, one in zip(self.neurons, each, strict=True)])

    def plot(self, quantity: str = "group_norms", neurons=None, axes=None) -> np.ndarray:
        """Draw ``"group_norms"`` or ``"deviance_explained"`` against strength, a panel per neuron; returns the Axes.

        `neurons` are the numbers of those to draw, the first twelve by default.
        """
        from spikesieve.plotting import plot_population_path

        return plot_population_path(self, quantity, neurons, axes)
