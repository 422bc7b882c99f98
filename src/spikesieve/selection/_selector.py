"""`CovariateSelector`: which covariates drive each neuron, by any of the methods, with the evidence."""

import warnings
from typing import Any

import numpy as np

from spikesieve._arguments import as_floats
from spikesieve._types import PyTree
from spikesieve.design import Design, as_design
from spikesieve.observation_models import resolve_observation_model
from spikesieve.selection._evidence import Evidence, evidence_of
from spikesieve.selection._folds import BlockedFolds
from spikesieve.selection._forward import Forward
from spikesieve.selection._knockoffs import Knockoffs
from spikesieve.selection._method import Assessment, EvidenceStatus, SelectionMethod
from spikesieve.selection._neurons import Neurons
from spikesieve.selection._refit import Refit
from spikesieve.selection._rules import CrossValidated
from spikesieve.selection._shift import Shift
from spikesieve.selection._stability_selection import Stability

_METHODS: dict[str, SelectionMethod] = {
    "min": CrossValidated("min"),
    "1se": CrossValidated("1se"),
    "shift": Shift(),
    "stability": Stability(),
    "knockoffs": Knockoffs(),
    "forward": Forward(),
}


class CovariateSelector:
    """Select the covariates that drive each neuron, and say on what evidence.

    Parameters
    ----------
    method
        A name, or an instance with its options: ``"shift"`` (`Shift`, the default: it asks little of the covariates,
        and had the most power of the methods with an error rate), ``"knockoffs"`` (`Knockoffs`: it asks nothing of the
        spikes), ``"stability"`` (`Stability`), ``"1se"`` or ``"min"`` (`CrossValidated`), ``"forward"`` (`Forward`).
        ``docs/selection.md`` compares them.
    fdr
        Share of false ones to tolerate among all selected pairs of neurons and covariates, in expectation. Methods that
        promise no error rate ignore it; their docstrings say so.
    observation_model, inverse_link_function
        Distribution of the counts and inverse link, as in `spikesieve.glm.GLM`.
    folds
        For methods that cross-validate, and for the gains in `evidence_`: `BlockedFolds`, `TrialFolds` or any splitter
        of scikit-learn. None takes ``BlockedFolds(5)``; give it a `gap`.
    contributions
        Whether to measure what each covariate adds in bits per spike and deviance, beside the selected ones, and
        where it enters the path. It takes one small fit per covariate and fold, and a path.
    n_jobs
        Processes over neurons; None is one, -1 all cores. Results do not depend on it.
    random_state
        Seed of all random draws.

    Attributes
    ----------
    selected_
        Which neuron keeps which covariate, boolean ``(n_neurons, n_covariates)``.
    evidence_
        `Evidence` for every neuron and covariate.
    labels_
        Names of the covariates, in the order of the columns of `selected_`.
    refit_
        One `Refit` per neuron: its selected covariates without the lasso's shrinkage. Fitted when first asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from spikesieve.basis import BSplineEval
    >>> rng = np.random.default_rng(0)
    >>> speed, size = rng.random((2, 3000))
    >>> counts = rng.poisson(0.5 * np.exp(np.sin(3 * speed)))
    >>> basis = BSplineEval(5, label="speed") + BSplineEval(5, label="pupil")
    >>> selector = CovariateSelector(method="1se").fit(basis.design(speed, size), counts)
    >>> selector.labels_, selector.selected_
    (('pupil', 'speed'), array([[False,  True]]))
    """

    def __init__(
        self,
        method: str | SelectionMethod = "shift",
        fdr: float = 0.1,
        observation_model="Poisson",
        inverse_link_function=None,
        folds: Any = None,
        contributions: bool = True,
        n_jobs: int | None = None,
        random_state: int = 0,
    ):
        self.method = method
        self.fdr = fdr
        self.observation_model = observation_model
        self.inverse_link_function = inverse_link_function
        self.folds = folds
        self.contributions = contributions
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: PyTree, y) -> "CovariateSelector":
        """Assess every neuron, then decide about all of them together.

        An interrupt from the keyboard keeps the neurons that are finished and marks the others.

        Parameters
        ----------
        X
            A `spikesieve.design.Design`, or a pytree of arrays ``(n_samples, n_features_of_leaf)``: each leaf is one
            covariate, which is kept or removed as a whole. Rows follow one another in time. Where neurons have
            covariates of their own, such as spike history and coupling to the *other* neurons, a function that gives
            the design of a neuron by its number; all with the same labels. Offset and weights are what designs carry.
        y
            Counts per bin, ``(n_samples,)`` or ``(n_samples, n_neurons)``. Rows with a NaN or infinity are dropped.

        Raises
        ------
        ValueError, TypeError
            If shapes, counts or options are impossible. Too little data is no error: it is marked in the evidence.
        """
        family = resolve_observation_model(self.observation_model, self.inverse_link_function)
        if not 0 < self.fdr < 1:
            raise ValueError(f"fdr must lie between 0 and 1; got {self.fdr!r}.")
        method = _resolve_method(self.method).with_defaults(self.folds, self.fdr)
        first: Any = X(0) if callable(X) else X
        design = _design_of_covariates(first)
        counts, names = _as_neurons(y, design.n_samples)
        source: Any = X if callable(X) else design
        folds = self.folds or BlockedFolds()
        plan = Neurons(source, design.labels, counts, family, method, folds, self.random_state)
        assessments = plan.assessments(self.n_jobs)
        is_whole = len(assessments) == plan.n_neurons
        assessments += [_not_reached(design.labels)] * (plan.n_neurons - len(assessments))
        self.selected_ = method.decide(assessments, self.fdr)
        gains = plan.contributions(self.selected_ if self.contributions and is_whole else None, self.n_jobs)
        described = {"method": method, "fdr": self.fdr, "neurons": names, "n_spikes": plan.n_spikes()}
        self._plan, self._refits = plan, {}
        self.evidence_ = evidence_of(assessments, self.selected_, gains, described)
        self.labels_ = design.labels
        _warn_of_too_little_data(self.evidence_)
        return self

    def refit(self, neuron: int = 0, n_blocks: int = 40) -> Refit | None:
        """Return the selected covariates of one neuron fitted without the lasso's shrinkage.

        It gives tuning curves in Hz with bands, time rescaling, and pseudo-R2; see `Refit`. None where the neuron has
        too little data. Fitted on the first call, then kept.

        Parameters
        ----------
        neuron
            Its number in `selected_`.
        n_blocks
            Stretches of time that count as independent for the bands; see `spikesieve.selection.refit`.
        """
        key = neuron, n_blocks
        if key not in self._refits:
            labels = [label for label, keep in zip(self.labels_, self.selected_[neuron], strict=True) if keep]
            self._refits[key] = self._plan.refit(neuron, labels, n_blocks)
        return self._refits[key]

    @property
    def refit_(self) -> tuple[Refit | None, ...]:
        """The refit of every neuron, as of `refit`."""
        return tuple(self.refit(neuron) for neuron in range(len(self.selected_)))

    def to_pandas(self):
        """Return the evidence as a DataFrame with one row per neuron and covariate; asks for pandas."""
        return self.evidence_.to_pandas()

    def table(self, neuron: int | None = None):
        """Return the evidence as a rich table; see `Evidence.table`."""
        return self.evidence_.table(neuron)

    def __rich__(self):
        return self.table()

    def plot(self, ax=None, regions=None):
        """Draw neurons by covariates, coloured where selected; returns the Axes."""
        return self.evidence_.plot(ax, regions)

    def __repr__(self) -> str:
        return f"CovariateSelector(method={self.method!r}, fdr={self.fdr})"


