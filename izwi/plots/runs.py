"""How the values of experiments vary over their runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from izwi.plots import style
from izwi.plots.data import Rows
from izwi.plots.style import COLOURS, COLUMN, MM
from izwi.wording import count

MOST = 60  # experiments that one picture shows; the data beside it have all
FEWEST = 5  # runs of a box; of fewer, its quartiles would be single runs
_ROW, _AROUND = 6 * MM, 12 * MM
_NAMES = 30 * MM
NOTE = (
    "a dot is a run, of nets at the epoch chosen on dev; line: mean; box: quartiles. Runs of one "
    "split differ by the seed alone, so no test compares them"
)


def runs_compare(experiments: list[dict[str, Any]], path: str | Path, title: str = "") -> Rows:
    """Draw the value of each run of some experiments, a panel for each measure.

    Args:
        experiments: of each ``name``, ``label``, ``measure``, ``n_evaluated`` and ``runs``
            (``run`` and ``value`` of each, None where it is undefined)
        path: of the picture
        title: first line
    """
    shown = experiments[:MOST]
    panels: dict[str, list[dict[str, Any]]] = {}
    for one in shown:
        panels.setdefault(one["measure"], []).append(one)
    sizes = sorted({one["n_evaluated"] for one in shown})
    tested = f"n = {sizes[0]}" if len(sizes) == 1 else f"n = {sizes[0]} to {sizes[-1]}"
    more = len(experiments) - len(shown)
    rest = f"{count(more, 'further experiment is', 'further experiments are')} in the table beside"
    heading = [title, tested, NOTE, *([rest] if more else [])]
    with style.drawing():
        names = {one["name"]: style.wrap(_name(one), _NAMES) for one in shown}
        heights = [
            sum(max(1.0, 0.62 * len(names[one["name"]].split("\n"))) for one in own) * _ROW
            for own in panels.values()
        ]
        top = style.figure_title(style.new_figure(COLUMN, 1), *heading)
        height = sum(heights) + _AROUND * len(panels) + top
        figure = style.new_figure(COLUMN, height, layout="constrained")
        style.figure_title(figure, *heading)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (measure, own) in zip(grid, panels.items(), strict=True):
            _panel(axes, own, names)
            axes.set_xlabel(measure.upper())
        style.save(figure, path)
    return [
        {"experiment": one["name"], "label": one["label"], "measure": one["measure"], **run}
        for one in experiments
        for run in one["runs"]
    ]


def _name(one: dict[str, Any]) -> str:
    return f"{one['label']}: {count(len(one['runs']), 'run')}"


def _panel(axes: Axes, experiments: list[dict[str, Any]], names: dict[str, str]) -> None:
    for place, one in enumerate(experiments):
        values = np.array([run["value"] for run in one["runs"] if run["value"] is not None])
        if not len(values):
            axes.annotate("undefined", (0.02, place), xycoords=("axes fraction", "data"))
            continue
        colour = COLOURS[0]
        if len(values) >= FEWEST:
            low, middle, high = np.percentile(values, [25, 50, 75])
            box = {"facecolor": "none", "edgecolor": "0.5", "linewidth": 0.8}
            axes.barh(place, high - low, left=low, height=0.6, **box)
            axes.plot([middle, middle], [place - 0.3, place + 0.3], color="0.5", linewidth=0.8)
        look = {"markerfacecolor": "none", "markeredgecolor": colour, "markeredgewidth": 0.7}
        axes.plot(values, np.full(len(values), place), "o", markersize=3.5, clip_on=False, **look)
        mean = values.mean()
        axes.plot([mean, mean], [place - 0.38, place + 0.38], color=colour, linewidth=1.6)
    axes.set_yticks(range(len(experiments)), [names[one["name"]] for one in experiments])
    axes.set_ylim(len(experiments) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x", color="0.9", linewidth=0.5)
