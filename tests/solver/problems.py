"""Small recordings to solve, as the solver takes them."""

import numpy as np

from spikesieve._tree import CoefLayout, flatten
from spikesieve.design import DenseBlock, Design
from spikesieve.observation_models import PoissonObservations
from spikesieve.regularizer import GroupLasso
from spikesieve.solver import path

POISSON = PoissonObservations()


def features(n_samples=400, n_groups=4, size=3, seed=0):
    rng = np.random.default_rng(seed)
    return {f"g{i:02d}": rng.normal(size=(n_samples, size)) for i in range(n_groups)}


def counts(X, seed=1, base=-0.5, scale=0.5, n_active=2):
    rng = np.random.default_rng(seed)
    labels = sorted(X)[:n_active]
    eta = base + sum(X[label] @ rng.normal(scale=scale, size=X[label].shape[1]) for label in labels)
    return rng.poisson(np.exp(np.minimum(eta, 5.0))).astype(float)


def design_of(X) -> Design:
    leaves, structure = flatten(X)
    blocks = tuple(DenseBlock(np.asarray(leaf, dtype=float)) for leaf in leaves)
    return Design(blocks, CoefLayout.of(structure, [block.n_coef for block in blocks]))


def solve(X, y, strengths=None, mask=None, relative=1.0, **options):
    design = design_of(X)
    penalty, _ = GroupLasso(mask).bind(design.layout, relative)
    given = None if strengths is None else np.asarray(strengths, dtype=float)
    return path(design, np.asarray(y, dtype=float), POISSON, penalty, given, **options)


def dense(X):
    """Matrix and index arrays of the groups, for the reference."""
    leaves, _ = flatten(X)
    stops = np.cumsum([0, *(leaf.shape[1] for leaf in leaves)])
    return np.hstack(leaves), [np.arange(a, b) for a, b in zip(stops[:-1], stops[1:], strict=True)]
