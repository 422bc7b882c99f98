import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control, norm

from spikesieve.selection._multiplicity import (
    benjamini_hochberg,
    e_benjamini_hochberg,
    knockoff_e_values,
    knockoff_threshold,
)

P_VALUES = arrays(float, st.integers(1, 40), elements=st.floats(0, 1))
STATISTICS = arrays(float, st.integers(1, 30), elements=st.integers(-9, 9).map(float))


@given(P_VALUES, st.booleans())
def test_q_values_are_those_of_scipy(p_values, any_dependence):
    expected = false_discovery_control(p_values, method="by" if any_dependence else "bh")
    np.testing.assert_allclose(benjamini_hochberg(p_values, any_dependence), expected)


@given(P_VALUES, st.floats(0.01, 0.99))
def test_q_values_select_what_the_step_up_rule_selects(p_values, fdr):
    line = fdr * np.arange(1, len(p_values) + 1) / len(p_values)
    below = np.flatnonzero(np.sort(p_values) <= line)
    expected = p_values <= (np.sort(p_values)[below[-1]] if below.size else -1.0)
    q_values = benjamini_hochberg(p_values)
    unclear = np.isclose(q_values, fdr, rtol=1e-9)
    np.testing.assert_array_equal((q_values <= fdr)[~unclear], expected[~unclear])


def test_untested_hypotheses_do_not_count():
    p_values = np.array([[0.01, np.nan], [0.2, 0.03]])
    q_values = benjamini_hochberg(p_values)
    assert np.isnan(q_values[0, 1])
    np.testing.assert_allclose(q_values[~np.isnan(q_values)], benjamini_hochberg(np.array([0.01, 0.2, 0.03])))
    assert not e_benjamini_hochberg(np.array([np.nan, 1.0]), 0.1).any()
    assert e_benjamini_hochberg(np.array([np.nan, 10.0]), 0.1).tolist() == [False, True]


@given(arrays(float, st.integers(1, 30), elements=st.floats(0, 100)), st.floats(0.05, 0.9))
def test_e_bh_is_bh_on_reciprocals(e_values, fdr):
    reciprocal = np.minimum(1.0 / np.maximum(e_values, 1e-300), 1e300)
    # Reciprocals above 1 are no p-values; BH is a step-up rule on any numbers, written out here.
    ranked = np.sort(reciprocal)
    below = np.flatnonzero(ranked * len(ranked) <= fdr * np.arange(1, len(ranked) + 1) * (1 + 1e-12))
    count = int(below[-1]) + 1 if below.size else 0
    selected = e_benjamini_hochberg(e_values, fdr)
    assert (
        abs(int(selected.sum()) - count) == 0
        or np.isclose(np.sort(e_values)[::-1] * np.arange(1, len(e_values) + 1) * fdr, len(e_values)).any()
    )


def knockoff_by_search(statistics, fdr, offset):
    for t in np.sort(np.abs(statistics[statistics != 0])):
        if (offset + (statistics <= -t).sum()) / max(1, (statistics >= t).sum()) <= fdr:
            return t
    return np.inf


@given(STATISTICS, st.sampled_from([0.1, 0.2, 0.5]), st.sampled_from([0, 1]))
def test_knockoff_threshold_is_the_definition(statistics, fdr, offset):
    assert knockoff_threshold(statistics, fdr, offset) == knockoff_by_search(statistics, fdr, offset)


@given(STATISTICS, st.sampled_from([0.1, 0.2, 0.5]))
def test_e_bh_on_one_draw_selects_what_knockoff_plus_selects(statistics, fdr):
    selected = statistics >= knockoff_threshold(statistics, fdr)
    np.testing.assert_array_equal(e_benjamini_hochberg(knockoff_e_values(statistics, fdr), fdr), selected)


def test_knockoff_plus_cannot_select_fewer_than_one_over_the_rate():
    assert knockoff_threshold(np.ones(9), 0.1) == np.inf
    assert knockoff_threshold(np.ones(10), 0.1) == 1.0
    assert knockoff_threshold(np.ones(1), 0.1, offset=0) == 1.0


def test_false_discovery_rates_are_controlled_in_simulation():
    """800 draws of 20 true and 80 null statistics, at 0.2: BH and knockoff+ within Monte Carlo error."""
    rng = np.random.default_rng(0)
    is_null = np.arange(100) >= 20
    proportions = {"bh": [], "knockoff": []}
    for _ in range(800):
        z = rng.normal(size=100) + 2.5 * ~is_null
        twin = rng.normal(size=100)
        statistic = np.abs(z) - np.abs(twin)
        for name, selected in [
            ("bh", benjamini_hochberg(2 * norm.sf(np.abs(z))) <= 0.2),
            ("knockoff", statistic >= knockoff_threshold(statistic, 0.2)),
        ]:
            proportions[name].append((selected & is_null).sum() / max(selected.sum(), 1))
    for name, values in proportions.items():
        error = np.std(values) / np.sqrt(len(values))
        assert np.mean(values) <= 0.2 + 2 * error, name
    # BH is exact at the null share for independent p-values: 0.8 of 0.2.
    assert np.mean(proportions["bh"]) == pytest.approx(0.16, abs=0.015)


def test_knockoff_e_values_have_mean_at_most_one_under_the_null():
    rng = np.random.default_rng(1)
    draws = [knockoff_e_values(rng.normal(size=30), 0.3).sum() for _ in range(3000)]
    assert np.mean(draws) <= 30 + 3 * np.std(draws) / np.sqrt(len(draws))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: benjamini_hochberg(np.array([1.2])), "between 0 and 1"),
        (lambda: e_benjamini_hochberg(np.array([-1.0]), 0.1), "not be negative"),
        (lambda: e_benjamini_hochberg(np.array([1.0]), 0.0), "fdr must lie between 0 and 1"),
        (lambda: knockoff_threshold(np.ones(3), 1.0), "fdr must lie between 0 and 1"),
        (lambda: knockoff_threshold(np.ones(3), 0.1, offset=2), "offset must be 0 or 1"),
    ],
)
def test_impossible_numbers_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_nothing_tested_selects_nothing():
    assert benjamini_hochberg(np.zeros(0)).shape == (0,)
    assert e_benjamini_hochberg(np.zeros(0), 0.1).shape == (0,)
    assert knockoff_threshold(np.zeros(3), 0.1) == np.inf
