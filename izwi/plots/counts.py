"""How the target is distributed over the parts of a split, and over gender."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from izwi.plots import style
from izwi.plots.style import COLOURS, COLUMN, HATCHES, LINE, MM, POINT

_PARTS = {"train": "train", "dev": "dev", "test": "test", "fold": "all folds", "": "unused"}


def value_counts(
    frame: pd.DataFrame,
    path: str | Path,
    *,
    task: str,
    labels: list[str] | None = None,
    title: str = "",
) -> None:
    """Draw the rows per class (bars) or value (histogram), by part and, if known, by gender.

    Args:
        frame: a row per sample, with ``truth``, ``part`` and, where they are known, ``speaker``
            and ``gender``
        path: of the picture
        task: ``classification`` or ``regression``
        labels: classes, ordered; absent: those that occur
        title: first line, such as the experiment's name
    """
    groups = [_by_part(frame)]
    if "gender" in frame and frame["gender"].notna().any():
        groups.append(_by(frame, frame["gender"].astype("object").where(frame["gender"].notna())))
    unlabelled = int(frame["truth"].isna().sum())
    note = f"{unlabelled} of {len(frame)} samples have no label" if unlabelled else ""
    with style.drawing():
        if task == "classification":
            _bars(groups, path, labels, (title, note))
        else:
            _histograms([group for by in groups for group in by], path, (title, note))


def _by_part(frame: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    present = [part for part in _PARTS if (frame["part"] == part).any()]
    return [
        (_name(_PARTS[part], frame[frame["part"] == part]), frame["truth"][frame["part"] == part])
        for part in present
    ]


def _by(frame: pd.DataFrame, column: pd.Series) -> list[tuple[str, pd.Series]]:
    groups = [
        (_name(str(value), rows), rows["truth"]) for value, rows in frame.groupby(column, sort=True)
    ]
    if column.isna().any():
        rows = frame[column.isna()]
        groups.append((_name("gender unknown", rows), rows["truth"]))
    return groups


def _name(name: str, rows: pd.DataFrame) -> str:
    text = f"{name}: {_several(len(rows), 'sample')}"
    if "speaker" in rows and rows["speaker"].notna().any():
        text += f", {_several(rows['speaker'].nunique(), 'speaker')}"
    return text


def _several(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _bars(
    panels: list[list[tuple[str, pd.Series]]],
    path: str | Path,
    labels: list[str] | None,
    heading: tuple[str, ...],
) -> None:
    if labels is None:
        labels = sorted({label for _, truth in panels[0] for label in truth.dropna()})
    rows = [style.wrap(label, 28 * MM) for label in labels]
    lines = max(text.count("\n") + 1 for text in rows)
    heights = []
    for groups in panels:
        step = max(len(groups), lines) * LINE + 3 * POINT
        heights.append(step * len(labels) + (len(groups) + 2) * LINE + 3 * MM)
    top = style.figure_title(style.new_figure(COLUMN, 1), *heading)
    height = top + sum(heights)
    figure = style.new_figure(COLUMN, height)
    style.figure_title(figure, *heading)
    left = max(map(style.width_of, rows)) + 6 * POINT
    at = height - top
    for panel, (groups, tall) in enumerate(zip(panels, heights, strict=True)):
        inner = tall - (len(groups) + 2) * LINE - 3 * MM
        at -= (len(groups) + 0.3) * LINE + inner
        axes = figure.add_axes(
            (left / COLUMN, at / height, 1 - (left + 3 * MM) / COLUMN, inner / height)
        )
        at -= 1.7 * LINE + 3 * MM
        _panel(axes, groups, labels, rows, offset=3 * panel)
    style.save(figure, path)


def _panel(
    axes: Axes,
    groups: list[tuple[str, pd.Series]],
    labels: list[str],
    rows: list[str],
    offset: int,
) -> None:
    thick = 0.84 / len(groups)
    places = np.arange(len(labels))
    most = 1
    for i, (name, truth) in enumerate(groups):
        counts = truth.value_counts().reindex(labels, fill_value=0).to_numpy()
        most = max(most, counts.max())
        y = places - 0.42 + thick * (i + 0.5)
        axes.barh(y, counts, height=thick, label=name, **_look(offset + i))
        for place, count in zip(y, counts, strict=True):
            axes.annotate(
                f"{count}",
                (count, place),
                xytext=(2, 0),
                textcoords="offset points",
                va="center_baseline",
            )
    axes.set_xlim(0, most * 1.12)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(places, rows)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("samples", labelpad=1)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.1, labelspacing=0.25)


def _histograms(
    groups: list[tuple[str, pd.Series]], path: str | Path, heading: tuple[str, ...]
) -> None:
    values = np.concatenate([truth.dropna().to_numpy(dtype=float) for _, truth in groups])
    edges = _edges(values)
    height = (25 * MM) * len(groups) + 8 * MM
    figure = style.new_figure(COLUMN, height, layout="constrained")
    top = style.figure_title(figure, *heading)
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for i, (axes, (name, truth)) in enumerate(zip(panels, groups, strict=True)):
        numbers = truth.dropna().astype(float)
        axes.hist(numbers, bins=edges, **_look(i))
        spread = f", mean {numbers.mean():.3g}" if len(numbers) else ""
        if len(numbers) > 1:
            spread += f", sd {numbers.std():.3g}"
        axes.set_title(name + spread, fontsize=style.SIZE, loc="left")
        axes.set_ylabel("samples")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4, min_n_ticks=1))
    panels[-1].set_xlabel("target")
    style.save(figure, path)


def _edges(values: np.ndarray) -> np.ndarray:
    if len(values) and np.ptp(values) <= 40 and np.all(values == np.round(values)):
        return np.arange(values.min() - 0.5, values.max() + 1)  # a bin for each whole number
    edges = np.histogram_bin_edges(values, bins="auto")
    return edges if len(edges) <= 41 else np.linspace(edges[0], edges[-1], 41)


def _look(i: int) -> dict[str, object]:
    return {
        "facecolor": COLOURS[i % len(COLOURS)],
        "hatch": HATCHES[i % len(HATCHES)],
        "edgecolor": "white",
        "linewidth": 0.4,
    }
