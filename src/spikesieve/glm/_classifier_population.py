"""`ClassifierPopulationGLM`: one label per bin and neuron, given covariates that all neurons share."""

import copy
from dataclasses import replace
from functools import partial

import numpy as np

from spikesieve._progress import PathProgress
from spikesieve._randomness import as_generator
from spikesieve._tree import CoefLayout
from spikesieve._types import Coef, Mask, PerOutput, PyTree, Strengths
from spikesieve.design import Design
from spikesieve.glm._classifier import (
    ClassifierGLM,
    centred,
    common_directions,
    probabilities_as,
    softmax_family,
    unpenalised,
    with_centred_intercepts,
)
from spikesieve.glm._feature_mask import kept_features
from spikesieve.glm._fitted_at import FittedAt, warn_unless_converged
from spikesieve.glm._labels import as_labels_of_neurons, classes_in, most_probable, numbers_of
from spikesieve.glm._linear_model import LinearModel, parameters
from spikesieve.glm._neuron_strengths import shape_of, strength_of_neuron, strength_of_neurons
from spikesieve.glm._path_strengths import path_strengths
from spikesieve.glm._population_path import PopulationPath
from spikesieve.glm._population_sample import JointRows, PopulationSample
from spikesieve.glm._scores import categorical_score_of
from spikesieve.glm._solver_options import solver_options
from spikesieve.observation_models import CategoricalObservations
from spikesieve.regularizer import BoundPenalty, GroupRegularizer
from spikesieve.solver import Path, Sample, number_of_threads, solve_path


