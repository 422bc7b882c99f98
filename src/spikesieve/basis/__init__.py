"""Bases: covariates in, features out.

A basis describes how the expected count may depend on a covariate, one family a class: of its momentary value
(``...Eval``) or of its recent past (``...Conv``). ``a + b`` models two covariates side by side, ``a * b`` their
joint function.
"""

from typing import TYPE_CHECKING

from spikesieve.basis._base import Basis, Component
from spikesieve.basis._bspline import BSplineConv, BSplineEval
from spikesieve.basis._category import Category
from spikesieve.basis._composite import AdditiveBasis, MultiplicativeBasis
from spikesieve.basis._custom import CustomBasis
from spikesieve.basis._cyclic_bspline import CyclicBSplineConv, CyclicBSplineEval
from spikesieve.basis._fourier import FourierConv, FourierEval
from spikesieve.basis._history import HistoryConv
from spikesieve.basis._identity import IdentityEval
from spikesieve.basis._mspline import MSplineConv, MSplineEval
from spikesieve.basis._orth_exponential import OrthExponentialConv, OrthExponentialEval
from spikesieve.basis._raised_cosine import RaisedCosineLinearConv, RaisedCosineLinearEval
from spikesieve.basis._raised_cosine_log import RaisedCosineLogConv, RaisedCosineLogEval
from spikesieve.basis._zero import Zero

if TYPE_CHECKING:
    from spikesieve.basis._transformer import TransformerBasis

__all__ = [
    "AdditiveBasis",
    "BSplineConv",
    "BSplineEval",
    "Basis",
    "Category",
    "Component",
    "CustomBasis",
    "CyclicBSplineConv",
    "CyclicBSplineEval",
    "FourierConv",
    "FourierEval",
    "HistoryConv",
    "IdentityEval",
    "MSplineConv",
    "MSplineEval",
    "MultiplicativeBasis",
    "OrthExponentialConv",
    "OrthExponentialEval",
    "RaisedCosineLinearConv",
    "RaisedCosineLinearEval",
    "RaisedCosineLogConv",
    "RaisedCosineLogEval",
    "TransformerBasis",
    "Zero",
]


def __getattr__(name: str):
    # scikit-learn takes a second to import, which a program without a pipeline should not pay.
    if name == "TransformerBasis":
        from spikesieve.basis._transformer import TransformerBasis

        return TransformerBasis
    raise AttributeError(f"module 'spikesieve.basis' has no attribute {name!r}.")
