"""Distributions of features in each class."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from izwi.plots import data, style
from izwi.plots.data import Rows
from izwi.plots.groups import as_text, quarters
from izwi.plots.style import COLOURS, COLUMN, MM, SIZE
from izwi.reporting.numbers import probability

_ROW = 5 * MM  # of a class
_AROUND = 14 * MM  # title and axis of a panel
_COLUMNS = 2
MOST_GROUPS = 12
FENCE = 3  # values further out would squeeze the others; they are counted


def feature_distributions(
    found: pd.DataFrame,
    features: pd.DataFrame,
    table: pd.DataFrame,
    path: str | Path,
    *,
    order: list[str] | None,
    title: str = "",
    name: str = "",
) -> Rows:
    """Draw the features that differ most between classes: all samples, and the speakers' means.

    Args:
        found: the first rows of `izwi.analyses.importance.distributions`, one per panel
        features: shape (rows, features), all that ``found`` names among them
        table: ``truth`` and ``speaker`` of the same rows
        path: of the picture
        order: classes in order, None for numbers, which are grouped by quartiles
        title: first line
        name: of the target
    """
    known = table["truth"].notna().to_numpy()
    truth = table["truth"][known].reset_index(drop=True)
    if order is None:
        groups, labels = quarters(truth.astype(float))
    else:
        groups, labels = as_text(truth, MOST_GROUPS, order)
    speaker = table["speaker"][known].reset_index(drop=True)
    by_speaker = speaker.notna().all() and speaker.nunique() > 1
    note = f"by {name}; wide: samples, dots: means of speakers" if by_speaker else f"by {name}"
    rows: Rows = []
    with style.drawing():
        n_rows = math.ceil(len(found) / _COLUMNS)
        names = [style.wrap(style.shorten(label, 50 * MM), 30 * MM) for label in labels]
        row = max(_ROW, *(style.LINE * (name.count("\n") + 1) + style.POINT for name in names))
        height = n_rows * (len(labels) * row + _AROUND)
        top = style.figure_title(style.new_figure(2 * COLUMN, 1), title, note)
        figure = style.new_figure(2 * COLUMN, height + top, layout="constrained")
        style.figure_title(figure, title, note)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / (height + top)), h_pad=0.06)
        grid = figure.subplots(n_rows, _COLUMNS, squeeze=False, sharey=True)
        for axes in grid.ravel()[len(found) :]:
            axes.set_axis_off()
        for axes, (_, of_feature) in zip(grid.ravel(), found.iterrows(), strict=False):
            values = features[of_feature["feature"]].to_numpy(dtype=float)[known]
            inside = _inside(values)
            outside = int((np.isfinite(values) & ~inside).sum())
            shown = pd.DataFrame({"feature": of_feature["feature"], "value": values})
            columns = {"speaker": speaker} if by_speaker else {}
            rows += data.of_frame(shown.assign(group=groups, **columns))
            values = np.where(inside, values, np.nan)
            _panel(axes, values, groups, labels, speaker if by_speaker else None)
            axes.set_title(_heading(of_feature, outside), fontsize=SIZE, loc="left")
        for axes in grid[:, 0]:
            axes.set_yticks(range(len(labels)), names)
            axes.set_ylim(len(labels) - 0.5, -0.5)
        style.save(figure, path)
    return rows


def _panel(
    axes: Axes, values: np.ndarray, groups: pd.Series, labels: list[str], speaker: pd.Series | None
) -> None:
    for place, label in enumerate(labels):
        own = (groups == label).to_numpy() & np.isfinite(values)
        inside = values[own]
        if len(inside) > 1 and np.ptp(inside) > 0:
            parts = axes.violinplot(
                [inside], [place], orientation="horizontal", widths=0.9, showextrema=False
            )
            for body in parts["bodies"]:
                body.set(facecolor=COLOURS[4], edgecolor=COLOURS[0], linewidth=0.4, alpha=0.6)
        elif len(inside):
            axes.plot(inside, [place] * len(inside), "|", color=COLOURS[0])
        if speaker is not None and len(inside):
            means = pd.Series(inside).groupby(speaker[own].to_numpy()).mean()
            axes.plot(means, [place] * len(means), "o", markersize=2, color=COLOURS[6], alpha=0.7)
        elif len(inside):
            axes.plot(np.median(inside), place, "o", markersize=3, color=COLOURS[6])
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x", color="0.9", linewidth=0.5)


def _inside(values: np.ndarray) -> np.ndarray:
    """Values within a number of interquartile ranges from the quartiles."""
    low, high = np.nanquantile(values, [0.25, 0.75])
    reach = FENCE * (high - low)
    if reach == 0:
        return np.isfinite(values)
    return (values >= low - reach) & (values <= high + reach)


def _heading(row: pd.Series, outside: int) -> str:
    symbol, column = ("ε²", "epsilon2") if "epsilon2" in row else ("ρ", "rho")
    name = style.shorten(str(row["feature"]), 0.85 * COLUMN)
    if pd.isna(row[column]):
        return f"{name}\nnot testable"
    p = probability(row["p_bh"], "= ")
    far = f"; {outside} outside" if outside else ""
    effect = f"{row[column]:.2f}".replace("-", "\N{MINUS SIGN}")
    return f"{name}\n{symbol} {effect}, p {p} (corrected){far}"