class ClassifierPopulationGLM(LinearModel):
    """Multinomial logistic regressions of many neurons that share their covariates and their classes.

    Neurons are independent of one another, as if each had a `ClassifierGLM` of its own, unless the penalty joins them:
    under ``GroupLasso(joint=True)`` one group is a covariate's coefficients for all neurons and all classes.

    Parameters
    ----------
    n_classes
        Number of classes of all neurons together. None takes as many as there are labels.
    regularizer_strength
        As for `ClassifierGLM`, the same for every neuron; or one number for each, ``(1, n_neurons)``, unless they are
        joined.
    inverse_link_function, regularizer, solver_name, solver_kwargs, warm_start, n_jobs
        As for `ClassifierGLM`, the same for every neuron. ``GroupLasso(joint=True)`` keeps or removes a covariate for
        all neurons and classes at once, ``GroupLasso(joint="classes")`` for all classes of a neuron.
    feature_mask
        Which features each neuron may use, for all classes: as for `PopulationGLM`.

    Attributes
    ----------
    classes_
        The labels, ``(n_classes,)``, in the order of the coefficients.
    coef_
        ``(n_features, n_neurons, n_classes)``, or a pytree like X with one such array per leaf.
    intercept_
        ``(n_neurons, n_classes)``, averaging zero over the classes.
    solutions_
        A `Path` of one strength per neuron, or the one of all where the penalty joins them.
    dof_resid_, n_iter_
        As for `ClassifierGLM`, ``(n_neurons,)``.

    Notes
    -----
    A neuron that never shows one of the classes has no finite intercept for it, which is said by a warning.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> speed = rng.uniform(0, 1, size=(300, 1))
    >>> states = np.where(speed + 0.1 * rng.normal(size=(300, 2)) > [0.3, 0.7], "up", "down")
    >>> model = ClassifierPopulationGLM(regularizer_strength=1e-3).fit(speed, states)
    >>> model.coef_.shape, model.predict([[0.1], [0.5]]).tolist()
    ((1, 2, 2), [['down', 'down'], ['up', 'down']])
    """

    default_regularizer = "Ridge"

    def __init__(
        self,
        n_classes=2,
        inverse_link_function=None,
        regularizer=None,
        regularizer_strength=None,
        solver_name=None,
        solver_kwargs=None,
        feature_mask=None,
        warm_start=False,
        n_jobs=None,
    ):
        self.n_classes = n_classes
        self.inverse_link_function = inverse_link_function
        self.regularizer = regularizer
        self.regularizer_strength = regularizer_strength
        self.solver_name = solver_name
        self.solver_kwargs = solver_kwargs
        self.feature_mask = feature_mask
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    @property
    def family(self) -> CategoricalObservations:
        """The observation model; its one link is the log of the softmax."""
        return softmax_family(self.inverse_link_function)

    def set_classes(self, y) -> "ClassifierPopulationGLM":
        """Set ``classes_`` to the distinct labels of `y`; ``fit`` does so by itself.

        Raises
        ------
        ValueError
            If they are not as many as ``n_classes``.
        """
        self.classes_ = classes_in(as_labels_of_neurons(y).ravel(), self.n_classes)
        return self

    def fit(self, X: PyTree, y, init_params=None, *, sample_weight=None) -> "ClassifierPopulationGLM":
        """Fit to certified optimality at ``regularizer_strength``.

        Parameters
        ----------
        X, sample_weight
            As for ``ClassifierGLM.fit``, the same for all neurons.
        y
            Labels per bin and neuron, ``(n_samples, n_neurons)``, of any hashable type. A missing one (None, NaN)
            leaves its bin out for its neuron.
        init_params
            ``(coef, intercept)`` to start from, shaped as the fitted ones.
        """
        return self.adopt(copy.copy(self)._fit(X, y, init_params, sample_weight))

    def _fit(self, X: PyTree, y, init_params, sample_weight) -> "ClassifierPopulationGLM":
        recording = self.set_classes(y)._recording(X, y, sample_weight)
        n_neurons, n_classes = recording.n_neurons, len(self.classes_)
        layout = recording.design.layout.with_outputs(n_neurons, n_classes)
        start = self._start(init_params, layout)
        if self._is_joint(n_neurons):
            penalty, strength = self.penalty(layout)
            rows = self._joint_rows(recording)
            solution = self.solve(rows, penalty, np.array([strength]), start=start)
            warn_unless_converged(solution)
            self.set_solution(solution, rows)
            return self
        singles, models = self._singles(n_neurons), []
        penalties = self._penalties(singles, recording.design.layout)
        for neuron, sample in enumerate(self._samples(recording)):
            begin = None
            if start is not None:
                intercept, coef = (values.reshape(-1, n_neurons, n_classes)[:, neuron].ravel() for values in start)
                begin = intercept, coef
            models.append(singles[neuron].fit_sample(sample, *penalties[neuron], begin))
        self.set_models(models, layout)
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
    ) -> "PopulationPath | Path":
        """Fit at a whole sequence of strengths, each neuron at its own unless they are given.

        Arguments are those of ``ClassifierGLM.fit_path``.

        Returns
        -------
        PopulationPath or Path
            A path per neuron; or, where the penalty joins the neurons, the one path of them all. Coefficients have
            shape ``(n_strengths, n_features_of_leaf, n_neurons, n_classes)`` per leaf.
        """
        model = self.unfitted_copy().set_classes(y)
        recording = model._recording(X, y, sample_weight)
        if model._is_joint(recording.n_neurons):
            return model._joint_path(recording, strengths, n_strengths, min_ratio)
        singles = model._singles(recording.n_neurons)
        penalties = [penalty for penalty, _ in model._penalties(singles, recording.design.layout, scalar=1.0)]
        strengths = path_strengths(model.regularizer_kind, penalties[0], strengths, n_strengths, min_ratio)
        grid = {"n_strengths": n_strengths, "min_ratio": min_ratio}
        paths = tuple(
            single.path_of_sample(sample, penalty, strengths, **grid)
            for single, sample, penalty in zip(singles, model._samples(recording), penalties, strict=True)
        )
        layout = recording.design.layout.with_outputs(recording.n_neurons, len(model.classes_))
        return PopulationPath(paths, partial(_joined, model, layout))

    def predict_proba(self, X: PyTree, return_type: str = "proba") -> np.ndarray:
        """Probability of each class per bin and neuron, ``(n_samples, n_neurons, n_classes)``.

        NaN where a covariate is NaN. `return_type` ``"log-proba"`` gives their logs.
        """
        predictor = self._linear_predictor(self.known_features(X))
        return np.stack([probabilities_as(return_type, self.family, one) for one in predictor], axis=1)

    def predict(self, X: PyTree) -> np.ndarray:
        """Most probable label per bin and neuron, ``(n_samples, n_neurons)``, NaN or None where a covariate is NaN."""
        return most_probable(self.predict_proba(X), self.classes_)

    def score(
        self, X: PyTree, y, score_type: str = "log-likelihood", aggregate_sample_scores=np.mean, *, sample_weight=None
    ) -> float | np.ndarray:
        """Mean over neurons of what ``ClassifierGLM.score`` gives for each; see there."""
        recording = self._recording(self.known_features(X), y, sample_weight)
        if recording.n_neurons != len(self.intercept_):
            raise ValueError(f"y has {recording.n_neurons} neurons but the model was fitted on {len(self.intercept_)}.")
        scores = []
        for neuron in range(recording.n_neurons):
            sample = recording.sample_of(neuron, self.family)
            predictor = self._linear_predictor(sample.design)[neuron]
            scores.append(categorical_score_of(self.family, predictor, sample, score_type, aggregate_sample_scores))
        score = np.mean(scores, axis=0)
        return float(score) if np.ndim(score) == 0 else score

    def simulate(self, random_key, feedforward_input: PyTree) -> tuple[np.ndarray, np.ndarray]:
        """Draw labels from the fitted model: ``(labels, probabilities)`` per bin and neuron."""
        probabilities, rng = self.predict_proba(feedforward_input), as_generator(random_key)
        drawn = [self.family.sample(rng, probabilities[:, n]) for n in range(probabilities.shape[1])]
        return self.classes_[np.stack(drawn, axis=1)], probabilities

    def compute_loss(self, params, X: PyTree, y) -> float:
        """Unpenalised loss at ``params = (coef, intercept)``: sum over neurons of their means over bins."""
        model = self if hasattr(self, "classes_") else self.unfitted_copy().set_classes(y)
        recording, n_classes = model._recording(X, y, None), len(model.classes_)
        layout = recording.design.layout.with_outputs(recording.n_neurons, n_classes)
        start = parameters(params, layout)
        intercept, coef = (values.reshape(-1, recording.n_neurons, n_classes) for values in start)
        total = 0.0
        for neuron in range(recording.n_neurons):
            sample = recording.sample_of(neuron, self.family)
            eta = sample.design.linear_predictor(coef[:, neuron], intercept[0, neuron])
            loss = self.family.loss(eta, sample.y.astype(np.intp))
            total += float(np.average(loss, weights=sample.weight))
        return total

    def _singles(self, n_neurons: int) -> list[ClassifierGLM]:
        """The models of the neurons, which know the classes of all, each with its own strength."""
        names = ("n_classes", "inverse_link_function", "regularizer", "solver_name", "solver_kwargs", "n_jobs")
        given, strength, singles = {name: getattr(self, name) for name in names}, self.regularizer_strength, []
        for neuron in range(n_neurons):
            own = strength_of_neuron(strength, neuron, n_neurons) if shape_of(strength) == (1, n_neurons) else strength
            singles.append(ClassifierGLM(**given, regularizer_strength=own))
            singles[-1].classes_ = self.classes_
        return singles

    def _penalties(
        self, singles: list[ClassifierGLM], layout: CoefLayout, scalar: float | None = None
    ) -> list[tuple[BoundPenalty, float]]:
        """Penalty and strength of each neuron; made once unless the strength differs between neurons."""
        layout = layout.with_outputs(len(self.classes_))
        if shape_of(self.regularizer_strength) == (1, len(singles)):
            return [single.penalty(layout, scalar) for single in singles]
        return [self.penalty(layout, scalar)] * len(singles)

    def _recording(self, X: PyTree, y, sample_weight) -> PopulationSample:
        """Rows that can be fitted, with class numbers for labels."""
        labels = as_labels_of_neurons(y)
        numbers = numbers_of(labels.ravel(), self.classes_).reshape(labels.shape)
        return PopulationSample(X, numbers, sample_weight, None)

    def _samples(self, recording: PopulationSample) -> list[Sample]:
        """Rows of each neuron, with the features that it may use."""
        kept = self._kept(recording)
        samples = [recording.sample_of(neuron, self.family) for neuron in range(recording.n_neurons)]
        if kept is None:
            return samples
        return [replace(sample, feature_mask=kept[:, neuron]) for neuron, sample in enumerate(samples)]

    def _kept(self, recording: PopulationSample) -> Mask | None:
        return kept_features(self.feature_mask, recording.design.layout.with_outputs(recording.n_neurons))

    # ---- Neurons joined by the penalty -------------------------------------------------------------------------------

    def _is_joint(self, n_neurons: int) -> bool:
        """Whether a group of the penalty may hold coefficients of several neurons.

        Raises
        ------
        ValueError
            If its mask is neither over classes nor over neurons and classes.
        """
        kind = self.regularizer_kind
        if not isinstance(kind, GroupRegularizer):
            return False
        shapes, n_classes = kind.mask_shapes - {()}, len(self.classes_)
        of_classes, of_both = shapes == {(n_classes,)}, shapes == {(n_neurons, n_classes)}
        joins = bool(kind.joint) and not kind.joins_classes_only
        if shapes and not (of_both or (of_classes and not joins)):
            raise ValueError(
                f"The mask of {type(kind).__name__} has outputs of shape {sorted(shapes)[0]}, expected none, "
                f"(n_classes,) = ({n_classes},), the same for every neuron and without joint=True, or "
                f"(n_neurons, n_classes) = ({n_neurons}, {n_classes})."
            )
        return joins or of_both

    def _joint_rows(self, recording: PopulationSample) -> JointRows:
        return recording.complete_rows(self.family, self._kept(recording))

    def _joint_path(self, recording: PopulationSample, strengths, n_strengths: int, min_ratio: float) -> Path:
        layout = recording.design.layout.with_outputs(recording.n_neurons, len(self.classes_))
        penalty, _ = self.penalty(layout, scalar=1.0)
        strengths = path_strengths(self.regularizer_kind, penalty, strengths, n_strengths, min_ratio)
        rows, grid = self._joint_rows(recording), {"n_strengths": n_strengths, "min_ratio": min_ratio}
        with PathProgress("Fitting the path") as progress:
            solution = self.solve(rows, penalty, strengths, progress=progress, **grid)
        warn_unless_converged(solution)
        return replace(solution, fitted_at=FittedAt(self, rows, solution, self.family))

    def solve(self, rows: JointRows, penalty: BoundPenalty, strengths, family=None, start=None, **options) -> Path:
        """Call the path solver for all neurons at once."""
        del family
        n_classes = len(self.classes_)
        threads = number_of_threads(self.n_jobs)
        problem = rows.categorical_problem(n_classes, threads, **common_directions(penalty))
        begin = None if start is None else centred(start[0], start[1], unpenalised(penalty), n_classes)
        settings = solver_options(self.solver_name, self.solver_kwargs)
        found = solve_path(problem, penalty, strengths, start=begin, **options, **settings)
        of_neurons = found.intercept.reshape(len(found.intercept), -1, n_classes)
        return with_centred_intercepts(replace(found, intercept=of_neurons))

    def set_solution(self, solution: Path, rows: JointRows) -> None:
        """Take over the one solution of all neurons."""
        self._set_coefficients(solution.layout, solution.coef_matrix[0].copy(), solution.intercept[0].copy())
        n_neurons, n_classes = self.intercept_.shape
        self.solutions_ = (solution,)
        self.n_iter_ = np.repeat(solution.n_iterations, n_neurons)
        in_use = np.count_nonzero(solution.coef_matrix[0].reshape(-1, n_neurons, n_classes), axis=(0, 2))
        self.dof_resid_ = (len(rows.counts) - in_use - (n_classes - 1)).astype(float)

    # ---- Both --------------------------------------------------------------------------------------------------------

    def set_models(self, models: list[ClassifierGLM], layout: CoefLayout) -> None:
        """Take over the fitted models of all neurons."""
        of_one = layout.with_outputs(len(self.classes_))
        flat = [of_one.to_flat(model.coef_, "coef_").reshape(-1, len(self.classes_)) for model in models]
        self._set_coefficients(layout, np.stack(flat, axis=1).ravel(), np.stack([m.intercept_ for m in models]))
        self.solutions_ = tuple(model.solution_ for model in models)
        self.n_iter_ = np.array([model.n_iter_ for model in models])
        self.dof_resid_ = np.array([model.dof_resid_ for model in models])

    def _set_coefficients(self, layout: CoefLayout, flat: Coef, intercept: np.ndarray) -> None:
        self.set_layout(layout)
        self.coef_, self.intercept_ = layout.to_tree(flat), intercept

    def _linear_predictor(self, design: Design) -> list[PerOutput]:
        """Linear predictors of the classes, neuron by neuron."""
        coef = self._layout.to_flat(self.coef_, "coef_").reshape(-1, *self.intercept_.shape)
        return [design.linear_predictor(coef[:, n], intercept) for n, intercept in enumerate(self.intercept_)]

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True, two_d_labels=True, multi_output=True, single_output=False),
            classifier_tags=ClassifierTags(multi_class=self.n_classes != 2),
            input_tags=InputTags(allow_nan=True, sparse=True),
        )


def _joined(
    population: ClassifierPopulationGLM, layout: CoefLayout, models: list[ClassifierGLM]
) -> ClassifierPopulationGLM:
    """Return the population of some fitted models."""
    fitted = population.unfitted_copy()
    fitted.classes_ = population.classes_
    fitted.regularizer_strength = strength_of_neurons([model.regularizer_strength for model in models])
    fitted.set_models(models, layout)
    return fitted
