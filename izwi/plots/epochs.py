"""Training of a net over its epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from izwi.plots import style
from izwi.plots.data import Rows
from izwi.plots.style import COLOURS, COLUMN, MARKERS, MM


def epoch_progression(
    runs: list[dict[str, Any]], best_run: int, path: str | Path, title: str = ""
) -> Rows:
    """Draw loss and measure over the epochs: the run that is best on dev, the others faint.

    Args:
        runs: as the train stage reports them: ``run`` and ``folds``, each of these with ``epochs``
            (per epoch ``epoch``, ``train_loss`` and, where there are dev samples, ``dev_loss`` and
            ``dev_measure``), ``best_epoch`` and the name of the ``measure``
        best_run: number of the run
        path: of the picture
        title: first line, such as the experiment's name
    """
    shown = next(run for run in runs if run["run"] == best_run)["folds"]
    faint = [fold for run in runs if run["run"] != best_run for fold in run["folds"]]
    names = list(dict.fromkeys(n for fold in shown for row in fold["epochs"] for n in row))
    names.remove("epoch")
    panels = [
        ("loss", [name for name in names if name.endswith("loss")]),
        (shown[0]["measure"].upper(), [name for name in names if not name.endswith("loss")]),
    ]
    panels = [panel for panel in panels if panel[1]]
    # With several folds there is no one best epoch to mark.
    best = shown[0]["best_epoch"] if len(shown) == 1 and "dev_measure" in names else None
    with style.drawing():
        figure = style.new_figure(COLUMN, (38 * len(panels) + 12) * MM, layout="constrained")
        note = _note(shown, len(runs), best_run, "dev_measure" in names)
        top = style.figure_title(figure, title, note)
        height = figure.get_size_inches()[1]
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - top / height))
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (kind, series) in zip(grid, panels, strict=True):
            for name in series:
                for fold in faint:
                    _draw(axes, fold, name, linewidth=0.5, alpha=0.3)
                for i, fold in enumerate(shown):
                    label = name.removesuffix("_measure").removesuffix("_loss")
                    look = {"label": label} if i == 0 else {}
                    if len(shown) > 1:
                        look |= {"linewidth": 0.6, "alpha": 0.7}
                    _draw(axes, fold, name, **look)
            if best is not None:
                axes.axvline(best, color="0.3", linestyle=":", linewidth=0.8)
            axes.set_ylabel(kind)
            axes.legend(loc="best")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        grid[-1].set_xlabel("epoch")
        style.save(figure, path)
    return [
        {"run": run["run"], "fold": number, **row}
        for run in runs
        for number, fold in enumerate(run["folds"], 1)
        for row in fold["epochs"]
    ]


def _note(shown: list[dict[str, Any]], runs: int, best_run: int, dev: bool) -> str:
    of_runs = f"run {best_run} of {runs}, the others faint" if runs > 1 else ""
    if len(shown) > 1:
        what = f"{len(shown)} folds"
    elif dev:
        what = f"best epoch on dev: {shown[0]['best_epoch']}"
    else:
        what = "no dev samples"
    return ", ".join(filter(None, [what, of_runs]))


def _draw(axes: Axes, fold: dict[str, Any], name: str, **look: Any) -> None:
    rows = fold["epochs"]
    dev = name.startswith("dev")
    axes.plot(
        [row["epoch"] for row in rows],
        [_number(row.get(name)) for row in rows],
        color=COLOURS[3 if dev else 0],
        linestyle="-" if dev else "--",
        marker=MARKERS[1 if dev else 0] if len(rows) <= 15 else None,
        markersize=3,
        **look,
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
