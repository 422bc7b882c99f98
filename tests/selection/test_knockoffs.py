"""Copies cannot be told from originals, and what is decided from them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtri

from spikesieve.basis import BSplineEval, CyclicBSplineEval
from spikesieve.selection import CovariateSelector, EvidenceStatus, Knockoffs
from spikesieve.selection._faithful_copies import forgets, is_less_related
from spikesieve.selection._gaussian_series import GaussianSeries, hilbert_index
from spikesieve.selection._knockoffs import CopiesOfDesign, copy_e_values
from spikesieve.selection._spectral_knockoffs import SpectralModel
from tests.selection.recordings import recording


def slow_series(rng, n, mixing, smoothing=8.0):
    noise = gaussian_filter1d(rng.standard_normal((n, len(mixing))), smoothing, axis=0, mode="wrap")
    series = noise @ mixing.T
    return (series - series.mean(axis=0)) / series.std(axis=0)


MIXING = np.array([[1.0, 0, 0, 0], [0.7, 0.7, 0, 0], [0.3, 0, 1, 0], [0.2, 0.2, 0.4, 0.8]])


def lagged(a, b, lag):
    """Mean product of two series at a lag, on a circle."""
    return float(np.mean(a * np.roll(b, lag)))


@pytest.mark.parametrize("covariate", [np.arange(4), np.array([0, 1, 2, 2])], ids=["lines", "a plane"])
@pytest.mark.parametrize("lag", [0, 5, 20])
def test_swapping_an_original_and_its_copy_changes_no_second_moment(covariate, lag):
    rng = np.random.default_rng(0)
    series = slow_series(rng, 6001, MIXING)
    model = SpectralModel.estimated(series, covariate, n_copies=2)
    draws = [model.draw(rng) for _ in range(30)]

    def moments(pick):
        rows = [np.array([[lagged(a, b, lag) for b in z.T] for a in z.T]) for z in (pick(draw) for draw in draws)]
        return np.mean(rows, axis=0)

    swap = np.isin(covariate, [2])
    original = moments(lambda draw: series)
    swapped = moments(lambda draw: np.where(swap, draw[0], series))
    copies = moments(lambda draw: draw[1])
    np.testing.assert_allclose(swapped, original, atol=0.07)
    np.testing.assert_allclose(copies, original, atol=0.07)


def test_copies_of_independent_series_are_new():
    rng = np.random.default_rng(1)
    series = slow_series(rng, 20_000, np.eye(3), smoothing=3.0)
    copies = SpectralModel.estimated(series, np.arange(3), n_copies=4).draw(rng)
    across = np.corrcoef(np.hstack([series, *copies]).T) - np.eye(15)
    assert np.abs(across).max() < 0.3  # one for one they would be 1
    assert np.mean([np.corrcoef(series[:, j], copies[0][:, j])[0, 1] for j in range(3)]) < 0.25


def test_rows_without_memory_need_no_spectrum():
    """White in time: the construction must agree with the textbook's joint covariance."""
    rng = np.random.default_rng(2)
    series = rng.standard_normal((20_000, 4)) @ np.linalg.cholesky(0.5 * np.eye(4) + 0.5).T
    model = SpectralModel.estimated(series, np.arange(4), n_copies=1)
    joint = np.cov(np.hstack([series, model.draw(rng)[0]]).T)
    distance = np.mean(model.distance)
    expected = np.cov(series.T)
    np.testing.assert_allclose(joint[4:, 4:], expected, atol=0.04)
    np.testing.assert_allclose(joint[:4, 4:], expected - distance * np.eye(4), atol=0.04)
    assert 0.6 < distance <= 1.0  # twice the smallest eigenvalue, 0.5, less what estimating it costs


