"""`GLM`: one neuron's counts given covariates, with scikit-learn's manners."""

import warnings
from dataclasses import dataclass, replace

import numpy as np

from spikesieve._errors import Status
from spikesieve._tree import CoefLayout, map_leaves
from spikesieve._types import PyTree, Strengths
from spikesieve.design import Design
from spikesieve.glm._estimator import Estimator
from spikesieve.glm._inputs import Sample, as_counts, as_design, finite_sample, solver_options
from spikesieve.glm._progress import PathProgress
from spikesieve.glm._randomness import as_generator
from spikesieve.glm._scores import score_of
from spikesieve.observation_models import ObservationModel, resolve_observation_model
from spikesieve.regularizer import GroupLasso, checked_strengths, resolve_regularizer, scalar_strength
from spikesieve.solver import Path, path


class GLM(Estimator):
    """Generalized linear model of one neuron: ``counts ~ family(inverse_link(X @ coef + intercept))``.

    ``fit`` minimises the mean negative log-likelihood per bin plus ``regularizer_strength`` times the penalty, to a
    certified optimum; ``fit_path`` does so along a whole sequence of strengths in about the time of one.

    Parameters
    ----------
    observation_model
        Distribution of the counts: ``"Poisson"`` or an instance.
    inverse_link_function
        From linear predictor to mean; None takes the family's (the exponential for Poisson).
    regularizer
        ``"UnRegularized"`` (the default, as None), ``"Ridge"``, ``"GroupLasso"``, or an instance.
    regularizer_strength
        Multiplies the penalty. A number, one per group, or a tree by leaf of the features. None means 1.0, with
        a warning: useful strengths lie below ``fit_path(...).strength_max``, often far below 1.
    solver_name
        Accepted for compatibility with NeMoS and ignored: one solver serves every penalty.
    solver_kwargs
        ``maxiter``: Newton steps (500). ``tol``: optimality (KKT) residual relative to the largest strength (1e-6).
    warm_start
        Start ``fit`` from the coefficients of the previous ``fit``. The solution is the same up to ``tol``.

    Attributes
    ----------
    coef_
        ``(n_features,)``, or a pytree like X with one ``(n_features_of_leaf,)`` array per leaf.
    intercept_
        Shape ``(1,)``.
    solution_
        The `Path` of one strength: KKT residual, duality gap, iterations, status.
    scale_
        Dispersion (1 for Poisson).
    dof_resid_
        Residual degrees of freedom: samples less free parameters (for selecting penalties, less non-zero ones).
    n_iter_
        Newton steps taken.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = {"position": rng.normal(size=(500, 3)), "speed": rng.normal(size=(500, 2))}
    >>> counts = rng.poisson(np.exp(X["position"] @ [0.8, -0.5, 0.3] - 1.0))
    >>> model = GLM(regularizer="GroupLasso", regularizer_strength=0.05).fit(X, counts)
    >>> bool(np.any(model.coef_["position"])), bool(np.any(model.coef_["speed"]))
    (True, False)
    >>> path = model.fit_path(X, counts)
    >>> max(path.entry_strengths(), key=path.entry_strengths().get)
    'position'
    """

    def __init__(
        self,
        observation_model="Poisson",
        inverse_link_function=None,
        regularizer=None,
        regularizer_strength=None,
        solver_name=None,
        solver_kwargs=None,
        warm_start=False,
    ):
        self.observation_model = observation_model
        self.inverse_link_function = inverse_link_function
        self.regularizer = regularizer
        self.regularizer_strength = regularizer_strength
        self.solver_name = solver_name
        self.solver_kwargs = solver_kwargs
        self.warm_start = warm_start

    @property
    def family(self) -> ObservationModel:
        """The observation model with its inverse link, resolved from the constructor's arguments."""
        return resolve_observation_model(self.observation_model, self.inverse_link_function)

    def fit(self, X: PyTree, y, init_params=None) -> "GLM":
        """Fit to certified optimality at ``regularizer_strength``.

        Parameters
        ----------
        X
            ``(n_samples, n_features)``, or any pytree of such arrays; under GroupLasso each leaf is a group.
        y
            Counts per bin, ``(n_samples,)``. Rows with a NaN or infinity in X or y are dropped.
        init_params
            ``(coef, intercept)`` to start from, shaped as the fitted ones.

        Raises
        ------
        ValueError, TypeError
            If shapes, counts, strengths or options are impossible; the message says what was expected.
        """
        sample = self._sample(X, y)
        penalty, strength = self._penalty(sample.design.layout)
        solution = path(
            sample.design,
            sample.y,
            self.family,
            penalty,
            np.array([strength]),
            start=self._start(init_params, sample.design.layout),
            **solver_options(self.solver_name, self.solver_kwargs),
        )
        _warn_unless_converged(solution)
        self._set_solution(solution, sample)
        if sample.design.layout.structure.is_leaf:
            self.n_features_in_ = sample.design.n_coef
        return self

    def fit_path(
        self, X: PyTree, y, strengths: Strengths | None = None, *, n_strengths: int = 100, min_ratio: float = 1e-3
    ) -> Path:
        """Fit at a whole sequence of strengths, each started from the one before; the model itself stays unfitted.

        Parameters
        ----------
        X, y
            As in ``fit``.
        strengths
            Strengths to solve at, in any order. None: `n_strengths` of them spaced geometrically from the smallest at
            which every group is zero down to `min_ratio` times that.

        Returns
        -------
        Path
            Strengths in decreasing order with coefficients and certificates. Interrupting from the keyboard returns the
            strengths finished so far, with ``interrupted`` set.

        Notes
        -----
        A scalar ``regularizer_strength`` is not used; one per group or leaf multiplies each strength of the path.
        """
        sample = self._sample(X, y)
        penalty, _ = self._penalty(sample.design.layout, scalar=1.0)
        strengths = self._path_strengths(strengths, penalty, n_strengths, min_ratio)
        with PathProgress("Fitting the path") as progress:
            solution = path(
                sample.design,
                sample.y,
                self.family,
                penalty,
                strengths,
                n_strengths=n_strengths,
                min_ratio=min_ratio,
                progress=progress,
                **solver_options(self.solver_name, self.solver_kwargs),
            )
        _warn_unless_converged(solution)
        return replace(solution, fitted_at=_FittedAt(self.unfitted_copy(), sample, solution))

    def predict(self, X: PyTree) -> np.ndarray:
        """Expected count per bin, ``(n_samples,)``; NaN where a covariate is NaN."""
        return self.family.mean(self._linear_predictor(X))

    def score(self, X: PyTree, y, score_type: str = "log-likelihood", aggregate_sample_scores=np.mean) -> float:
        """Goodness of fit on some data.

        Parameters
        ----------
        score_type
            ``"log-likelihood"`` (mean per bin [nats], every constant included), ``"pseudo-r2-McFadden"``
            (``1 - LL / LL0``) or ``"pseudo-r2-Cohen"`` (``1 - D / D0``); the null model is the mean of this `y`.
        aggregate_sample_scores
            From per-bin scores to one number.

        References
        ----------
        McFadden (1979), in Behavioural Travel Modelling; Cohen, Cohen, West & Aiken (2003), Applied Multiple
        Regression, section 13.
        """
        self.check_is_fitted()
        design = as_design(X)
        self._check_layout(design)
        sample = finite_sample(design, as_counts(y, design.n_samples), self.family)
        predictor = sample.design.linear_predictor(self._flat_coef(), self.intercept_[0])
        return score_of(self.family, predictor, sample.y, self.scale_, score_type, aggregate_sample_scores)

    def simulate(self, random_key, feedforward_input: PyTree) -> tuple[np.ndarray, np.ndarray]:
        """Draw counts from the fitted model: ``(counts, expected counts)`` per bin.

        Parameters
        ----------
        random_key
            A JAX key, an integer seed, or a NumPy generator.
        feedforward_input
            Features, as in ``predict``.
        """
        mean = self.predict(feedforward_input)
        return self.family.sample(as_generator(random_key), mean, self.scale_), mean

    def compute_loss(self, params, X: PyTree, y) -> float:
        """Unpenalised loss at ``params = (coef, intercept)``: mean negative log-likelihood without constants in y."""
        sample = self._sample(X, y)
        intercept, coef = self._start(params, sample.design.layout)
        return float(self.family.loss(sample.design.linear_predictor(coef, intercept), sample.y).mean())

    def path_linear_predictor(self, path: Path, X: PyTree) -> np.ndarray:
        """Linear predictors of all models of a path on some data, ``(n_samples, n_strengths)``."""
        design = as_design(X)
        return design.linear_predictor(path.coef_matrix.T, path.intercept)

    def _sample(self, X: PyTree, y) -> Sample:
        design = as_design(X)
        return finite_sample(design, as_counts(y, design.n_samples), self.family)

    def _penalty(self, layout: CoefLayout, scalar: float | None = None):
        """Penalty over the features and its strength; `scalar` stands in for a scalar strength."""
        kind = resolve_regularizer(self.regularizer)
        strength = self.regularizer_strength
        if isinstance(kind, GroupLasso) and kind.mask is None and layout.structure.is_leaf:
            warnings.warn(
                "GroupLasso on a plain array without a mask makes one group of all features: they enter or leave "
                "together. Pass a dict of arrays for one group per covariate, or GroupLasso(mask=...).",
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

    def _path_strengths(self, strengths, penalty, n_strengths: int, min_ratio: float):
        kind = resolve_regularizer(self.regularizer)
        if not kind.uses_strength:
            raise ValueError("fit_path needs a penalty: construct the GLM with regularizer='GroupLasso', say.")
        if strengths is not None:
            checked = checked_strengths(strengths)
            if checked.ndim != 1 or len(checked) == 0:
                raise ValueError(f"strengths must be a non-empty list of numbers, got shape {checked.shape}.")
            return checked
        if not penalty.groups:
            raise ValueError(
                f"{type(kind).__name__} has no largest strength to start a path from: pass strengths=..., "
                "for example np.geomspace(10, 1e-4, 50)."
            )
        if n_strengths < 1 or not 0 < min_ratio <= 1:
            raise ValueError(
                f"n_strengths must be at least 1 and min_ratio in (0, 1], got {n_strengths} and {min_ratio}."
            )
        return None

    def _start(self, params, layout: CoefLayout):
        if params is None:
            if not (self.warm_start and hasattr(self, "coef_") and self._layout.labels == layout.labels):
                return None
            params = (self.coef_, self.intercept_)
        try:
            coef, intercept = params
        except (TypeError, ValueError) as error:
            raise ValueError("init_params must be a pair (coef, intercept).") from error
        flat, bias = layout.to_flat(coef, "init_params[0]"), np.asarray(intercept, dtype=np.float64)
        if bias.size != 1 or not (np.isfinite(bias).all() and np.isfinite(flat).all()):
            raise ValueError("init_params must be finite, with a single intercept.")
        return float(bias.reshape(())), flat

    def _set_solution(self, solution: Path, sample: Sample) -> None:
        """Take over the coefficients of a path of one strength."""
        layout = sample.design.layout
        coef = solution.coef_matrix[0]
        self._layout = layout
        self.solution_ = solution
        self.coef_ = layout.to_tree(coef.copy())
        self.intercept_ = solution.intercept.copy()
        self.n_iter_ = int(solution.n_iterations[0])
        self.dof_resid_ = self._residual_dof(coef, sample)
        mean = self.family.mean(sample.design.linear_predictor(coef, self.intercept_[0]))
        self.scale_ = self.family.estimate_scale(mean, sample.y, self.dof_resid_)

    def _residual_dof(self, coef: np.ndarray, sample: Sample) -> float:
        if resolve_regularizer(self.regularizer).selects:
            return float(len(sample.y) - np.count_nonzero(coef) - 1)
        return float(len(sample.y) - sample.design.rank_with_intercept())

    def _flat_coef(self) -> np.ndarray:
        return self._layout.to_flat(self.coef_, "coef_")

    def _linear_predictor(self, X: PyTree) -> np.ndarray:
        self.check_is_fitted()
        design = as_design(X)
        self._check_layout(design)
        return design.linear_predictor(self._flat_coef(), self.intercept_[0])

    def _check_layout(self, design: Design) -> None:
        fitted = self._layout
        if design.layout.labels != fitted.labels:
            raise ValueError(
                f"X has features {list(design.layout.labels)} but the model was fitted on {list(fitted.labels)}."
            )
        if design.layout.leaf_slices != fitted.leaf_slices:
            raise ValueError(
                f"X has {design.n_coef} features, but {type(self).__name__} is expecting {fitted.n_coef} features "
                "as input, leaf by leaf as fitted."
            )


@dataclass(frozen=True)
class _FittedAt:
    """Makes the fitted model at any strength of a path, solving from the nearest larger one where it lies between."""

    model: GLM
    sample: Sample
    path: Path

    def __call__(self, strength: float) -> GLM:
        strength = float(strength)
        if not np.isfinite(strength) or strength < 0:
            raise ValueError(f"strength must be a finite number >= 0, got {strength}.")
        exact = np.flatnonzero(np.isclose(self.path.strengths, strength, rtol=1e-12, atol=0.0))
        model = self.model.unfitted_copy()
        layout = self.sample.design.layout
        relative = 1.0 if scalar_strength(_or_one(model)) is not None else model.regularizer_strength
        model.regularizer_strength = map_leaves(lambda leaf: np.multiply(leaf, strength)[()], relative)
        if len(exact):
            solution = self.path.only(int(exact[0]))
        else:
            larger = np.flatnonzero(self.path.strengths > strength)
            nearest = int(larger[-1]) if len(larger) else 0
            penalty, _ = self.model._penalty(layout, scalar=1.0)
            options = solver_options(model.solver_name, model.solver_kwargs)
            solution = path(
                self.sample.design,
                self.sample.y,
                model.family,
                penalty,
                np.array([strength]),
                start=(float(self.path.intercept[nearest]), self.path.coef_matrix[nearest]),
                **options,
            )
            _warn_unless_converged(solution)
        model._set_solution(solution, self.sample)
        return model


def _or_one(model: GLM):
    return 1.0 if model.regularizer_strength is None else model.regularizer_strength


def _warn_unless_converged(solution: Path) -> None:
    """One warning for the worst outcome on the path."""
    worst = max(solution.status)
    if worst is Status.CONVERGED:
        return
    from sklearn.exceptions import ConvergenceWarning

    failed = [s for s, status in zip(solution.strengths, solution.status, strict=True) if status is worst]
    where = (
        ""
        if len(solution.strengths) == 1
        else f" [{len(failed)} of {len(solution.strengths)} strengths, "
        + (f"from {max(failed):.3g} down to {min(failed):.3g}]")
    )
    warnings.warn(worst.message + where, ConvergenceWarning, stacklevel=3)
