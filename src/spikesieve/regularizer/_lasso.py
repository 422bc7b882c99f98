"""Penalties on single coefficients that set some of them to zero: the lasso and the elastic net."""

import numpy as np

from spikesieve._tree import CoefLayout
from spikesieve.regularizer._base import Regularizer, checked_strengths, scalar_strength, strength_per_coef
from spikesieve.regularizer._output_groups import output_name
from spikesieve.regularizer._penalty import Penalty


class Lasso(Regularizer):
    """``strength * sum_j |coef_j|``: single coefficients are kept or removed.

    The strength may be a scalar, or a tree like the coefficients with a scalar or an array per leaf; a coefficient of
    strength 0 is unpenalised. For whole covariates in or out see `GroupLasso`.

    References
    ----------
    Tibshirani (1996), J. R. Stat. Soc. B 58, 267-288. doi:10.1111/j.2517-6161.1996.tb02080.x
    """

    selects = True

    def bind(self, layout, strength):
        scalar = scalar_strength(strength)
        per_coef = np.ones(layout.n_coef) if scalar is not None else strength_per_coef(layout, strength)
        return _elementwise(layout, per_coef, np.zeros(layout.n_coef)), 1.0 if scalar is None else scalar


class ElasticNet(Regularizer):
    """``strength * sum_j (ratio * |coef_j| + (1 - ratio) / 2 * coef_j^2)``: sparse, but correlated features share.

    Parameters
    ----------
    ratio
        Share of the lasso, in (0, 1]; 1 is the lasso. The strength may bring its own.

    Notes
    -----
    The strength may be a scalar, a tree like the coefficients with a scalar or an array per leaf, or, as in NeMoS, a
    tuple ``(strength, ratio)`` of either: a tuple of two is always read so.

    References
    ----------
    Zou & Hastie (2005), J. R. Stat. Soc. B 67, 301-320, in the parametrisation of Friedman, Hastie & Tibshirani (2010),
    J. Stat. Softw. 33(1). doi:10.1111/j.1467-9868.2005.00503.x

    Examples
    --------
    >>> from spikesieve.glm import GLM
    >>> model = GLM(regularizer="ElasticNet", regularizer_strength=(0.1, 0.7))
    >>> model = GLM(regularizer=ElasticNet(ratio=0.7), regularizer_strength=0.1)  # the same
    """

    selects = True

    def __init__(self, ratio=0.5):
        self.ratio = ratio

    def bind(self, layout, strength):
        strength, ratio = _split(strength, self.ratio)
        scalar = scalar_strength(strength)
        per_coef = np.ones(layout.n_coef) if scalar is not None else strength_per_coef(layout, strength)
        is_tree = isinstance(ratio, dict | list | tuple) or np.ndim(ratio) > 0
        ratios = checked_ratio(strength_per_coef(layout, ratio, "ratio of an elastic net") if is_tree else ratio)
        penalty = _elementwise(layout, per_coef * ratios, per_coef * (1.0 - ratios))
        return penalty, 1.0 if scalar is None else scalar

    def strength_at(self, given, strength):
        inner, ratio = _split(given, self.ratio)
        at = super().strength_at(inner, strength)
        return at if inner is given else (at, ratio)


def checked_ratio(ratio) -> np.ndarray:
    """Share of the norm in an elastic net, a number or one per coefficient."""
    values = checked_strengths(ratio, "ratio of an elastic net")
    if not ((values > 0) & (values <= 1)).all():
        wrong = values if values.ndim == 0 else values[(values <= 0) | (values > 1)][0]
        raise ValueError(f"ratio of an elastic net must be in (0, 1], got {wrong}; for 0 use Ridge.")
    return values


def _split(strength, ratio):
    return strength if isinstance(strength, tuple) and len(strength) == 2 else (strength, ratio)


def _elementwise(layout: CoefLayout, weights: np.ndarray, quadratic: np.ndarray) -> Penalty:
    """Groups of one, of all coefficients with a positive weight."""
    labels = [
        _name(label, layout.names_of(label), index)
        for label, shape in zip(layout.labels, layout.leaf_shapes, strict=True)
        for index in np.ndindex(*shape)
    ]
    kept = np.flatnonzero(weights > 0)
    return Penalty(layout.n_coef, tuple(kept[:, None]), weights[kept], tuple(labels[j] for j in kept), quadratic)


def _name(label: str, columns: tuple[str, ...] | None, index: tuple[int, ...]) -> str:
    """What one coefficient is called: its place in the leaf, or the name of its column where it has one.

    Examples
    --------
    >>> _name("speed", None, (2,)), _name("", ("slow", "fast"), (1,)), _name("speed", ("slow", "fast"), (1, 0))
    ('speed[2]', 'fast', 'speed[fast,0]')
    """
    if columns is None:
        return (label or "X") + output_name(index)
    column, outputs = columns[index[0]], index[1:]
    if not label:
        return column + (output_name(outputs) if outputs else "")
    return f"{label}[{','.join([column, *map(str, outputs)])}]"
