"""The results of a grid in which one option varies: a point with its interval for each value."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from izwi.plots import style
from izwi.plots.style import COLOURS, COLUMN, LINE, MM, PAGE, POINT
from izwi.wording import count

FEWEST = 3  # numbers of a curve
_WIDE = 20.0  # numbers that are so many times apart lie on a logarithmic axis
_TICKS = 7  # numbers that are written at their places
_NAMES, _AROUND = 30 * MM, 12 * MM
# Text over lines.
_BOXED: dict[str, Any] = {"bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.5}}
_LINES = {"chance": ":", "baseline": "-."}


def one_option(option: str, rows: list[dict[str, Any]], path: str | Path, title: str) -> None:
    """Draw value and 95 % interval over the values of an option, with chance and baseline.

    Numbers are the x axis of a curve; other values are below each other. There is a panel for each
    measure.

    Args:
        option: its name
        rows: a row per experiment: ``label`` (the value of the option), ``measure``, ``value``,
            ``ci_low``, ``ci_high``, ``ci_method``, ``n_evaluated`` and, where they are known,
            ``chance`` and ``baseline`` (of the measure) and ``baseline_kind``
        path: of the picture
        title: first line
    """
    numbers = [_number(row["label"]) for row in rows]
    curve = len(rows) >= FEWEST and None not in numbers
    sizes = sorted({row["n_evaluated"] for row in rows})
    # Those that fit on a page; the table has all.
    shown = rows if curve else rows[: _fitting(rows, len(sizes) > 1)]
    panels: dict[str, list[dict[str, Any]]] = {}
    for row in shown:
        panels.setdefault(row["measure"], []).append(row)
    with style.drawing():
        heading = _heading(title, rows, len(rows) - len(shown), sizes)
        names = {
            measure: [_name(row, len(sizes) > 1) for row in own] for measure, own in panels.items()
        }
        heights = [0.62 * COLUMN] * len(panels)
        if not curve:
            heights = [sum(_lines(n) for n in own) * LINE for own in names.values()]
        top = style.figure_title(style.new_figure(COLUMN, 1), *heading)
        height = sum(heights) + _AROUND * len(panels) + top + 2 * LINE
        figure = style.new_figure(COLUMN, height, layout="constrained")
        style.figure_title(figure, *heading)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (measure, own) in zip(grid, panels.items(), strict=True):
            if curve:
                _curve(axes, own)
                axes.set(xlabel=style.shorten(option, 0.8 * COLUMN), ylabel=measure.upper())
            else:
                _dots(axes, own, names[measure])
                axes.set_xlabel(measure.upper())
        _legend(figure, rows)
        style.save(figure, path)


def _heading(
    title: str, rows: list[dict[str, Any]], left_out: int, sizes: list[int]
) -> tuple[str, ...]:
    measures = ", ".join(dict.fromkeys(row["measure"].upper() for row in rows))
    methods = list(dict.fromkeys(row["ci_method"] for row in rows if row["ci_method"]))
    tested = f", n = {sizes[0]}" + (f" to {sizes[-1]}" if len(sizes) > 1 else "") if sizes else ""
    what = f"{measures} with 95 % interval{tested}" if methods else f"{measures}{tested}"
    lines = [title, what]
    if methods:
        lines.append(f"intervals: {'; '.join(methods)}")
    if left_out:
        lines.append(f"{count(left_out, 'further row is', 'further rows are')} in the table alone")
    return tuple(lines)


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _name(row: dict[str, Any], counted: bool) -> str:
    name = style.wrap(row["label"], _NAMES)
    return f"{name}\nn = {row['n_evaluated']}" if counted else name


def _fitting(rows: list[dict[str, Any]], counted: bool) -> int:
    """How many rows, one below the other, fit on a page beside all else."""
    panels = len({row["measure"] for row in rows})
    room = PAGE - 8 * LINE - panels * _AROUND
    with style.drawing():
        heights = itertools.accumulate(_lines(_name(row, counted)) * LINE for row in rows)
        return max(1, sum(height <= room for height in heights))


def _lines(name: str) -> float:
    """How high a row is, in lines of text."""
    return 1.6 + name.count("\n")


def _curve(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Values over numbers."""
    rows = sorted(rows, key=lambda row: float(row["label"]))
    places = [float(row["label"]) for row in rows]
    log = _is_wide(places)
    if log:
        axes.set_xscale("log")
    for kind, line in _LINES.items():
        worth = [math.nan if row.get(kind) is None else row[kind] for row in rows]
        axes.plot(places, worth, color="0.5", linestyle=line, linewidth=0.8)
    values = [math.nan if row["value"] is None else row["value"] for row in rows]
    axes.plot(places, values, "-", color=COLOURS[0], linewidth=0.8, alpha=0.6)
    for place, row in zip(places, rows, strict=True):
        if row["ci_low"] is not None:
            axes.plot([place, place], [row["ci_low"], row["ci_high"]], color=COLOURS[0])
            for end in (row["ci_low"], row["ci_high"]):
                axes.plot(place, end, "_", markersize=5, color=COLOURS[0])
        if row["value"] is None:
            where = ("data", "axes fraction")
            axes.annotate("none", (place, 0.02), xycoords=where, ha="center", **_BOXED)
    axes.plot(places, values, "o", color=COLOURS[0], markersize=4)
    if len(set(places)) <= _TICKS:
        axes.xaxis.set_major_locator(FixedLocator(sorted(set(places))))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(sorted(set(places)), _apart(rows, places, log))
    elif log:
        axes.xaxis.set_major_locator(
            LogLocator(10, (1, 2, 5) if places[-1] < 90 * places[0] else (1,))
        )
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(_TICKS))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.06)
    axes.grid(axis="y", color="0.9", linewidth=0.5)


