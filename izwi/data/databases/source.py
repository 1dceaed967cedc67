"""What every reader of a database hands over: its labels as text, one row a file or segment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from izwi.data import times
from izwi.data.spelling import clean, nearest
from izwi.errors import Problems, UserError
from izwi.wording import agreed, count

KEY = ["file", "start", "end"]
# The value of required that names all columns.
ALL = "*"
# What programs and people write where a value is missing.
MISSING = (
    *("na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "nil", "missing"),
    *("-", "--", "---", "?", ".", "n.a.", "n. a.", "k.a.", "-1.#ind", "1.#qnan"),
)
PLURALS = {"class": "classes", "speaker": "speakers"}
# Columns that users call either way.
SYNONYMS = {"sex": "gender"}


@dataclass
class Source:
    """Labels of a database as they are written.

    Args:
        frame: columns ``file`` (text), ``start`` and ``end`` (timedelta; 0 and NaT for a whole
            file), then the database's own columns as text or numbers, missing values as None
            or NaN
        part: ``train``, ``dev`` or ``test`` for each row where the database says so
        notes: remarks for the log
        warnings: remarks for the log and the results
        dropped: rows that are not in the frame, by reason
    """

    frame: pd.DataFrame
    part: pd.Series | None = None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


def as_text(values: pd.Series) -> pd.Series:
    """Values as text: whole numbers without decimals, missing ones as None."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        number = values.astype("float64")
        whole = np.isfinite(number) & (number == number.round()) & (number.abs() < 2**53)
        text = [
            str(int(value)) if is_whole else repr(float(value))
            for value, is_whole in zip(number, whole, strict=True)
        ]
    else:
        text = [str(value) for value in values]
    text = pd.Series(text, index=values.index, dtype=object)
    return text.where(values.notna(), None)


def speaker_ids(values: pd.Series) -> pd.Series:
    """Ids as text; 3.0, which is how a gap in the column makes programs write 3, is 3."""
    text = as_text(values)
    present = text.dropna()
    if len(present) and present.str.fullmatch(r"\d+\.0").all():
        text = text.str.removesuffix(".0")
    return text.astype(object).where(text.notna(), None)


def to_numbers(values: pd.Series) -> pd.Series:
    """A column of text as numbers where all of it is numeric, else as it is.

    Text with leading zeros is a code, not a number.
    """
    present = values.dropna()
    if present.empty or pd.api.types.is_numeric_dtype(values):
        return values
    if any(text.lstrip("+-")[:1] == "0" and text.lstrip("+-")[1:2].isdigit() for text in present):
        return values
    numbers = pd.to_numeric(values, errors="coerce")
    if not np.isfinite(numbers[values.notna()]).all():
        return values
    numbers = numbers.astype("float64")
    if len(present) == len(values) and (numbers == numbers.round()).all():
        return numbers.astype("int64") if (numbers.abs() < 2**53).all() else values
    return numbers


def fold_numbers(
    fold: pd.Series, warn: Callable[[str], None], note: Callable[[str], None]
) -> pd.Series | None:
    """Folds of the data as whole numbers; None, with a warning, where rows have none."""
    if fold.isna().any():
        without = count(int(fold.isna().sum()), "row has", "rows have")
        warn(f"column 'fold' is not used: {without} no fold")
        return None
    text = as_text(fold)
    numbers = to_numbers(text)
    if pd.api.types.is_integer_dtype(numbers):
        return numbers
    names = {name: number for number, name in enumerate(sorted(text.unique()), start=1)}
    note("folds: " + ", ".join(f"{name} is {number}" for name, number in names.items()))
    return text.map(names).astype("int64")


def segments(
    starts: Iterable[Any] | None,
    ends: Iterable[Any] | None,
    files: pd.Series,
    name: str,
    *,
    line: Callable[[int], int] | None = None,
    drop: bool | None = None,
) -> pd.DataFrame:
    """Start and end of each row as timedelta.

    Args:
        starts: times as `izwi.data.times.parse` takes them, missing for 0
        ends: the same, missing for the end of the file
        files: file of each row
        name: name of the database, for messages
        line: line of a row in its file
        drop: leave out segments that are none; None where there is no option to ask for it

    Returns:
        ``file``, ``start`` and ``end``; rows keep their numbers where some are left out

    Raises:
        UserError: if a time cannot be read, is negative, or a segment ends before it starts
    """
    frame = pd.DataFrame({"file": files.to_numpy()})
    problems = Problems()
    for column, values in (("start", starts), ("end", ends)):
        if values is None:
            frame[column] = np.timedelta64("NaT", "ns")
            continue
        try:
            frame[column] = times.parse(values, column, f"[DATA] {name}", line)
        except UserError as error:
            problems.extend(error)
    problems.raise_if_any()
    frame["start"] = frame["start"].fillna(pd.Timedelta(0))
    wrong = (frame["start"] < pd.Timedelta(0)) | (frame["end"] <= frame["start"])
    if not wrong.any() or drop:
        return frame[~wrong]
    row = frame[wrong].iloc[0]
    at = "" if line is None else f" (line {line(int(wrong.idxmax()))})"
    start, end = (row[column].total_seconds() for column in KEY[1:])
    number = int(wrong.sum())
    them = agreed(number, "it", "them")
    advice = f": mend {them}, or leave {them} out by {name}.bad_segments = drop"
    advice = "" if drop is None else advice
    do = agreed(number, "ends before it starts or starts", "end before they start or start")
    raise UserError(
        f"[DATA] {name}: {count(number, 'segment')} {do} before 0, "
        f"such as {row['file']} from {start:.3f} to {end:.3f} s{at}{advice}"
    )


