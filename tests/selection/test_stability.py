import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from spikesieve.selection._stability import r_concave_tail, stability_bound, stability_threshold

# Printed by the authors' R code as modified in the package stabs (0.6-4, regression tests): expected number
# of falsely selected out of 100 at threshold 0.6 with 50 pairs, for 1 to 10 selected per half. Its
# optimiser stops at a relative 1e-4 and its shapes at 1e-5: ours may only be larger, and by very little.
PUBLISHED = {
    "none": [0.05, 0.2, 0.45, 0.8, 1.25, 1.8, 2.45, 3.2, 4.05, 5],
    "unimodal": [
        *(0.02631579, 0.1052632, 0.2368421, 0.4210526, 0.6578947),
        *(0.9473684, 1.289474, 1.684211, 2.131579, 2.631579),
    ],
    "r-concave": [
        *(0.006971364, 0.03342845, 0.08691176, 0.1637231, 0.2605329),
        *(0.3820466, 0.5295188, 0.7042719, 0.9077127, 1.141338),
    ],
}


@pytest.mark.parametrize("assumption", PUBLISHED)
def test_bounds_are_the_published_ones(assumption):
    bounds = [stability_bound(100, q, 0.6, assumption=assumption) for q in range(1, 11)]
    np.testing.assert_allclose(bounds, PUBLISHED[assumption], rtol=4e-3)
    np.testing.assert_allclose(bounds[3:], PUBLISHED[assumption][3:], rtol=5e-6)


def test_thresholds_are_the_published_ones():
    assert stability_threshold(200, 7, 0.2, assumption="r-concave") == 0.62
    assert stability_threshold(200, 7, 0.2, assumption="unimodal") == 0.81
    assert stability_bound(200, 7, 0.62, assumption="r-concave") == pytest.approx(0.196, abs=5e-4)
    assert stability_bound(200, 7, 0.61, assumption="r-concave") == pytest.approx(0.219, abs=5e-4)


def random_r_concave(rng, n_steps, r):
    """A random pmf whose power `r` is convex: the maximum of a few lines, to the power 1/r."""
    steps = np.arange(n_steps + 1)
    lines = rng.normal(size=(rng.integers(1, 4), 1)) * steps + rng.normal(size=(1, 1)) * n_steps
    convex = np.maximum(lines.max(axis=0), 0) + rng.exponential() * 3 + 1e-3
    weight = convex ** (1 / r)
    weight[rng.integers(2, n_steps + 2) :] = 0.0
    return weight / weight.sum()


@settings(max_examples=200)
@given(st.integers(0, 10**6), st.integers(4, 20), st.sampled_from([-1 / 2, -1 / 4]))
def test_no_r_concave_distribution_has_a_larger_tail(seed, n_steps, r):
    weight = random_r_concave(np.random.default_rng(seed), n_steps, r)
    mean = weight @ np.arange(n_steps + 1) / n_steps
    for n_at_least in range(1, n_steps + 1):
        assert weight[n_at_least:].sum() <= r_concave_tail(mean, n_at_least, n_steps, r) + 1e-7


@pytest.mark.parametrize("r", [-1 / 2, -1 / 4])
def test_the_bound_is_attained(r):
    """Some distribution, checked here to be r-concave and of the right mean, has almost that tail."""
    n_steps, mean, n_at_least = 20, 0.1, 11
    best = 0.0
    for k in range(5, n_steps):
        for shape in np.geomspace(1e-2, 1e2, 1500):
            weight = np.zeros(n_steps + 1)
            weight[: k + 1] = (shape + np.arange(k + 1)) ** (1 / r)
            # What is left at k + 1 makes the mean right.
            distance = mean * n_steps - np.arange(n_steps + 1)
            weight[k + 1] = weight @ distance / -distance[k + 1]
            # Convexity of weight ** r at k, the only place where it could fail.
            if weight[k + 1] > 0 and weight[k + 1] <= (shape + k + 1) ** (1 / r):
                best = max(best, weight[n_at_least:].sum() / weight.sum())
    bound = r_concave_tail(mean, n_at_least, n_steps, r)
    assert best <= bound * (1 + 1e-9)
    assert best == pytest.approx(bound, rel=0.02)


@given(st.integers(2, 60), st.floats(0.02, 0.5), st.sampled_from([0.6, 0.75, 0.9, 1.0]))
def test_stronger_assumptions_bound_tighter_and_higher_thresholds_keep_fewer(n_groups, share, threshold):
    q = share * n_groups
    none, unimodal, concave = (
        stability_bound(n_groups, q, threshold, 20, assumption) for assumption in ("none", "unimodal", "r-concave")
    )
    assert 0 <= concave <= unimodal <= none
    assert stability_bound(n_groups, q, 1.0, 20, "r-concave") <= concave * (1 + 1e-9)
    assert none <= q / threshold + 1e-9


def kept_with_gaussian_scores(share, threshold):
    """Probability that a covariate is kept: its score on a half is N(recording, 1), with recording from N(0, 1)."""
    return norm.sf(np.sqrt(2) * norm.isf(share) + norm.ppf(threshold))


def test_gaussian_scores_are_kept_as_often_as_their_closed_form_in_simulation():
    """The two halves of a pair average to the recording: recording + noise and recording - noise, independent."""
    rng = np.random.default_rng(0)
    limit = np.sqrt(2) * norm.isf(0.15)
    recording, noise = rng.normal(size=(20_000, 1)), rng.normal(size=(20_000, 50))
    halves = np.concatenate([recording + noise, recording - noise], axis=1)
    share_kept = np.mean(np.mean(halves > limit, axis=1) >= 0.7)
    assert share_kept == pytest.approx(kept_with_gaussian_scores(0.15, 0.7), abs=0.004)


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("threshold", [0.6, 0.7, 0.8, 0.9])
def test_gaussian_scores_keep_the_unimodal_bound(share, threshold):
    kept = kept_with_gaussian_scores(share, threshold)
    assert kept <= stability_bound(1000, 1000 * share, threshold, assumption="unimodal") / 1000


def test_gaussian_scores_break_the_r_concave_bound():
    kept = kept_with_gaussian_scores(0.1, 0.7)
    assert kept > 2 * stability_bound(1000, 100, 0.7, assumption="r-concave") / 1000


def test_no_threshold_allows_less_than_the_bound_at_one():
    assert stability_threshold(10, 5, max_false=1e-9) == np.inf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((10, 11, 0.6), "n_selected must lie between 0 and n_groups = 10"),
        ((10, 2, 0.5), "threshold must lie above 1/2"),
        ((10, 2, 0.6, 1), "n_pairs must be at least 2"),
        ((10, 2, 0.6, 50, "concave"), "assumption must be one of"),
    ],
)
def test_impossible_numbers_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        stability_bound(*arguments)
    with pytest.raises(ValueError, match="max_false must be positive"):
        stability_threshold(10, 2, 0.0)
