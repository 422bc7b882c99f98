"""Which covariates drive this neuron? Group Lasso GLMs over whole, certified regularization paths.

Subpackages are imported on first use, so ``import spikesieve`` itself costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spikesieve import (
        basis,
        convolve,
        datasets,
        glm,
        identifiability_constraints,
        observation_models,
        plotting,
        regularizer,
        selection,
        simulation,
        solver,
    )
    from spikesieve.glm import inspect_npz, load_model

__version__ = "0.1.0"

__all__ = [
    "basis",
    "convolve",
    "datasets",
    "glm",
    "identifiability_constraints",
    "inspect_npz",
    "load_model",
    "observation_models",
    "plotting",
    "regularizer",
    "selection",
    "simulation",
    "solver",
]


def __getattr__(name: str):
    if name in ("load_model", "inspect_npz"):
        return getattr(importlib.import_module("spikesieve.glm"), name)
    if name in __all__:
        return importlib.import_module(f"spikesieve.{name}")
    raise AttributeError(f"module 'spikesieve' has no attribute {name!r}; it has {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
