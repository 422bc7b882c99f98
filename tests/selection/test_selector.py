"""What every selection method keeps to, and what the selector does around them."""

import numpy as np
import pytest

import spikesieve.selection as selection
from spikesieve.basis import RaisedCosineLogConv
from spikesieve.design import as_design
from spikesieve.glm import GLM
from spikesieve.selection import (
    BlockedFolds,
    CovariateSelector,
    CrossValidated,
    EvidenceStatus,
    Forward,
    Knockoffs,
    SelectionMethod,
    Shift,
    Stability,
    TrialFolds,
    cross_validate,
)
from spikesieve.selection._selector import _METHODS
from tests.selection.recordings import recording

METHODS = {
    "min": CrossValidated("min", BlockedFolds(3), n_strengths=12, min_ratio=0.03),
    "1se": CrossValidated("1se", BlockedFolds(3), n_strengths=12, min_ratio=0.03),
    "stability": Stability(n_pairs=5, n_selected=2, threshold=0.9),
    "knockoffs": Knockoffs(n_draws=1),
    "forward": Forward(BlockedFolds(5)),
    "shift": Shift(n_shifts=200),
}
FAST = METHODS["1se"]


def test_every_method_is_in_the_contract_suite():
    offered = {getattr(selection, name) for name in selection.__all__ if isinstance(getattr(selection, name), type)}
    methods = {kind for kind in offered if issubclass(kind, SelectionMethod) and kind is not SelectionMethod}
    assert {type(method) for method in METHODS.values()} == methods
    assert set(METHODS) == set(_METHODS)


# ---- Contract of every method ----------------------------------------------


@pytest.fixture(scope="module")
def two_neurons():
    return recording(seed=1, n_neurons=2)


@pytest.fixture(scope="module", params=METHODS, ids=str)
def fitted(request, two_neurons):
    design, counts, active = two_neurons
    selector = CovariateSelector(METHODS[request.param], contributions=False)
    return selector.fit(design, counts), design, counts, active


def test_shapes_and_labels(fitted):
    selector, design, counts, _ = fitted
    assert selector.labels_ == design.labels and selector.selected_.dtype == bool
    for values in [selector.selected_, selector.evidence_.status, *selector.evidence_.columns().values()]:
        assert values.shape == (counts.shape[1], len(design.labels))


def test_strong_covariates_are_found(fitted):
    selector, _, _, active = fitted
    found = [set(active) <= set(selector.evidence_.selected_labels(neuron)) for neuron in (0, 1)]
    assert all(found)


def test_evidence_repeats_and_does_not_depend_on_the_other_neurons(fitted):
    selector, design, counts, _ = fitted
    alone = CovariateSelector(selector.method, contributions=False).fit(design, counts[:, 0])
    for name, values in alone.evidence_.columns().items():
        if name != "q_value":
            np.testing.assert_array_equal(values[0], getattr(selector.evidence_, name)[0])


@pytest.mark.parametrize("name", METHODS)
def test_constant_covariates_and_silent_neurons_are_marked(name, two_neurons):
    design, counts, _ = two_neurons
    features = design.to_tree() | {"still": np.ones((design.n_samples, 2))}
    counts = np.column_stack([counts[:, 0], np.zeros(len(counts))])
    with pytest.warns(UserWarning, match="not enough data"):
        selector = CovariateSelector(METHODS[name], contributions=False).fit(features, counts)
    still = selector.labels_.index("still")
    assert selector.evidence_.status[0, still] == EvidenceStatus.CONSTANT
    assert not selector.selected_[:, still].any() and not selector.selected_[1].any()
    assert (selector.evidence_.status[1] == EvidenceStatus.NOT_ENOUGH_DATA)[np.arange(5) != still].all()
    assert "spikes" in selector.evidence_.notes[1]


