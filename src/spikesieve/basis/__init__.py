"""Bases: covariates in, features out.

A basis describes how the expected count may depend on a covariate, one family a class. ``a + b`` models two
covariates side by side, ``a * b`` their joint function.
"""

from spikesieve.basis._base import Basis, Component
from spikesieve.basis._bspline import BSplineEval
from spikesieve.basis._composite import AdditiveBasis, MultiplicativeBasis
from spikesieve.basis._cyclic_bspline import CyclicBSplineEval
from spikesieve.basis._identity import IdentityEval
from spikesieve.basis._raised_cosine import RaisedCosineLinearEval

__all__ = [
    "AdditiveBasis",
    "BSplineEval",
    "Basis",
    "Component",
    "CyclicBSplineEval",
    "IdentityEval",
    "MultiplicativeBasis",
    "RaisedCosineLinearEval",
]
