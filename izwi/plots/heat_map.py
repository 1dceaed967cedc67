"""The results of a grid at a glance."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from izwi.evaluation.measures import direction
from izwi.plots import style
from izwi.plots.one_option import one_option
from izwi.plots.style import COLUMN, LINE, MM, POINT
from izwi.reporting.numbers import rounded
from izwi.wording import count

MOST_ROWS = 150  # if there are more, the first are drawn
UNBOUNDED = ("mse", "mae")
LEVELS = 6  # of brevity in a cell
_GAP = 3 * POINT
_RIGHT = 1 * MM
# Names of rows are wrapped to this width.
_NARROW, _BROAD = 19 * MM, 45 * MM


def heat_map(
    axes: list[str],
    rows: list[dict[str, Any]],
    path: str | Path,
    title: str,
    *,
    across: str | None = None,
) -> None:
    """Draw a cell per experiment, with value and 95 % interval; the darker, the better.

    Where one option alone varies, its values are drawn by `izwi.plots.one_option`.

    One column wide, if the cells fit. With many cells side by side, the interval first takes two
    lines, then only the table shows it and the value has two decimals. Finally, only the table
    shows differing numbers of samples, too.

    The options that vary are assigned to rows and columns so that the picture is nearly square. An
    option that follows from another, such as a name from a target, is left out.

    Args:
        axes: options that vary
        rows: a row per experiment: ``values`` (option → text), ``measure``, ``value``, ``ci_low``,
            ``ci_high``, ``ci_method``, ``n_evaluated``, and what `one_option` shows beside
        path: of the picture
        title: first line
        across: the option for the columns, the others are rows; None: what fits best
    """
    if option := _only(axes, rows):
        labelled = [{**row, "label": row["values"][option]} for row in rows]
        one_option(option, labelled, path, title)
        return
    if across is None:
        down, over = _arrange(_independent(axes, rows), rows)
    else:
        down, over = [axis for axis in axes if axis != across], [across]
    names_down = _steps(down, rows)
    names_across = _steps(over, rows)
    left_out = len(names_down) - MOST_ROWS
    names_down = names_down[:MOST_ROWS]
    several = len({row["measure"] for row in rows}) > 1
    counts = {row["n_evaluated"] for row in rows}
    drawn = np.full((len(names_down), len(names_across)), None, dtype=object)
    goodness = np.full(drawn.shape, np.nan)
    shades = _goodness(rows)
    for row, shade in zip(rows, shades, strict=True):
        place = _step(down, row), _step(over, row)
        if place[0] not in names_down:
            continue
        i, j = names_down.index(place[0]), names_across.index(place[1])
        drawn[i, j] = row
        goodness[i, j] = shade
    measures = ", ".join(dict.fromkeys(row["measure"].upper() for row in rows))
    n = f", n = {counts.pop()}" if len(counts) == 1 else ""
    methods = list(dict.fromkeys(row["ci_method"] for row in rows if row["ci_method"]))
    with style.drawing():
        for level in range(LEVELS):
            texts = np.full(drawn.shape, "", dtype=object)
            for (i, j), row in np.ndenumerate(drawn):
                if row is not None:
                    texts[i, j] = _cell(row, several, len(counts) > 1, level)
            if _least_width(texts, names_down) <= COLUMN:
                break
        with_interval = level < 2 and bool(methods)
        what = f"{measures} with 95 % interval{n}" if with_interval else f"{measures}{n}"
        heading = [title, f"{what}; the darker, the better"]
        if with_interval:
            heading.append(f"intervals: {'; '.join(methods)}")
        left = ["95 % intervals"] * bool(methods and not with_interval)
        left += ["numbers of samples"] * (len(counts) > 1 and level == LEVELS - 1)
        if left:
            heading.append(f"{' and '.join(left)} are in the table")
        if left_out > 0:
            heading.append(
                f"{count(left_out, 'further row is', 'further rows are')} in the table alone"
            )
        _draw(texts, goodness, names_down, names_across, (down, over), heading, path)


def _only(axes: list[str], rows: list[dict[str, Any]]) -> str:
    """The one option that varies, empty if there are several, or experiments with equal values."""
    vary = _independent(axes, rows)
    different = {row["values"][vary[0]] for row in rows}
    return vary[0] if len(vary) == 1 and 1 < len(different) == len(rows) else ""


def _independent(axes: list[str], rows: list[dict[str, Any]]) -> list[str]:
    """Options that vary, except those that follow from an earlier one."""
    kept: list[str] = []
    for axis in axes:
        values = [row["values"][axis] for row in rows]
        if len(set(values)) == 1:
            continue
        follows = any(
            len({(row["values"][other], row["values"][axis]) for row in rows})
            == len({row["values"][other] for row in rows})
            for other in kept
        )
        if not follows:
            kept.append(axis)
    return kept or axes[:1]


def _arrange(axes: list[str], rows: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Options for rows and for columns: a cell is about twice as wide as high."""
    if len(axes) == 1:
        return axes, []
    sizes = [len({row["values"][axis] for row in rows}) for axis in axes]
    cut = min(
        range(1, len(axes)), key=lambda i: max(math.prod(sizes[:i]), 2 * math.prod(sizes[i:]))
    )
    return axes[:cut], axes[cut:]


def _step(axes: list[str], row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row["values"][axis] for axis in axes)


