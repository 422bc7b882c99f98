"""`Evidence`: what was found per neuron and covariate, as a record that prints as a table a paper could carry."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int

from spikesieve.selection._method import Assessment, Decisions, EvidenceStatus, PerPair, gathered
from spikesieve.selection._multiplicity import benjamini_hochberg

_COLUMNS = {
    "entry_strength": "entry strength",
    "selection_probability": "selection probability",
    "statistic": "statistic",
    "p_value": "p",
    "q_value": "q",
    "e_value": "e",
    "bits_per_spike": "bits/spike",
    "deviance_share": "deviance share",
}
_SHOWN_OF_ALL = ("bits_per_spike", "q_value", "selection_probability", "statistic")
_MOST_NAMES = 4
_CAPTION = (
    "● selected. bits/spike: cross-validated gain of a covariate beside the selected ones, what leaving it out would "
    "cost where it is selected and what adding it would bring where not. ? no answer: see status and notes."
)


@dataclass(frozen=True)
class Evidence:
    """Evidence for every neuron and covariate; arrays are ``(n_neurons, n_covariates)``, NaN where there is none.

    Attributes
    ----------
    method
        The method, with its options.
    fdr
        False discovery rate asked for; methods without one ignore it.
    labels, neurons
        Names of covariates and of neurons.
    n_spikes
        Sum of the counts of each neuron in the rows that were used.
    selected
        The decisions.
    status
        An `EvidenceStatus` for each: what is not selected for want of data is no evidence of absence.
    notes
        One sentence per neuron about what went wrong or what to mind, empty if nothing.
    entry_strength
        Largest strength of the group lasso path at which the covariate is not zero.
    selection_probability
        Share of subsamples in which the covariate was selected.
    statistic
        The method's own, larger for stronger evidence.
    p_value, q_value
        The test's p-value, and the smallest false discovery rate at which Benjamini-Hochberg over all of them would
        select the pair.
    e_value
        Evidence whose mean is at most 1 where the covariate does not matter.
    bits_per_spike
        Cross-validated gain [bits per spike] of the covariate beside the selected ones. The folds are not those of
        new data: what was selected on them is flattered a little.
    deviance_share
        Share of the null model's deviance that the covariate explains beside the selected ones, in the data that the
        models were fitted to: a little above zero also for one that does nothing.
    """

    method: Any
    fdr: float
    labels: tuple[str, ...]
    neurons: tuple[str, ...]
    n_spikes: Int[np.ndarray, " n_neurons"] = field(repr=False)
    selected: Decisions = field(repr=False)
    status: np.ndarray = field(repr=False)
    notes: tuple[str, ...] = field(repr=False)
    entry_strength: PerPair = field(repr=False)
    selection_probability: PerPair = field(repr=False)
    statistic: PerPair = field(repr=False)
    p_value: PerPair = field(repr=False)
    q_value: PerPair = field(repr=False)
    e_value: PerPair = field(repr=False)
    bits_per_spike: PerPair = field(repr=False)
    deviance_share: PerPair = field(repr=False)

    @property
    def enough_data(self) -> Decisions:
        """Whether the data allow an answer, per neuron and covariate."""
        return self.status == EvidenceStatus.TESTED

    def selected_labels(self, neuron: int = 0) -> tuple[str, ...]:
        """Names of the covariates that one neuron keeps."""
        return tuple(label for label, keep in zip(self.labels, self.selected[neuron], strict=True) if keep)

    def columns(self) -> dict[str, PerPair]:
        """The kinds of evidence that there is any of, by name."""
        found = {name: getattr(self, name) for name in _COLUMNS}
        return {name: values for name, values in found.items() if not np.isnan(values).all()}

    def to_pandas(self):
        """Return a DataFrame with one row per neuron and covariate; asks for pandas."""
        import pandas as pd

        n_neurons, n_covariates = self.selected.shape
        columns = {
            "neuron": np.repeat(self.neurons, n_covariates),
            "covariate": np.tile(self.labels, n_neurons),
            "selected": self.selected.ravel(),
            "status": [EvidenceStatus(value).words for value in self.status.ravel()],
            "n_spikes": np.repeat(self.n_spikes, n_covariates),
        }
        return pd.DataFrame(columns | {name: getattr(self, name).ravel() for name in _COLUMNS})

    def table(self, neuron: int | None = None):
        """Return a rich table: all evidence of one neuron, or one row per neuron.

        Parameters
        ----------
        neuron
            Whose evidence to show. None shows every neuron in one row, or the only one there is in full.
        """
        if neuron is None and len(self.neurons) > 1:
            return self._table_of_all()
        return self._table_of_one(0 if neuron is None else neuron)

    def __rich__(self):
        return self.table()

    def plot(self, ax=None, regions: Sequence[str] | None = None):
        """Draw neurons by covariates, coloured by the gain where selected; returns the Axes."""
        from spikesieve.plotting import plot_selection_matrix

        has_gain = bool(np.isfinite(self.bits_per_spike[self.selected]).any())
        return plot_selection_matrix(
            self.selected,
            self.bits_per_spike if has_gain else None,
            cells=self.neurons,
            covariates=self.labels,
            regions=regions,
            ax=ax,
        )

    def _table_of_one(self, neuron: int):
        from rich.table import Table

        found = self.columns()
        table = Table(title=f"{self.neurons[neuron]}: {self.n_spikes[neuron]} spikes", caption=self._caption(neuron))
        table.add_column("covariate", no_wrap=True)
        table.add_column("selected", justify="center")
        for name in found:
            table.add_column(_COLUMNS[name], justify="right")
        for c, label in enumerate(self.labels):
            numbers = [_number(name, values[neuron, c]) for name, values in found.items()]
            table.add_row(label, self._mark(neuron, c), *numbers, style="bold" if self.selected[neuron, c] else None)
        return table

    def _table_of_all(self):
        from rich.table import Table

        table = Table(title=f"{self.method}", caption=self._caption(None))
        table.add_column("neuron", no_wrap=True)
        table.add_column("spikes", justify="right")
        for label in self.labels:
            table.add_column(label, justify="left")
        found = self.columns()
        shown = next((name for name in _SHOWN_OF_ALL if name in found), None)
        for i, neuron in enumerate(self.neurons):
            cells = [
                f"{self._mark(i, c)} {'' if shown is None else _number(shown, found[shown][i, c])}".strip()
                for c in range(len(self.labels))
            ]
            table.add_row(neuron, str(self.n_spikes[i]), *cells)
        return table

    def _mark(self, neuron: int, covariate: int) -> str:
        if self.selected[neuron, covariate]:
            return "●"
        return "" if self.enough_data[neuron, covariate] else "?"

    def _caption(self, neuron: int | None) -> str:
        chosen = range(len(self.neurons)) if neuron is None else [neuron]
        neurons_by_note: dict[str, list[str]] = {}
        for i in chosen:
            if self.notes[i]:
                neurons_by_note.setdefault(self.notes[i], []).append(self.neurons[i])
        return " ".join([_CAPTION, *(f"{_listed(names)}: {note}" for note, names in neurons_by_note.items())])


def _listed(names: list[str]) -> str:
    """All names, or the first two and how many others."""
    return ", ".join(names) if len(names) <= _MOST_NAMES else f"{', '.join(names[:2])} and {len(names) - 2} others"


def evidence_of(
    assessments: Sequence[Assessment],
    selected: Decisions,
    contributions: tuple[PerPair, PerPair, PerPair],
    described: dict[str, Any],
) -> Evidence:
    """Put the assessments of all neurons side by side; `described` holds what is not per covariate."""
    p_value = gathered(assessments, "p_value")
    entry_strength = gathered(assessments, "entry_strength")
    bits_per_spike, deviance_share, entered = contributions
    return Evidence(
        labels=assessments[0].labels,
        selected=selected,
        status=np.array([a.status for a in assessments], dtype=np.intp),
        notes=tuple(a.note for a in assessments),
        entry_strength=np.where(np.isnan(entry_strength), entered, entry_strength),
        selection_probability=gathered(assessments, "selection_probability"),
        statistic=gathered(assessments, "statistic"),
        p_value=p_value,
        q_value=benjamini_hochberg(p_value),
        e_value=gathered(assessments, "e_value"),
        bits_per_spike=bits_per_spike,
        deviance_share=deviance_share,
        **described,
    )


def _number(name: str, value: float) -> str:
    """Three digits; gains, which are differences of scores, to two decimals (and never -0.00)."""
    if np.isnan(value):
        return ""
    return f"{round(value, 2) + 0.0:.2f}" if name == "bits_per_spike" else f"{value:.3g}"
