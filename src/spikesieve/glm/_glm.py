"""`GLM`: one neuron's counts given covariates, with scikit-learn's manners."""

import copy
from dataclasses import replace

import numpy as np

from spikesieve._randomness import as_generator
from spikesieve._types import PyTree, Strengths
from spikesieve.design import Design, as_design
from spikesieve.glm._fitted_at import FittedAt, warn_unless_converged
from spikesieve.glm._linear_model import SingleModel, parameters
from spikesieve.glm._scores import score_of
from spikesieve.glm._solver_options import solver_options
from spikesieve.observation_models import ObservationModel, resolve_observation_model
from spikesieve.regularizer import BoundPenalty
from spikesieve.solver import (
    Dispersion,
    Path,
    Sample,
    as_sample,
    number_of_threads,
    solve_path,
    with_estimated_scale,
)


class GLM(SingleModel):
    """Generalized linear model of one neuron: ``counts ~ family(inverse_link(X @ coef + intercept))``.

    ``fit`` minimises the mean negative log-likelihood per bin plus ``regularizer_strength`` times the penalty, to a
    certified optimum; ``fit_path`` does so along a whole sequence of strengths in about the time of one.

    Parameters
    ----------
    observation_model
        Distribution of the counts: ``"Poisson"``, ``"Gamma"``, ``"Bernoulli"``, ``"NegativeBinomial"``, ``"Gaussian"``,
        or an instance.
    inverse_link_function
        From linear predictor to mean; None takes the family's (the exponential for Poisson).
    regularizer
        ``"UnRegularized"`` (the default, as None), ``"Ridge"``, ``"Lasso"``, ``"GroupLasso"`` or any other name in
        `spikesieve.regularizer`, or an instance; ``docs/penalties.md`` says which when.
    regularizer_strength
        Multiplies the penalty. A number, one per group, a tree by leaf of the features, or what else the regularizer
        documents. None means 1.0, with a warning: useful strengths lie below ``fit_path(...).strength_max``, often far
        below 1.
    solver_name
        The names of NeMoS are accepted and ignored, which is said once: one solver serves every penalty.
    solver_kwargs
        ``maxiter``: Newton steps (500). ``tol``: optimality (KKT) residual relative to the largest strength (1e-6).
        Options of NeMoS' solvers (``stepsize`` and the like) are ignored, which is said once.
    warm_start
        Start ``fit`` from the coefficients of the previous ``fit``. The solution is the same up to ``tol``.
    n_jobs
        Threads for passes over the rows; None or -1 uses every core. The result is the same to the last bit.

    Attributes
    ----------
    coef_
        ``(n_features,)``, or a pytree like X with one ``(n_features_of_leaf,)`` array per leaf.
    intercept_
        Shape ``(1,)``.
    solution_
        The `Path` of one strength: KKT residual, duality gap, iterations, status.
    scale_
        Dispersion: 1 for Poisson, estimated for the families that have one.
    dof_resid_
        Residual degrees of freedom: samples less the intercept and the coefficients, for penalties that select the
        non-zero ones, without a penalty the rank of the features.
    n_iter_
        Newton steps taken.
    n_features_in_, feature_names_in_
        Number of columns, and their names, where X is an array or a data frame.

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
        n_jobs=None,
    ):
        self.observation_model = observation_model
        self.inverse_link_function = inverse_link_function
        self.regularizer = regularizer
        self.regularizer_strength = regularizer_strength
        self.solver_name = solver_name
        self.solver_kwargs = solver_kwargs
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    @property
    def family(self) -> ObservationModel:
        """The observation model with its inverse link, resolved from the constructor's arguments."""
        return resolve_observation_model(self.observation_model, self.inverse_link_function)

    def fit(self, X: PyTree, y, init_params=None, *, sample_weight=None, offset=None) -> "GLM":
        """Fit to certified optimality at ``regularizer_strength``.

        Parameters
        ----------
        X
            ``(n_samples, n_features)``, any pytree of such arrays, or a `spikesieve.design.Design`; under GroupLasso
            each leaf is a group.
        y
            Counts per bin, ``(n_samples,)``. Rows with a NaN or infinity in X or y are dropped.
        init_params
            ``(coef, intercept)`` to start from, shaped as the fitted ones; not used if the loss there is infinite.
        sample_weight
            Non-negative weight of each bin's loss, ``(n_samples,)``: 0 masks a bin, only ratios matter.
        offset
            Added to the linear predictor, ``(n_samples,)``: for the exponential link the log of an exposure.

        Raises
        ------
        ValueError, TypeError
            If shapes, counts, strengths or options are impossible; the message says what was expected.
        """
        sample = as_sample(X, y, self.family, sample_weight, offset)
        return self.adopt(copy.copy(self).fit_rows(sample, init_params))

    def fit_sample(self, sample: Sample, penalty: BoundPenalty, strength: float, start=None) -> "GLM":
        """Fit to rows that were checked already; `start` is an intercept, ``(1,)``, and flat coefficients."""
        grid = np.array([strength])
        found = with_estimated_scale(
            self.family, sample, lambda fixed, near: self.solve(sample, penalty, grid, fixed, start=near), start
        )
        solution = found.told_in(self.solve(sample, penalty, grid, found.family, start=found.start))
        warn_unless_converged(solution)
        self.set_solution(solution, sample)
        return self

    def fit_path(
        self,
        X: PyTree,
        y,
        strengths: Strengths | None = None,
        *,
        n_strengths: int = 100,
        min_ratio: float = 1e-3,
        sample_weight=None,
        offset=None,
    ) -> Path:
        """Fit at a whole sequence of strengths, each started from the one before; the model itself stays unfitted.

        Parameters
        ----------
        X, y, sample_weight, offset
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
        A scalar ``regularizer_strength`` is not used; one per group or leaf multiplies each strength of the path. Where
        the family's dispersion is estimated, the whole path has that of its smallest strength: deviances then compare.
        """
        sample = as_sample(X, y, self.family, sample_weight, offset)
        return self.follow_rows(sample, strengths, n_strengths, min_ratio)

    def path_of_sample(
        self, sample: Sample, penalty: BoundPenalty, strengths: Strengths | None, *, min_ratio: float, **options
    ) -> Path:
        """Fit a path to rows that were checked already."""
        found = self._path_dispersion(sample, penalty, strengths, min_ratio)
        solution = found.told_in(self.solve(sample, penalty, strengths, found.family, min_ratio=min_ratio, **options))
        warn_unless_converged(solution)
        return replace(solution, fitted_at=FittedAt(self.unfitted_copy(), sample.alone, solution, found.family))

    def _path_dispersion(self, sample: Sample, penalty: BoundPenalty, strengths, min_ratio: float) -> Dispersion:
        """Family for a whole path: if its dispersion is estimated, with that of the smallest strength."""
        family = self.family
        if not family.estimates_scale:
            return Dispersion(family)
        if strengths is None:
            null = self.solve(sample, penalty, None, family.with_scale(1.0), n_strengths=1)
            strengths = np.array([null.strength_max * min_ratio])
        smallest = np.array([np.min(strengths)])
        return with_estimated_scale(
            family, sample, lambda fixed, near: self.solve(sample, penalty, smallest, fixed, start=near)
        )

    def solve(
        self, sample: Sample, penalty: BoundPenalty, strengths: Strengths | None, family: ObservationModel, **options
    ) -> Path:
        """Call the path solver with this model's options; `fit` and `fit_path` end here."""
        problem = sample.problem(family, number_of_threads(self.n_jobs))
        return solve_path(
            problem, penalty, strengths, **options, **solver_options(self.solver_name, self.solver_kwargs)
        )

    def predict(self, X: PyTree, *, offset=None) -> np.ndarray:
        """Expected count per bin, ``(n_samples,)``; NaN where a covariate is NaN."""
        return self.family.mean(self._linear_predictor(self.known_features(X, offset)))

    def score(
        self,
        X: PyTree,
        y,
        score_type: str = "log-likelihood",
        aggregate_sample_scores=np.mean,
        *,
        sample_weight=None,
        offset=None,
    ) -> float | np.ndarray:
        """Goodness of fit on some data.

        Parameters
        ----------
        score_type
            ``"log-likelihood"`` (mean per bin [nats], every constant included), ``"pseudo-r2-McFadden"``
            (``1 - LL / LL0``) or ``"pseudo-r2-Cohen"`` (``1 - D / D0``); the null model is an intercept (and the
            offset) fitted to this `y`: without an offset its mean.
        aggregate_sample_scores
            From per-bin scores to one number; whatever it returns is the score. With weights, bins of weight 0 are
            left out and the scores of the others multiplied by their weights, which are scaled to average 1.

        References
        ----------
        McFadden (1979), in Behavioural Travel Modelling; Cohen, Cohen, West & Aiken (2003), Applied Multiple
        Regression, section 13.
        """
        sample = as_sample(self.known_features(X), y, self.family, sample_weight, offset)
        predictor = self._linear_predictor(sample.design, sample.offset)
        return score_of(self.family, predictor, sample, self.scale_, score_type, aggregate_sample_scores)

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
        sample = as_sample(X, y, self.family)
        intercept, coef = parameters(params, sample.design.layout)
        loss = self.family.loss(sample.linear_predictor(coef, intercept), sample.y)
        return float(np.average(loss, weights=sample.weight))

    def path_linear_predictor(self, path: Path, X: PyTree) -> np.ndarray:
        """Linear predictors of all models of a path on some data, ``(n_samples, n_strengths)``."""
        design = as_design(X)
        return design.linear_predictor(path.coef_matrix.T, path.intercept)

    def set_solution(self, solution: Path, sample: Sample) -> None:
        """Take over the coefficients of a path of one strength."""
        layout = sample.design.layout
        coef = solution.coef_matrix[0]
        self.set_layout(layout)
        self.solution_ = solution
        self.coef_ = layout.to_tree(coef.copy())
        self.intercept_ = solution.intercept.copy()
        self.n_iter_ = int(solution.n_iterations[0])
        self.dof_resid_ = self._residual_dof(coef, sample)
        mean = self.family.mean(self._linear_predictor(sample.design, sample.offset))
        self.scale_ = self.family.estimate_scale(mean, sample.y, self.dof_resid_, sample.relative_weight)

    def _residual_dof(self, coef: np.ndarray, sample: Sample) -> float:
        """As NeMoS counts: the rank, which costs a pass with all columns, is asked for only without a penalty."""
        kind = self.regularizer_kind
        if kind.selects:
            return float(len(sample.y) - np.count_nonzero(coef) - 1)
        kept = sample.feature_mask
        if kind.uses_strength:
            return float(len(sample.y) - (coef.size if kept is None else np.count_nonzero(kept)) - 1)
        return float(len(sample.y) - sample.design.rank_with_intercept(kept))

    def _linear_predictor(self, design: Design, offset=None) -> np.ndarray:
        predictor = design.linear_predictor(self._layout.to_flat(self.coef_, "coef_"), float(self.intercept_[0]))
        return predictor if offset is None else predictor + np.asarray(offset, dtype=np.float64)
