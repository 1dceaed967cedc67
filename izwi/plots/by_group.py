"""A figure for each class or group of speakers, with its interval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from izwi.evaluation.measures import CLASSIFICATION
from izwi.plots import data, style
from izwi.plots.data import Rows
from izwi.plots.style import COLOURS, COLUMN, MM, SIZE
from izwi.reporting.numbers import probability, rounded

_ROW = 4.6 * MM
_NAMES = 30 * MM
_AROUND = 12 * MM  # axis and its label


def recall(metrics: dict[str, Any], path: str | Path, title: str = "") -> Rows:
    """Draw the recall of each class.

    Args:
        metrics: the content of metrics.json of a classification
        path: of the picture
        title: first line, such as the experiment's name
    """
    rows = [
        {"name": f"{name} ({row['n']})", "value": row["recall"], "ci": row.get("recall_ci")}
        for name, row in metrics["per_class"].items()
    ]
    reasons: dict[str, list[str]] = {}
    for name, row in metrics["per_class"].items():
        if why := row.get("recall_ci_reason"):
            reasons.setdefault(why, []).append(name)
    lacking = "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
    note = f"no interval of {lacking}" if lacking else ""
    panel = {"rows": rows, "name": "", "note": note, "line": metrics["metrics"]["uar"]}
    heading = (title, f"{style.value_with_interval(metrics, 'uar')} (dotted)")
    _draw(
        [panel],
        path,
        (*heading, style.interval_note(metrics)),
        "recall (in brackets: samples)",
        (0, 1),
    )
    return [
        {"class": name, "n": row["n"], "recall": row["recall"], **data.limits(row.get("recall_ci"))}
        for name, row in metrics["per_class"].items()
    ]


def fairness(metrics: dict[str, Any], path: str | Path, title: str = "") -> Rows:
    """Draw the measure for each group of speakers, with the gap between groups and its p.

    Args:
        metrics: the content of metrics.json
        path: of the picture
        title: first line, such as the experiment's name
    """
    measure = metrics["measure"]
    panels = []
    for column, found in metrics["fairness"].items():
        rows = [
            {"name": _group(name, row), "value": row["value"], "ci": row["ci"]}
            for name, row in found["groups"].items()
        ]
        gap = "" if found["gap"] is None else f"gap {rounded(found['gap'])}, "
        tested = found["test"] if found["p"] is None else f"p = {probability(found['p'])}"
        lacking = [name for name, row in found["groups"].items() if row.get("ci_reason")]
        none = f"; no interval of {', '.join(lacking)}" if lacking else ""
        note = f"{gap}{tested}{none}"
        panels.append({"rows": rows, "name": column, "note": note, "line": metrics["value"]})
    heading = (title, f"{style.value_with_interval(metrics, measure)} (dotted)")
    limits = (0, 1) if metrics["type"] == "classification" else None
    _draw(
        panels,
        path,
        heading,
        measure.upper(),
        limits,
        "no column gender, age or language with several values",
    )
    counts = ("n", "n_speakers")
    return [
        {"column": column, "group": name, **{key: row[key] for key in counts}}
        | {measure: row["value"], **data.limits(row["ci"])}
        for column, found in metrics["fairness"].items()
        for name, row in found["groups"].items()
    ]


def robustness(found: list[dict[str, Any]], path: str | Path, title: str = "") -> Rows:
    """Draw the measure on degraded test samples, by kind and strength.

    Args:
        found: as `izwi.evaluation.robustness.table` returns it, the clean samples first
        path: of the picture
        title: first line, such as the experiment's name
    """
    clean, *degraded = found
    panels: dict[str, Any] = {}
    for row in degraded:
        own = {"rows": [], "name": row["degradation"], "note": "", "line": clean["value"]}
        panel = panels.setdefault(row["degradation"], own)
        name = f"{row['strength']} ({row['n']})"
        panel["rows"].append({"name": name, "value": row["value"], "ci": row["ci"]})
    measure = clean["measure"]
    value = "–" if clean["value"] is None else rounded(clean["value"])
    limits = (0, 1) if measure in CLASSIFICATION else None
    note = f"95 %: {clean['ci_method']}" if clean["ci_method"] else ""
    heading = (title, f"{measure.upper()} as recorded {value} (dotted)", note)
    _draw(list(panels.values()), path, heading, f"{measure.upper()} (in brackets: samples)", limits)
    shown = ("degradation", "strength", "level", "n", "value")
    return [{name: row[name] for name in shown} | data.limits(row["ci"]) for row in found]


def importance(
    found: pd.DataFrame, path: str | Path, title: str = "", *, value: str, axis: str, note: str
) -> Rows:
    """Draw a figure of each feature, the most important first.

    Args:
        found: ``feature``, the figure and, where there are intervals, ``ci_low`` and ``ci_high``
        path: of the picture
        title: first line, such as the experiment's name
        value: column of the figure
        axis: what it is
        note: second line
    """
    rows = [
        {
            "name": style.shorten(row["feature"], 1.8 * _NAMES),
            "value": row[value],
            "ci": None if pd.isna(row.get("ci_low")) else (row["ci_low"], row["ci_high"]),
        }
        for _, row in found.iterrows()
    ]
    _draw([{"rows": rows, "name": "", "note": "", "line": 0.0}], path, (title, note), axis, None)
    columns = [name for name in ("feature", value, "ci_low", "ci_high") if name in found]
    return data.of_frame(found[columns])


def _group(name: str, row: dict[str, Any]) -> str:
    count = row["n_speakers"]
    speakers = f", {count} speaker{'s' * (count > 1)}" if count else ""
    return f"{name}\nn = {row['n']}{speakers}"


def _draw(
    panels: list[dict[str, Any]],
    path: str | Path,
    heading: tuple[str, ...],
    axis: str,
    limits: tuple[float, float] | None,
    empty: str = "no truth to compare with",
) -> None:
    """Panels of dots with intervals, under each other on one axis."""
    panels = [panel for panel in panels if panel["rows"]]
    with style.drawing():
        if not panels:
            figure = style.new_figure(COLUMN, COLUMN / 3)
            style.no_data(figure.add_subplot(), empty)
            style.save(figure, path)
            return
        names = [_wrapped(row["name"]) for panel in panels for row in panel["rows"]]
        # Headings begin where the axes do.
        room = COLUMN - max(map(style.width_of, names)) - 6 * MM
        for panel in panels:
            panel["titles"] = [
                line
                for text, size in ((panel["name"], SIZE + 1), (panel["note"], SIZE))
                for line in (style.wrap(text, room, size).split("\n") if text else [])
            ]
        heights = [
            sum(max(1, len(_wrapped(r["name"]).split("\n"))) for r in p["rows"]) * _ROW
            for p in panels
        ]
        titles = sum(len(panel["titles"]) for panel in panels) * style.LINE * 1.3
        top = style.figure_title(style.new_figure(COLUMN, 1), *heading)
        height = sum(heights) + titles + _AROUND + 3 * MM * (len(panels) - 1) + top
        figure = style.new_figure(COLUMN, height, layout="constrained")
        style.figure_title(figure, *heading)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True, height_ratios=heights)[
            :, 0
        ]
        for axes, panel in zip(grid, panels, strict=True):
            _panel(axes, panel)
        if limits:
            grid[-1].set_xlim(*limits)
        grid[-1].set_xlabel(axis)
        style.save(figure, path)


def _wrapped(name: str) -> str:
    return "\n".join(style.wrap(line, _NAMES) for line in name.split("\n"))


def _panel(axes: Axes, panel: dict[str, Any]) -> None:
    rows = panel["rows"]
    for place, row in enumerate(rows):
        low, high = row["ci"] or (None, None)
        if low is not None:
            axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=1.2)
            for end in (low, high):
                axes.plot(end, place, marker="|", markersize=5, color=COLOURS[0], clip_on=False)
        if row["value"] is not None:
            axes.plot(row["value"], place, "o", color=COLOURS[0], markersize=4, clip_on=False)
        else:
            axes.annotate(
                "undefined", (0.02, place), xycoords=("axes fraction", "data"), va="center"
            )
    if panel["line"] is not None:
        axes.axvline(panel["line"], color="0.5", linestyle=":", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [_wrapped(row["name"]) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x", color="0.9", linewidth=0.5)
    if panel["titles"]:
        axes.set_title("\n".join(panel["titles"]), fontsize=SIZE, loc="left")
