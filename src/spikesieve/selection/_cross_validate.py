"""Cross-validation along a whole path: all strengths of a fold in one warm path.

The held-out score is the deviance per time bin. For counts it is also given in bits per spike,

    (log-likelihood of the model - log-likelihood of the training mean rate) / (ln 2 * held-out spikes),

the gain in log-likelihood over a constant rate that Harris et al. (2003) introduced and Pillow et al.
(2008) report per spike. The constant is the mean of the *training* bins, so a held-out stretch with another
mean rate cannot flatter the model.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikesieve._types import Index, PyTree, Strengths
from spikesieve.selection._fold_threads import map_folds
from spikesieve.selection._folds import BlockedFolds
from spikesieve.selection._method import NotEnoughData
from spikesieve.selection._rows import count_rows, finite_rows, take_rows, with_rows
from spikesieve.solver import null_linear_predictor, one_blas_thread

_CHUNK_VALUES = 2**20
"""Linear predictors held at a time (rows times strengths): 8 MB."""


@dataclass(frozen=True)
class CrossValidation:
    """Held-out scores along a path, and the strengths that they choose.

    Attributes
    ----------
    strengths
        Regularization strengths, decreasing: those of `path`.
    deviance
        Mean held-out deviance per time bin, ``(n_folds, n_strengths)``: lower is better. NaN for a fold
        without a single complete held-out bin.
    bits_per_spike
        Held-out log-likelihood gained over the training mean rate [bits per spike], same shape; NaN
        for a fold without held-out spikes, None where `y` are not counts.
    n_held_out, n_held_out_spikes
        Complete held-out bins, and spikes in them, of each fold: the weights of the fold in means. Where the design
        carries weights, bins and spikes count by them, scaled to average 1.
    path
        The path fitted to all data.
    """

    strengths: Strengths
    deviance: np.ndarray = field(repr=False)
    bits_per_spike: np.ndarray | None = field(repr=False)
    n_held_out: np.ndarray = field(repr=False)
    n_held_out_spikes: np.ndarray = field(repr=False)
    path: Any = field(repr=False)

    @property
    def scores(self) -> np.ndarray:
        """Mean held-out deviance per bin over folds, ``(n_strengths,)``: what the rules minimise."""
        return self.mean_and_error("deviance")[0]

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard error of `scores` over folds, ``(n_strengths,)``."""
        return self.mean_and_error("deviance")[1]

    @property
    def strength_min(self) -> float:
        """Strength of the smallest mean held-out deviance; the largest of them if several tie.

        It predicts best and selects too much: a rule for prediction, not for which covariates matter.
        """
        return float(self.strengths[np.nanargmin(self.scores)])

    @property
    def strength_1se(self) -> float:
        """Largest strength whose score is within one standard error of the smallest.

        The rule of Breiman, Friedman, Olshen & Stone (1984), section 3.4.3. It keeps fewer false covariates than
        `strength_min`, but promises no error rate.
        """
        mean, error = self.mean_and_error("deviance")
        best = int(np.nanargmin(mean))
        return float(self.strengths[np.flatnonzero(mean <= mean[best] + error[best])[0]])

    @property
    def n_active(self) -> np.ndarray:
        """Groups that are not zero in the fit to all data, ``(n_strengths,)``."""
        return np.sum([norm > 0 for norm in self.path.group_norms.values()], axis=0)

    def selected(self, rule: str = "1se") -> tuple[str, ...]:
        """Labels of the groups that are not zero in the fit to all data at the strength a rule chooses.

        Parameters
        ----------
        rule
            ``"1se"`` or ``"min"``.

        Raises
        ------
        ValueError
            If `rule` is neither, or the penalty removes no groups (Ridge), so that there is nothing to select.
        """
        if not self.path.group_labels:
            raise ValueError("This penalty keeps every covariate, so no rule selects among them: use GroupLasso.")
        if rule not in ("1se", "min"):
            raise ValueError(f"rule must be '1se' or 'min'; got {rule!r}.")
        chosen = self.strength_1se if rule == "1se" else self.strength_min
        at = int(np.flatnonzero(self.strengths == chosen)[0])
        return tuple(label for label, norm in self.path.group_norms.items() if norm[at] > 0)

    def mean_and_error(self, quantity: str = "deviance") -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard error over folds of ``"deviance"`` or ``"bits_per_spike"``, each ``(n_strengths,)``.

        Folds weigh by what their score is a mean of (bins, or spikes), so that folds shortened by missing
        data do not count as whole ones. With equal weights the error is the usual
        ``std(ddof=1) / sqrt(n_folds)``.
        """
        folds = getattr(self, quantity)
        if folds is None:
            raise ValueError("Bits per spike are defined for spike counts only.")
        size = self.n_held_out if quantity == "deviance" else self.n_held_out_spikes
        used = size > 0
        weight = (size[used] / size[used].sum())[:, None]
        mean = (weight * folds[used]).sum(axis=0)
        # An infinite score (a silent prediction where there was a spike) has no finite error.
        with np.errstate(invalid="ignore"):
            variance = (weight * (folds[used] - mean) ** 2).sum(axis=0) / (used.sum() - 1)
        return mean, np.sqrt(variance)

    def plot(self, quantity: str = "deviance", ax=None):
        """Draw ``"deviance"`` or ``"bits_per_spike"`` against strength; returns the Axes."""
        from spikesieve.plotting import plot_cross_validation

        return plot_cross_validation(self, quantity, ax=ax)


def cross_validate(
    model: Any,
    X: PyTree,
    y: Any,
    folds: Any = None,
    strengths: Any = None,
    n_strengths: int = 100,
    min_ratio: float = 1e-3,
    n_jobs: int | None = 1,
) -> CrossValidation:
    """Score a model on held-out stretches of time, at every strength of its path.

    Each fold is one warm path over the strengths of the path fitted to all data. Bins with a NaN or an infinity
    are neither trained on nor scored.

    Parameters
    ----------
    model
        An estimator with `fit_path`, e.g. `spikesieve.glm.GLM`. It is not changed.
    X
        Features: an array, a pytree of arrays, or a design.
    y
        Spikes per bin, ``(n_samples,)``.
    folds
        `BlockedFolds`, `TrialFolds` or any splitter of scikit-learn. None takes ``BlockedFolds(5)``: give it
        a `gap`, which only you can choose.
    strengths
        Regularization strengths. None takes `n_strengths` of them, geometrically from the largest useful one
        down to `min_ratio` times that.
    n_strengths, min_ratio
        See `strengths`. A hundred steps over three decades are 7 % apart, finer than the score can tell.
    n_jobs
        Folds fitted side by side, in threads; None or -1 uses every core. The result is the same. Each fold holds a
        copy of its rows, which is small for designs.

    Raises
    ------
    ValueError
        If `X` and `y` differ in length or `y` has more than one column; as `NotEnoughData` if a fold has no spikes to
        train on, or fewer than two folds can be scored.

    References
    ----------
    Harris, K. D., Csicsvari, J., Hirase, H., Dragoi, G. & Buzsaki, G. (2003). Organization of cell
    assemblies in the hippocampus. Nature 424, 552-556. doi:10.1038/nature01834
    Pillow, J. W. et al. (2008). Spatio-temporal correlations and visual signalling in a complete neuronal
    population. Nature 454, 995-999. doi:10.1038/nature07140
    """
    if not hasattr(model, "fit_path"):
        raise TypeError(f"model must have fit_path, as spikesieve.glm.GLM has; got {type(model).__name__}.")
    if hasattr(y, "split"):
        raise TypeError("y must be counts, but it is a splitter: the order is cross_validate(model, X, y, folds).")
    if folds is not None and (isinstance(folds, str | bytes) or not hasattr(folds, "split")):
        raise TypeError(f"folds must have a split method, e.g. BlockedFolds(5); got {type(folds).__name__}.")
    X, counts = with_rows(X), np.asarray(y, dtype=np.float64)
    complete = _complete_rows(X, counts)
    weight = _relative_weight(X, complete)
    complete &= weight > 0
    path = _finished(model.fit_path(X, y, strengths=strengths, n_strengths=n_strengths, min_ratio=min_ratio))
    are_counts = _are_counts(counts[complete])
    splits = (BlockedFolds(5) if folds is None else folds).split(X, counts)
    pieces = [(train[complete[train]], test[complete[test]]) for train, test in splits]
    for fold, (train, _) in enumerate(pieces):
        _check_training(counts[train], are_counts, fold)

    def scores(model, split):
        train, test = split
        fold_path = _finished(model.fit_path(take_rows(X, train), counts[train], strengths=path.strengths))
        return _score(model, fold_path, X, counts, weight, train, test)

    scored = map_folds(scores, model, pieces, n_jobs)
    deviance, null_deviance, n_held_out, n_spikes = (np.array(column) for column in zip(*scored, strict=True))
    if (n_held_out > 0).sum() < 2:
        raise NotEnoughData("Fewer than two folds have a complete held-out bin: there is nothing to compare.")
    return CrossValidation(
        strengths=path.strengths,
        deviance=_per(deviance, n_held_out),
        bits_per_spike=_per((null_deviance[:, None] - deviance) / (2 * np.log(2)), n_spikes) if are_counts else None,
        n_held_out=n_held_out,
        n_held_out_spikes=n_spikes,
        path=path,
    )


def _score(estimator, path, X, y, weight, train: Index, test: Index) -> tuple[np.ndarray, float, float, float]:
    """Summed held-out deviance at each strength and of the null model, held-out bins and spikes, all weighted.

    Twice a difference of log-likelihoods is a difference of deviances: the deviance alone gives both scores.
    """
    family = estimator.family
    offset = getattr(X, "offset", None)
    null = np.full(len(test), _null_intercept(family, y, weight, offset, train))
    null += 0.0 if offset is None else offset[test]
    deviance = np.zeros(len(path.strengths))
    n_rows = max(_CHUNK_VALUES // len(path.strengths), 1)
    with one_blas_thread(2, len(path.strengths)):  # or its last bits would depend on n_jobs
        for start in range(0, len(test), n_rows):
            rows = test[start : start + n_rows]
            predictor = estimator.path_linear_predictor(path, take_rows(X, rows))
            deviance += weight[rows] @ family.deviance(predictor, y[rows, None])
        null_deviance = weight[test] @ family.deviance(null, y[test])
    return deviance, float(null_deviance), float(weight[test].sum()), float(weight[test] @ y[test])


def _null_intercept(family, y, weight, offset, train: Index) -> float:
    """Intercept of the model of the training bins without covariates."""
    own = None if offset is None else offset[train]
    return (null_linear_predictor(family, y[train], own, weight[train]) - (0.0 if own is None else own))[0]


def _relative_weight(X: PyTree, complete: np.ndarray) -> np.ndarray:
    """Weights that a design carries, scaled to average 1 over the complete bins that weigh anything; else 1."""
    weight = getattr(X, "sample_weight", None)
    if weight is None:
        return np.ones(len(complete))
    weight = np.nan_to_num(weight)
    used = complete & (weight > 0)
    return weight / weight[used].mean() if used.any() else weight


def _complete_rows(X: PyTree, y: np.ndarray) -> np.ndarray:
    if y.ndim != 1:
        raise ValueError(f"y must be the counts of one neuron, (n_samples,); its shape is {y.shape}.")
    if count_rows(X) != len(y):
        raise ValueError(f"X has {count_rows(X)} samples but y has {len(y)}.")
    return finite_rows(X) & np.isfinite(y)


def _are_counts(y: np.ndarray) -> bool:
    return bool((y >= 0).all() and (y == np.round(y)).all())


def _check_training(y: np.ndarray, are_counts: bool, fold: int) -> None:
    if len(y) == 0:
        raise NotEnoughData(f"Fold {fold} has no complete bin to train on; check X and y for NaN.")
    if are_counts and not y.any():
        raise NotEnoughData(
            f"Fold {fold} has no spikes to train on: the neuron fires too little, or all in one stretch; use fewer "
            "folds or a smaller gap, or leave this neuron out."
        )


def _finished(path):
    """Scores of a part of the strengths would choose among that part: an interrupt ends it all."""
    if getattr(path, "interrupted", False):
        raise KeyboardInterrupt
    return path


def _per(totals: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """``totals / sizes`` per fold, NaN where there is nothing to divide by."""
    return totals / np.where(sizes > 0, sizes, np.nan)[:, None]
