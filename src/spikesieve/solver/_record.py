"""`Path`: what a fit along strengths returns, certificate included."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spikesieve._errors import Status
from spikesieve._tree import CoefLayout
from spikesieve._types import PyTree, Strengths
from spikesieve.regularizer import Expansion


@dataclass(frozen=True)
class Path:
    """Solutions along decreasing strengths, each with the certificate of its optimality.

    Everything is per strength, in the order of `strengths`. Coefficients come as the features came: one
    array, or the same pytree with one array per leaf.

    Attributes
    ----------
    strengths
        Regularization strengths, decreasing, on the scale of the objective: mean negative log-likelihood
        per bin plus strength times penalty.
    strength_max
        The smallest strength at which every penalised group is exactly zero.
    intercept
        Intercepts on the scale of the linear predictor, shape ``(n_strengths,)``; with several outputs
        ``(n_strengths, n_outputs)``.
    loss
        Mean negative log-likelihood per sample, without terms that depend on the counts alone.
    objective
        Loss plus penalty: what was minimised.
    deviance_explained
        Share of the null model's deviance that the model explains (0 for the null model, 1 if saturated).
    kkt_residual
        Largest distance, over groups, of the gradient from the optimality condition, divided by the
        group's weight so that it is on the scale of the strengths. Zero at the exact solution.
    duality_gap
        Upper bound on ``objective`` minus its minimum; NaN where loss or penalty is not convex.
    status
        A `Status` per strength.
    n_iterations, n_passes, n_hessians
        Newton steps, passes over the rows, and Hessians that each strength took.
    tolerance
        The KKT residual that was asked for, absolute.
    interrupted
        True if the user stopped the path: it then holds the strengths that were finished.
    null_status
        How the fit of the intercepts alone ended, against which deviances are explained.
    """

    strengths: Strengths
    strength_max: float
    coef_matrix: np.ndarray = field(repr=False)
    intercept: np.ndarray = field(repr=False)
    loss: np.ndarray = field(repr=False)
    objective: np.ndarray = field(repr=False)
    deviance_explained: np.ndarray = field(repr=False)
    kkt_residual: np.ndarray = field(repr=False)
    duality_gap: np.ndarray = field(repr=False)
    status: tuple[Status, ...] = field(repr=False)
    n_iterations: np.ndarray = field(repr=False)
    n_passes: np.ndarray = field(repr=False)
    n_hessians: np.ndarray = field(repr=False)
    tolerance: float
    group_labels: tuple[str, ...]
    group_norm_matrix: np.ndarray = field(repr=False)
    layout: CoefLayout = field(repr=False)
    interrupted: bool = False
    null_status: Status = Status.CONVERGED
    fitted_at: Callable[[float], Any] | None = field(default=None, repr=False)

    @property
    def coef(self) -> PyTree:
        """Coefficients as the features came; every leaf has shape ``(n_strengths, n_coef_of_leaf)``."""
        return self.layout.to_tree(self.coef_matrix)

    @property
    def group_norms(self) -> dict[str, np.ndarray]:
        """Euclidean norm of each group's coefficients, ``{label: (n_strengths,)}``."""
        return {label: self.group_norm_matrix[:, g] for g, label in enumerate(self.group_labels)}

    @property
    def converged(self) -> np.ndarray:
        """Whether each solution's certificate is within the tolerance, shape ``(n_strengths,)``."""
        return np.array([status is Status.CONVERGED for status in self.status], dtype=bool)

    def entry_strengths(self) -> dict[str, float]:
        """Largest strength of the path at which each group is not zero, ``{label: strength}``.

        A group that never enters has strength 0. The order of entry is an order, not a test: see
        `spikesieve.selection` for answers with an error rate.
        """
        active = self.group_norm_matrix > 0
        return {
            label: float(self.strengths[active[:, g]].max(initial=0.0)) for g, label in enumerate(self.group_labels)
        }

    def expanded(self, expansion: Expansion) -> "Path":
        """Return a path on latent coefficients as one on the coefficients that they make."""
        return replace(
            self,
            coef_matrix=expansion.to_coef(self.coef_matrix),
            group_norm_matrix=expansion.norms(self.coef_matrix),
            group_labels=expansion.labels,
        )

    def only(self, index: int) -> "Path":
        """Return the path of the one strength at `index`."""
        one = slice(index, index + 1)
        per_strength = (
            "strengths coef_matrix intercept loss objective deviance_explained kkt_residual duality_gap status "
            "n_iterations n_passes n_hessians group_norm_matrix"
        ).split()
        return replace(self, fitted_at=None, **{name: getattr(self, name)[one] for name in per_strength})

    def at(self, strength: float) -> Any:
        """Return the fitted model at `strength`, solved from the nearest one of the path if it lies between."""
        if self.fitted_at is None:
            raise ValueError("This path was not made by an estimator; call fit_path of a GLM to have .at().")
        return self.fitted_at(strength)

    def plot(self, quantity: str = "group_norms", ax=None):
        """Draw ``"group_norms"`` or ``"deviance_explained"`` against strength; returns the Axes."""
        from spikesieve.plotting import plot_path

        return plot_path(self, quantity, ax=ax)