@pytest.mark.parametrize("name", METHODS)
def test_masked_rows_are_left_out_as_missing_ones_are(name, two_neurons):
    design, counts, _ = two_neurons
    mask = np.arange(len(counts)) % 1000 >= 60
    missing = np.where(mask, counts[:, 0], np.nan)
    by_weight, by_nan = (CovariateSelector(METHODS[name], folds=BlockedFolds(5)) for _ in range(2))
    by_weight.fit(design.with_weight(mask), counts[:, 0])
    by_nan.fit(design, missing)
    for column, values in by_nan.evidence_.columns().items():
        np.testing.assert_allclose(by_weight.evidence_.columns()[column], values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_what_an_offset_explains_is_not_selected(name):
    design, _, _ = recording(seed=3, n_active=0)
    effects = [1.5 * np.sin(2 * np.pi * design[label].blocks[0].axis.coordinates()) for label in ("c00", "c01")]
    counts = np.random.default_rng(0).poisson(0.1 * np.exp(effects[0] + effects[1]))
    plain = CovariateSelector(METHODS[name], contributions=False).fit(design, counts)
    given = CovariateSelector(METHODS[name], contributions=False).fit(design.with_offset(effects[0]), counts)
    assert plain.selected_[0, :2].all() and given.selected_[0, 1]
    # The minimum rule keeps too much, and an offset made of a covariate tells it from its copies.
    if name not in ("min", "knockoffs"):
        assert not given.selected_[0, 0]


def test_neurons_may_have_covariates_of_their_own(two_neurons):
    design, counts, _ = two_neurons
    coupling = RaisedCosineLogConv(3, window_size=10, label="coupling")

    def design_of(neuron):
        own = coupling.design(np.delete(counts, neuron, axis=1))
        return as_design({"c00": design["c00"], "c02": design["c02"], "coupling": own})

    selector = CovariateSelector(FAST, contributions=False).fit(design_of, counts)
    for neuron in (0, 1):
        alone = CovariateSelector(FAST, contributions=False).fit(design_of(neuron), counts[:, neuron])
        np.testing.assert_array_equal(selector.selected_[neuron], alone.selected_[0])
        assert selector.refit(neuron).sample.design.n_samples == len(counts) - 10
    with pytest.raises(ValueError, match=r"X\(1\) must be a design of 4000 rows with the covariates 'c00'"):
        CovariateSelector(FAST).fit(lambda neuron: design if neuron else design["c00"], counts)


def test_processes_give_the_same(two_neurons):
    design, counts, _ = two_neurons
    one, two = (CovariateSelector(METHODS["knockoffs"], n_jobs=n, contributions=False) for n in (None, 2))
    np.testing.assert_array_equal(
        one.fit(design, counts).evidence_.statistic, two.fit(design, counts).evidence_.statistic
    )


# ---- The selector ----------------------------------------------------------


def test_rules_choose_what_cross_validation_chooses(two_neurons):
    design, counts, _ = two_neurons
    folds = BlockedFolds(4, gap=20)
    model = GLM(regularizer="GroupLasso")
    cv = cross_validate(model, design, counts[:, 0], folds=folds, n_strengths=15)
    for rule in ("min", "1se"):
        method = CrossValidated(rule, folds, n_strengths=15)
        selector = CovariateSelector(method, contributions=False).fit(design, counts[:, 0])
        assert selector.evidence_.selected_labels() == cv.selected(rule)
        np.testing.assert_allclose(selector.evidence_.entry_strength[0], list(cv.path.entry_strengths().values()))


def test_rows_with_missing_values_are_left_out_of_the_folds_of_the_whole_recording(two_neurons):
    design, counts, _ = two_neurons
    features = {label: values.copy() for label, values in design.to_tree().items()}
    features["c00"][100:300] = np.nan
    trials = np.arange(len(counts)) // 200
    folds = TrialFolds(trials, 4)
    cv = cross_validate(GLM(regularizer="GroupLasso"), features, counts[:, 0], folds=folds, n_strengths=15)
    method = CrossValidated("1se", folds, n_strengths=15)
    selector = CovariateSelector(method, contributions=False).fit(features, counts[:, 0])
    assert selector.evidence_.selected_labels() == cv.selected("1se")
    np.testing.assert_allclose(selector.evidence_.entry_strength[0], list(cv.path.entry_strengths().values()))
    assert selector.evidence_.n_spikes[0] == np.delete(counts[:, 0], np.s_[100:300]).sum()


def test_gains_are_differences_of_cross_validated_scores(two_neurons):
    design, counts, active = two_neurons
    folds = BlockedFolds(3)
    evidence = CovariateSelector(FAST, folds=folds).fit(design, counts[:, 0]).evidence_
    assert evidence.selected_labels() == active
    ridge = GLM(regularizer="Ridge")

    def bits(labels):
        cv = cross_validate(ridge, design.only(labels), counts[:, 0], folds=folds, strengths=[1 / len(counts)])
        return cv.mean_and_error("bits_per_spike")[0][0], cv.path.deviance_explained[0]

    cost = np.subtract(bits(["c00", "c01"]), bits(["c01"]))
    gain = np.subtract(bits(["c00", "c01", "c03"]), bits(["c00", "c01"]))
    np.testing.assert_allclose([evidence.bits_per_spike[0, 0], evidence.deviance_share[0, 0]], cost, rtol=1e-4)
    np.testing.assert_allclose([evidence.bits_per_spike[0, 3], evidence.deviance_share[0, 3]], gain, rtol=1e-3)
    assert evidence.bits_per_spike[0, 0] > 0.05 > abs(evidence.bits_per_spike[0, 3])


def test_an_interrupt_keeps_the_neurons_that_are_finished(two_neurons, monkeypatch):
    design, counts, active = two_neurons
    calls = []

    def assess(self, sample, family, rng, original=CrossValidated.assess):
        calls.append(sample)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(self, sample, family, rng)

    monkeypatch.setattr(CrossValidated, "assess", assess)
    evidence = CovariateSelector(FAST).fit(design, counts).evidence_
    assert set(active) <= set(evidence.selected_labels(0)) and not evidence.selected[1].any()
    assert (evidence.status[1] == EvidenceStatus.NOT_REACHED).all() and np.isnan(evidence.entry_strength[1]).all()


def test_dispersion_is_estimated_where_the_family_has_one(two_neurons):
    design, counts, active = two_neurons
    selector = CovariateSelector(FAST, observation_model="NegativeBinomial", contributions=False)
    assert set(active) <= set(selector.fit(design, counts[:, 0]).evidence_.selected_labels())


def test_tables_and_frames_show_the_evidence(two_neurons):
    pandas = pytest.importorskip("pandas", reason="to_pandas returns a DataFrame")
    design, counts, _ = two_neurons
    named = pandas.DataFrame(counts, columns=["cell a", "cell b"])
    selector = CovariateSelector(FAST, folds=BlockedFolds(3)).fit(design, named)
    frame = selector.to_pandas().set_index(["neuron", "covariate"])
    assert frame.loc[("cell b", "c01"), "selected"] and not frame.loc[("cell b", "c03"), "selected"]
    assert frame.loc[("cell a", "c00"), "status"] == "tested" and len(frame) == 8
    text = _text(selector.table(1))
    assert "cell b" in text and "bits/spike" in text and text.count("●") == 3
    assert _text(selector).count("●") == 5
    assert len(selector.plot().get_yticks()) == 2


def test_a_note_about_many_neurons_is_printed_once(two_neurons):
    design, _, _ = two_neurons
    silent = np.zeros((design.n_samples, 7))
    with pytest.warns(UserWarning, match="not enough data"):
        selector = CovariateSelector(FAST, contributions=False).fit(design, silent)
    text = " ".join(_text(selector).split())
    assert text.count("too few for any statement") == 1 and "neuron 0, neuron 1 and 5 others: There are 0" in text


def _text(table):
    from io import StringIO

    from rich.console import Console

    written = StringIO()
    Console(width=160, file=written).print(table)
    return written.getvalue()


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        ({"method": "lasso"}, {}, "Unknown method 'lasso'"),
        ({"fdr": 1.0}, {}, "fdr must lie between 0 and 1"),
        ({}, {"X": np.ones((10, 2))}, "X is one array"),
        ({}, {"y": np.ones(7)}, "X has 4000 samples but y has 7"),
        ({}, {"y": np.ones((4000, 1, 1))}, "its shape is"),
        ({}, {"y": -np.ones(4000)}, "y does not fit PoissonObservations"),
        ({"folds": BlockedFolds(5, gap=4000)}, {}, "nothing left to train on"),
    ],
)
def test_misuse_is_one_clear_sentence(two_neurons, options, data, message):
    design, counts, _ = two_neurons
    with pytest.raises(ValueError, match=message):
        CovariateSelector(**options).fit(data.get("X", design), data.get("y", counts))


def test_a_fold_without_spikes_marks_the_neuron():
    design, counts, _ = recording()
    late = np.where(np.arange(len(counts)) < 3900, 0, counts[:, 0])
    late[3990:] = 2
    with pytest.warns(UserWarning, match="not enough data"):
        evidence = CovariateSelector("1se", folds=BlockedFolds(2, n_blocks_per_fold=1)).fit(design, late).evidence_
    assert "no spikes to train on" in evidence.notes[0] and not evidence.selected.any()
    assert np.isnan(evidence.bits_per_spike).all()
