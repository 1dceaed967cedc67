"""The distribution of the target, or another column, over the parts of a split and over groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from izwi.plots import style
from izwi.plots.data import Rows
from izwi.plots.groups import as_text, is_numeric, quarters
from izwi.plots.style import COLOURS, COLUMN, HATCHES, LINE, MM, PAGE, POINT
from izwi.reporting.numbers import rounded

_PARTS = {"train": "train", "dev": "dev", "test": "test", "fold": "all folds", "": "unused"}
MOST_LABELS = 60  # further ones are counted together
_QUANTILES = 4  # groups of a column of numbers
_POINTS = 201  # of a density
_BELOW = 2 * LINE + 5 * MM  # a panel: its axis, and the space to the next


def value_counts(
    frame: pd.DataFrame,
    path: str | Path,
    *,
    column: str = "truth",
    by: Mapping[str, str] | None = None,
    order: Sequence[str] | None = None,
    smooth: bool = False,
    title: str = "",
    name: str = "label",
) -> Rows:
    """Draw how often a column has each value: bars, or histograms or densities of numbers.

    There is a panel, or several histograms, by part, and by each further column. Numbers in such
    a column are grouped by quartiles.

    Args:
        frame: a row per sample, with ``part`` and the columns named, and ``speaker`` if known;
            columns of ``by`` may be absent
        path: of the picture
        column: the column to count
        by: columns that the samples are grouped by → their names in the picture
        order: values of a column of classes, ordered; absent: sorted
        smooth: numbers as densities, not as histograms
        title: first line
        name: name of the column in the picture
    """
    values = frame[column]
    panels = [_by_part(frame, values)]
    for other, other_name in (by or {}).items():
        if other in frame and other != column and frame[other].notna().any():
            panels.append(_by(frame, values, frame[other], other_name))
    missing = int(values.isna().sum())
    note = f"{missing} of {len(frame)} samples have no {name}" if missing else ""
    with style.drawing():
        if is_numeric(values):
            draw = _densities if smooth else _histograms
            return draw([group for by in panels for group in by], path, (title, note), name)
        else:
            texts, labels = as_text(values, MOST_LABELS, order)
            panels = [[(text, texts[own.index]) for text, own in groups] for groups in panels]
            _bars(panels, path, labels, (title, note))
            return [
                {"group": _bare(group), "value": label, "samples": n}
                for groups in panels
                for group, own in groups
                for label, n in zip(labels, _counts(own, labels), strict=True)
            ]


Group = tuple[str, pd.Series]


def _by_part(frame: pd.DataFrame, values: pd.Series) -> list[Group]:
    present = [part for part in _PARTS if (frame["part"] == part).any()]
    return [
        (_name(_PARTS[part], frame[frame["part"] == part]), values[frame["part"] == part])
        for part in present
    ]


def _by(frame: pd.DataFrame, values: pd.Series, by: pd.Series, column: str) -> list[Group]:
    unknown = by.isna()
    if is_numeric(by) and by.nunique() > _QUANTILES:
        by, texts = quarters(by)
        names = [f"{column} {text}" for text in texts]
    else:
        by, texts = as_text(by, len(COLOURS) - bool(unknown.any()))
        names = texts
    groups = [
        (_name(name, frame[by == text]), values[by == text])
        for text, name in zip(texts, names, strict=True)
    ]
    if unknown.any():
        groups.append((_name(f"{column} unknown", frame[unknown]), values[unknown]))
    return groups


def _name(name: str, rows: pd.DataFrame) -> str:
    text = f"{name}: {_several(len(rows), 'sample')}"
    if "speaker" in rows and rows["speaker"].notna().any():
        text += f", {_several(rows['speaker'].nunique(), 'speaker')}"
    return text


def _bare(name: str) -> str:
    """A group's name without its counts."""
    return name.rpartition(": ")[0]


