"""Splits that a column of the data names, such as ``split`` with train and test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from izwi.data.spelling import as_there, clean
from izwi.errors import Problems, UserError
from izwi.splits.parts import PARTS
from izwi.splits.report import Log, shorten
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.splits.holdout import Asked

# Names of columns that may hold a split; the first that is there is the default.
COLUMNS = (
    *("split", "set", "partition", "subset", "fold_type", "usage", "original_part", "data_split"),
    *("dataset_split", "train_test", "train_test_split", "traintest", "split_name"),
)
_WORDS = {
    "train": ("train", "training", "trn"),
    "dev": ("dev", "devel", "development", "val", "valid", "validation"),
    "test": ("test", "testing", "tst", "eval", "evaluation"),
}


def by_column(asked: Asked) -> pd.Series:
    """The parts that the values of a column say."""
    rows, options = asked.rows, asked.options
    wanted = options.get("split_column")
    column = _named([wanted] if wanted else COLUMNS, rows)
    if column is None:
        others = sorted(set(rows.columns) - {"digest", "start", "end", "truth", "database"})
        raise UserError(
            f"[DATA] {asked.name}.split_column: the database has no column "
            f"'{wanted or 'split'}', name one of {', '.join(others)}"
        )
    values = _texts(rows[column])
    there = set(values.dropna())
    part_of: dict[str, str] = {}
    problems = Problems()
    stated = any(options.get(f"{part}_vals") for part in PARTS)
    for part in PARTS:
        key = f"[DATA] {asked.name}.{part}_vals"
        named = [as_there(_text(value), there) for value in options.get(f"{part}_vals") or []]
        if not stated:
            named = [value for value in there if value.casefold() in _WORDS[part]]
        for value in named:
            if value not in there:
                problems.add(f"{key}: '{value}' is not in '{column}', which has {shorten(there)}")
            elif part_of.setdefault(value, part) != part:
                problems.add(f"{key}: '{value}' is in {part_of[value]}_vals as well")
    if not stated and not {"train", "test"} <= set(part_of.values()):
        problems.add(
            f"{asked.key}: '{column}' has {shorten(there)}: say which is what by "
            f"{asked.name}.train_vals, test_vals and dev_vals"
        )
    problems.raise_if_any()
    parts = values.map(part_of).fillna("")
    if unused := int((parts == "").sum()):
        rest = shorten(there - set(part_of)) or "no value"
        asked.log.note(
            f"[DATA] {asked.name}: {count(unused, 'row')} in no part of '{column}', unused: {rest}"
        )
    return parts


def split_column(rows: pd.DataFrame) -> str | None:
    """The column that looks like a split, with values for both train and test; else None."""
    column = _named(COLUMNS, rows)
    if column is None:
        return None
    values = {value.casefold() for value in _texts(rows[column]).dropna().unique()}
    return column if values & set(_WORDS["test"]) and values & set(_WORDS["train"]) else None


def note_ignored(name: str, rows: pd.DataFrame, log: Log) -> None:
    """Say that a column looks like a split, where another strategy makes it."""
    if column := split_column(rows):
        log.note(
            f"[DATA] {name}: its column '{column}' looks like a split and is not used; to use it, "
            f"set {name}.split_strategy = column"
        )


def _named(names: Iterable[str], rows: pd.DataFrame) -> str | None:
    """The column that a name means; what izwi's own columns displace is called original_…."""
    lower = {str(column).lower(): column for column in rows.columns}
    for name in names:
        for known in (f"original_{name}".lower(), name.lower()):
            if known in lower and rows[lower[known]].notna().any():
                return lower[known]
    return None


def _texts(values: pd.Series) -> pd.Series:
    return values.map(_text, na_action="ignore").astype(object)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean(str(value))
