"""`ClassifierGLM`: one label per bin given covariates, by multinomial logistic regression."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np

from spikesieve._arguments import is_word, shown
from spikesieve._randomness import as_generator
from spikesieve._types import Coef, Index, Intercepts, Labels, PerOutput, PyTree, Strengths
from spikesieve.design import Design
from spikesieve.glm._fitted_at import FittedAt, warn_unless_converged
from spikesieve.glm._labels import as_labels, classes_in, most_probable, numbers_of
from spikesieve.glm._linear_model import SingleModel, parameters
from spikesieve.glm._scores import categorical_score_of
from spikesieve.glm._solver_options import solver_options
from spikesieve.observation_models import CategoricalObservations
from spikesieve.regularizer import BoundPenalty, Penalty
from spikesieve.solver import (
    CategoricalProblem,
    MaskedProblem,
    Path,
    Problem,
    Sample,
    as_sample,
    number_of_threads,
    solve_path,
)

# Far above rounding, and nothing to what it is added to.
_CONCAVE_SHARE = 1e-4


class ClassifierGLM(SingleModel):
    """Multinomial logistic regression: ``P(label k) = softmax(X @ coef + intercept)_k``.

    There is one linear predictor per class, as in NeMoS, so that only differences between classes are determined by the
    data: a penalty chooses among equals, and without one coefficients average zero over the classes.

    Parameters
    ----------
    n_classes
        Number of classes. None takes as many as there are labels.
    inverse_link_function
        None or ``"log_softmax"``.
    regularizer
        ``"Ridge"`` (the default, as None), ``"UnRegularized"``, ``"GroupLasso"``, ... Under GroupLasso each leaf of the
        features has a group per class; ``GroupLasso(joint=True)`` keeps or removes it for all classes at once.
    regularizer_strength, solver_name, solver_kwargs, warm_start, n_jobs
        As for `GLM`.

    Attributes
    ----------
    classes_
        The labels, ``(n_classes,)``, in the order of the coefficients.
    coef_
        ``(n_features, n_classes)``, or a pytree like X with one such array per leaf.
    intercept_
        ``(n_classes,)``, averaging zero.
    solution_, dof_resid_, n_iter_
        As for `GLM`.

    References
    ----------
    Agresti (2013), Categorical Data Analysis, 3rd ed., section 8.1.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> speed = rng.uniform(0, 1, size=(300, 1))
    >>> state = np.where(speed[:, 0] + 0.1 * rng.normal(size=300) > 0.5, "run", "rest")
    >>> model = ClassifierGLM(regularizer_strength=1e-3).fit(speed, state)
    >>> model.classes_.tolist(), model.predict([[0.1], [0.9]]).tolist()
    (['rest', 'run'], ['rest', 'run'])
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
        warm_start=False,
        n_jobs=None,
    ):
        self.n_classes = n_classes
        self.inverse_link_function = inverse_link_function
        self.regularizer = regularizer
        self.regularizer_strength = regularizer_strength
        self.solver_name = solver_name
        self.solver_kwargs = solver_kwargs
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    @property
    def family(self) -> CategoricalObservations:
        """The observation model; its one link is the log of the softmax."""
        return softmax_family(self.inverse_link_function)

    def set_classes(self, y) -> "ClassifierGLM":
        """Set ``classes_`` to the distinct labels of `y`; ``fit`` does so by itself.

        Raises
        ------
        ValueError
            If they are not as many as ``n_classes``.
        """
        self.classes_ = classes_in(as_labels(y), self.n_classes)
        return self

    def fit(self, X: PyTree, y, init_params=None, *, sample_weight=None) -> "ClassifierGLM":
        """Fit to certified optimality at ``regularizer_strength``.

        Parameters
        ----------
        X
            As for `GLM`.
        y
            One label per bin, of any hashable type; bins without one (None, NaN) are left out.
        init_params
            ``(coef, intercept)`` to start from, shaped as the fitted ones. Otherwise coefficients start at zero and
            intercepts at the centred log frequencies of the classes.
        sample_weight
            Non-negative weight of each bin's loss, ``(n_samples,)``.
        """
        fitted = copy.copy(self).set_classes(y)
        return self.adopt(fitted.fit_rows(fitted._sample(X, y, sample_weight), init_params, len(fitted.classes_)))

    def fit_sample(self, sample: Sample, penalty: BoundPenalty, strength: float, start=None) -> "ClassifierGLM":
        """Fit to rows that were checked already, class numbers for labels."""
        solution = self.solve(sample, penalty, np.array([strength]), start=start)
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
    ) -> Path:
        """Fit at a whole sequence of strengths; arguments and result as for ``GLM.fit_path``.

        Coefficients of the path have shape ``(n_strengths, n_features_of_leaf, n_classes)`` per leaf.
        """
        model = self.unfitted_copy().set_classes(y)
        sample = model._sample(X, y, sample_weight)
        return model.follow_rows(sample, strengths, n_strengths, min_ratio, len(model.classes_))

    def path_of_sample(self, sample: Sample, penalty: BoundPenalty, strengths: Strengths | None, **options) -> Path:
        """Fit a path to rows that were checked already, class numbers for labels."""
        solution = self.solve(sample, penalty, strengths, **options)
        warn_unless_converged(solution)
        return replace(solution, fitted_at=FittedAt(self, sample, solution, self.family))

    def solve(
        self, sample: Sample, penalty: BoundPenalty, strengths: Strengths | None, family=None, start=None, **options
    ) -> Path:
        """Call the path solver with this model's options; `fit` and `fit_path` end here."""
        del family
        n_classes = len(self.classes_)
        threads = number_of_threads(self.n_jobs)
        problem = categorical_problem(sample, n_classes, threads, **common_directions(penalty))
        begin = None if start is None else centred(start[0], start[1], unpenalised(penalty), n_classes)
        settings = solver_options(self.solver_name, self.solver_kwargs)
        return with_centred_intercepts(solve_path(problem, penalty, strengths, start=begin, **options, **settings))

    def predict_proba(self, X: PyTree, return_type: str = "proba") -> PerOutput:
        """Probability of each class per bin, ``(n_samples, n_classes)``; NaN where a covariate is NaN.

        `return_type` ``"log-proba"`` gives their logs.
        """
        return probabilities_as(return_type, self.family, self._linear_predictor(self.known_features(X)))

    def predict(self, X: PyTree) -> np.ndarray:
        """Most probable label per bin, ``(n_samples,)``; where a covariate is NaN, NaN, or None for names."""
        return most_probable(self.predict_proba(X), self.classes_)

    def score(
        self, X: PyTree, y, score_type: str = "log-likelihood", aggregate_sample_scores=np.mean, *, sample_weight=None
    ) -> float | np.ndarray:
        """Goodness of fit on some data.

        Parameters
        ----------
        score_type
            ``"log-likelihood"`` (mean per bin [nats]), ``"pseudo-r2-McFadden"`` or ``"pseudo-r2-Cohen"``, which agree
            here (the null model has the frequencies of this `y`), or ``"accuracy"``, the share of labels predicted.
        aggregate_sample_scores
            From per-bin scores to one number.
        """
        sample = self._sample(self.known_features(X), y, sample_weight)
        predictor = self._linear_predictor(sample.design)
        return categorical_score_of(self.family, predictor, sample, score_type, aggregate_sample_scores)

    def simulate(self, random_key, feedforward_input: PyTree) -> tuple[np.ndarray, PerOutput]:
        """Draw labels from the fitted model: ``(labels, probabilities)`` per bin."""
        probabilities = self.predict_proba(feedforward_input)
        drawn: Labels = self.family.sample(as_generator(random_key), probabilities)
        return self.classes_[drawn], probabilities

    def compute_loss(self, params, X: PyTree, y) -> float:
        """Unpenalised loss at ``params = (coef, intercept)``: mean negative log-likelihood per bin."""
        model = self if hasattr(self, "classes_") else self.unfitted_copy().set_classes(y)
        sample = model._sample(X, y)
        n_classes = len(model.classes_)
        intercept, coef = parameters(params, sample.design.layout.with_outputs(n_classes))
        eta = sample.design.linear_predictor(coef.reshape(-1, n_classes), intercept)
        return float(np.average(self.family.loss(eta, sample.y.astype(np.intp)), weights=sample.weight))

    def set_solution(self, solution: Path, sample: Sample) -> None:
        """Take over the coefficients of a path of one strength."""
        layout, n_classes = solution.layout, len(self.classes_)
        coef = solution.coef_matrix[0]
        self.set_layout(layout)
        self.solution_ = solution
        self.coef_ = layout.to_tree(coef.copy())
        self.intercept_ = solution.intercept[0].copy()
        self.n_iter_ = int(solution.n_iterations[0])
        if self.regularizer_kind.selects:
            n_free = np.count_nonzero(coef) + n_classes - 1
        else:
            n_free = sample.design.rank_with_intercept(sample.feature_mask) * (n_classes - 1)
        self.dof_resid_ = float(len(sample.y) - n_free)

    def _sample(self, X: PyTree, y, sample_weight=None) -> Sample:
        """Rows that can be fitted, with class numbers for labels."""
        return as_sample(X, numbers_of(as_labels(y), self.classes_), self.family, sample_weight)

    def _linear_predictor(self, design: Design) -> PerOutput:
        coef = self._layout.to_flat(self.coef_, "coef_").reshape(design.n_coef, -1)
        return design.linear_predictor(coef, self.intercept_)

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_class=self.n_classes != 2),
            input_tags=InputTags(allow_nan=True, sparse=True),
        )