def _steps(axes: list[str], rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Combinations that occur, in the order of the values of each option."""
    order = [list(dict.fromkeys(row["values"][axis] for row in rows)) for axis in axes]
    found = {_step(axes, row) for row in rows}
    return sorted(
        found, key=lambda s: [places.index(v) for places, v in zip(order, s, strict=True)]
    )


def _goodness(rows: list[dict[str, Any]]) -> list[float]:
    """0 for the worst and 1 for the best with the same measure, NaN without value."""
    found: list[float] = []
    for row in rows:
        values = [r["value"] for r in rows if r["measure"] == row["measure"]]
        values = [value for value in values if value is not None]
        if row["value"] is None:
            found.append(math.nan)
            continue
        low, high = min(values), max(values)
        share = (row["value"] - low) / (high - low) if high > low else 0.5
        found.append(share if direction(row["measure"]) > 0 else 1 - share)
    return found


def _cell(row: dict[str, Any], several: bool, counted: bool, level: int) -> str:
    """Text of a cell, the shorter the higher the level."""
    if row["value"] is None:
        text = "–"
    else:
        text = _number(row["value"], row["measure"], level)
        if row["ci_low"] is not None and level < 2:
            between = "," + ("\n" if level else " ")
            text += f"\n[{rounded(row['ci_low'])}{between}{rounded(row['ci_high'])}]"
    if several:
        text = f"{row['measure'].upper()}{' ' if level < 2 else chr(10)}{text}"
    counted = counted and level < LEVELS - 1
    return f"{text}\nn = {row['n_evaluated']}" if counted else text


def _number(value: float, measure: str, level: int) -> str:
    # An error with a unit may need more than two decimals.
    if level < 3 or measure in UNBOUNDED:
        return rounded(value)
    text = f"{value:.2f}"
    return text if level == 3 else text.replace("0.", ".", 1)


def _least_width(texts: np.ndarray, names_down: list[tuple[str, ...]]) -> float:
    """Inches that cells need beside row names that are wrapped as narrow as possible."""
    names = max(style.width_of(style.wrap(", ".join(name), _NARROW)) for name in names_down)
    wide = max(style.width_of(text) for text in texts.flat) + _GAP
    return names + LINE + 3 * _GAP + texts.shape[1] * wide + _RIGHT


def _draw(
    texts: np.ndarray,
    goodness: np.ndarray,
    names_down: list[tuple[str, ...]],
    names_across: list[tuple[str, ...]],
    axes_names: tuple[list[str], list[str]],
    heading: list[str],
    path: str | Path,
) -> None:
    n_down, n_across = texts.shape
    wide = max(style.width_of(text) for text in texts.flat) + _GAP
    beside = LINE + 3 * _GAP
    right = _RIGHT
    room = COLUMN - n_across * (wide + _GAP) - right - beside
    rows = [style.wrap(", ".join(name), min(max(room, _NARROW), _BROAD)) for name in names_down]
    left = max(map(style.width_of, rows)) + beside
    wide = max(wide, (COLUMN - left - right) / n_across if n_across > 1 else wide + _GAP)
    names = [", ".join(name) for name in names_across]
    columns = [style.wrap(name, wide - _GAP) for name in names]
    # Names that would break inside words are written vertically.
    upright = any(style.width_of(word) > wide - _GAP for name in names for word in name.split())
    if upright:
        columns = [style.shorten(name, 36 * MM) for name in names]
        under = max(map(style.width_of, columns))
        wide = max(wide, LINE + POINT)
    else:
        under = LINE * max(text.count("\n") + 1 for text in columns)
    high = LINE * max(text.count("\n") + 1 for text in [*texts.flat, *rows]) + 2 * _GAP
    below = under + LINE + 3 * _GAP
    width = max(left + n_across * wide + right, COLUMN)
    # Put free space of a single column to its left, so that its names are beside it.
    left = width - n_across * wide - right
    top = style.figure_title(style.new_figure(width, 1), *heading)
    height = below + n_down * high + top
    figure = style.new_figure(width, height)
    style.figure_title(figure, *heading)
    axes = figure.add_axes(
        (left / width, below / height, n_across * wide / width, n_down * high / height)
    )
    # Pale to middle blue: black text stays legible on all of it.
    colours = matplotlib.colormaps["Blues"](0.04 + 0.5 * np.nan_to_num(goodness))
    colours[np.isnan(goodness)] = (0.94, 0.94, 0.94, 1)
    axes.imshow(colours, aspect="auto", interpolation="nearest")
    for (i, j), text in np.ndenumerate(texts):
        axes.text(j, i, text, ha="center", va="center", linespacing=1.15)
    axes.set_xticks(np.arange(n_across - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(n_down - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.8)
    axes.set_axisbelow(False)
    axes.set_xticks(range(n_across), columns, rotation=90 if upright else 0)
    axes.set_yticks(range(n_down), rows)
    axes.tick_params(which="both", length=0)
    axes.tick_params(which="major", pad=_GAP / POINT)
    axes.spines[:].set_visible(False)
    down, across = axes_names
    side = {"rotation": 90, "ha": "left", "va": "center"}
    label = style.shorten(", ".join(down), n_down * high + below)
    figure.text(_GAP / width, (below + n_down * high / 2) / height, label, **side)
    centre = (left + n_across * wide / 2) / width
    figure.text(centre, _GAP / height, ", ".join(across), ha="center", va="bottom")
    style.save(figure, path)
