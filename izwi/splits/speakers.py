"""Speaker ids: as the user writes them, as the database writes them, and who is one person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from izwi.data.spelling import clean, look
from izwi.errors import UserError
from izwi.splits.report import shorten

if TYPE_CHECKING:
    import pandas as pd


_ENDS = ("", "s", "id", "ids", "name", "no", "nr", "number", "code")
_PEOPLE = (
    *("speaker", "spk", "spkr", "actor", "subject", "subj", "participant", "talker", "person"),
    *("client", "patient", "user", "proband", "sprecher", "locuteur", "hablante", "parlante"),
    *("versuchsperson", "vp", "locutor", "singer", "informant", "respondent", "narrator"),
)
# What columns of speakers are called, in small letters alone.
_LIKE_SPEAKER = {
    *(f"{before}{who}{after}" for who in _PEOPLE for before in ("", "id") for after in _ENDS),
}


def _number(identity: str) -> int | None:
    """The number that an id represents (``0003``, ``3``, ``3.0``), if any."""
    match = re.fullmatch(r"([0-9]+)(\.0+)?", identity)
    return int(match[1]) if match else None


def like_speaker(columns: Iterable[str]) -> str | None:
    """The first column that by its name holds speakers but is not called ``speaker``."""
    for column in columns:
        if re.sub("[^a-z]", "", look(str(column))) in _LIKE_SPEAKER and column != "speaker":
            return column
    return None


def speaker_advice(name: str, columns: Iterable[str]) -> str:
    """What to do where no column is called ``speaker`` but one looks like it; else empty."""
    column = like_speaker(columns)
    if column is None:
        return ""
    return f"but '{column}': set {name}.colnames = {{'{column}': 'speaker'}}"


def same_id(wanted: Any, ids: Iterable[str]) -> str | None:
    """Find the id that the user means.

    The same spelling wins; otherwise the only id with the same number.

    Args:
        wanted: as the user wrote it, such as ``3`` or ``'0003'``
        ids: ids as the database writes them

    Returns:
        the id as the database writes it, or ``None`` if none or several match
    """
    ids = set(ids)
    text = clean(str(wanted))
    if text in ids:
        return text
    number = _number(text)
    found = [i for i in ids if number is not None and _number(i) == number]
    return found[0] if len(found) == 1 else None


def named_speakers(lists: dict[str, list[Any]], ids: Iterable[str], key: str) -> dict[str, str]:
    """Match lists of speakers with the speakers of a database.

    Args:
        lists: part → the speakers that the user named for it
        ids: ids as the database writes them
        key: option for errors, such as ``[DATA] emodb.split_strategy``

    Returns:
        id as the database writes it → its part

    Raises:
        UserError: if a speaker is unknown or named twice
    """
    ids = set(ids)
    named: dict[str, str] = {}
    unknown, twice = [], []
    for part, wanted in lists.items():
        for speaker in wanted:
            match = same_id(speaker, ids)
            if match is None:
                unknown.append(str(speaker))
            elif match in named:
                twice.append(match)
            else:
                named[match] = part
    problems = []
    if unknown:
        problems.append(
            f"{key}: no speaker {shorten(unknown)}, the database has {shorten(ids, 20)}"
        )
    if twice:
        problems.append(f"{key}: speaker {shorten(twice)} named twice, name each once")
    if problems:
        raise UserError(problems)
    return named


def speaker_keys(frame: pd.DataFrame, same_speakers: bool) -> pd.Series:
    """Who is one person across all databases.

    Args:
        frame: columns ``database`` and ``speaker``
        same_speakers: whether an id means the same person in every database; then ids with the
            same number are one person, unless a database has both

    Returns:
        ``<database>/<id>``, or only the id with ``same_speakers``; missing stays missing
    """
    if not same_speakers:
        return frame["database"] + "/" + frame["speaker"]
    pairs = frame[["database", "speaker"]].dropna().drop_duplicates()
    pairs["number"] = pairs["speaker"].map(_number)
    spelling: dict[str, str] = {}
    for _, group in pairs.dropna(subset="number").groupby("number"):
        if not group["database"].duplicated().any():
            shortest = min(group["speaker"], key=lambda text: (len(text), text))
            spelling.update(dict.fromkeys(group["speaker"], shortest))
    return frame["speaker"].map(lambda text: spelling.get(text, text), na_action="ignore")
