"""One feature over another, by a third property."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from izwi.plots import data, style
from izwi.plots.data import Rows
from izwi.plots.groups import as_text, is_numeric, quarters
from izwi.plots.style import COLOURS, COLUMN, LINE, MARKERS, MM
from izwi.reporting.numbers import probability
from izwi.wording import count

MOST_GROUPS = 8
# With more features, cells have colours without numbers.
_WRITTEN = 16
# A line needs more samples.
_FEWEST = 3


class Correlation(NamedTuple):
    """How two features go together.

    Args:
        rho: Spearman's rank correlation, None where one of them does not vary
        p: of it, corrected if there are several pairs
        n: what it is over
        unit: ``speaker means`` or ``samples``
        within: the same over the samples
    """

    rho: float | None
    p: float | None
    n: int
    unit: str
    within: float | None


def correlations(
    pairs: Sequence[tuple[pd.Series, pd.Series]], speaker: pd.Series
) -> list[Correlation]:
    """Spearman's rank correlation of pairs of features.

    It is over the means of each speaker, since samples of one speaker resemble each other, and
    its p is corrected for the number of pairs (Benjamini & Hochberg, JRSS B 57, 1995).

    Args:
        pairs: (samples) values of both features
        speaker: (samples); over the samples if some are not known or all are one
    """
    from scipy import stats

    by_speaker = bool(speaker.notna().all()) and speaker.nunique() > 1
    found: list[tuple[float | None, float | None, int, float | None]] = []
    for x, y in pairs:
        both = pd.DataFrame({"x": x.to_numpy(float), "y": y.to_numpy(float)}).replace(
            [np.inf, -np.inf], np.nan
        )
        both["speaker"] = speaker.to_numpy()
        both = both.dropna(subset=["x", "y"])
        of = both.groupby("speaker")[["x", "y"]].mean() if by_speaker else both
        rho, p = _spearman(of["x"], of["y"], stats)
        found.append((rho, p, len(of), _spearman(both["x"], both["y"], stats)[0]))
    known = [p for _, p, _, _ in found if p is not None]
    corrected = iter(stats.false_discovery_control(known) if known else [])
    unit = "speaker means" if by_speaker else "samples"
    return [
        Correlation(rho, None if p is None else float(next(corrected)), n, unit, within)
        for rho, p, n, within in found
    ]


def regplot(
    x: pd.Series,
    y: pd.Series,
    groups: pd.Series,
    speaker: pd.Series,
    correlation: Correlation,
    path: str | Path,
    *,
    order: Sequence[str] | None = None,
    title: str = "",
    name: str = "label",
) -> Rows:
    """Draw samples by two features, with a line of least squares for each group.

    Args:
        x: (samples) a feature; its name is that of the axis
        y: (samples) another
        groups: (samples) class, or number, which is drawn in quarters
        speaker: (samples); their means are drawn, too, if all are known
        correlation: of both, as `correlations` gives it
        path: of the picture
        order: classes, ordered
        title: first line
        name: of the groups
    """
    shown = quarters(groups.astype(float)) if is_numeric(groups) else None
    texts, labels = shown or as_text(groups, MOST_GROUPS, order)
    both = pd.DataFrame({"x": x.to_numpy(float), "y": y.to_numpy(float)})
    finite = np.isfinite(both).all(axis=1).to_numpy()
    labels = [label for label in labels if (texts[finite] == label).any()]
    with style.drawing():
        rows = (len(labels) + 4) // 2
        figure = style.new_figure(COLUMN, COLUMN + max(7, rows + 3) * LINE, layout="constrained")
        top = style.figure_title(figure, title, _note(correlation))
        height = figure.get_size_inches()[1]
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        axes = figure.add_subplot()
        handles = []
        for i, label in enumerate(labels):
            colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
            own = both[finite & (texts == label).to_numpy()]
            axes.scatter(
                own["x"], own["y"], s=6, marker=marker, color=colour, linewidths=0, alpha=0.5
            )
            if len(own) >= _FEWEST and np.ptp(own["x"]) > 0:
                ends = np.array([own["x"].min(), own["x"].max()])
                axes.plot(ends, np.polyval(np.polyfit(own["x"], own["y"], 1), ends), color=colour)
            text = style.wrap(label, 30 * MM)
            handles.append(_handle(marker, colour, text))
        if correlation.unit == "speaker means":
            means = both[finite].groupby(speaker[finite].to_numpy()).mean()
            axes.plot(
                means["x"], means["y"], "D", markersize=4, color="0.1", markerfacecolor="none"
            )
            handles.append(_handle("D", "0.1", "mean of a speaker", hollow=True))
        axes.set_xlabel(style.shorten(str(x.name), 0.75 * COLUMN))
        axes.set_ylabel(style.shorten(str(y.name), 0.75 * COLUMN))
        figure.legend(
            handles=handles, title=name, loc="outside lower center", ncols=2, handletextpad=0.2
        )
        style.save(figure, path)
    table = both.assign(group=texts.to_numpy(), speaker=speaker.to_numpy())[finite]
    return data.of_frame(table.rename(columns={"x": str(x.name), "y": str(y.name)}))


def feature_correlation(
    found: pd.DataFrame, path: str | Path, *, number: int, title: str = ""
) -> Rows:
    """Draw the rank correlations of some features with each other.

    Args:
        found: as `izwi.analyses.correlation` gives it
        path: of the picture
        number: of features, those that differ most between the classes
        title: first line
    """
    shown = found[(found["place"] <= number) & (found["place_other"] <= number)]
    names = dict(zip(shown["place"], shown["feature"], strict=True))
    names |= dict(zip(shown["place_other"], shown["other"], strict=True))
    size = len(names)
    matrix = np.full((size, size), np.nan)
    for _, row in shown.iterrows():
        if pd.notna(row["rho"]):
            matrix[row["place_other"] - 1, row["place"] - 1] = row["rho"]
    sure = {(r["place_other"] - 1, r["place"] - 1) for _, r in shown.iterrows() if r["p_bh"] < 0.05}
    with style.drawing():
        if size < 2:
            return style.empty(path, "a single feature has no pair", title)
        labels = [f"{style.shorten(str(names[i]), 48 * MM)}  {i}" for i in sorted(names)]
        cell = 2.3 * LINE if size <= _WRITTEN else LINE
        left = max(map(style.width_of, labels)) + 3 * MM
        width = max(COLUMN, left + size * cell + 2 * MM)
        first = shown.iloc[0]
        note = f"Spearman's ρ, n = {first['n']} {first['unit']}; bold: p < 0.05, corrected"
        top = style.figure_title(style.new_figure(width, 1), title, note)
        height = size * cell + top + 2 * LINE
        figure = style.new_figure(width, height)
        style.figure_title(figure, title, note)
        axes = figure.add_axes(
            (left / width, 1.5 * LINE / height, size * cell / width, size * cell / height)
        )
        axes.imshow(matrix, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
        if size <= _WRITTEN:
            for (i, j), rho in np.ndenumerate(matrix):
                if np.isfinite(rho):
                    text = f"{rho:.2f}".replace("0.", ".").replace("-", "\N{MINUS SIGN}")
                    weight = "bold" if (i, j) in sure else "normal"
                    colour = "white" if abs(rho) > 0.6 else "black"
                    axes.text(j, i, text, ha="center", va="center", color=colour, weight=weight)
        axes.set_yticks(range(size), labels)
        step = 1 if size <= _WRITTEN else 5
        axes.set_xticks(range(0, size, step), [str(i + 1) for i in range(0, size, step)])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        style.save(figure, path)
    columns = ["feature", "other", "rho", "p_bh", "rho_samples", "rho_within"]
    return data.of_frame(shown[columns])


def _note(found: Correlation) -> str:
    if found.rho is None or found.p is None:
        return "one of them does not vary"
    minus = f"{found.rho:.2f}".replace("-", "\N{MINUS SIGN}")
    what = f"ρ {minus}, p {probability(found.p, '= ')} (corrected), {count(found.n, 'speaker')}"
    if found.unit == "samples" or found.within is None:
        return what.replace("speaker", "sample")
    within = f"{found.within:.2f}".replace("-", "\N{MINUS SIGN}")
    return f"means of speakers: {what}; samples: ρ {within}"


def _spearman(x: pd.Series, y: pd.Series, stats: Any) -> tuple[float | None, float | None]:
    if len(x) < _FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None, None
    rho, p = stats.spearmanr(x, y)
    return float(rho), float(p)


def _handle(marker: str, colour: str, text: str, *, hollow: bool = False) -> Line2D:
    face = "none" if hollow else colour
    return Line2D(
        [],
        [],
        linestyle="",
        marker=marker,
        color=colour,
        markerfacecolor=face,
        markersize=4,
        label=text,
    )
