"""The columns of the data: how many samples have a value, and which values there are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from izwi.plots import style
from izwi.plots.data import Rows
from izwi.plots.groups import is_numeric
from izwi.plots.style import COLOURS, COLUMN, LINE, MM, PAGE, POINT
from izwi.splits.report import natural
from izwi.wording import count

MOST_VALUES = 1000  # of a column in the rows; further ones are counted together
_ROW = 1.5 * LINE
_NAMES = 24 * MM
_BAR = 10 * MM
_WIDTH = 2 * COLUMN
# Columns of the tables that say where a sample is, and the truth by another name.
_WHERE = ("file", "start", "end", "seconds", "digest", "part", "fold", "dev_folds", "value")


def columns_of(frame: pd.DataFrame, target: str) -> dict[str, pd.Series]:
    """Name → values of each column of the data, the target first.

    Args:
        frame: a row per sample
        target: the column that is predicted
    """
    others = [name for name in frame if name not in (*_WHERE, "truth", target)]
    return {target: frame["truth"], **{str(name): frame[name] for name in others}}


def told(name: str, values: pd.Series, most: int = 10) -> str:
    """One line on a column, such as ``gender: 2 values: female (12), male (13)``."""
    known = values.dropna()
    different = known.nunique()
    if not different:
        return f"{name}: no value"
    if is_numeric(values) and different > most:
        text = f"{known.min():g} to {known.max():g}"
    else:
        counts = known.astype(str).value_counts()
        shown = [f"{value} ({counts[value]})" for value in natural(counts.index)[:most]]
        text = ", ".join(shown) + ", …" * (different > most)
    lacking = len(values) - len(known)
    without = f"; {count(lacking, 'sample')} without" if lacking else ""
    return f"{name}: {count(different, 'value')}: {text}{without}"


def column_values(
    frame: pd.DataFrame, path: str | Path, title: str = "", *, target: str = "truth"
) -> Rows:
    """Draw for each column the share of the samples that have a value, and write the first values.

    Args:
        frame: a row per sample, with ``truth`` and other columns
        path: of the picture
        title: first line
        target: name of the truth
    """
    columns = columns_of(frame, target)
    with style.drawing():
        heading = (title, f"columns of {count(len(frame), 'sample')}: share with a value, values")
        top = style.figure_title(style.new_figure(_WIDTH, 1), *heading)
        most = int((PAGE - top) / _ROW) - 1
        rows = list(columns.items())[:most]
        height = top + _ROW * (len(rows) + (len(columns) > most)) + 2 * MM
        figure = style.new_figure(_WIDTH, height)
        style.figure_title(figure, *heading)
        for number, (name, values) in enumerate(rows):
            bottom = 1 - (top + _ROW * (number + 1)) / height
            axes = figure.add_axes((_NAMES / _WIDTH, bottom, _BAR / _WIDTH, 0.7 * _ROW / height))
            axes.barh([0], [values.notna().mean()], color=COLOURS[0], height=1)
            axes.set(xlim=(0, 1), ylim=(-0.5, 0.5), xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color="0.7")
            middle = bottom + 0.35 * _ROW / height
            label = style.shorten(name, _NAMES - 3 * MM)
            figure.text((_NAMES - 1 * MM) / _WIDTH, middle, label, ha="right", va="center")
            # The bar shows how many have none.
            text = _beginning(told(name, values.dropna()).removeprefix(f"{name}: "))
            figure.text((_NAMES + _BAR + 1.5 * MM) / _WIDTH, middle, text, va="center")
        if len(columns) > most:
            more = f"and {count(len(columns) - most, 'column')} more"
            figure.text(_NAMES / _WIDTH, POINT / height, more, va="bottom")
        style.save(figure, path)
    return [row for name, values in columns.items() for row in _rows(name, values)]


def _beginning(text: str) -> str:
    """What fits beside the bar."""
    room = _WIDTH - _NAMES - _BAR - 2.5 * MM
    if style.width_of(text) <= room:
        return text
    while style.width_of(f"{text} …") > room:
        text = text[:-1]
    return f"{text.rstrip(' ,(')} …"


def _rows(name: str, values: pd.Series) -> Iterable[dict[str, object]]:
    """A row for each value of a column."""
    if values.isna().any():
        yield {"column": name, "value": None, "samples": int(values.isna().sum())}
    known = values.dropna()
    counts = (known if is_numeric(values) else known.astype(str)).value_counts()
    order = sorted(counts.index) if is_numeric(values) else natural(counts.index)
    for value in order[:MOST_VALUES]:
        yield {"column": name, "value": value, "samples": int(counts[value])}
    if rest := order[MOST_VALUES:]:
        number = int(counts[rest].sum())
        yield {"column": name, "value": f"… {len(rest)} more", "samples": number}
