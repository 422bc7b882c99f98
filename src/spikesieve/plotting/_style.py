"""What all pictures share: colours, line styles, the strength axis, labels that do not overlap.

Colours are those of Okabe & Ito (2008), "Color Universal Design", told apart with every common form
of colour blindness. Their yellow is left out: on white it is hardly seen.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
BLACK = "#000000"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
LINE_STYLES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.2, 1, 1.2)))
GREY = "#B3B3B3"
DARK_GREY = "#595959"

SMALL = 9
"""Font size of direct labels [points]."""
_LINE_HEIGHT = 1.35


def line_look(index: int) -> dict[str, Any]:
    """Colour and line style of the `index`-th line: all colours solid first, then dashed, then dotted."""
    style = LINE_STYLES[(index // len(PALETTE)) % len(LINE_STYLES)]
    return {"color": PALETTE[index % len(PALETTE)], "linestyle": style}


def new_axes(width: float = 6.4, height: float = 4.2) -> "Axes":
    """One Axes on a figure of its own that leaves room for everything written around it [inches]."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def open_frame(ax: "Axes") -> None:
    """Keep the left and bottom spines only."""
    ax.spines[["top", "right"]].set_visible(False)


def strength_axis(ax: "Axes", strengths: np.ndarray) -> np.ndarray:
    """Make x a logarithmic strength axis that decreases to the right; return the x of each strength.

    Covariates then enter from left to right. Strength 0 has no place on a logarithmic axis: it is
    drawn a little beyond the smallest positive one and its tick says 0.
    """
    from matplotlib.ticker import NullFormatter

    strengths = np.asarray(strengths, dtype=np.float64)
    ax.set_xlabel("regularization strength")
    positive = strengths[strengths > 0]
    if positive.size == 0:
        ax.set_xticks([0.0])
        return strengths
    ax.set_xscale("log")
    x = np.where(strengths > 0, strengths, positive.min() / _beyond(positive))
    span = max(np.log(x.max() / x.min()), np.log(2.0))
    ax.set_xlim(x.max() * np.exp(0.03 * span), x.min() * np.exp(-0.01 * span))
    ax.xaxis.set_minor_formatter(NullFormatter())
    if (strengths == 0).any():
        _tick_zero(ax, x.min(), positive.min())
    return x


def _beyond(positive: np.ndarray) -> float:
    """How many times smaller than the smallest strength the place of strength 0 lies."""
    return max(2.0, float(positive.max() / positive.min()) ** 0.08)


def _tick_zero(ax: "Axes", zero_at: float, smallest: float) -> None:
    from matplotlib.ticker import LogFormatterMathtext, LogLocator

    major = LogLocator().tick_values(smallest, max(ax.get_xlim()))
    kept = [tick for tick in major if smallest <= tick <= max(ax.get_xlim())]
    write = LogFormatterMathtext()
    write.set_axis(ax.xaxis)
    ax.set_xticks([zero_at, *kept], ["0", *(write(tick) for tick in kept)])


def spread(positions: np.ndarray, gap: float, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Move `positions` as little as keeps their order, `gap` between neighbours, and all in ``[low, high]``.

    The least-squares answer: subtract the offsets that the gaps need, make the rest monotone by
    pooling adjacent violators, add the offsets again. Gaps shrink if they cannot all fit.

    Examples
    --------
    >>> spread(np.array([0.5, 0.0, 0.5]), gap=0.2)
    array([0.4, 0. , 0.6])
    """
    count = len(positions)
    if count == 0:
        return np.zeros(0)
    gap = min(gap, (high - low) / max(count - 1, 1))
    order = np.argsort(positions, kind="stable")
    offsets = gap * np.arange(count)
    pooled: list[list[float]] = []
    for value in np.asarray(positions, dtype=np.float64)[order] - offsets:
        pooled.append([value, 1.0])
        while len(pooled) > 1 and pooled[-2][0] > pooled[-1][0]:
            upper, lower = pooled.pop(), pooled.pop()
            weight = upper[1] + lower[1]
            pooled.append([(upper[0] * upper[1] + lower[0] * lower[1]) / weight, weight])
    monotone = np.concatenate([np.full(int(weight), mean) for mean, weight in pooled])
    placed = np.empty(count)
    placed[order] = np.clip(monotone, low, max(high - offsets[-1], low)) + offsets
    return placed


def label_line_ends(ax: "Axes", x_end: float, labels: list[tuple[str, float, str]]) -> None:
    """Write ``(text, y, colour)`` to the right of the axes, each beside the end of its line.

    Call it last: it reads the limits of the axes.
    """
    if not labels:
        return
    height = ax.get_window_extent().height * 72.0 / ax.figure.dpi
    to_axes = ax.transData + ax.transAxes.inverted()
    ends = np.array([to_axes.transform((x_end, y))[1] for _, y, _ in labels])
    placed = spread(ends, _LINE_HEIGHT * SMALL / height)
    for (text, y, colour), at in zip(labels, placed, strict=True):
        ax.annotate(
            text,
            xy=(x_end, y),
            xytext=(1.03, at),
            textcoords="axes fraction",
            color=colour,
            fontsize=SMALL,
            va="center",
            ha="left",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 0},
        )


def label_above(ax: "Axes", labels: list[tuple[str, float, str]]) -> None:
    """Write ``(text, x, colour)`` upright above the axes, each over a dotted line at its x."""
    if not labels:
        return
    width = ax.get_window_extent().width * 72.0 / ax.figure.dpi
    to_axes = ax.transData + ax.transAxes.inverted()
    at = np.array([to_axes.transform((x, 0.0))[0] for _, x, _ in labels])
    for (text, x, colour), placed in zip(labels, spread(at, _LINE_HEIGHT * SMALL / width), strict=True):
        ax.axvline(x, color=colour, linewidth=0.8, linestyle=":", zorder=1)
        ax.annotate(
            text,
            xy=(x, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(placed, 1.05),
            textcoords="axes fraction",
            color=colour,
            fontsize=SMALL,
            rotation=90,
            va="bottom",
            ha="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 0},
        )
