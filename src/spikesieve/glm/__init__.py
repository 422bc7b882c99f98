"""Estimators: generalized linear models of spike counts, with scikit-learn's manners."""

from spikesieve.glm._classifier import ClassifierGLM
from spikesieve.glm._classifier_population import ClassifierPopulationGLM
from spikesieve.glm._glm import GLM
from spikesieve.glm._glm_cv import GLMCV
from spikesieve.glm._population import PopulationGLM
from spikesieve.glm._population_path import PopulationPath
from spikesieve.glm._saving import inspect_npz, load_model

__all__ = [
    "ClassifierGLM",
    "ClassifierPopulationGLM",
    "GLM",
    "GLMCV",
    "PopulationGLM",
    "PopulationPath",
    "inspect_npz",
    "load_model",
]