def softmax_family(link) -> CategoricalObservations:
    """Observation model of a classifier, whose `link` can only be the log of the softmax."""
    if link is not None and (link if isinstance(link, str) else getattr(link, "__name__", "")) != "log_softmax":
        raise ValueError(f"inverse_link_function of a classifier must be None or 'log_softmax', got {shown(link)}.")
    return CategoricalObservations()


def probabilities_as(return_type: str, family: CategoricalObservations, linear_predictor: PerOutput) -> PerOutput:
    """Probabilities of the classes, or their logs, as a user asked for them."""
    if not is_word(return_type, ("proba", "log-proba")):
        raise ValueError(f"return_type must be 'proba' or 'log-proba', got {shown(return_type)}.")
    return (family.probabilities if return_type == "proba" else family.log_probabilities)(linear_predictor)


def unpenalised(penalty: BoundPenalty) -> Index:
    """Coefficients that no part of a penalty touches, as far as it tells."""
    if not isinstance(penalty, Penalty):
        return np.zeros(0, dtype=np.intp)
    return penalty.ungrouped[penalty.quadratic[penalty.ungrouped] == 0]


def common_directions(penalty: BoundPenalty) -> dict[str, Any]:
    """What a categorical problem is to do about coefficients that a penalty may leave without slope.

    A concave one is flat for every group that is large. What its `gamma` is relative to includes the curvature given.
    """
    if isinstance(penalty, Penalty) and not penalty.shape.is_convex:
        return {"unpenalised": np.arange(penalty.n_coef), "common_share": _CONCAVE_SHARE}
    return {"unpenalised": unpenalised(penalty)}


