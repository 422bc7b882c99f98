"""Estimators: generalized linear models of spike counts, with scikit-learn's manners."""

from spikesieve.glm._glm import GLM

__all__ = ["GLM"]