def _several(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _bars(
    panels: list[list[Group]], path: str | Path, labels: list[str], heading: tuple[str, ...]
) -> None:
    """Panels below each other; if that is higher than a page, in two columns, or with thin
    bars that have no number beside them."""
    rows = [style.wrap(label, 28 * MM) for label in labels]
    lines = max(text.count("\n") + 1 for text in rows)
    left = max(map(style.width_of, rows)) + 6 * POINT
    # A key of the colour precedes each name, two lines of text wide.
    room = COLUMN - left - 3 * MM - 3 * LINE
    panels = [[(style.wrap(name, room), values) for name, values in groups] for groups in panels]
    heads = [sum(1 + 1.15 * name.count("\n") for name, _ in groups) * LINE for groups in panels]
    for across, bar in ((1, LINE), (2, LINE), (1, LINE / 2), (2, LINE / 2)):
        insides = [
            (max(len(groups) * bar, lines * LINE) + 3 * POINT) * len(labels) for groups in panels
        ]
        heights = [a + b + _BELOW for a, b in zip(heads, insides, strict=True)]
        cut = _cut(heights) if across == 2 else len(panels)
        across = 1 + (cut < len(panels))
        top = style.figure_title(style.new_figure(across * COLUMN, 1), *heading)
        height = top + max(sum(heights[:cut]), sum(heights[cut:]))
        if height <= PAGE:
            break
    width = across * COLUMN
    figure = style.new_figure(width, height)
    style.figure_title(figure, *heading)
    for panel, groups in enumerate(panels):
        column = int(panel >= cut)
        above = sum(heights[cut * column : panel]) + top + heads[panel] + 0.3 * LINE
        place = (
            (column * COLUMN + left) / width,
            1 - (above + insides[panel]) / height,
            (COLUMN - left - 3 * MM) / width,
            insides[panel] / height,
        )
        axes = figure.add_axes(place)
        _panel(axes, groups, labels, rows, offset=3 * panel, numbered=bar == LINE)
    style.save(figure, path)


def _counts(values: pd.Series, labels: list[str]) -> np.ndarray:
    return values.value_counts().reindex(labels, fill_value=0).to_numpy()


def _cut(heights: list[float]) -> int:
    """Number of panels in the first of two columns that makes the picture lowest."""
    cuts = range(1, len(heights) + 1)
    return min(cuts, key=lambda cut: max(sum(heights[:cut]), sum(heights[cut:])))


def _panel(
    axes: Axes, groups: list[Group], labels: list[str], rows: list[str], offset: int, numbered: bool
) -> None:
    thick = 0.84 / len(groups)
    places = np.arange(len(labels))
    most = 1
    for i, (name, truth) in enumerate(groups):
        counts = _counts(truth, labels)
        most = max(most, counts.max())
        y = places - 0.42 + thick * (i + 0.5)
        axes.barh(y, counts, height=thick, label=name, **_look(offset + i))
        for place, count in zip(y, counts, strict=True) if numbered else ():
            axes.annotate(
                f"{count}",
                (count, place),
                xytext=(2, 0),
                textcoords="offset points",
                va="center_baseline",
            )
    if not numbered:
        axes.grid(axis="x", color="0.85", linewidth=0.5)
    axes.set_xlim(0, most * 1.12)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(places, rows)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("samples", labelpad=1)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.1, labelspacing=0.25)


def _panels(number: int, title: tuple[str, ...]) -> tuple[Figure, list[Axes]]:
    """One panel below the other."""
    height = min(25 * MM * number + 8 * MM, max(16 * MM * number, PAGE))
    figure = style.new_figure(COLUMN, height, layout="constrained")
    top = style.figure_title(figure, *title)
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
    return figure, list(figure.subplots(number, 1, sharex=True, squeeze=False)[:, 0])


def _spread(numbers: pd.Series) -> str:
    """Mean and standard deviation, as far as there are any."""
    spread = f", mean {rounded(numbers.mean())}" if len(numbers) else ""
    return spread + (f", sd {rounded(numbers.std())}" if len(numbers) > 1 else "")


def _densities(groups: list[Group], path: str | Path, title: tuple[str, ...], name: str) -> Rows:
    """Estimates of the density of each group, with normal kernels by Scott's rule."""
    from scipy.stats import gaussian_kde

    of_groups = [truth.dropna().astype(float) for _, truth in groups]
    figure, panels = _panels(len(groups), title)
    everything = np.concatenate(of_groups)
    low, high = (everything.min(), everything.max()) if len(everything) else (0.0, 1.0)
    margin = 0.1 * (high - low) or 0.5
    x = np.linspace(low - margin, high + margin, _POINTS)
    rows: Rows = []
    for i, (axes, (heading, _), numbers) in enumerate(zip(panels, groups, of_groups, strict=True)):
        if numbers.nunique() > 1:
            density = gaussian_kde(numbers)(x)
            axes.fill_between(x, density, **_look(i))
            rows += [
                {"group": _bare(heading), "x": a, "density": b}
                for a, b in zip(x.tolist(), density.tolist(), strict=True)
            ]
        else:
            inside = {"ha": "center", "va": "center", "transform": axes.transAxes}
            axes.text(0.5, 0.5, "fewer than two different values", **inside)
        axes.set_title(heading + _spread(numbers), fontsize=style.SIZE, loc="left")
        axes.set_ylabel("density")
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3, min_n_ticks=1))
    panels[-1].set_xlim(x[0], x[-1])
    panels[-1].set_xlabel(name)
    style.save(figure, path)
    return rows


def _histograms(groups: list[Group], path: str | Path, title: tuple[str, ...], name: str) -> Rows:
    values = np.concatenate([truth.dropna().to_numpy(dtype=float) for _, truth in groups])
    edges = _edges(values)
    figure, panels = _panels(len(groups), title)
    rows: Rows = []
    for i, (axes, (heading, truth)) in enumerate(zip(panels, groups, strict=True)):
        numbers = truth.dropna().astype(float)
        counts, _, _ = axes.hist(numbers, bins=edges, **_look(i))
        bins = zip(edges, edges[1:], counts, strict=False)
        rows += [
            {"group": _bare(heading), "low": a, "high": b, "samples": int(n)} for a, b, n in bins
        ]
        axes.set_title(heading + _spread(numbers), fontsize=style.SIZE, loc="left")
        axes.set_ylabel("samples")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4, min_n_ticks=1))
    panels[-1].set_xlabel(name)
    style.save(figure, path)
    return rows


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
