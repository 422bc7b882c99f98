"""Cross-validation curves, tuning curves and the selection matrix."""

import numpy as np
import pytest

from spikesieve.plotting import plot_cross_validation, plot_selection_matrix, plot_tuning_curves
from spikesieve.selection import TuningCurve
from tests.plotting.records import made_cross_validation

GRID = np.linspace(0.0, 1.0, 5)
SELECTED = np.array([[True, False], [False, True], [True, True]])


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_mean_band_and_folds_are_the_scores():
    cv = made_cross_validation()
    ax = plot_cross_validation(cv)
    drawn = lines(ax)
    np.testing.assert_allclose(drawn["mean ± standard error"].get_ydata(), cv.deviance.mean(axis=0))
    for i, fold in enumerate(cv.deviance):
        np.testing.assert_allclose(drawn[f"_fold {i}"].get_ydata(), fold)
    error = cv.deviance.std(axis=0, ddof=1)[0] / 2
    corners = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert corners.min() == pytest.approx(cv.deviance.mean(axis=0).min() - error)
    assert ax.get_ylabel() == "held-out deviance per bin"


def test_the_chosen_strengths_are_marked_and_named():
    cv = made_cross_validation()
    ax = plot_cross_validation(cv, "bits_per_spike")
    assert lines(ax)["_min"].get_xdata()[0] == pytest.approx(cv.strength_min)
    assert lines(ax)["_1 SE"].get_xdata()[0] == pytest.approx(cv.strength_1se)
    assert {text.get_text() for text in ax.texts} == {"min", "1 SE"}
    cv.strength_1se = cv.strength_min
    assert {text.get_text() for text in plot_cross_validation(cv).texts} == {"min = 1 SE"}


def test_the_top_axis_counts_active_groups():
    cv = made_cross_validation()
    top = plot_cross_validation(cv).child_axes[0]
    np.testing.assert_allclose(top.get_xticks(), cv.strengths)
    assert [tick.get_text() for tick in top.get_xticklabels()] == [str(n) for n in cv.n_active]


def test_a_family_without_bits_per_spike_is_refused():
    cv = made_cross_validation()
    cv.bits_per_spike = None
    with pytest.raises(ValueError, match="counts of spikes only"):
        plot_cross_validation(cv, "bits_per_spike")


def test_a_fold_without_a_score_does_not_hide_the_others():
    cv = made_cross_validation()
    cv.deviance[1] = np.nan
    drawn = lines(plot_cross_validation(cv))["mean ± standard error"].get_ydata()
    np.testing.assert_allclose(drawn, cv.deviance[[0, 2, 3]].mean(axis=0))


def test_tuning_curve_rates_are_in_hz_with_their_band():
    curve = TuningCurve("speed", GRID, 2 + GRID, 1 + GRID, 3 + GRID, ("speed [cm/s]",), 2.5 + GRID)
    (ax,) = plot_tuning_curves([curve])
    np.testing.assert_allclose(lines(ax)["speed"].get_ydata(), curve.rate_hz)
    np.testing.assert_allclose(lines(ax)["observed"].get_ydata(), curve.observed_hz)
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (1.0, 4.0)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_ylim()[0]) == ("speed [cm/s]", "rate [Hz]", 0.0)


def test_one_dimensional_panels_share_their_rate_axis():
    weak, strong = TuningCurve("weak", GRID, 1 + 0 * GRID), TuningCurve("strong", GRID, 20 * GRID)
    shared = plot_tuning_curves([weak, strong])
    assert shared[0].get_ylim() == shared[1].get_ylim()
    own = plot_tuning_curves([weak, strong], share_rate=False)
    assert own[0].get_ylim()[1] < own[1].get_ylim()[1]


