"""Shift nulls as a method: calibration, power, and what it does where there is too little to shift."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.stats import kstest

from spikesieve.basis import BSplineEval, RaisedCosineLogConv
from spikesieve.design import as_design
from spikesieve.observation_models import BernoulliObservations, PoissonObservations
from spikesieve.selection import Assessment, CovariateSelector, EvidenceStatus, Shift
from spikesieve.selection._shift_p_values import ShiftNull, independent_shifts
from spikesieve.solver import Sample
from tests.selection.recordings import recording, smooth_covariates

POISSON = PoissonObservations()


def assess(method: Shift, design, counts, family=POISSON, seed: int = 0) -> Assessment:
    return method.assess(Sample(design, counts), family, np.random.default_rng(seed))


def drifting_recording(seed: int, n_bins: int = 2000):
    """Two null covariates, and counts that drift by a factor of several."""
    rng = np.random.default_rng(seed)
    values = smooth_covariates(rng, n_bins, 2, smoothing=15.0)
    basis = BSplineEval(5, label="a") + BSplineEval(5, label="b")
    drift = np.sin(2 * np.pi * (rng.random() + 1.5 * np.arange(n_bins) / n_bins))
    return basis.design(*values.T), rng.poisson(0.2 * np.exp(drift)).astype(float)


def test_p_values_are_uniform_where_the_rate_drifts():
    method = Shift(n_shifts=300)
    found = [assess(method, *drifting_recording(seed)).p_value for seed in range(40)]
    p_values = np.concatenate(found)
    assert kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(p_values <= 0.05) <= 0.1125  # 4 expected of 80; 10 or more have probability 0.005


def smooth(rng, n_bins: int, width: float):
    values = gaussian_filter1d(rng.standard_normal(n_bins), width)
    return values / values.std()


def test_what_a_covariate_has_of_its_own_is_moved_too_where_that_is_slower():
    basis = BSplineEval(5, label="null") + BSplineEval(5, label="true")
    p_values = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        true, own, drift = smooth(rng, 6000, 10), smooth(rng, 6000, 60), smooth(rng, 6000, 100)
        counts = rng.poisson(0.15 * np.exp(0.3 * true + 0.9 * drift)).astype(float)
        design = basis.design(np.sqrt(0.8) * true + np.sqrt(0.2) * own, true)
        p_values.append(assess(Shift(n_shifts=300, trend_functions=4), design, counts).p_value[0])
    assert np.mean(np.array(p_values) <= 0.05) <= 0.1  # moved as a whole: 5 of 20, and 13 of 60


def test_what_a_prior_would_take_from_one_column_of_many_is_not_found_in_a_covariate_like_it():
    """A prior that all columns share pulled the one that acts: 38 of 40 null covariates had p below 0.001."""
    p_values = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        many = np.stack([smooth(rng, 4000, 10) for _ in range(30)], axis=1)
        like_it = 0.9 * many[:, 0] + np.sqrt(0.19) * smooth(rng, 4000, 10)
        counts = rng.poisson(0.2 * np.exp(0.4 * many[:, 0])).astype(float)
        found = assess(Shift(n_shifts=200), as_design({"a": many, "b": like_it[:, None]}), counts)
        p_values.append(found.p_value[found.labels.index("b")])
    assert np.mean(np.array(p_values) <= 0.05) <= 0.2 and min(p_values) > 1e-3


def test_true_covariates_are_found_and_null_ones_are_not():
    design, counts, active = recording(seed=3, n_neurons=3)
    selector = CovariateSelector("shift", fdr=0.05, contributions=False).fit(design, counts)
    expected = np.array([label in active for label in design.labels])
    np.testing.assert_array_equal(selector.selected_, np.tile(expected, (3, 1)))
    assert selector.evidence_.p_value[:, expected].max() < 1e-6


def test_refitted_statistic_tells_the_same():
    design, counts, _ = recording(seed=4, n_bins=1500, n_covariates=3, n_active=1)
    by_score = assess(Shift(n_shifts=40), design, counts[:, 0])
    refitted = assess(Shift(n_shifts=40, statistic="refit"), design, counts[:, 0])
    for found in (by_score, refitted):
        assert found.p_value[0] < 1e-4 and found.p_value[1:].min() > 0.05
    np.testing.assert_allclose(refitted.statistic[1:], by_score.statistic[1:], rtol=0.25)


def test_refits_take_recordings_of_any_length_and_epochs_that_end_before_it():
    design, counts, _ = recording(seed=4, n_bins=1507, n_covariates=2, n_active=1)
    epochs = np.where(np.arange(1507) < 1400, np.arange(1507) // 700, np.nan)
    for method in (
        Shift(n_shifts=20, statistic="refit"),
        Shift(n_shifts=20, statistic="refit", epochs=epochs, gap_bins=30),
        Shift(n_shifts=20, statistic="refit", epochs=np.nan_to_num(epochs, nan=2.0) // 1, gap_bins=30),
    ):
        assert assess(method, design, counts[:, 0]).p_value[0] < 1e-3


def test_one_covariate_without_a_trend_is_compared_with_a_constant_rate():
    design, counts, _ = recording(seed=4, n_covariates=1, n_active=1)
    for statistic in ("score", "refit"):
        assert (
            assess(Shift(n_shifts=30, statistic=statistic, trend_functions=0), design, counts[:, 0]).p_value[0] < 1e-6
        )


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 1e4), (1.0, 1e8), (1e18, 0.0), (1e-12, 0.0)])
def test_units_and_origin_of_a_covariate_do_not_matter(scale, offset):
    rng = np.random.default_rng(0)
    features = {"a": rng.standard_normal((3000, 3)), "b": rng.standard_normal((3000, 2))}
    counts = rng.poisson(np.exp(0.2 * features["a"][:, 0] - 1.0)).astype(float)
    expected = assess(Shift(n_shifts=200), as_design(features), counts)
    moved = assess(Shift(n_shifts=200), as_design(features | {"a": scale * features["a"] + offset}), counts)
    assert set(moved.status) == {EvidenceStatus.TESTED}
    np.testing.assert_allclose(moved.statistic, expected.statistic, rtol=0.01)
    np.testing.assert_allclose(moved.p_value, expected.p_value, rtol=0.05, atol=1e-12)


def test_offsets_and_weights_are_part_of_the_model():
    design, counts, active = recording(seed=3)
    rng = np.random.default_rng(0)
    null, known = design.only([label for label in design.labels if label not in active]), design.only(list(active))
    theta = rng.normal(0, 2.0, known.n_coef)
    offset = known.linear_predictor(theta)
    counts = rng.poisson(0.3 * np.exp(offset - offset.mean())).astype(float)
    method = Shift(n_shifts=300)
    with_offset = method.assess(Sample(known, counts, offset), POISSON, np.random.default_rng(0))
    assert assess(method, known, counts).p_value.max() < 1e-6 and with_offset.p_value.min() > 0.01
    unused = rng.random(len(counts)) < 0.5
    shuffled = np.where(unused, rng.permutation(counts), counts)
    weighted = method.assess(Sample(known, shuffled, None, np.where(unused, 1e-9, 1.0)), POISSON, rng)
    assert weighted.p_value.max() < 1e-6 and assess(method, null, counts).p_value.min() > 0.01


def test_a_fit_that_does_not_converge_is_not_answered(monkeypatch):
    design, counts, _ = recording(seed=3)
    monkeypatch.setattr("spikesieve.selection._prior_fit._MAX_STEPS", 1)
    found = assess(Shift(), design, counts[:, 0])
    assert set(found.status) == {EvidenceStatus.NOT_CONVERGED} and "has not converged" in found.note


def test_columns_that_cannot_be_told_apart_are_not_answered(monkeypatch):
    design, counts, _ = recording(seed=3)

    def fail(*arguments):
        raise np.linalg.LinAlgError

    monkeypatch.setattr("spikesieve.selection._shift.studentised_scores", fail)
    found = assess(Shift(), design, counts[:, 0])
    assert set(found.status) == {EvidenceStatus.NOT_CONVERGED} and "rescale or remove" in found.note


def test_other_families_are_tested_too():
    design, counts, active = recording(seed=3)
    found = assess(Shift(n_shifts=200), design, (counts[:, 0] > 0).astype(float), BernoulliObservations())
    assert [label in active for label in found.labels] == list(found.p_value < 0.01)


def test_designs_that_are_never_stored_answer_as_their_columns_do():
    rng = np.random.default_rng(0)
    x, y, other = smooth_covariates(rng, 3000, 3).T
    counts = rng.poisson(0.3 * np.exp(np.sin(5 * x))).astype(float)
    place = BSplineEval(4, label="x") * BSplineEval(4, label="y")
    place.label = "place"
    history = RaisedCosineLogConv(3, window_size=10, label="history")
    design = (place + history + BSplineEval(5, label="other")).design(x, y, counts, other)
    design, counts = design[10:], counts[10:]
    stored = as_design(design.to_tree())
    lazy, dense = (assess(Shift(n_shifts=200), kind, counts) for kind in (design, stored))
    assert lazy.labels == dense.labels == ("history", "other", "place")
    np.testing.assert_allclose(lazy.statistic, dense.statistic, rtol=1e-3)
    np.testing.assert_allclose(lazy.p_value, dense.p_value, rtol=0.02)


@pytest.mark.parametrize("swap", [False, True])
def test_epochs_are_shifted_within_or_swapped(swap):
    design, counts, active = recording(seed=3)
    method = Shift(n_shifts=300, epochs=np.arange(len(counts)) // 400, swap=swap)
    found = assess(method, design, counts[:, 0])
    assert [label in active for label in found.labels] == list(found.p_value < 0.01)


def test_epochs_of_rows_with_missing_values_are_those_of_the_recording():
    design, counts, active = recording(seed=3)
    counts = counts[:, 0].copy()
    counts[500:700] = np.nan
    epochs = np.where(np.arange(len(counts)) < 2000, 1.0, 2.0)
    selector = CovariateSelector(Shift(epochs=epochs), contributions=False).fit(design, counts)
    assert selector.evidence_.selected_labels() == active


def test_a_covariate_that_is_nearly_a_function_of_time_is_not_answered():
    design, counts, _ = recording(seed=3, n_covariates=2, n_active=1)
    tree = design.to_tree()
    time = np.linspace(0, 1, len(counts))
    tree["elapsed"] = BSplineEval(5).compute_features(time)
    with pytest.warns(UserWarning, match="not enough data"):
        selector = CovariateSelector("shift", contributions=False).fit(tree, counts)
    status = dict(zip(selector.labels_, selector.evidence_.status[0], strict=True))
    assert status["elapsed"] == EvidenceStatus.NOT_ENOUGH_DATA
    assert status["c00"] == EvidenceStatus.TESTED and selector.evidence_.selected_labels() == ("c00",)


def test_epochs_shorter_than_the_gap_are_marked():
    design, counts, _ = recording(seed=3)
    found = assess(Shift(gap_bins=300, epochs=np.arange(len(counts)) // 400), design, counts[:, 0])
    assert set(found.status) == {EvidenceStatus.NOT_ENOUGH_DATA}
    assert "shorter than twice" in found.note and np.isnan(found.p_value).all()


def test_trials_of_any_length_take_part_and_what_does_not_is_noted():
    design, counts, active = recording(seed=3)
    rng = np.random.default_rng(0)
    trial = np.repeat(np.arange(200), rng.integers(15, 36, 200))[: len(counts)]
    trial = np.concatenate([trial, np.full(len(counts) - len(trial), trial[-1])]).astype(float)
    found = assess(Shift(n_shifts=300, epochs=trial, swap=True), design, counts[:, 0])
    assert not found.note and [label in active for label in found.labels] == list(found.p_value < 0.01)
    trial[: len(trial) // 3] = np.nan
    assert (
        "67 % of the rows take part" in assess(Shift(n_shifts=300, epochs=trial, swap=True), design, counts[:, 0]).note
    )


def test_ranks_alone_never_go_below_one_in_all_independent_shifts():
    design, counts, _ = recording(seed=3)
    found = assess(Shift(tail=False), design, counts[:, 0])
    assert 1 / 1001 <= found.p_value.min() < 0.02


def test_too_few_shifts_for_one_discovery_are_an_error():
    design, counts, _ = recording(seed=3)
    with pytest.raises(ValueError, match="take at least 80"):
        CovariateSelector(Shift(n_shifts=20, tail=False), fdr=0.05, contributions=False).fit(design, counts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_shifts": 5}, "n_shifts must be a whole number of at least 10"),
        ({"gap_bins": 0}, "gap_bins must be a whole number of at least 1"),
        ({"statistic": "likelihood"}, "statistic must be 'score' or 'refit'"),
        ({"trend_functions": 2}, "trend_functions must be a whole number of at least 4"),
        ({"swap": True}, "swap=True needs epochs"),
        ({"epochs": [[1, 2]]}, "epochs must be one-dimensional"),
    ],
)
def test_impossible_options_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        Shift(**options)


@pytest.mark.parametrize(
    ("epochs", "message"), [(np.zeros(10), "There are 10 epochs"), (np.full(4000, np.nan), "No usable sample")]
)
def test_epochs_that_do_not_fit_the_recording_are_errors(epochs, message):
    design, counts, _ = recording(seed=3)
    with pytest.raises(ValueError, match=message):
        assess(Shift(epochs=epochs), design, counts[:, 0])


def test_rank_p_value_is_exact_for_independent_shifts():
    null = ShiftNull(np.arange(1.0, 100.0), 99.0)
    assert null.rank_p_value(99.5) == pytest.approx(0.01)
    assert null.rank_p_value(90.0) == pytest.approx(0.11)


def test_tail_p_value_is_calibrated_for_chi_squared_statistics():
    rng = np.random.default_rng(0)
    draws = 3.0 * rng.chisquare(6, (4000, 31))
    p_values = np.array([ShiftNull(row[1:], 30.0).tail_p_value(row[0]) for row in draws])
    for level in (0.1, 0.01):
        assert np.mean(p_values <= level) == pytest.approx(level, abs=5 * np.sqrt(level / 4000))


def test_independent_shifts_are_as_many_as_their_correlation_leaves():
    rng = np.random.default_rng(0)
    independent = rng.standard_normal((800, 6))
    assert independent_shifts(independent) > 600
    assert independent_shifts(np.repeat(independent[:100], 8, axis=0)) == pytest.approx(100, rel=0.6)