def _resolve_method(method) -> SelectionMethod:
    if isinstance(method, SelectionMethod):
        return method
    if not isinstance(method, str):
        raise TypeError(f"method must be a name or a SelectionMethod, got {type(method).__name__}.")
    if method not in _METHODS:
        raise ValueError(f"Unknown method {method!r}; known names: {', '.join(_METHODS)}.")
    return _METHODS[method]


def _design_of_covariates(X: PyTree) -> Design:
    design = as_design(X)
    if design.layout.structure.is_leaf:
        raise ValueError(
            "X is one array, so it is one covariate and there is nothing to select. Pass a dict with one array per "
            "covariate (basis.split_by_feature makes it), or basis.design(...)."
        )
    empty = [label for label, block in zip(design.labels, design.blocks, strict=True) if block.n_coef == 0]
    if empty:
        raise ValueError(f"Features {', '.join(map(repr, empty))} have no columns, so they cannot be selected.")
    return design


def _as_neurons(y, n_samples: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Counts as ``(n_samples, n_neurons)``, and the neurons' names: those of the columns of a table, else numbers."""
    counts = as_floats(y, "y")
    if counts.ndim not in (1, 2) or 0 in counts.shape:
        raise ValueError(f"y must be (n_samples,) or (n_samples, n_neurons), not empty; its shape is {counts.shape}.")
    if len(counts) != n_samples:
        raise ValueError(f"X has {n_samples} samples but y has {len(counts)}; both must be binned alike.")
    counts = counts.reshape(n_samples, -1)
    names = getattr(y, "columns", range(counts.shape[1]))
    return counts, tuple(f"neuron {name}" if isinstance(name, int | np.integer) else str(name) for name in names)


def _not_reached(labels) -> Assessment:
    return Assessment.untested(labels, EvidenceStatus.NOT_REACHED, "Interrupted before this neuron.")


def _warn_of_too_little_data(evidence: Evidence) -> None:
    lacking = np.flatnonzero((evidence.status == EvidenceStatus.NOT_ENOUGH_DATA).any(axis=1))
    if len(lacking):
        first = lacking[0]
        warnings.warn(
            f"{len(lacking)} of {len(evidence.neurons)} neurons have not enough data for an answer on each covariate: "
            f"what is not selected there may still matter. {evidence.neurons[first]}: {evidence.notes[first]}",
            UserWarning,
            stacklevel=3,
        )