def centred(intercept: Intercepts, coef: Coef, free: Index, n_classes: int) -> tuple[Intercepts, Coef]:
    """Return the same model with parameters that average zero over the classes, where no penalty cares.

    Of several neurons each has its own, neuron by neuron.
    """
    is_free = np.isin(np.arange(coef.size), free).reshape(-1, n_classes).all(axis=1)
    matrix = coef.reshape(-1, n_classes)
    mean = np.where(is_free, matrix.mean(axis=1), 0.0)
    of_neurons = intercept.reshape(-1, n_classes)
    return (of_neurons - of_neurons.mean(axis=1, keepdims=True)).ravel(), (matrix - mean[:, None]).ravel()


def with_centred_intercepts(path: Path) -> Path:
    """Return the same path without what rounding adds to all intercepts of a neuron, of which nothing depends."""
    return replace(path, intercept=path.intercept - path.intercept.mean(axis=-1, keepdims=True))


def categorical_problem(sample: Sample, n_classes: int, n_threads: int, **common: Any) -> Problem:
    """What the solver is to minimise for class numbers as observations; `common` is of `common_directions`."""
    problem = CategoricalProblem(
        design=sample.design,
        n_outputs=n_classes,
        row_weights=None if sample.weight is None else np.asarray(sample.relative_weight),
        n_threads=n_threads,
        labels=sample.y.astype(np.intp),
        **common,
    )
    if sample.feature_mask is None:
        return problem
    return MaskedProblem(problem, np.repeat(sample.feature_mask, n_classes))
