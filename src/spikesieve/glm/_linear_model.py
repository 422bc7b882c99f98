"""What all models with coefficients share: their penalty, where a fit starts, which features they know."""

import warnings
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from spikesieve._arguments import as_floats, check_flag
from spikesieve._errors import callers_level
from spikesieve._progress import PathProgress
from spikesieve._tree import CoefLayout
from spikesieve._types import Coef, Intercepts, PyTree, Strengths
from spikesieve.design import Design, as_design
from spikesieve.glm._estimator import Estimator
from spikesieve.glm._feature_names import check_column_names
from spikesieve.glm._path_strengths import path_strengths
from spikesieve.regularizer import BoundPenalty, GroupRegularizer, Regularizer, resolve_regularizer
from spikesieve.solver import Path, Sample


class LinearModel(Estimator, ABC):
    """Base of estimators with ``regularizer``, ``regularizer_strength`` and ``warm_start`` among their arguments."""

    default_regularizer: str = "UnRegularized"
    """What ``regularizer=None`` stands for."""
    regularizer: Any
    regularizer_strength: Any
    warm_start: bool
    coef_: PyTree
    intercept_: np.ndarray
    _layout: CoefLayout

    @property
    def regularizer_kind(self) -> Regularizer:
        """The regularizer, resolved from the constructor's argument."""
        return resolve_regularizer(self.default_regularizer if self.regularizer is None else self.regularizer)

    def penalty(self, layout: CoefLayout, scalar: float | None = None):
        """Penalty over the features and its strength; `scalar` stands in for a scalar strength."""
        kind = self.regularizer_kind
        strength = self.regularizer_strength
        if isinstance(kind, GroupRegularizer) and not kind.has_own_groups and layout.structure.is_leaf:
            name = type(kind).__name__
            warnings.warn(
                f"{name} on a plain array without a mask makes one group of all features: they enter or leave "
                f"together. Pass a dict of arrays for one group per covariate, or {name}(groups=...), which takes the "
                "names of columns where X is a data frame.",
                UserWarning,
                stacklevel=callers_level(),
            )
        if strength is None:
            strength = 1.0 if scalar is None else scalar
            if kind.uses_strength and scalar is None:
                warnings.warn(
                    f"regularizer_strength was not given, so {type(kind).__name__} uses 1.0. Choose it from a path: "
                    "fit_path shows every strength that matters.",
                    UserWarning,
                    stacklevel=callers_level(),
                )
        return kind.bind(layout, strength)

    def adopt(self, fitted: "LinearModel") -> Self:
        """Take over all that a copy of this model has learned, at once: a fit that fails on the way changes nothing."""
        vars(self).clear()
        vars(self).update(vars(fitted))
        return self

    def set_layout(self, layout: CoefLayout) -> None:
        """Remember the features, and how scikit-learn calls them."""
        self._layout = layout
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)
        if layout.structure.is_leaf:
            self.n_features_in_ = layout.with_outputs().n_coef
            names = layout.names_of("")
            if names is not None:
                self.feature_names_in_ = np.array(names, dtype=object)

    def _start(self, params, layout: CoefLayout):
        """Intercepts and flat coefficients to start from: those given, else of the last fit; None for neither."""
        if params is not None:
            return parameters(params, layout)
        known = self._layout if check_flag(self.warm_start, "warm_start") and hasattr(self, "coef_") else None
        if known is None or (known.labels, known.leaf_shapes) != (layout.labels, layout.leaf_shapes):
            return None
        return parameters((self.coef_, self.intercept_), layout)

    def known_features(self, X: PyTree, offset=None) -> Design:
        """Features as a design, checked to be those that the model was fitted on."""
        self.check_is_fitted()
        design = as_design(X, offset)
        self.check_layout(design)
        return design

    def check_layout(self, design: Design) -> None:
        """Raise if the features of `design` are not those that the model was fitted on."""
        fitted = self._layout.with_outputs()
        if design.layout.labels != fitted.labels:
            raise ValueError(
                f"X has features {list(design.layout.labels)} but the model was fitted on {list(fitted.labels)}."
            )
        check_column_names(design.layout, fitted, type(self).__name__)
        for label, given, known in zip(fitted.labels, design.layout.leaf_slices, fitted.leaf_slices, strict=True):
            if given.stop - given.start != known.stop - known.start:
                raise ValueError(
                    f"X{f'[{label!r}]' if label else ''} has {given.stop - given.start} features, but "
                    f"{type(self).__name__} is expecting {known.stop - known.start} features as input."
                )


class SingleModel(LinearModel):
    """Base of models of one neuron: how ``fit`` and ``fit_path`` go on once the rows are checked."""

    @abstractmethod
    def fit_sample(self, sample: Sample, penalty: BoundPenalty, strength: float, start=None) -> Self:
        """Fit at one strength; `start` are intercepts and flat coefficients."""

    @abstractmethod
    def path_of_sample(self, sample: Sample, penalty: BoundPenalty, strengths: Strengths | None, **options) -> Path:
        """Fit at several strengths, None for those that the solver chooses."""

    def fit_rows(self, sample: Sample, init_params, *output_shape: int) -> Self:
        """Fit to checked rows."""
        layout = sample.design.layout.with_outputs(*output_shape)
        penalty, strength = self.penalty(layout)
        return self.fit_sample(sample, penalty, strength, self._start(init_params, layout))

    def follow_rows(self, sample: Sample, strengths, n_strengths: int, min_ratio: float, *output_shape: int) -> Path:
        """Fit a path to checked rows."""
        penalty, _ = self.penalty(sample.design.layout.with_outputs(*output_shape), scalar=1.0)
        strengths = path_strengths(self.regularizer_kind, penalty, strengths, n_strengths, min_ratio)
        grid = {"n_strengths": n_strengths, "min_ratio": min_ratio}
        with PathProgress("Fitting the path") as progress:
            return self.path_of_sample(sample, penalty, strengths, progress=progress, **grid)


def parameters(params, layout: CoefLayout) -> tuple[Intercepts, Coef]:
    """Intercepts and flat coefficients from a user's ``(coef, intercept)``.

    Raises
    ------
    ValueError, TypeError
        If it is no such pair, not shaped as the model's, or not finite.
    """
    try:
        coef, intercept = params
    except (TypeError, ValueError) as error:
        raise ValueError("init_params must be a pair (coef, intercept).") from error
    flat, bias = layout.to_flat(coef, "init_params[0]"), as_floats(intercept, "init_params[1]")
    if bias.size != layout.n_outputs or not (np.isfinite(bias).all() and np.isfinite(flat).all()):
        wanted = "a single intercept" if layout.n_outputs == 1 else f"{layout.n_outputs} intercepts"
        raise ValueError(f"init_params must be finite, with {wanted}.")
    return bias.ravel(), flat
