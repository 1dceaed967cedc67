"""The confusion matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from izwi.plots import style
from izwi.plots.data import Rows
from izwi.plots.style import COLUMN, LINE, MM, POINT

_GAP = 3 * POINT


def confusion_matrix(
    metrics: dict[str, Any],
    path: str | Path,
    title: str = "",
    empty: str = "no truth to compare with",
) -> Rows:
    """Draw truth against prediction, with count and share of the true class in each cell.

    One column wide. If counts do not fit, cells show only the shares, and each true class shows its
    number of samples; with more than about a dozen classes the picture is wider.

    Args:
        metrics: the content of metrics.json; its counts are means if there are several runs
        path: of the picture
        title: first line, such as the experiment's name
        empty: text if there is nothing to draw
    """
    with style.drawing():
        if metrics["confusion"] is None:
            figure = style.new_figure(COLUMN, COLUMN / 3)
            style.no_data(figure.add_subplot(), empty)
            style.save(figure, path)
            return []
        labels = metrics["confusion"]["labels"]
        counts = np.array(metrics["confusion"]["counts"], dtype=float)
        size = len(labels)
        sums = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, sums, out=np.full_like(counts, np.nan), where=sums > 0)
        runs = metrics["runs"]
        right = 1 * MM
        counted = True
        cells = [
            [_cell(counts[i, j], shares[i, j], runs) for j in range(size)] for i in range(size)
        ]
        rows, left, need = _room(labels, cells)
        if left + size * need + right > COLUMN:
            counted = False
            cells = [[text.partition("\n")[2] for text in row] for row in cells]
            rows, left, need = _room(labels, cells)
            rows = [
                f"{row}\nn = {_number(n, runs)}" for row, n in zip(rows, sums[:, 0], strict=True)
            ]
        wide = max(need, (COLUMN - left - right) / size)
        if wide > style.width_of("100%") + _GAP:
            cells = [[text if text.endswith("–") else f"{text}%" for text in row] for row in cells]
        upright = any(style.width_of(label) > wide - _GAP for label in labels)
        # the full names are beside the rows
        columns = [style.shorten(label, 36 * MM) for label in labels] if upright else labels
        wide = max(wide, LINE if upright else 0)
        high = max(
            (1 + counted) * LINE + 2 * POINT,
            LINE * max(text.count("\n") + 1 for text in rows) + POINT,
            min(wide, 13 * MM),
        )
        under = max(map(style.width_of, columns)) if upright else LINE
        bottom = under + 2 * LINE + 3.5 * _GAP
        width = left + size * wide + right

        heading = (title, _measures(metrics), style.interval_note(metrics))
        top = style.figure_title(style.new_figure(width, 1), *heading)
        height = bottom + size * high + top
        figure = style.new_figure(width, height)
        style.figure_title(figure, *heading)
        axes = figure.add_axes(
            (left / width, bottom / height, size * wide / width, size * high / height)
        )
        _fill(axes, cells, shares)
        axes.set_xticks(range(size), columns, rotation=90 if upright else 0)
        axes.set_yticks(range(size), rows)
        figure.text(_GAP / width, (bottom + size * high / 2) / height, "truth", **_SIDE)
        centre = (left + size * wide / 2) / width
        figure.text(centre, (_GAP + LINE) / height, "prediction", **_FOOT)
        means = f", means of {runs} runs" if runs > 1 else ""
        legend = f"cells: {'count, ' if counted else ''}% of the true class{means}"
        low = min(centre, 1 - style.width_of(legend) / width / 2 - 0.01)
        figure.text(low, _GAP / height, legend, color="0.35", **_FOOT)
        style.save(figure, path)
        return _rows_of(labels, counts, shares)


def _rows_of(labels: list[str], counts: np.ndarray, shares: np.ndarray) -> Rows:
    return [
        {
            "truth": truth,
            "prediction": said,
            "count": _plain(counts[i, j]),
            "share": _known(shares[i, j]),
        }
        for i, truth in enumerate(labels)
        for j, said in enumerate(labels)
    ]


def _plain(count: float) -> float:
    return int(count) if count.is_integer() else float(count)


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


_SIDE = {"rotation": 90, "ha": "left", "va": "center"}
_FOOT = {"ha": "center", "va": "bottom"}


def _measures(metrics: dict[str, Any]) -> str:
    texts = [style.value_with_interval(metrics, "uar")]
    if metrics["measure"] != "uar":
        texts.append(style.value_with_interval(metrics, metrics["measure"]))
    return ", ".join([*texts, f"n = {metrics['n_evaluated']}"])


def _room(labels: list[str], cells: list[list[str]]) -> tuple[list[str], float, float]:
    """Names of the rows, their width, and the width of a cell, in inches."""
    rows = [style.wrap(label, 19 * MM) for label in labels]
    need = max(style.width_of(text) for row in cells for text in row) + 0.6 * POINT
    return rows, max(map(style.width_of, rows)) + LINE + 2.5 * _GAP, need


def _number(count: float, runs: int) -> str:
    return f"{count:.1f}" if runs > 1 else f"{count:.0f}"


def _cell(count: float, share: float, runs: int) -> str:
    return f"{_number(count, runs)}\n{'–' if np.isnan(share) else f'{100 * share:.0f}'}"


def _luminance(colours: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB colours, as WCAG 2 defines it: shape (…, 3) → (…)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def _fill(axes: Axes, cells: list[list[str]], shares: np.ndarray) -> None:
    # the darkest tenth is left out: white text on it and black beside it stay legible in grey
    colours = matplotlib.colormaps["Blues"](np.nan_to_num(shares) * 0.9)
    edges = np.arange(len(cells) + 1) - 0.5
    axes.pcolormesh(edges, edges, colours, edgecolors="white", linewidth=0.4)
    axes.invert_yaxis()
    luminance = _luminance(colours[..., :3])
    for (i, j), light in np.ndenumerate(luminance):
        empty = not shares[i, j] > 0
        # The colour with the higher contrast, at least 4.5.
        colour = "white" if light < 0.179 else ("0.4" if empty else "black")
        text = cells[i][j]
        axes.text(j, i, text, ha="center", va="center", color=colour, linespacing=1.15)
    axes.tick_params(length=0, pad=_GAP / POINT)
    axes.spines[:].set_visible(False)
