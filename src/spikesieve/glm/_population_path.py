"""The paths of the neurons of a population."""

from dataclasses import dataclass

import numpy as np

from spikesieve._tree import flatten
from spikesieve._types import PyTree
from spikesieve.solver import Path


@dataclass(frozen=True)
class PopulationPath:
    """One `Path` per neuron, each with strengths of its own unless they were given.

    ``len(paths)`` is the number of neurons, ``paths[n]`` the path of one, and they can be iterated over.

    Attributes
    ----------
    neurons
        The paths.
    """

    neurons: tuple[Path, ...]

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