@pytest.mark.parametrize("kind", ["line", "circle", "plane", "features"])
def test_a_copy_is_made_of_the_covariates_own_rows(kind):
    rng = np.random.default_rng(3)
    walk = gaussian_filter1d(rng.standard_normal((2, 3000)), 20, axis=1) * 8
    if kind == "plane":
        design = (BSplineEval(4) * BSplineEval(4)).design(*walk)
    elif kind == "circle":
        design = CyclicBSplineEval(8, bounds=(0, 2 * np.pi)).design(np.cumsum(walk[0]) % (2 * np.pi))
    else:
        design = BSplineEval(6).design(walk[0])
    block = design.blocks[0]
    if kind == "features":
        from spikesieve.design import DenseBlock

        block = DenseBlock(design.to_dense())
    one = GaussianSeries.of_block(block, None if kind == "features" else design.basis_of(design.labels[0]))
    model = SpectralModel.estimated(one.series, np.zeros(one.series.shape[1], dtype=int), n_copies=2)
    copy = block.take(one.rows_of(one.order(model.draw(rng)[0]))).as_matrix(slice(0, 3000))
    features = block.as_matrix(slice(0, 3000))
    np.testing.assert_allclose(np.sort(copy, axis=0), np.sort(features, axis=0))
    assert not np.allclose(copy, features)
    if kind != "plane":
        assert not forgets(features, [copy])
    assert forgets(features, [rng.permutation(copy)])
    np.testing.assert_array_equal(block.take(one.rows_of(one.order(one.series))).as_matrix(slice(0, 9)), features[:9])


def test_copies_that_lost_a_relation_to_other_covariates_are_told():
    rng = np.random.default_rng(0)
    others = rng.standard_normal((4000, 3))
    noise, copied = rng.standard_normal((2, 4000, 1))
    as_related = others @ np.array([[0.5], [0.5], [0.0]])
    assert not is_less_related(as_related + noise, [as_related + copied], others)
    assert is_less_related(as_related + noise, [copied], others)
    assert is_less_related(as_related + noise, [copied, 0.5 * as_related + copied], others)


def test_copies_of_gaussian_covariates_are_as_related_as_they_are():
    for seed in range(3):
        design, _, _ = recording(seed=seed, n_bins=6000, n_covariates=6, smoothing=30.0, correlation=0.5)
        assert CopiesOfDesign.planned(design, Knockoffs(), np.random.default_rng(seed)).suitable.all()


def test_speed_that_decides_how_an_animal_turns_is_not_comparable():
    rng = np.random.default_rng(0)
    speed = np.exp(gaussian_filter1d(rng.standard_normal(6000), 10) * 5)
    turning = gaussian_filter1d(rng.standard_normal(6000), 3) / speed  # no correlation, but fast where it is slow
    turning = np.argsort(np.argsort(turning)) / 6000
    speed = np.argsort(np.argsort(speed)) / 6000
    basis = BSplineEval(8, label="speed") + BSplineEval(8, label="turning")
    counts = rng.poisson(0.5, 6000).astype(float)
    selector = CovariateSelector("knockoffs", contributions=False).fit(basis.design(speed, turning), counts)
    evidence = selector.evidence_
    assert set(evidence.status[0].tolist()) == {EvidenceStatus.UNSUITABLE}
    assert "copies of 'speed' are less related to the other covariates" in evidence.notes[0]


def test_neighbours_on_a_hilbert_curve_are_neighbours_on_the_plane():
    cells = np.stack(np.meshgrid(np.arange(32), np.arange(32)), axis=-1).reshape(-1, 2)
    along = cells[np.argsort(hilbert_index(ndtri((cells + 0.5) / 32)))]
    np.testing.assert_array_equal(np.abs(np.diff(along, axis=0)).sum(axis=1), 1)


def test_e_values_of_nulls_add_up_to_at_most_their_number():
    rng = np.random.default_rng(5)
    totals = [copy_e_values(rng.exponential(size=(6, 8)), rate=0.2).sum() for _ in range(4000)]
    assert np.mean(totals) < 8 + 3 * np.std(totals) / np.sqrt(4000)
    assert np.mean(totals) > 1.0  # and the bound is not idle


