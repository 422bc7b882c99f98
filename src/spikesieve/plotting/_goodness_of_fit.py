"""The Kolmogorov-Smirnov plot of time rescaling."""

from typing import TYPE_CHECKING

import numpy as np

from spikesieve.plotting._style import BLUE, DARK_GREY, GREY, SMALL, new_axes, open_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_time_rescaling(rescaling, ax: "Axes | None" = None) -> "Axes":
    """Draw the empirical distribution of rescaled intervals against the uniform one, with 95 % and 99 % bands.

    Parameters
    ----------
    rescaling
        A `spikesieve.selection.TimeRescaling`.
    ax
        Where to draw; None makes a new figure.
    """
    ax = new_axes(4.2, 4.0) if ax is None else ax
    open_frame(ax)
    count = rescaling.n_spikes
    expected = (np.arange(count) + 0.5) / count
    diagonal = np.array([0.0, 1.0])
    ax.plot(diagonal, diagonal, color=DARK_GREY, linewidth=0.8, label="model")
    for level, style in ((0.95, (0, (4, 2))), (0.99, (0, (1, 1.5)))):
        half_width = rescaling.band(level)
        for sign in (1, -1):
            label = f"{level:.0%} band" if sign == 1 else f"_{level:.0%} band, lower"
            ax.plot(diagonal, diagonal + sign * half_width, color=GREY, linestyle=style, linewidth=1, label=label)
    ax.plot(expected, rescaling.z, color=BLUE, linewidth=2, label=f"{count} spikes")
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set_xlabel("quantile expected of the model")
    ax.set_ylabel("quantile of rescaled intervals")
    ax.legend(loc="upper left", frameon=False, fontsize=SMALL)
    return ax
