"""Splits that a column of the data names, such as ``split`` with train and test."""

from __future__ import annotations

import re
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
    "train": ("train", "training", "trn", "tr"),
    "dev": ("dev", "devel", "development", "val", "valid", "validation", "validate", "dv"),
    "test": ("test", "testing", "tst", "ts", "eval", "evaluation", "heldout", "holdout"),
    "": ("unused", "none", "excluded", "exclude", "ignore", "other", "na"),
}
_PART_OF = {word: part for part, words in _WORDS.items() for word in words}
# More different values than this are no split.
_MOST_VALUES = 8
_FLAG = re.compile(
    r"(is|in|for|use|as)?(?P<part>"
    + "|".join(word for part in ("test", "train") for word in _WORDS[part] if len(word) > 3)
    + r")(set|part|split|sample|file|data|speaker|only)?s?"
)
_YES, _NO = ("1", "true", "yes", "y", "t", "x"), ("0", "false", "no", "n", "f", "")
_FOLDS = re.compile(
    r"(cv|k|x|n|outer|inner|my|test|speaker|logo|loso|crossval|crossvalidation)*folds?"
    r"(id|no|nr|number|num|idx|index|name)?|(cv|crossval)(group|split|id|idx)?"
)


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
    if not wanted:
        _tell_others(asked.name, column, rows, asked.log)
    values = _texts(rows[column])
    there = set(values.dropna())
    part_of: dict[str, str] = {}
    problems = Problems()
    stated = any(options.get(f"{part}_vals") for part in PARTS)
    for part in PARTS:
        key = f"[DATA] {asked.name}.{part}_vals"
        named = [as_there(_text(value), there) for value in options.get(f"{part}_vals") or []]
        if not stated:
            named = [value for value in there if _part(value) == part]
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


def _tell_others(name: str, column: str, rows: pd.DataFrame, log: Log) -> None:
    """Say which column is the split where others of a usual name say another one."""
    others = [other for known in COLUMNS if (other := _named([known], rows)) not in (None, column)]
    parts = _texts(rows[column]).map(_part, na_action="ignore")
    for other in dict.fromkeys(others):
        said = _texts(rows[other]).map(_part, na_action="ignore")
        if {"train", "test"} <= _parts_of(rows[other]) and not said.equals(parts):
            log.warn(
                f"[DATA] {name}: its columns '{column}' and '{other}' are different splits, "
                f"'{column}' is used: say which by {name}.split_column"
            )


def split_column(rows: pd.DataFrame) -> str | None:
    """The column that looks like a split, by its name or its values; else None.

    Only one with values for both train and test is a split.
    """
    column = _named(COLUMNS, rows)
    if column is not None and {"train", "test"} <= _parts_of(rows[column]):
        return column
    return next((c for c in _texts_alone(rows) if {"train", "test"} <= _meant(rows[c])), None)


def note_ignored(name: str, rows: pd.DataFrame, log: Log, winner: str = "") -> None:
    """Say that a column looks like a split or like folds, where something else makes the parts.

    Args:
        name: of the database
        rows: of it
        log: takes the remark
        winner: ``[MODEL] logo`` or ``k_fold_cross``, where that makes folds
    """
    instead = f" instead of {winner}" if winner else ""
    strategy = f"set {name}.split_strategy = column"
    column, values = split_column(rows), ""
    if column is None:
        # train and dev alone: what is tested has to be said.
        column = next((c for c in _texts_alone(rows) if {"train", "dev"} <= _meant(rows[c])), None)
        values = f", {name}.train_vals and {name}.test_vals" if column else ""
    if column:
        if values or column not in (_named([known], rows) for known in COLUMNS):
            strategy += f"{',' if values else ' and'} {name}.split_column = {column}"
        log.note(
            f"[DATA] {name}: its column '{column}' looks like a split and is not used; to use it, "
            f"{strategy}{values}{instead}"
        )
        return
    for column in rows.columns:
        plain = re.sub("[^a-z]", "", str(column).lower().removeprefix("original_"))
        if (flag := _FLAG.fullmatch(plain)) and (said := _yes_and_no(rows[column])):
            part = _PART_OF[flag["part"]]
            yes, no = (part, "train" if part == "test" else "test")
            log.note(
                f"[DATA] {name}: its column '{column}' looks like a split and is not used; to use "
                f"it, {strategy}, {name}.split_column = {column}, {name}.{yes}_vals = "
                f"[{said[0]!r}] and {name}.{no}_vals = [{said[1]!r}]{instead}"
            )
        elif column == "original_fold":
            continue  # why it is not used has been told when it was loaded
        elif _FOLDS.fullmatch(plain) and not (winner and "fold" in rows):
            number = rows[column].nunique()
            if not 1 < number < len(rows):
                continue
            rename = [] if column == "fold" else [f"{name}.colnames = {{'{column}': 'fold'}}"]
            logo = [] if winner == "[MODEL] logo" else [f"MODEL.logo = {number}"]
            log.note(
                f"[DATA] {name}: its column '{column}' looks like {number} folds and is not used; "
                f"to use it, set {' and '.join(rename + logo)}"
            )


def _texts_alone(rows: pd.DataFrame) -> list[str]:
    """Columns of text that may be a split by their values."""
    own = ("database", "file", "start", "end", "speaker", "digest", "truth", "part")
    return [
        column
        for column in rows.columns
        if column not in own and not pd.api.types.is_numeric_dtype(rows[column])
    ]


def _meant(values: pd.Series) -> set[str]:
    """Parts that the values of a column mean, none if one of them means something else."""
    found = _parts_of(values)
    return found if found <= {*PARTS, ""} else set()


def _parts_of(values: pd.Series) -> set[str]:
    """Parts that the values of a column mean, and the values that mean none."""
    found = _different(values)
    if len(found) > _MOST_VALUES:
        return {value for value in map(_part, found) if value in PARTS}
    return set(map(_part, found))


def _part(value: str) -> str:
    """The part that a value means, such as test for Test-Set; the value where it means none."""
    words = re.findall("[a-z]+", value.casefold())
    if len({_PART_OF.get(word) for word in words} & {*PARTS}) > 1:
        return value  # train, test: it may be in either
    plain = "".join(words)
    for end in ("set", "data", "split", "part", ""):
        if plain.endswith(end) and plain.removesuffix(end) in _PART_OF:
            return _PART_OF[plain.removesuffix(end)]
    # As test-clean and train-other.
    return _PART_OF.get(words[0], "") or value if words and len(words[0]) > 2 else value


def _yes_and_no(values: pd.Series) -> tuple[str, str] | None:
    """The values of a column that mean yes and no, where there is one of each and nothing else."""
    found = _different(values)
    yes = [value for value in found if value.casefold() in _YES]
    no = [value for value in found if value.casefold() in _NO]
    return (yes[0], no[0]) if len(found) == 2 and len(yes) == len(no) == 1 else None


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


def _different(values: pd.Series) -> list[str]:
    """The different texts of a column, in the order of its rows."""
    # As objects: to make each value of a column of times one takes long.
    return list(dict.fromkeys(map(_text, values.drop_duplicates().dropna().astype(object))))


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean(str(value))
