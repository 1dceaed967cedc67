"""Truth against prediction of a regression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from izwi.plots import data, style
from izwi.plots.data import Rows
from izwi.plots.style import COLOURS, COLUMN, MARKERS

CROWD = 3000  # more points than this are drawn as a density


def truth_prediction(
    predictions: pd.DataFrame, metrics: dict[str, Any], path: str | Path, title: str = ""
) -> Rows:
    """Draw each prediction against its truth, all runs together, with the diagonal.

    Args:
        predictions: as ``docs/data_contracts.md`` defines them; rows without truth are left out,
            as in the measures
        metrics: the content of metrics.json
        path: of the picture
        title: first line, such as the experiment's name
    """
    labelled = predictions[predictions["truth"].notna()]
    with style.drawing():
        crowded = len(labelled) > CROWD
        names = labelled["database"].unique()
        below = 0 if crowded or len(names) < 2 else (len(names) + 1) // 2 + 1
        figure = style.new_figure(
            COLUMN, COLUMN + (8 if crowded else 3 + below) * style.LINE, layout="constrained"
        )
        others = [name for name in ("ccc", "pcc") if name != metrics["measure"]]
        top = style.figure_title(
            figure,
            title,
            f"{style.value_with_interval(metrics, metrics['measure'])}, "
            f"n = {metrics['n_evaluated']}",
            ", ".join(style.value_with_interval(metrics, name) for name in others),
            style.interval_note(metrics),
        )
        height = figure.get_size_inches()[1]
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        axes = figure.add_subplot()
        if labelled.empty:
            style.no_data(axes, "no truth to compare with")
            rows: Rows = []
        else:
            rows = _draw(axes, labelled)
        style.save(figure, path)
        return rows


def _draw(axes: Axes, labelled: pd.DataFrame) -> Rows:
    both = labelled[["truth", "prediction"]].astype(float)
    low, high = float(both.min().min()), float(both.max().max())
    margin = 0.04 * (high - low) or 0.5
    limits = (low - margin, high + margin)
    if len(both) > CROWD:
        drawn = axes.hexbin(
            both["truth"],
            both["prediction"],
            gridsize=40,
            bins="log",
            mincnt=1,
            cmap="Blues",
            extent=(*limits, *limits),
            linewidths=0.1,
        )
        axes.figure.colorbar(
            drawn,
            ax=axes,
            label="predictions per cell",
            location="bottom",
            shrink=0.8,
            ticks=LogLocator(subs=(1, 2, 5)),
            format="%d",
        ).minorticks_off()
        cells = zip(drawn.get_offsets(), drawn.get_array(), strict=True)
        rows = [{"truth": x, "prediction": y, "n": int(n)} for (x, y), n in cells]
    else:
        rows = data.of_frame(labelled[["database", "file", "run", "truth", "prediction"]])
        names = labelled["database"].unique()
        for i, name in enumerate(names):
            points = both[labelled["database"] == name]
            axes.plot(
                points["truth"],
                points["prediction"],
                linestyle="",
                marker=MARKERS[i % len(MARKERS)],
                markersize=3 if len(both) < 1000 else 2,
                markerfacecolor="none",
                markeredgecolor=COLOURS[i % len(COLOURS)],
                markeredgewidth=0.5,
                label=style.wrap(str(name), 31 * style.MM),
            )
        if len(names) > 1:
            # Below the points, so that it hides none.
            axes.figure.legend(loc="outside lower center", ncols=2, handletextpad=0.2)
    axes.plot(limits, limits, color="0.3", linestyle="--", linewidth=0.8)
    axes.set(xlim=limits, ylim=limits, xlabel="truth", ylabel="prediction", aspect="equal")
    return rows