def count_bad_segments(source: Source, name: str, number: int, files: Iterable[str]) -> None:
    """Say how many segments were left out, and count them."""
    if number:
        source.dropped["bad segments"] += number
        do = agreed(
            number,
            "is left out that ends before it starts or starts",
            "are left out that end before they start or start",
        )
        source.warnings.append(
            f"[DATA] {name}.bad_segments: {count(number, 'segment')} {do} before 0, "
            f"in {listed(files, 3)}"
        )


def as_list(value: Any) -> list[Any]:
    """The values of an option that may be absent, one value, or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def listed(values: Iterable[Any], count: int = 5) -> str:
    """The first few values for a message, and how many more there are."""
    values = list(values)
    more = f" and {len(values) - count} more" if len(values) > count else ""
    return ", ".join(str(value) for value in values[:count]) + more


def meant(wanted: Iterable[str], there: Iterable[str]) -> str:
    """What was meant by values that do not occur, for the end of a message."""
    there = list(there)
    pairs = []
    for value in wanted:
        same = [other for other in there if other.casefold() == value.casefold()]
        close = same[:1] or nearest(value, there)
        begins = [other for other in there if other.startswith(value) or value.startswith(other)]
        found = close or (begins if len(begins) == 1 else [])
        if value not in there and found:
            pairs.append(f"'{found[0]}' for '{value}'")
    return f", did you mean {' and '.join(pairs)}?" if pairs else ""


def several_columns(target: str, columns: Iterable[str]) -> str:
    """What to do about a target that names several columns; empty where it does not."""
    names = [name for name in re.split(r"[\s,;:/|+&]+|\band\b", target) if name]
    if len(names) < 2 or not set(names) <= {str(column) for column in columns}:
        return ""
    return (
        ": an experiment has one target: write an ini for each, or in the config "
        f"grid: {{DATA.target: [{', '.join(names)}]}}"
    )


def looks_missing(there: Iterable[str], column: str, kind: str) -> list[str]:
    """A warning where values look as if they meant that there is none.

    Args:
        there: the different values of a column
        column: its name
        kind: what each value is, such as ``class``
    """
    words = MISSING if kind == "class" else (*MISSING, "unknown", "unk")
    found = [value for value in there if value.casefold() in words]
    if not found:
        return []
    each = f"is a {kind}" if len(found) == 1 else f"are {len(found)} {PLURALS[kind]}"
    return [
        f"'{column}' holds {listed(found)}, which {each} here: leave these cells empty if they "
        "mean that the value is missing"
    ]


def values_of(text: pd.Series) -> list[str]:
    """The different values of a column of text, sorted."""
    return sorted(text.dropna().unique())


def text_of(value: Any) -> str:
    """A value of the ini as text, as `as_text` writes values of the data."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean(str(value))


def rename(frame: pd.DataFrame, spec: dict[str, Any], source: Source) -> pd.DataFrame:
    """Rename columns by ``colnames``, written in either direction.

    Raises:
        UserError: if a column is not there, or two would get the same name
    """
    colnames = spec["options"].get("colnames") or {}
    # These names mean something here, so renaming them away is a mistake.
    wanted = {*KEY, "speaker", "gender", "sex", "age", spec["target"]}
    wanted.add(spec["options"].get("label"))
    changes: dict[str, str] = {}
    problems = Problems()
    for old, new in colnames.items():
        where = f"[DATA] {spec['name']}.colnames"
        if old in frame:
            changes[old] = new
        elif new in frame and old in wanted and new not in wanted:
            changes[new] = old
        elif new in frame:
            source.warnings.append(f"{where}: no column '{old}', but there is '{new}' already")
        else:
            problems.add(f"{where}: no column '{old}'; there are {', '.join(frame.columns)}")
    names = [changes.get(column, column) for column in frame.columns]
    for column in sorted({column for column in names if names.count(column) > 1}):
        problems.add(f"[DATA] {spec['name']}.colnames: two columns would be named '{column}'")
    problems.raise_if_any()
    return frame.set_axis(names, axis=1)