def _is_wide(places: list[float]) -> bool:
    """Whether ascending numbers are better told apart by their ratios than by their differences."""
    if places[0] <= 0 or places[-1] / places[0] <= _WIDE:
        return False
    steps = [b - a for a, b in itertools.pairwise(places)]
    ratios = [math.log(b / a) for a, b in itertools.pairwise(places)]
    return max(ratios) * min(steps) < max(steps) * min(ratios)


def _apart(rows: list[dict[str, Any]], places: list[float], log: bool) -> list[str]:
    """Texts of numbers, without those that would be one over the other."""
    scaled = [math.log(place) if log else place for place in places]
    reach = (scaled[-1] - scaled[0]) or 1.0
    room = 0.7 * COLUMN
    texts, end = [], -math.inf
    for row, place in zip(rows, scaled, strict=True):
        middle = (place - scaled[0]) / reach * room
        half = style.width_of(row["label"]) / 2 + POINT
        fits = middle - half > end
        texts.append(row["label"] if fits else "")
        end = middle + half if fits else end
    return texts


def _dots(axes: Axes, rows: list[dict[str, Any]], names: list[str]) -> None:
    """Values of what is no number, one below the other."""
    ends = [0.0, *itertools.accumulate(map(_lines, names))]
    places = [(above + below) / 2 for above, below in itertools.pairwise(ends)]
    for place, reach, row in zip(places, itertools.pairwise(ends), rows, strict=True):
        for kind, line in _LINES.items():
            if row.get(kind) is not None:
                axes.plot([row[kind]] * 2, reach, color="0.5", linestyle=line, linewidth=0.8)
        low, high = row["ci_low"], row["ci_high"]
        if low is not None:
            axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=1.2)
            for end in (low, high):
                axes.plot(end, place, "|", markersize=5, color=COLOURS[0])
        if row["value"] is None:
            where = ("axes fraction", "data")
            axes.annotate("undefined", (0.02, place), xycoords=where, va="center", **_BOXED)
        else:
            axes.plot(row["value"], place, "o", color=COLOURS[0], markersize=4)
    axes.set_yticks(places, names)
    axes.set_ylim(ends[-1], 0)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x", color="0.9", linewidth=0.5)


def _legend(figure: Figure, rows: list[dict[str, Any]]) -> None:
    """What the lines beside the values are."""
    kinds = {row["baseline_kind"] for row in rows if row.get("baseline") is not None}
    texts = {"chance": "chance"} if any(row.get("chance") is not None for row in rows) else {}
    if kinds:
        texts["baseline"] = ", ".join(sorted(kinds))
    handles = [
        Line2D([], [], color="0.5", linestyle=_LINES[kind], linewidth=0.8, label=text)
        for kind, text in texts.items()
    ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
