"""The forward search and stability selection, against slow and literal versions of themselves."""

import numpy as np
import pytest

from spikesieve.glm import GLM
from spikesieve.observation_models import PoissonObservations
from spikesieve.selection import BlockedFolds, CovariateSelector, EvidenceStatus, Forward, Stability, stability_bound
from spikesieve.selection._forward import signed_rank_p_value
from spikesieve.selection._method import Assessment
from spikesieve.selection._stability_selection import _first_to_enter
from spikesieve.solver import Sample
from tests.selection.recordings import recording


@pytest.fixture(scope="module")
def one_neuron():
    return recording(seed=3, n_bins=3000)


def test_forward_search_agrees_with_a_literal_one(one_neuron):
    design, counts, _ = one_neuron
    y = counts[:, 0]
    folds = list(BlockedFolds(5).split(design))
    family = PoissonObservations()

    def held_out(labels):
        scores = []
        for train, test in folds:
            if labels:
                some = design.only(sorted(labels))
                model = GLM(regularizer="Ridge", regularizer_strength=1 / len(y)).fit(some[train], y[train])
                mean = model.predict(some[test])
            else:
                mean = np.full(len(test), y[train].mean())
            scores.append(np.sum(family.log_likelihood(np.log(mean), y[test])))
        return np.array(scores)

    chosen, current = [], held_out([])
    while len(chosen) < 4:
        scores = {label: held_out([*chosen, label]) for label in design.labels if label not in chosen}
        best = max(scores, key=lambda label: np.mean(scores[label]))
        if signed_rank_p_value(scores[best] - current) >= 0.05:
            break
        chosen, current = [*chosen, best], scores[best]
    evidence = CovariateSelector(Forward(BlockedFolds(5)), contributions=False).fit(design, y).evidence_
    assert set(evidence.selected_labels()) == set(chosen)
    first = (held_out(["c00"]) - held_out([])).sum() / np.log(2) / y.sum()
    if chosen[0] == "c00":
        np.testing.assert_allclose(evidence.statistic[0, 0], first, rtol=1e-3)


def test_forward_search_keeps_as_many_as_it_is_told(one_neuron):
    design, counts, active = one_neuron
    method = Forward(BlockedFolds(2), n_keep=2)
    assert CovariateSelector(method, contributions=False).fit(design, counts).evidence_.selected_labels() == active


def test_too_few_folds_can_never_be_significant(one_neuron):
    design, counts, _ = one_neuron
    with pytest.raises(ValueError, match=r"4 folds give p-values of 0\.0625 at best"):
        CovariateSelector(Forward(BlockedFolds(4))).fit(design, counts)


def test_signed_rank_of_nothing_is_no_evidence():
    assert signed_rank_p_value(np.zeros(10)) == 1.0
    assert signed_rank_p_value(np.arange(1.0, 11.0)) == pytest.approx(2**-10)


def test_first_to_enter_are_those_of_the_path(one_neuron):
    design, counts, _ = one_neuron
    sample = Sample(design, counts[:, 0])
    rows = np.arange(1500)
    path = GLM(regularizer="GroupLasso").fit_path(design[rows], counts[rows, 0])
    order = sorted(range(4), key=lambda g: -list(path.entry_strengths().values())[g])
    assert set(_first_to_enter(sample, rows, PoissonObservations(), 2)) == set(order[:2])


def test_stability_keeps_as_many_as_its_bound_allows():
    labels = [f"c{c}" for c in range(10)]
    probabilities = np.array([1.0, 1.0, 0.98, 0.97, 0.6, 0.5, 0.1, 0.1, 0.0, 0.0])
    found = Assessment.tested(labels, selection_probability=probabilities)
    method = Stability()
    (kept,) = method.decide([found], fdr=0.1)
    allowed = [
        (probabilities >= t).sum()
        for t in np.arange(51, 101) / 100
        if stability_bound(10, 4, t, 50) <= 0.1 * (probabilities >= t).sum()
    ]
    assert kept.sum() == max(allowed) == 4
    assert Stability(threshold=0.55).decide([found], fdr=0.1).sum() == 5


def test_stability_without_more_covariates_than_it_selects_is_marked(one_neuron):
    design, counts, _ = one_neuron
    with pytest.warns(UserWarning, match="chance alone would keep them all"):
        evidence = CovariateSelector(Stability(n_selected=4), contributions=False).fit(design, counts).evidence_
    assert (evidence.status == EvidenceStatus.NOT_ENOUGH_DATA).all()