def test_versions_that_tie_say_nothing():
    statistics = np.array([[3.0, 2.0], [3.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(copy_e_values(statistics, rate=0.5) > 0, [False, True])


def test_draws_are_the_same_whether_remembered_or_made_anew(monkeypatch):
    design, counts, _ = recording(n_bins=2000)
    kept = CovariateSelector(Knockoffs(n_copies=10, n_draws=2), contributions=False).fit(design, counts)
    monkeypatch.setattr("spikesieve.selection._knockoffs._REMEMBERED_BYTES", 0)
    anew = CovariateSelector(Knockoffs(n_copies=10, n_draws=2), contributions=False).fit(design, counts)
    np.testing.assert_array_equal(kept.evidence_.statistic, anew.evidence_.statistic)


@pytest.mark.parametrize("statistic", ["refit", "entry"])
def test_true_covariates_beat_their_copies(statistic):
    design, counts, active = recording(seed=2, n_bins=6000, n_covariates=6, n_active=3, rate=0.5)
    method = Knockoffs(n_copies=5, n_draws=1, statistic=statistic)
    evidence = CovariateSelector(method, fdr=0.1, contributions=False).fit(design, counts).evidence_
    assert set(active) <= set(evidence.selected_labels())
    assert np.min(evidence.statistic[0, :3]) > 3 * np.max(evidence.statistic[0, 3:])


def test_too_few_copies_for_the_covariates_are_marked():
    design, counts, _ = recording()
    with pytest.warns(UserWarning, match="cannot select fewer than 10"):
        selector = CovariateSelector(Knockoffs(n_copies=1, n_draws=1), contributions=False).fit(design, counts)
    assert (selector.evidence_.status == EvidenceStatus.NOT_ENOUGH_DATA).all() and not selector.selected_.any()


def test_a_slow_drift_does_not_make_slow_covariates_look_true():
    """White copies, the textbook's, would be beaten by every slow covariate."""
    wins = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        drift = gaussian_filter1d(rng.standard_normal(4000), 400)
        design, _, _ = recording(seed=100 + seed, n_active=0, n_covariates=3, smoothing=100.0)
        counts = rng.poisson(0.3 * np.exp(1.5 * drift / drift.std()))
        method = Knockoffs(n_copies=10, n_draws=1, rate=0.9)
        evidence = CovariateSelector(method, contributions=False, random_state=seed).fit(design, counts).evidence_
        wins += int((evidence.selection_probability > 0).sum())
    assert wins <= 36 * (1 / 11) + 3 * np.sqrt(36 / 11)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_copies": 0}, "n_copies must be a positive whole number"),
        ({"n_draws": 1.5}, "n_draws must be a positive whole number"),
        ({"statistic": "lasso"}, "statistic must be one of"),
        ({"rate": 1.0}, "rate must lie between 0 and 1"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        Knockoffs(**options)


def test_copies_of_a_design_are_planned_once_per_design():
    design, _, _ = recording(n_bins=2000)
    copies = CopiesOfDesign.planned(design, Knockoffs(n_copies=3, n_draws=2), np.random.default_rng(0))
    draws = list(copies)
    assert len(draws) == 2 and all(orders.shape == (3, 2000) for draw in draws for orders in draw.orders)
    assert not np.array_equal(draws[0].orders[0], draws[1].orders[0])


def test_a_covariate_without_faithful_copies_is_marked_and_not_tested():
    rng = np.random.default_rng(6)
    walk = gaussian_filter1d(rng.standard_normal((3, 4000)), 20, axis=1) * 8
    design = ((BSplineEval(4, label="x") * BSplineEval(4, label="y")) + BSplineEval(6, label="speed")).design(*walk)
    counts = rng.poisson(0.3 * np.exp(np.sin(walk[0]) + np.sin(walk[2])))
    evidence = CovariateSelector(Knockoffs(n_copies=20, n_draws=1), contributions=False).fit(design, counts).evidence_
    assert evidence.status[0].tolist() == [EvidenceStatus.UNSUITABLE, EvidenceStatus.TESTED]
    assert evidence.selected_labels() == ("speed",) and np.isnan(evidence.e_value[0, 0])
    assert "'(x * y)' forget their past" in evidence.notes[0]


def test_ends_that_do_not_meet_cost_no_distance():
    """Very slow series end far from where they start; without a bridge copies had to stay near the originals."""
    rng = np.random.default_rng(7)
    noise = gaussian_filter1d(rng.standard_normal((20_000, 6)), 400, axis=0)
    series = (noise - noise.mean(axis=0)) / noise.std(axis=0)
    model = SpectralModel.estimated(series, np.arange(6), n_copies=20)
    assert model.distance[0] > 0.3 and model.draw(rng).shape == (20, 20_000, 6)