def test_a_place_map_puts_the_first_covariate_on_x():
    rate = np.zeros((5, 3))
    rate[4, 0] = 8.0
    rate[0, 2] = np.nan
    place = TuningCurve("position", (GRID, np.arange(3.0)), rate, axis_labels=("x [cm]", "y [cm]"))
    (ax,) = plot_tuning_curves([place])
    drawn = ax.collections[0].get_array()
    assert drawn.shape == (3, 5)
    assert drawn[0, 4] == 8.0
    assert drawn.mask[2, 0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x [cm]", "y [cm]")
    assert ax.collections[0].colorbar.ax.get_ylabel() == "rate [Hz]"


@pytest.mark.parametrize(
    ("curves", "axes", "message"),
    [
        ([], None, "no tuning curves"),
        ([TuningCurve("speed", GRID, np.ones(4))], None, "shape \\(4,\\) but its grid has \\(5,\\)"),
        ([TuningCurve("place", GRID, np.ones((5, 5)))], None, "pair of 1-D arrays"),
        ([TuningCurve("speed", GRID, np.ones(5))], [], "1 curves but 0 axes"),
    ],
)
def test_tuning_curves_that_cannot_be_drawn_are_refused(curves, axes, message):
    with pytest.raises(ValueError, match=message):
        plot_tuning_curves(curves, axes)


def test_selected_tiles_carry_their_magnitude_and_others_a_dot():
    magnitude = np.array([[0.5, 9.0], [9.0, 0.25], [1.0, 0.1]])
    ax = plot_selection_matrix(SELECTED, magnitude, ["a", "b", "c"], ["place", "speed"])
    tiles = ax.collections[0].get_array()
    np.testing.assert_array_equal(tiles.mask, ~SELECTED)
    np.testing.assert_array_equal(tiles.compressed(), magnitude[SELECTED])
    dots = lines(ax)["not selected"]
    assert set(zip(dots.get_ydata(), dots.get_xdata(), strict=True)) == {(0, 1), (1, 0)}
    assert {text.get_text() for text in ax.texts} == {"0.50", "0.25", "1.00", "0.10"}
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["place", "speed"]
    assert ax.collections[0].colorbar.ax.get_ylabel() == "bits per spike"


@pytest.mark.parametrize(
    ("magnitude", "shown"),
    [
        ([[2.968, 0.0012]], {"2.97", "0.00"}),
        ([[31.4, -0.04]], {"31.4", "0.0"}),
        ([[0.0312, -0.0045]], {"0.0312", "-0.0045"}),
        ([[1234.0, 5.6]], {"1234", "6"}),
    ],
)
def test_numbers_of_a_matrix_share_their_decimals(magnitude, shown):
    ax = plot_selection_matrix(np.ones((1, 2), dtype=bool), np.array(magnitude))
    assert {text.get_text() for text in ax.texts} == shown


def test_cells_are_grouped_by_region_in_order_of_appearance():
    ax = plot_selection_matrix(SELECTED, cells=["a", "b", "c"], regions=["CA1", "ADN", "CA1"])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "c", "b"]
    regions = ax.child_axes[0]
    assert [tick.get_text() for tick in regions.get_yticklabels()] == ["CA1", "ADN"]
    np.testing.assert_allclose(regions.get_yticks(), [0.5, 2.0])
    np.testing.assert_array_equal(ax.collections[0].get_array().mask, ~SELECTED[[0, 2, 1]])


def test_nothing_selected_and_two_hundred_cells_can_be_drawn():
    plot_selection_matrix(np.zeros((3, 2)), np.zeros((3, 2))).figure.canvas.draw()
    ax = plot_selection_matrix(np.ones((200, 4)), np.ones((200, 4)))
    assert ax.get_ylabel() == "200 cells"
    assert not ax.texts


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"magnitude": np.ones((2, 2))}, "magnitude has shape"),
        ({"cells": ["a"]}, "3 rows but 1 cells"),
        ({"covariates": ["a"]}, "2 columns but 1 covariates"),
        ({"regions": ["a"]}, "3 rows but 1 regions"),
    ],
)
def test_names_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        plot_selection_matrix(SELECTED, **given)
