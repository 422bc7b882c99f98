"""Paths of many neurons: a small picture of each."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from spikesieve.plotting._path import largest_groups, plot_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_PANELS, _COLUMNS = 12, 4
_WIDTH, _HEIGHT = 3.6, 2.8
"""Of one panel [inches]."""


def plot_population_path(
    paths, quantity: str = "group_norms", neurons=None, axes: "Iterable[Axes] | None" = None
) -> np.ndarray:
    """Draw the paths of some neurons, each in a panel of its own, as `plot_path` draws one.

    A covariate has the same colour in all panels, and the twelve largest are named. Neurons have strengths
    of their own, so that strength axes differ.

    Parameters
    ----------
    paths
        A `spikesieve.glm.PopulationPath`.
    quantity
        As in `plot_path`.
    neurons
        Numbers of the neurons to draw. None: the first twelve.
    axes
        Where to draw, one Axes per neuron; None makes a new figure.

    Returns
    -------
    np.ndarray
        The Axes drawn on, one per neuron.

    Raises
    ------
    ValueError
        If a neuron does not exist, or there are not as many Axes as neurons.
    """
    chosen = np.arange(min(len(paths), _MOST_PANELS)) if neurons is None else np.atleast_1d(neurons)
    if not len(chosen) or not ((chosen >= 0) & (chosen < len(paths))).all():
        raise ValueError(f"neurons must be some of 0 to {len(paths) - 1}, got {chosen.tolist()}.")
    panels = _new_panels(len(chosen)) if axes is None else np.array(list(axes))
    if len(panels) != len(chosen):
        raise ValueError(f"There are {len(panels)} axes for {len(chosen)} neurons; pass one for each.")
    named = largest_groups([paths[int(neuron)] for neuron in chosen])
    for ax, neuron in zip(panels, chosen, strict=True):
        plot_path(paths[int(neuron)], quantity, ax, named)
        _write_name(ax, f"neuron {neuron}", above=quantity == "group_norms")
    if axes is None:
        _share_labels(panels)
    return panels


def _new_panels(count: int) -> np.ndarray:
    import matplotlib.pyplot as plt

    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    figure = plt.figure(figsize=(_WIDTH * columns, _HEIGHT * rows), layout="constrained")
    return np.array([figure.add_subplot(rows, columns, number + 1) for number in range(count)])


def _write_name(ax: "Axes", name: str, above: bool) -> None:
    """Name a panel, inside it where covariates are named above."""
    if above:
        ax.set_title(name, loc="left", fontsize="medium", fontweight="bold")
    else:
        ax.text(0.98, 0.5, name, transform=ax.transAxes, ha="right", fontweight="bold")


def _share_labels(panels: np.ndarray) -> None:
    """Label both axes once for all panels."""
    figure = panels[0].figure
    figure.supxlabel(panels[0].get_xlabel(), fontsize="medium")
    figure.supylabel(panels[0].get_ylabel(), fontsize="medium")
    for ax in panels:
        ax.set(xlabel="", ylabel="")
