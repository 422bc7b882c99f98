import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesieve.plotting import plot_path
from spikesieve.plotting._style import spread
from tests.plotting.records import made_path

TWO = {"position": [0.0, 0.5, 1.0, 1.5], "speed": [0.0, 0.0, 0.2, 0.4]}


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def texts(ax):
    return {text.get_text(): text for text in ax.texts}


def test_each_group_is_a_line_of_its_norms_against_strength():
    path = made_path(TWO)
    drawn = lines(plot_path(path))
    for label, norms in TWO.items():
        np.testing.assert_allclose(drawn[label].get_xdata(), path.strengths)
        np.testing.assert_array_equal(drawn[label].get_ydata(), norms)


def test_strength_is_logarithmic_and_decreases_to_the_right():
    ax = plot_path(made_path(TWO))
    left, right = ax.get_xlim()
    assert ax.get_xscale() == "log"
    assert left > right
    assert ax.get_xlabel() == "regularization strength"


def test_lines_are_labelled_at_their_ends_in_their_colour_and_without_overlap():
    ax = plot_path(made_path(TWO))
    written, drawn = texts(ax), lines(ax)
    assert set(written) == {"position", "speed"}
    for label, text in written.items():
        assert text.get_color() == drawn[label].get_color()
        assert text.xy == (pytest.approx(1e-4), TWO[label][-1])
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in written.values()]
    assert not boxes[0].overlaps(boxes[1])


def test_no_label_is_cut_off_by_the_figure():
    norms = {f"a covariate with a long name {i}": [0.0, 1.0, 2.0 + i / 100] for i in range(12)}
    ax = plot_path(made_path(norms))
    ax.figure.canvas.draw()
    for text in ax.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= ax.figure.bbox.x1 and box.y1 <= ax.figure.bbox.y1


def test_a_triangle_marks_the_strength_at_which_a_group_enters():
    path = made_path(TWO)
    drawn = lines(plot_path(path))
    for label, strength in path.entry_strengths().items():
        marker = drawn[f"_entry of {label}"]
        assert marker.get_marker() == "^"
        assert marker.get_xdata()[0] == pytest.approx(strength)


def test_solutions_that_did_not_converge_are_crossed_out_and_explained():
    path = made_path(TWO, unconverged=(2,))
    ax = plot_path(path)
    cross = lines(ax)["not converged"]
    np.testing.assert_allclose(cross.get_xdata(), path.strengths[[2]])
    np.testing.assert_allclose(cross.get_ydata(), [1.0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["not converged"]
    assert plot_path(made_path(TWO)).get_legend() is None


def test_of_a_hundred_groups_the_twelve_largest_are_named_and_the_rest_grey():
    norms = {f"g{i}": [0.0, 0.01 * max(i - 9, 0), 0.02 * max(i - 9, 0)] for i in range(100)}
    ax = plot_path(made_path(norms))
    assert set(texts(ax)) == {f"g{i}" for i in range(88, 100)} | {"78 more", "10 never enter"}
    grey = [line for label, line in lines(ax).items() if label.startswith("_g")]
    assert len(grey) == 88
    assert len({line.get_color() for line in grey}) == 1


def test_named_lines_differ_in_colour_or_line_style():
    norms = {f"g{i}": [0.0, 1.0 + i] for i in range(12)}
    ax = plot_path(made_path(norms))
    looks = {(line.get_color(), str(line._dash_pattern)) for label, line in lines(ax).items() if label[0] == "g"}
    assert len(looks) == 12


def test_strength_zero_has_a_place_and_says_so():
    path = made_path(TWO, strengths=[1e-1, 1e-2, 1e-3, 0.0])
    ax = plot_path(path)
    x = lines(ax)["position"].get_xdata()
    assert (x > 0).all() and (np.diff(x) < 0).all()
    assert "0" in [tick.get_text() for tick in ax.get_xticklabels()]


def test_a_path_of_one_strength_shows_dots():
    ax = plot_path(made_path({"position": [0.7]}, strengths=[1e-2]))
    assert lines(ax)["position"].get_marker() == "o"


@pytest.mark.parametrize("strengths", [[0.0], [1e-3, 0.0]])
def test_paths_down_to_no_penalty_can_be_drawn(strengths):
    plot_path(made_path({"position": [0.7] * len(strengths)}, strengths=strengths)).figure.canvas.draw()


def test_deviance_explained_is_in_percent_with_entries_above():
    path = made_path(TWO)
    ax = plot_path(path, "deviance_explained")
    np.testing.assert_allclose(lines(ax)["deviance explained"].get_ydata(), 100 * path.deviance_explained)
    assert ax.get_ylabel() == "deviance explained [%]"
    assert {label: text.xy[0] for label, text in texts(ax).items()} == pytest.approx(path.entry_strengths())


def test_an_interrupted_path_says_so():
    assert "interrupted: not the whole path" in texts(plot_path(made_path(TWO, interrupted=True)))


def test_the_given_axes_are_used_and_returned():
    import matplotlib.pyplot as plt

    ax = plt.figure().subplots()
    assert plot_path(made_path(TWO), ax=ax) is ax
    assert made_path(TWO).plot(ax=ax) is ax


def test_an_unknown_quantity_is_one_clear_sentence():
    with pytest.raises(ValueError, match="quantity must be one of 'group_norms', 'deviance_explained'"):
        plot_path(made_path(TWO), "coef")


def test_importing_plotting_does_not_import_matplotlib():
    code = "import sys, spikesieve.plotting; assert not {'matplotlib', 'jax', 'numba'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0.001, 0.2))
def test_spread_keeps_order_gaps_and_bounds(positions, gap):
    placed = spread(np.array(positions), gap)
    assert ((placed >= -1e-12) & (placed <= 1 + 1e-12)).all()
    order = np.argsort(positions, kind="stable")
    allowed = min(gap, 1 / max(len(positions) - 1, 1))
    assert (np.diff(placed[order]) >= allowed - 1e-9).all()


def test_spread_leaves_labels_alone_that_do_not_collide():
    np.testing.assert_allclose(spread(np.array([0.1, 0.9, 0.5]), 0.1), [0.1, 0.9, 0.5])
