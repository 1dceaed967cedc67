"""Times as people and programs write them; what is ambiguous is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from izwi.data import spelling
from izwi.errors import UserError
from izwi.wording import agreed, count

# No recording is as long; epochs and times in another unit are beyond.
LONGEST = 1e8  # seconds, 3 years
FORMS = "seconds, hh:mm:ss.f, or a number with a unit"
_ABSENT = {"", "nat", "nan", "none", "null", "na", "n/a", "<na>"}
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
_SECONDS = re.compile(_NUMBER, re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(
    r"[+-]?(?:\d+ days?,? ?)?[+-]?\d+:[0-5]?\d:[0-5]?\d(?:\.\d*)?", re.IGNORECASE | re.ASCII
)
_UNIT = re.compile(
    rf"({_NUMBER})\s*(ns|us|µs|μs|ms|s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|d|days?)",
    re.IGNORECASE | re.ASCII,
)
# Nanoseconds of a unit, by the beginning of its name.
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}
_UNITS |= {"m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}


def parse(
    values: Iterable[Any], column: str, where: str, line: Callable[[int], int] | None = None
) -> pd.Series:
    """Read a column of times.

    Args:
        values: seconds, durations, or text: seconds, ``[N days] hh:mm:ss[.f]``, or a number with
            a unit; missing values and empty text are no time
        column: its name, for messages
        where: of the messages, such as ``[DATA] name``
        line: line of the file that a position in ``values`` comes from

    Returns:
        timedelta64[ns], NaT where there is no time

    Raises:
        UserError: if a cell is no time, with its line and what may be meant
    """
    cells = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)
    cells = cells.reset_index(drop=True)
    if pd.api.types.is_timedelta64_dtype(cells.dtype):
        return cells.astype("timedelta64[ns]")
    if pd.api.types.is_bool_dtype(cells.dtype) or pd.api.types.is_datetime64_any_dtype(cells.dtype):
        cells = cells.astype(str)
    found, wrong = _parsed(cells.astype(object))
    if wrong.any():
        bad = cells[wrong]
        at = "" if line is None else f" (line {line(int(bad.index[0]))})"
        some = ", ".join(f"'{value}'" for value in list(dict.fromkeys(bad))[:3])
        raise UserError(
            f"{where}: {count(len(bad), 'value')} of column '{column}' "
            f"{agreed(len(bad), 'is no time', 'are not times')}, such as {some}{at}: "
            f"{_remedy(str(bad.iloc[0]))}"
        )
    return found


def _parsed(cells: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Times, and which cells are none."""
    text = cells.where(cells.isna(), cells.map(lambda cell: spelling.clean(str(cell))))
    absent = text.isna() | text.str.lower().isin(_ABSENT)
    plain = text.where(~absent & text.map(lambda t: bool(_SECONDS.fullmatch(str(t)))), None)
    # Numbers as they are: their text may round to another nanosecond.
    plain = plain.where(~cells.map(_is_number), cells)
    seconds = pd.to_numeric(plain, errors="coerce").astype("float64")
    seconds = seconds.where(seconds.abs() <= LONGEST)
    found = (seconds * 1e9).round().astype("Int64").astype("timedelta64[ns]")
    words = {word: _words(word) for word in text[plain.isna() & ~absent].unique()}
    if words:
        rows = plain.isna() & ~absent
        found[rows] = text[rows].map(words).astype("timedelta64[ns]")
    return found.astype("timedelta64[ns]"), found.isna() & ~absent


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float | np.number) and not isinstance(cell, bool)


def _words(text: str) -> Any:
    """A time that is no plain number; NaT where it is none."""
    unit = _UNIT.fullmatch(text)
    if unit:
        name = unit[2].lower()
        nanoseconds = Decimal(unit[1]) * (_UNITS.get(name) or _UNITS[name[0]])
        if abs(nanoseconds) > LONGEST * 1e9:
            return np.timedelta64("NaT", "ns")
        return np.timedelta64(int(nanoseconds.to_integral_value()), "ns")
    if not _CLOCK.fullmatch(text):
        return np.timedelta64("NaT", "ns")
    try:
        time = pd.Timedelta(text.replace(",", ""))
    except (ValueError, OverflowError):
        return np.timedelta64("NaT", "ns")
    if abs(time.total_seconds()) > LONGEST:
        return np.timedelta64("NaT", "ns")
    return np.timedelta64(time.value, "ns")


def _remedy(cell: str) -> str:
    """What may be meant by a cell that is no time."""
    pointed = cell.strip().replace(",", ".")
    if _SECONDS.fullmatch(pointed) or _UNIT.fullmatch(pointed) or _CLOCK.fullmatch(pointed):
        if "," in cell:
            return f"a decimal comma? Write {pointed}"
        return "more than 3 years: write seconds from the start of the file, no date and no ms"
    return f"write {FORMS}, such as 1.5, 0:00:01.5 or 1500 ms"
