"""Convolution of time series with a bank of kernels."""

from spikesieve.basis._convolution import create_convolutional_predictor

__all__ = ["create_convolutional_predictor"]
