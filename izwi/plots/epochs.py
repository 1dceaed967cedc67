"""How a net learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator

from izwi.plots import style
from izwi.plots.style import COLOURS, COLUMN, MARKERS, MM


def epoch_progression(history: dict[str, Any], path: str | Path, title: str = "") -> None:
    """Draw loss and dev measure over the epochs, with the epoch that was chosen.

    Args:
        history: as a net's ``fit`` returns it: ``epochs`` (per epoch ``epoch``, ``train_loss``
            and, where there are dev samples, ``dev_loss`` and ``dev_measure``), ``best_epoch``
            and the name of the ``measure``
        path: of the picture
        title: first line, such as the experiment's name
    """
    rows, best = history["epochs"], history["best_epoch"]
    epochs = [row["epoch"] for row in rows]
    names = list(dict.fromkeys(name for row in rows for name in row if name != "epoch"))
    panels = [
        ("loss", [name for name in names if name.endswith("loss")]),
        (history["measure"].upper(), [name for name in names if not name.endswith("loss")]),
    ]
    panels = [panel for panel in panels if panel[1]]
    with style.drawing():
        figure = style.new_figure(COLUMN, (38 * len(panels) + 12) * MM, layout="constrained")
        note = f"best epoch on dev: {best}" if "dev_measure" in names else "no dev samples"
        top = style.figure_title(figure, title, note)
        height = figure.get_size_inches()[1]
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (kind, series) in zip(grid, panels, strict=True):
            for name in series:
                values = [_number(row.get(name)) for row in rows]
                dev = name.startswith("dev")
                axes.plot(
                    epochs,
                    values,
                    color=COLOURS[3 if dev else 0],
                    linestyle="-" if dev else "--",
                    marker=MARKERS[1 if dev else 0] if len(epochs) <= 15 else None,
                    markersize=3,
                    label=name.removesuffix("_measure").removesuffix("_loss"),
                )
            if "dev_measure" in names:
                axes.axvline(best, color="0.3", linestyle=":", linewidth=0.8)
            axes.set_ylabel(kind)
            axes.legend(loc="best")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        grid[-1].set_xlabel("epoch")
        style.save(figure, path)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
