"""`GLMCV`: a GLM that chooses its strength by cross-validation."""

import copy

from spikesieve._arguments import is_word, shown
from spikesieve._types import PyTree
from spikesieve.design import as_design
from spikesieve.glm._glm import GLM
from spikesieve.solver import Path, as_counts

_RULES = ("min", "1se")


class GLMCV(GLM):
    """Generalized linear model whose regularization strength is chosen by cross-validation along the whole path.

    ``fit`` does what `spikesieve.selection.cross_validate` does, and takes the solution at the chosen strength from the
    path fitted to all data. Everything else is as in `GLM`.

    Parameters
    ----------
    observation_model, inverse_link_function, solver_name, solver_kwargs
        As in `GLM`.
    regularizer
        As in `GLM`, but ``"GroupLasso"`` by default: without a penalty there is nothing to choose.
    regularizer_strength
        One per group or leaf, they multiply every strength of the path; None weighs all alike, and so does one number.
    folds
        How to split time: `spikesieve.selection.BlockedFolds`, `TrialFolds`, or a splitter of scikit-learn. None takes
        ``BlockedFolds(5)``: give it a `gap` as long as the covariates' memory.
    strengths
        Strengths to choose among. None takes `n_strengths`, geometrically from the largest useful one down to
        `min_ratio` times that; penalties that remove no groups (Ridge) have no largest one and need `strengths`.
    n_strengths, min_ratio
        See `strengths`.
    rule
        ``"min"``: the strength that predicts best. ``"1se"``: the largest whose score is within one standard error of
        the best, which keeps fewer false covariates. Neither promises an error rate: see
        `spikesieve.selection.CovariateSelector`.
    n_jobs
        Folds fitted side by side; None or -1 uses every core.

    Attributes
    ----------
    strength_
        The chosen strength.
    cv_
        The `CrossValidation`: scores of every fold and strength, and the path fitted to all data.
    coef_, intercept_, scale_, dof_resid_, solution_, n_iter_
        As in `GLM`, at the chosen strength.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = {"position": rng.normal(size=(600, 3)), "speed": rng.normal(size=(600, 2))}
    >>> counts = rng.poisson(np.exp(X["position"] @ [0.8, -0.5, 0.3] - 1.0))
    >>> model = GLMCV(n_strengths=20, rule="1se").fit(X, counts)
    >>> bool(np.any(model.coef_["position"])), bool(np.any(model.coef_["speed"]))
    (True, False)
    >>> model.strength_ == model.cv_.strength_1se
    True
    """

    def __init__(
        self,
        observation_model="Poisson",
        inverse_link_function=None,
        regularizer="GroupLasso",
        regularizer_strength=None,
        solver_name=None,
        solver_kwargs=None,
        folds=None,
        strengths=None,
        n_strengths=100,
        min_ratio=1e-3,
        rule="min",
        n_jobs=None,
    ):
        super().__init__(
            observation_model,
            inverse_link_function,
            regularizer,
            regularizer_strength,
            solver_name,
            solver_kwargs,
            n_jobs=n_jobs,
        )
        del self.warm_start  # every path starts at the null model
        self.folds = folds
        self.strengths = strengths
        self.n_strengths = n_strengths
        self.min_ratio = min_ratio
        self.rule = rule

    def fit(self, X: PyTree, y, init_params=None, *, sample_weight=None, offset=None) -> "GLMCV":
        """Cross-validate, and take over the model at the chosen strength.

        Parameters
        ----------
        X, y, sample_weight, offset
            As in ``GLM.fit``; weights and offsets count in the scores of held-out bins too.
        init_params
            Not used: every path starts at the null model.

        Raises
        ------
        ValueError, TypeError
            As ``GLM.fit`` and `spikesieve.selection.cross_validate`; or if `rule` is unknown.
        """
        del init_params
        if not is_word(self.rule, _RULES):
            raise ValueError(f"rule must be 'min' or '1se', got {shown(self.rule)}.")
        design = as_design(X)
        counts = as_counts(y, design.n_samples)
        if len(counts) < 2:
            raise ValueError(f"Cross-validation needs samples to hold out, but got n_samples={len(counts)}.")
        if sample_weight is not None:
            design = design.with_weight(sample_weight)
        if offset is not None:
            design = design.with_offset(offset)
        from spikesieve.selection import cross_validate  # 75 ms that programs without it need not wait for

        cv = cross_validate(
            self._plain(),
            design,
            counts,
            self.folds,
            strengths=self.strengths,
            n_strengths=self.n_strengths,
            min_ratio=self.min_ratio,
            n_jobs=self.n_jobs,
        )
        strength = cv.strength_min if self.rule == "min" else cv.strength_1se
        chosen = cv.path.at(strength)
        fitted = copy.copy(self)
        for name in vars(chosen).keys() - set(chosen.get_params(deep=False)):
            setattr(fitted, name, getattr(chosen, name))
        self.adopt(fitted)
        self.cv_, self.strength_ = cv, strength
        return self

    def fit_path(self, X: PyTree, y, strengths=None, **options) -> Path:
        """Fit the path without cross-validation, as ``GLM.fit_path``."""
        return self._plain().fit_path(X, y, strengths, **options)

    def _plain(self) -> GLM:
        """The same model without the choice of its strength."""
        shared = set(GLM._parameter_names()) & set(self._parameter_names())
        return GLM(**{name: getattr(self, name) for name in shared})
