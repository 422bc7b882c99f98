"""What can be combined: families, penalties, estimators and kinds of input, with the formulas to judge their fits by.

A new penalty, family or estimator is added here: the tests and `docs/proof.md` follow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from spikesieve import regularizer as r
from spikesieve.basis import FourierEval
from spikesieve.design import as_design
from spikesieve.glm import GLM, GLMCV
from spikesieve.selection import BlockedFolds
from tests.observation_models.combinations import FAMILIES

N_SAMPLES = 80
MASK = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
PILOT = np.array([0.6, -0.8, 0.3, 0.4])  # root mean squares in the ratio of 1 to 0.5
OVERLAP = np.array([[1, 1, 1, 0], [0, 0, 1, 1]])
EXACT = {"tol": 1e-8}


@dataclass(frozen=True)
class PenaltyCase:
    """A penalty over coefficients 0 and 1 (covariate a) and 2 and 3 (b).

    Attributes
    ----------
    make
        From the mask of the groups, None for one group per leaf, and the coefficients of a pilot, to the regularizer.
    value
        Penalty of ``(..., 4)`` coefficients at a strength, from its formula.
    on_leaves
        Whether it can do without a mask.
    needs_labels
        Whether it speaks of covariates by label: then `make` gets labels of both instead of a pilot, and a plain array
        is no input for it.
    """

    make: Callable[[Any, Any], r.Regularizer]
    value: Callable[[np.ndarray, float], np.ndarray]
    on_leaves: bool = True
    needs_labels: bool = False


def norms(coef, mask=MASK):
    return np.stack([np.linalg.norm(coef[..., row == 1], axis=-1) for row in mask], axis=-1)


def squares(coef):
    return (coef * coef).sum(axis=-1)


def absolute(coef):
    return np.abs(coef).sum(axis=-1)


ROOTS = np.sqrt(MASK.sum(axis=1))
OVERLAP_ROOTS = np.sqrt(OVERLAP.sum(axis=1))


def mcp(norm, s, gamma=3.0):
    return np.where(norm <= gamma * s, s * norm - norm**2 / (2 * gamma), gamma * s**2 / 2)


def scad(norm, s, gamma=4.0):
    bent = (2 * gamma * s * norm - norm**2 - s**2) / (2 * (gamma - 1))
    return np.where(norm <= s, s * norm, np.where(norm <= gamma * s, bent, s**2 * (gamma + 1) / 2))


def hierarchical(coef, s):
    """Least of ``sqrt(2) ||u|| + 2 ||(v, b)||`` over ``u + v = a``: ``v`` lies along ``a`` and is as long as ``b``."""
    a, b = np.moveaxis(norms(coef), -1, 0)
    shared = np.minimum(a, b)
    return s * (np.sqrt(2) * (a - shared) + 2 * np.hypot(shared, b))


def latent(coef, s):
    """Least of ``||(c0, c1, u)|| + ||(v, c3)||`` over ``u + v = c2``: the straight way past both, by reflection."""
    return s * np.hypot(np.hypot(coef[..., 0], coef[..., 1]) + np.abs(coef[..., 3]), coef[..., 2])


PENALTIES = {
    "UnRegularized": PenaltyCase(lambda mask, _: r.UnRegularized(), lambda c, s: 0.0 * squares(c)),
    "Ridge": PenaltyCase(lambda mask, _: r.Ridge(), lambda c, s: s / 2 * squares(c)),
    "Lasso": PenaltyCase(lambda mask, _: r.Lasso(), lambda c, s: s * absolute(c)),
    "ElasticNet": PenaltyCase(
        lambda mask, _: r.ElasticNet(0.7), lambda c, s: s * (0.7 * absolute(c) + 0.3 / 2 * squares(c))
    ),
    "GroupLasso": PenaltyCase(lambda mask, _: r.GroupLasso(mask), lambda c, s: s * norms(c) @ ROOTS),
    "GroupElasticNet": PenaltyCase(
        lambda mask, _: r.GroupElasticNet(0.7, mask),
        lambda c, s: s * (0.7 * norms(c) + 0.3 / 2 * norms(c) ** 2) @ ROOTS,
    ),
    "GroupMCP": PenaltyCase(
        lambda mask, _: r.GroupMCP(3.0, False, mask), lambda c, s: mcp(norms(c), s * ROOTS).sum(axis=-1)
    ),
    "GroupSCAD": PenaltyCase(
        lambda mask, _: r.GroupSCAD(4.0, False, mask), lambda c, s: scad(norms(c), s * ROOTS).sum(axis=-1)
    ),
    "SparseGroupLasso": PenaltyCase(
        lambda mask, _: r.SparseGroupLasso(0.5, mask),
        lambda c, s: s * (0.5 * norms(c) @ ROOTS + 0.5 * absolute(c)),
    ),
    "AdaptiveGroupLasso": PenaltyCase(
        lambda mask, pilot: r.AdaptiveGroupLasso(pilot, mask=mask), lambda c, s: s * norms(c) @ (ROOTS * [1.0, 2.0])
    ),
    "SmoothGroupLasso": PenaltyCase(
        lambda mask, _: r.SmoothGroupLasso(0.5, mask=mask), lambda c, s: s * norms(c) @ ROOTS
    ),
    "HierarchicalGroupLasso": PenaltyCase(
        lambda _, labels: r.HierarchicalGroupLasso(labels), hierarchical, needs_labels=True
    ),
    "OverlappingGroupLasso (latent)": PenaltyCase(
        lambda mask, _: r.OverlappingGroupLasso(mask=mask, weights=[1.0, 1.0]), latent, False
    ),
    "OverlappingGroupLasso (intersection)": PenaltyCase(
        lambda mask, _: r.OverlappingGroupLasso(mask=mask, form="intersection"),
        lambda c, s: s * norms(c, OVERLAP) @ OVERLAP_ROOTS,
        False,
    ),
}

STRENGTH = 0.03
FOLDS = BlockedFolds(2, n_blocks_per_fold=2)
ESTIMATORS = {
    "GLM": lambda family, penalty: GLM(family, None, penalty, STRENGTH, solver_kwargs=EXACT),
    "GLMCV": lambda family, penalty: GLMCV(
        family, None, penalty, solver_kwargs=EXACT, folds=FOLDS, strengths=[STRENGTH], n_jobs=1
    ),
}
# Estimators of several outputs are judged against these, output by output, in tests of their own.
ELSEWHERE = {
    "ClassifierGLM": "glm/test_classifier.py",
    "PopulationGLM": "glm/test_population.py",
    "ClassifierPopulationGLM": "glm/test_classifier_population.py",
}
# (family, penalty, estimator), "*" for any: why there is nothing to fit.
MEANINGLESS = {("*", "UnRegularized", "GLMCV"): "without a penalty there is no strength to choose"}


def reason_against(family: str, penalty: str, estimator: str) -> str | None:
    """Why a combination means nothing; None if it is to be fitted."""
    for pattern, reason in MEANINGLESS.items():
        if all(wanted in ("*", given) for wanted, given in zip(pattern, (family, penalty, estimator), strict=True)):
            return reason
    return None


# ---- The data, in every form -----------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
BASIS = FourierEval(2, label="a", bounds=(0, 1)) + FourierEval(2, label="b", bounds=(0, 1))
LAZY = BASIS.design(*RNG.random((2, N_SAMPLES)))
LEAVES = LAZY.to_tree()
MATRIX = np.hstack([LEAVES["a"], LEAVES["b"]])
INPUTS = {
    "array": lambda: MATRIX,
    "dict": lambda: LEAVES,
    "nested": lambda: [LEAVES["a"], (LEAVES["b"],)],
    "sparse": lambda: {label: scipy.sparse.csr_array(leaf) for label, leaf in LEAVES.items()},
    "design": lambda: as_design(LEAVES),
    "basis.design": lambda: LAZY,
}
SIGNAL = 0.6 * MATRIX[:, 0] - 0.4 * MATRIX[:, 1] + 0.1 * MATRIX[:, 2]
OBSERVED = {
    "Poisson": RNG.poisson(np.exp(SIGNAL)).astype(float),
    "Gamma": RNG.gamma(5.0, np.exp(-0.5 * SIGNAL) / 5.0),
    "Bernoulli": (RNG.random(N_SAMPLES) < 1 / (1 + np.exp(-2 * SIGNAL))).astype(float),
    "NegativeBinomial": RNG.poisson(np.exp(SIGNAL) * RNG.gamma(2.0, 0.5, N_SAMPLES)).astype(float),
    "Gaussian": SIGNAL + RNG.normal(0, 0.5, N_SAMPLES),
}
COMBINATIONS = [
    (family, penalty, estimator)
    for family in FAMILIES
    for penalty in PENALTIES
    for estimator in ESTIMATORS
    if reason_against(family, penalty, estimator) is None
]


def in_containers(kind: str, columns: np.ndarray):
    """An array whose last axis is the four coefficients, in the containers of the features."""
    if kind == "array":
        return columns
    a, b = columns[..., :2], columns[..., 2:]
    return [a, (b,)] if kind == "nested" else {"a": a, "b": b}


def inputs_of(penalty: str) -> dict[str, Callable]:
    """Kinds of input that a penalty takes."""
    return {kind: make for kind, make in INPUTS.items() if kind != "array" or not PENALTIES[penalty].needs_labels}


def regularizer_for(penalty: str, kind: str):
    """The penalty for one kind of input: by a mask where leaves are not the groups."""
    case = PENALTIES[penalty]
    if case.needs_labels:
        return case.make(None, {"1/0": ["0"]} if kind == "nested" else {"b": ["a"]})
    mask = None if case.on_leaves and kind != "array" else in_containers(kind, MASK if case.on_leaves else OVERLAP)
    return case.make(mask, in_containers(kind, PILOT))
