"""What all models with coefficients share: their penalty, where a fit starts, which features they know."""

import warnings
from typing import Any

import numpy as np

from spikesieve._tree import CoefLayout
from spikesieve._types import PyTree
from spikesieve.design import Design
from spikesieve.glm._estimator import Estimator
from spikesieve.regularizer import GroupRegularizer, Regularizer, resolve_regularizer


class LinearModel(Estimator):
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
                f"together. Pass a dict of arrays for one group per covariate, or {name}(groups=...).",
                UserWarning,
                stacklevel=3,
            )
        if strength is None:
            strength = 1.0 if scalar is None else scalar
            if kind.uses_strength and scalar is None:
                warnings.warn(
                    f"regularizer_strength was not given, so {type(kind).__name__} uses 1.0. Choose it from a path: "
                    "fit_path shows every strength that matters.",
                    UserWarning,
                    stacklevel=3,
                )
        return kind.bind(layout, strength)

    def _start(self, params, layout: CoefLayout):
        if params is None:
            known = self._layout if self.warm_start and hasattr(self, "coef_") else None
            if known is None or (known.labels, known.output_shape) != (layout.labels, layout.output_shape):
                return None
            params = (self.coef_, self.intercept_)
        try:
            coef, intercept = params
        except (TypeError, ValueError) as error:
            raise ValueError("init_params must be a pair (coef, intercept).") from error
        flat, bias = layout.to_flat(coef, "init_params[0]"), np.asarray(intercept, dtype=np.float64)
        if bias.size != layout.n_outputs or not (np.isfinite(bias).all() and np.isfinite(flat).all()):
            wanted = "a single intercept" if layout.n_outputs == 1 else f"{layout.n_outputs} intercepts"
            raise ValueError(f"init_params must be finite, with {wanted}.")
        return bias.ravel(), flat

    def check_layout(self, design: Design) -> None:
        """Raise if the features of `design` are not those that the model was fitted on."""
        fitted = self._layout.with_outputs()
        if design.layout.labels != fitted.labels:
            raise ValueError(
                f"X has features {list(design.layout.labels)} but the model was fitted on {list(fitted.labels)}."
            )
        for label, given, known in zip(fitted.labels, design.layout.leaf_slices, fitted.leaf_slices, strict=True):
            if given.stop - given.start != known.stop - known.start:
                raise ValueError(
                    f"X{f'[{label!r}]' if label else ''} has {given.stop - given.start} features, but "
                    f"{type(self).__name__} is expecting {known.stop - known.start} features as input."
                )
