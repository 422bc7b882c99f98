"""`PopulationGLM`: many neurons given the same covariates, independent of one another or joined by their penalty."""

import copy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from spikesieve._progress import PathProgress
from spikesieve._randomness import as_generator
from spikesieve._tree import CoefLayout
from spikesieve._types import PerOutput, PyTree, Strengths
from spikesieve.design import Design
from spikesieve.glm._feature_mask import kept_features
from spikesieve.glm._fitted_at import FittedAt, warn_unless_converged
from spikesieve.glm._glm import GLM
from spikesieve.glm._linear_model import LinearModel, parameters
from spikesieve.glm._neuron_strengths import differ_between_neurons, strength_of_neuron, strength_of_neurons
from spikesieve.glm._path_strengths import path_strengths
from spikesieve.glm._population_path import PopulationPath
from spikesieve.glm._population_sample import JointRows, PopulationSample
from spikesieve.glm._scores import score_of
from spikesieve.glm._solver_options import solver_options
from spikesieve.observation_models import ObservationModel, resolve_observation_model
from spikesieve.regularizer import BoundPenalty, GroupRegularizer
from spikesieve.solver import (
    Path,
    Sample,
    can_share,
    number_of_threads,
    solve_neurons,
    solve_path,
)


class PopulationGLM(LinearModel):
    """Generalized linear models of many neurons that share their covariates.

    Neurons are independent of one another, as if each had a `GLM` of its own, unless the penalty joins them:
    ``GroupLasso(joint=True)`` keeps or removes a covariate for all neurons at once. Where it is faster, one pass over
    the recording serves many neurons.

    Parameters
    ----------
    observation_model, inverse_link_function, regularizer, solver_name, solver_kwargs, warm_start, n_jobs
        As for `GLM`.
    regularizer_strength
        As for `GLM`, the same for every neuron; or per neuron: ``(1, n_neurons)``, or whatever a `GLM` takes with the
        neurons as a second axis.
    feature_mask
        Which features each neuron may use: an array ``(n_features, n_neurons)`` of 0 and 1, or a tree like the features
        with ``(n_neurons,)`` leaves (whole covariates) or ``(n_features_of_leaf, n_neurons)`` leaves. A feature that a
        neuron may not use counts as zero for it. None: all.

    Attributes
    ----------
    coef_
        ``(n_features, n_neurons)``, or a pytree like X with one ``(n_features_of_leaf, n_neurons)`` array per leaf.
    intercept_
        ``(n_neurons,)``.
    solutions_
        A `Path` of one strength per neuron, or the one of all where the penalty joins them.
    scale_, dof_resid_, n_iter_
        As for `GLM`, ``(n_neurons,)``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = {"position": rng.normal(size=(500, 3)), "speed": rng.normal(size=(500, 2))}
    >>> counts = rng.poisson(np.exp(X["position"] @ rng.normal(scale=0.5, size=(3, 4)) - 1.0))
    >>> model = PopulationGLM(regularizer="GroupLasso", regularizer_strength=0.1).fit(X, counts)
    >>> model.coef_["position"].shape, model.intercept_.shape
    ((3, 4), (4,))
    >>> bool(model.coef_["speed"].any())
    False
    """

    def __init__(
        self,
        observation_model="Poisson",
        inverse_link_function=None,
        regularizer=None,
        regularizer_strength=None,
        solver_name=None,
        solver_kwargs=None,
        feature_mask=None,
        warm_start=False,
        n_jobs=None,
    ):
        self.observation_model = observation_model
        self.inverse_link_function = inverse_link_function
        self.regularizer = regularizer
        self.regularizer_strength = regularizer_strength
        self.solver_name = solver_name
        self.solver_kwargs = solver_kwargs
        self.feature_mask = feature_mask
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    @property
    def family(self) -> ObservationModel:
        """The observation model with its inverse link, resolved from the constructor's arguments."""
        return resolve_observation_model(self.observation_model, self.inverse_link_function)

    def fit(self, X: PyTree, y, init_params=None, *, sample_weight=None, offset=None) -> "PopulationGLM":
        """Fit to certified optimality at ``regularizer_strength``.

        Parameters
        ----------
        X, sample_weight, offset
            As for ``GLM.fit``, the same for all neurons.
        y
            Counts per bin and neuron, ``(n_samples, n_neurons)``. A NaN leaves its bin out for its neuron.
        init_params
            ``(coef, intercept)`` to start from, shaped as the fitted ones.
        """
        recording = PopulationSample(X, y, sample_weight, offset)
        layout = recording.design.layout.with_outputs(recording.n_neurons)
        kept, start = kept_features(self.feature_mask, layout), self._start(init_params, layout)
        if self._is_joint:
            penalty, strength = self.penalty(layout)
            rows = recording.complete_rows(self.family, kept)
            solution = self.solve(rows, penalty, np.array([strength]), start=start)
            warn_unless_converged(solution)
            fitted = copy.copy(self)
            fitted.set_solution(solution, rows)
            return self.adopt(fitted)
        singles = self._singles(recording.n_neurons)
        penalties = self._penalties(singles, recording.design.layout)

        def fit_one(neuron: int, sample: Sample) -> GLM:
            begin = None
            if start is not None:
                begin = start[0][neuron : neuron + 1], start[1].reshape(-1, recording.n_neurons)[:, neuron]
            return singles[neuron].fit_sample(sample, *penalties[neuron], begin)

        models = self._for_each_neuron(recording, kept, fit_one)
        return self.adopt(copy.copy(self).set_models(models, layout))

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
    ) -> "PopulationPath | Path":
        """Fit at a whole sequence of strengths; the model itself stays unfitted.

        Arguments are those of ``GLM.fit_path``. Without `strengths` each neuron has its own, from its own largest.

        Returns
        -------
        PopulationPath or Path
            A path per neuron; or, where the penalty joins the neurons, the one path of them all, whose coefficients
            have shape ``(n_strengths, n_features_of_leaf, n_neurons)`` per leaf.
        """
        recording = PopulationSample(X, y, sample_weight, offset)
        layout = recording.design.layout.with_outputs(recording.n_neurons)
        kept = kept_features(self.feature_mask, layout)
        grid = {"n_strengths": n_strengths, "min_ratio": min_ratio}
        if self._is_joint:
            penalty, _ = self.penalty(layout, scalar=1.0)
            strengths = path_strengths(self.regularizer_kind, penalty, strengths, n_strengths, min_ratio)
            rows = recording.complete_rows(self.family, kept)
            with PathProgress("Fitting the path") as progress:
                solution = self.solve(rows, penalty, strengths, progress=progress, **grid)
            warn_unless_converged(solution)
            return replace(solution, fitted_at=FittedAt(self.unfitted_copy(), rows, solution, self.family))
        singles = self._singles(recording.n_neurons)
        penalties = self._penalties(singles, recording.design.layout, scalar=1.0)
        given = path_strengths(self.regularizer_kind, penalties[0][0], strengths, n_strengths, min_ratio)

        def path_of_one(neuron: int, sample: Sample) -> Path:
            path = singles[neuron].path_of_sample(sample, penalties[neuron][0], given, **grid)
            if path.interrupted:
                raise KeyboardInterrupt
            return path

        joined_as = partial(_joined, self.unfitted_copy(), layout)
        return PopulationPath(tuple(self._for_each_neuron(recording, kept, path_of_one)), joined_as)

    def predict(self, X: PyTree, *, offset=None) -> PerOutput:
        """Expected count per bin and neuron, ``(n_samples, n_neurons)``; NaN where a covariate is NaN."""
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
        """Mean over neurons of what ``GLM.score`` gives for each; see there."""
        recording = PopulationSample(self.known_features(X), y, sample_weight, offset)
        if recording.n_neurons != len(self.intercept_):
            raise ValueError(f"y has {recording.n_neurons} neurons but the model was fitted on {len(self.intercept_)}.")
        coef = self._coef_matrix()
        scores = []
        for neuron in range(recording.n_neurons):
            sample = recording.sample_of(neuron, self.family)
            predictor = sample.linear_predictor(coef[:, neuron], float(self.intercept_[neuron]))
            scale = float(self.scale_[neuron])
            scores.append(score_of(self.family, predictor, sample, scale, score_type, aggregate_sample_scores))
        score = np.mean(scores, axis=0)
        return float(score) if np.ndim(score) == 0 else score

    def simulate(self, random_key, feedforward_input: PyTree) -> tuple[np.ndarray, PerOutput]:
        """Draw counts from the fitted model: ``(counts, expected counts)`` per bin and neuron."""
        mean, rng = self.predict(feedforward_input), as_generator(random_key)
        counts = [self.family.sample(rng, mean[:, n], float(self.scale_[n])) for n in range(mean.shape[1])]
        return np.stack(counts, axis=1), mean

    def compute_loss(self, params, X: PyTree, y) -> float:
        """Unpenalised loss at ``params = (coef, intercept)``: sum over neurons of their means over bins."""
        recording = PopulationSample(X, y, None, None)
        start = parameters(params, recording.design.layout.with_outputs(recording.n_neurons))
        coef, total = start[1].reshape(-1, recording.n_neurons), 0.0
        for neuron in range(recording.n_neurons):
            sample = recording.sample_of(neuron, self.family)
            predictor = sample.linear_predictor(coef[:, neuron], start[0][neuron])
            total += float(np.average(self.family.loss(predictor, sample.y), weights=sample.weight))
        return total

    # ---- Neurons one by one ------------------------------------------------------------------------------------------

    def _singles(self, n_neurons: int) -> list[GLM]:
        """The models of the neurons, each with its own strength."""
        names = ("regularizer", "solver_name", "solver_kwargs", "n_jobs")
        given: dict[str, Any] = {"observation_model": self.family} | {name: getattr(self, name) for name in names}
        of_neuron = partial(strength_of_neuron, self.regularizer_strength, n_neurons=n_neurons)
        return [GLM(**given, regularizer_strength=of_neuron(neuron)) for neuron in range(n_neurons)]

    def _for_each_neuron(self, recording: PopulationSample, kept, work) -> list:
        """``work(neuron, sample)`` for all neurons; those with the same rows share passes where that is faster."""
        samples = [
            replace(recording.sample_of(n, self.family), feature_mask=_column(kept, n))
            for n in range(recording.n_neurons)
        ]
        alike = [n for n, sample in enumerate(samples) if len(sample.y) == recording.design.n_samples]
        results: dict[int, Any] = {}
        if len(alike) > 1 and can_share(samples[alike[0]], self.family):
            found = solve_neurons(
                [samples[n] for n in alike],
                lambda k, sample: work(alike[k], sample),
                self.family,
                number_of_threads(self.n_jobs),
            )
            results = dict(zip(alike, found, strict=True))
        return [results[n] if n in results else work(n, samples[n]) for n in range(recording.n_neurons)]

    def _penalties(
        self, singles: list[GLM], layout: CoefLayout, scalar: float | None = None
    ) -> list[tuple[BoundPenalty, float]]:
        """Penalty and strength of each neuron; made once unless the strength differs between neurons."""
        if differ_between_neurons(self.regularizer_strength, len(singles)):
            return [single.penalty(layout, scalar) for single in singles]
        return [self.penalty(layout, scalar)] * len(singles)

    def set_models(self, models: list[GLM], layout: CoefLayout) -> "PopulationGLM":
        """Take over the fitted models of all neurons."""
        flat = [layout.with_outputs().to_flat(model.coef_, "coef_") for model in models]
        self._set_coefficients(np.stack(flat, axis=1).ravel(), [model.intercept_[0] for model in models], layout)
        self.solutions_ = tuple(model.solution_ for model in models)
        self.n_iter_ = np.array([model.n_iter_ for model in models])
        self.scale_ = np.array([model.scale_ for model in models])
        self.dof_resid_ = np.array([model.dof_resid_ for model in models])
        return self

    # ---- Neurons joined by the penalty -------------------------------------------------------------------------------

    @property
    def _is_joint(self) -> bool:
        """Whether a group of the penalty may hold coefficients of several neurons."""
        kind = self.regularizer_kind
        if not isinstance(kind, GroupRegularizer):
            return False
        if kind.joins_classes_only:
            raise ValueError('joint="classes" is for classifiers: counts have no classes; pass joint=True or False.')
        return bool(kind.joint) or any(len(shape) == 1 for shape in kind.mask_shapes)

    def solve(self, rows: JointRows, penalty: BoundPenalty, strengths, family=None, **options) -> Path:
        """Call the path solver for all neurons at once."""
        family = self.family if family is None else family
        if family.estimates_scale:
            raise ValueError(
                f"Neurons can be joined only at a known dispersion: pass {type(family).__name__}(scale=...) as "
                "observation_model."
            )
        problem = rows.problem(family, number_of_threads(self.n_jobs))
        settings = solver_options(self.solver_name, self.solver_kwargs)
        return solve_path(problem, penalty, strengths, **options, **settings)

    def set_solution(self, solution: Path, rows: JointRows) -> None:
        """Take over the one solution of all neurons."""
        layout, coef, n_neurons = solution.layout, solution.coef_matrix[0], rows.counts.shape[1]
        self._set_coefficients(coef, np.atleast_1d(solution.intercept[0]), layout)
        self.solutions_ = (solution,)
        self.n_iter_ = np.repeat(solution.n_iterations, n_neurons)
        matrix, family, sample = coef.reshape(-1, n_neurons), self.family, rows.sample
        n_free = np.count_nonzero(matrix, axis=0) + 1
        self.dof_resid_ = (len(rows.counts) - n_free).astype(float)
        scales = []
        for n in range(n_neurons):
            mean = family.mean(sample.linear_predictor(matrix[:, n], float(self.intercept_[n])))
            dof = float(self.dof_resid_[n])
            scales.append(family.estimate_scale(mean, rows.counts[:, n], dof, sample.relative_weight))
        self.scale_ = np.array(scales)

    # ---- Both --------------------------------------------------------------------------------------------------------

    def _set_coefficients(self, flat: np.ndarray, intercept, layout: CoefLayout) -> None:
        self.set_layout(layout)
        self.coef_ = layout.to_tree(flat.copy())
        self.intercept_ = np.array(intercept, dtype=float)

    def _coef_matrix(self) -> np.ndarray:
        return self._layout.to_flat(self.coef_, "coef_").reshape(-1, len(self.intercept_))

    def _linear_predictor(self, design: Design) -> PerOutput:
        return design.linear_predictor(self._coef_matrix(), self.intercept_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = tags.target_tags.two_d_labels = True
        tags.target_tags.single_output = False
        return tags


def _column(kept: np.ndarray | None, neuron: int) -> np.ndarray | None:
    return None if kept is None else kept[:, neuron]


def _joined(population: PopulationGLM, layout: CoefLayout, models: list[GLM]) -> PopulationGLM:
    """Return the population of some fitted models."""
    fitted = population.unfitted_copy()
    fitted.regularizer_strength = strength_of_neurons([model.regularizer_strength for model in models])
    fitted.set_models(models, layout)
    return fitted
