"""The learning curve: would more data help?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from izwi.plots import style
from izwi.plots.data import Rows
from izwi.plots.style import COLOURS, COLUMN, MARKERS


def learning_curve(curve: dict[str, Any], path: str | Path, title: str = "") -> Rows:
    """Draw the measure on training and test rows against the number of training rows.

    Lines are means over folds or repeated draws; points are single fits.

    Args:
        curve: as `izwi.analyses.learning_curve.learning_curve` returns it
        path: of the picture
        title: first line, such as the experiment's name
    """
    with style.drawing():
        figure = style.new_figure(COLUMN, 0.8 * COLUMN, layout="constrained")
        note = f"growing parts of the training set, by {curve['unit']}"
        top = style.figure_title(figure, title, note)
        height = figure.get_size_inches()[1]
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        axes = figure.add_subplot()
        if not curve["points"]:
            style.no_data(axes, "too few training samples")
            style.save(figure, path)
            return []
        for number, name in enumerate(("train", "test")):
            look = {"color": COLOURS[3 * number], "marker": MARKERS[number]}
            points = [point for point in curve["points"] if point[name] is not None]
            axes.plot(
                [point["n_train"] for point in points],
                [point[name] for point in points],
                linestyle="",
                markersize=2,
                alpha=0.5,
                **look,
            )
            means = [row for row in curve["mean"] if row[name] is not None]
            axes.plot(
                [row["n_train"] for row in means],
                [row[name] for row in means],
                linestyle="--" if number == 0 else "-",
                markersize=4,
                label=name,
                **look,
            )
        baseline = curve["baseline"] or {"kind": ""}
        for name, figures, line in (
            ("chance", curve["chance"], ":"),
            (baseline["kind"], baseline, "-."),
        ):
            if figures.get(curve["measure"]) is not None:
                height = figures[curve["measure"]]
                axes.axhline(height, color="0.5", linestyle=line, linewidth=0.8, label=name)
        axes.set(xlabel="training samples", ylabel=curve["measure"].upper())
        axes.set_xlim(left=0)
        axes.legend(loc="best")
        style.save(figure, path)
        means = [{"fold": "mean", **row} for row in curve["mean"]]
        return [*curve["points"], *means]
