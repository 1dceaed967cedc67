"""Names and values that are nearly those with a meaning: what they hold would be lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from izwi.data import times
from izwi.data.spelling import look, same_meaning
from izwi.errors import UserError
from izwi.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_UNITS = ("", "s", "sec", "secs", "seconds", "ms")
# What columns of the begin and the end of a segment are called, in small letters alone.
_STARTS = (
    *("start", "starts", "starttime", "timestart", "begin", "begins", "begintime", "beginning"),
    *("onset", "tstart", "tmin", "xmin", "segmentstart", "startofsegment"),
)
_ENDS = (
    *("end", "ends", "endtime", "timeend", "stop", "stops", "stoptime", "finish", "offset"),
    *("tend", "tmax", "xmax", "segmentend", "endofsegment"),
)
_LENGTHS = ("duration", "dur", "length", "len")
# So many values show whether a column holds times.
_LOOKED_AT = 1000


def unused_times(frame: pd.DataFrame, database: str, target: str) -> list[str]:
    """Warnings about columns that look like times of segments and are not read as such.

    Args:
        frame: rows with ``start`` and ``end``, which are 0 and missing where the data have none
        database: its name
        target: column that is learned, which means what the user says
    """
    has_start = bool((frame["start"] > pd.Timedelta(0)).any())
    has_end = bool(frame["end"].notna().any())
    others = [name for name in frame if name not in ("start", "end", target)]
    start = None if has_start else _named(frame, others, _STARTS)
    end = None if has_end else _named(frame, others, _ENDS)
    if has_start and not has_end and end is None:
        if length := _named(frame, others, _LENGTHS):
            return [
                f"there is no column 'end', so each row lasts to the end of its file; '{length}' "
                "is not used: if it is the length of the segment, write a column 'end'"
            ]
        return []
    # An end alone may be that of something else, such as a turn.
    found = {name: what for name, what in ((start, "start"), (end, "end")) if name}
    if not found or (end and not start and not has_start):
        return []
    names = " and ".join(f"'{name}'" for name in found)
    one = len(found) == 1
    rest = "whole files are" if not (has_start or has_end) else "the other end of the file is"
    advice = f"set {database}.colnames = {found}"
    if any(name.lower().endswith("ms") for name in found):
        advice = f"write columns {' and '.join(found.values())} in seconds"
    return [
        f"{'column' if one else 'columns'} {names} {'looks' if one else 'look'} like times of "
        f"segments and {'is' if one else 'are'} not read, so {rest} used: {advice}, or rename "
        f"{'it if it is' if one else 'them if they are'} something else"
    ]


def left_out(
    column: str, of: pd.Series, kept: pd.Series, option: str, warn: Callable[[str], None]
) -> None:
    """Warn of values that are dropped and look like values that are kept.

    Args:
        column: its name
        of: the values of all rows, as text
        kept: whether an option keeps a row
        option: what keeps them
        warn: takes the lines
    """
    stay, gone = set(of[kept].dropna()), of[~kept].value_counts()
    # Of so many values, they are ids.
    if len(stay) + len(gone) > _LOOKED_AT:
        return
    for same in same_meaning([*stay, *gone.index]):
        like = [value for value in same if value in stay]
        lost = [value for value in same if value not in stay]
        if like and lost:
            cells = ", ".join(f"'{value}' ({count(int(gone[value]), 'row')})" for value in lost)
            warn(
                f"{option} drops {cells} of '{column}', which may be another spelling of "
                f"'{like[0]}': name it there too if it is"
            )


def _named(frame: pd.DataFrame, columns: Iterable[str], words: Iterable[str]) -> str | None:
    """The first column with one of these names, in any unit, that holds times."""
    known = {f"{word}{unit}" for word in words for unit in _UNITS}
    for name in columns:
        if re.sub("[^a-z]", "", look(str(name))) in known:
            values = frame[name].dropna().head(_LOOKED_AT)
            try:
                if len(values) and times.parse(values, str(name), "").notna().all():
                    return str(name)
            except UserError:
                continue
    return None
