"""How far probabilities can be trusted: reliability, uncertainty, risk and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator

from izwi.plots import style
from izwi.plots.data import Rows
from izwi.plots.style import COLOURS, COLUMN

_NONE = "the model gives no probabilities"


def reliability(metrics: dict[str, Any], path: str | Path, title: str = "") -> Rows:
    """Draw the share of right decisions against their probability, and how many each bin has.

    Args:
        metrics: the content of metrics.json; its ``calibration`` may have ``before``, that of the
            probabilities before they were scaled
        path: of the picture
        title: first line, such as the experiment's name
    """
    found = metrics["calibration"]
    lines = [title]
    if found:
        text = f"expected calibration error {found['ece']:.3f}"
        before = f", {found['before']['ece']:.3f} before scaling" if "before" in found else ""
        lines.append(f"{text}{before}, n = {metrics['n_evaluated']}{_runs(metrics)}")
    with _drawn(path, 1.1 * COLUMN, *lines) as figure:
        if not found:
            style.no_data(figure.add_subplot(), _NONE)
            return []
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", linewidth=0.8)
        looks = [(found, "scaled", COLOURS[0], "o", "-")]
        if "before" in found:
            looks.insert(0, (found["before"], "before scaling", COLOURS[3], "s", "--"))
        for curve, label, colour, marker, line in looks:
            bins = [row for row in curve["bins"] if row["n"]]
            x, y = ([row[name] for row in bins] for name in ("confidence", "right"))
            look = {"color": colour, "marker": marker, "markersize": 3.5, "clip_on": False}
            axes.plot(x, y, line, label=label, **look)
        if len(looks) > 1:
            axes.legend(loc="upper left")
        axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of right decisions")
        own = found["bins"]
        below.bar(
            [row["low"] for row in own],
            [row["n"] for row in own],
            width=own[0]["high"] - own[0]["low"],
            align="edge",
            color=COLOURS[4],
            edgecolor="white",
            linewidth=0.6,
        )
        below.set(xlabel="probability of the decision", ylabel="decisions")
        below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        scaled = {"before": "before scaling"} if "before" in found else {}
        curves = {"used": found, **{text: found[key] for key, text in scaled.items()}}
        return [
            {"probabilities": name, **row}
            for name, curve in curves.items()
            for row in curve["bins"]
        ]


def uncertainty(metrics: dict[str, Any], path: str | Path, title: str = "") -> Rows:
    """Draw the uncertainty of right and wrong decisions.

    Args:
        metrics: the content of metrics.json
        path: of the picture
        title: first line, such as the experiment's name
    """
    found = metrics["uncertainty"]
    note = f"n = {metrics['n_evaluated']}{_runs(metrics)}" if found else ""
    with _drawn(path, 0.75 * COLUMN, title, note) as figure:
        axes = figure.add_subplot()
        if not found:
            style.no_data(axes, _NONE)
            return []
        rows = found["histogram"]
        width = (rows[0]["high"] - rows[0]["low"]) / 2
        for place, (name, hatch) in enumerate((("right", ""), ("wrong", "////"))):
            axes.bar(
                [row["low"] + place * width for row in rows],
                [row[name] for row in rows],
                width=width,
                align="edge",
                color=COLOURS[3 * place],
                hatch=hatch,
                edgecolor="white",
                linewidth=0.4,
                label=f"{name} ({sum(row[name] for row in rows)})",
            )
        threshold = (metrics.get("certain") or {}).get("threshold")
        if threshold is not None:
            axes.axvline(threshold, color="0.2", linestyle=":", label=f"threshold {threshold:g}")
        axes.set(xlim=(0, 1), xlabel="uncertainty: entropy as share of the largest")
        axes.set_ylabel("decisions")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="best")
        return list(rows)


def risk_coverage(metrics: dict[str, Any], path: str | Path, title: str = "") -> Rows:
    """Draw the share of errors among the decisions that are kept, the most certain first.

    Args:
        metrics: the content of metrics.json
        path: of the picture
        title: first line, such as the experiment's name
    """
    found = metrics["uncertainty"]
    note = ""
    if found:
        of_all = found["curve"][-1]["risk"]
        note = f"mean risk {found['area']:.3f}, of all {of_all:.3f} (dotted)"
        note += f", n = {metrics['n_evaluated']}{_runs(metrics)}"
    with _drawn(path, 0.75 * COLUMN, title, note) as figure:
        axes = figure.add_subplot()
        if not found:
            style.no_data(axes, _NONE)
            return []
        curve = found["curve"]
        x, y = ([row[name] for row in curve] for name in ("coverage", "risk"))
        axes.plot(x, y, color=COLOURS[0], marker="o", markersize=2)
        axes.axhline(y[-1], color="0.5", linestyle=":", linewidth=0.8)
        axes.set(xlim=(0, 1.02), ylim=(0, max(*y, 1e-9) * 1.1))
        axes.set(xlabel="coverage: share of decisions kept", ylabel="risk: share of errors")
        return list(curve)


def _runs(metrics: dict[str, Any]) -> str:
    return f", {metrics['runs']} runs together" if metrics["runs"] > 1 else ""


@contextmanager
def _drawn(path: str | Path, height: float, *lines: str) -> Iterator[Any]:
    """A figure one column wide with these lines at the top, saved at the end."""
    with style.drawing():
        figure = style.new_figure(COLUMN, height, layout="constrained")
        top = style.figure_title(figure, *lines)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        yield figure
        style.save(figure, path)
