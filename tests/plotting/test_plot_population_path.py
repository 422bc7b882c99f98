import numpy as np
import pytest

from spikesieve.plotting import plot_path, plot_population_path
from tests.plotting.records import made_path
from tests.plotting.test_plot_path import lines, texts

PATHS = [
    made_path({"position": [0.0, 0.5, 1.0], "speed": [0.0, 0.0, 0.2]}),
    made_path({"position": [0.0, 0.0, 0.0], "speed": [0.0, 0.1, 0.4]}),
]


def test_each_neuron_has_a_panel_with_its_norms():
    panels = plot_population_path(PATHS)
    assert [ax.get_title(loc="left") for ax in panels] == ["neuron 0", "neuron 1"]
    for ax, path in zip(panels, PATHS, strict=True):
        np.testing.assert_array_equal(lines(ax)["speed"].get_ydata(), path.group_norms["speed"])
    assert panels[0].figure.get_supxlabel() == "regularization strength"


def test_a_covariate_has_one_colour_in_all_panels():
    first, second = plot_population_path(PATHS)
    assert lines(first)["speed"].get_color() == lines(second)["speed"].get_color()
    assert "position" not in lines(second) and "1 never enters" in texts(second)


def test_chosen_neurons_are_drawn_on_given_axes():
    own = plot_path(PATHS[0], "deviance_explained").figure.add_subplot()
    (ax,) = plot_population_path(PATHS, "deviance_explained", neurons=[1], axes=[own])
    assert ax is own and "neuron 1" in texts(ax) and set(texts(ax)) == {"neuron 1", "speed"}


def test_of_many_neurons_twelve_are_drawn():
    assert len(plot_population_path(PATHS * 10)) == 12


def test_misuse_is_one_sentence():
    with pytest.raises(ValueError, match="neurons must be some of 0 to 1"):
        plot_population_path(PATHS, neurons=[2])
    with pytest.raises(ValueError, match="1 axes for 2 neurons"):
        plot_population_path(PATHS, axes=[plot_path(PATHS[0])])
