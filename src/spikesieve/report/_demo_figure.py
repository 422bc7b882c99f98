"""The demo's picture: what every cell keeps, and one cell's path, tuning, and place map."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.plotting import plot_path, plot_selection_matrix, plot_tuning_curves
from spikesieve.report._demo import COVARIATES, HEAD_DIRECTION, CellFinding, DemoData
from spikesieve.report._demo_table import REGION_NAMES
from spikesieve.report._demo_tuning import tuning_of
from spikesieve.selection import TuningCurve

_SIZE_IN = (11.2, 6.3)
"""A slide's proportions, and small enough for its text to be read from the back row."""
_DPI = 160
_STYLE: dict[Any, Any] = {"font.size": 11, "axes.titlesize": 11, "axes.titlelocation": "left", "pdf.fonttype": 42}
_MARK = "#595959"
_WIDE_TITLE, _NARROW_TITLE = 26, 16
"""Characters of a title that fit on a line above one of three panels, and of four."""


def draw_findings(data: DemoData, findings: Sequence[CellFinding], drawn: CellFinding, paths: Sequence[Path]) -> None:
    """Write the figure in every format that `paths` name by their suffix."""
    import matplotlib
    from matplotlib.figure import Figure

    # A Figure of its own, not pyplot's: nothing is shown, and no window system is needed.
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE_IN, layout="constrained")
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.0, 2.1), wspace=0.04)[0]
        above, below = right.subfigures(2, 1, squeeze=False, height_ratios=(0.9, 1.0), hspace=0.04)[:, 0]
        _draw_selection(left, findings)
        _draw_tuning(below, tuning_of(data, drawn))
        _draw_path(above, figure, drawn)
        for path in paths:
            figure.savefig(path, dpi=_DPI)


def _draw_selection(part, findings: Sequence[CellFinding]) -> None:
    part.suptitle("Which covariates drive each cell?", fontweight="bold")
    plot_selection_matrix(
        [[name in f.kept for name in COVARIATES] for f in findings],
        [[f.gains[name].bits_per_spike for name in COVARIATES] for f in findings],
        cells=[str(f.cell) for f in findings],
        covariates=[name.replace(" ", "\n") for name in COVARIATES],
        regions=[REGION_NAMES.get(f.region, f.region) for f in findings],
        magnitude_label="gain [bits per held-out spike]",
        ax=part.subplots(),
    )


def _draw_path(part, figure, drawn: CellFinding) -> None:
    cv = drawn.cross_validation
    name = REGION_NAMES.get(drawn.region, drawn.region)
    part.suptitle(f"Cell {drawn.cell}, {name}: covariates enter as the penalty falls", fontweight="bold")
    ax = part.subplots()
    # The labels at the ends of the lines are placed by the height of the axes, which the layout decides.
    figure.draw_without_rendering()
    plot_path(cv.path, ax=ax)
    ax.set_ylabel("norm of coefficients")
    # The rule's strength is never smaller than the minimum's, so their names are written to either side.
    _mark(ax, "one-standard-error rule ", cv.strength_1se, "-", "right" if _has_room_on_left(cv) else "left")
    if cv.strength_min < cv.strength_1se:
        _mark(ax, " minimum", cv.strength_min, (0, (4, 1.5)), "left")


def _has_room_on_left(cv) -> bool:
    position = np.log(cv.strengths[0] / cv.strength_1se) / np.log(cv.strengths[0] / cv.strengths[-1])
    return bool(position > 0.25)


def _mark(ax, text: str, strength: float, style, side: str) -> None:
    ax.axvline(strength, color=_MARK, linewidth=1.2, linestyle=style, zorder=0)
    above = {"xycoords": ("data", "axes fraction"), "xytext": (0, 2), "textcoords": "offset points"}
    ax.annotate(text, xy=(strength, 1.0), color=_MARK, fontsize=10, ha=side, **above)


def _draw_tuning(part, curves: Sequence[TuningCurve]) -> None:
    widths = [1.0 if curve.is_map else 1.3 for curve in curves]
    axes = part.subplots(1, len(curves), squeeze=False, gridspec_kw={"width_ratios": widths})[0]
    plot_tuning_curves(curves, axes)
    is_crowded = len(curves) > 3
    for ax, curve in zip(axes, curves, strict=True):
        if curve.is_map:
            ax.set_title("\n".join(textwrap.wrap(curve.label, _NARROW_TITLE if is_crowded else _WIDE_TITLE)))
        else:
            ax.set_title(f"{curve.label}\ndots: as recorded")
        if curve.label == HEAD_DIRECTION:
            ax.set_xticks(np.arange(0, 361, 180 if is_crowded else 90))
    _share_colours([ax for ax, curve in zip(axes, curves, strict=True) if curve.is_map])


def _share_colours(maps) -> None:
    """One scale and one bar: what is predicted compares with what was recorded only in the same colours."""
    meshes = [ax.collections[0] for ax in maps]
    top = max(float(mesh.get_array().max()) for mesh in meshes)
    for mesh in meshes:
        mesh.set_clim(0.0, top or 1.0)
    for mesh in meshes[:-1]:
        mesh.colorbar.remove()
    for ax in maps[1:]:
        ax.set_ylabel("")
