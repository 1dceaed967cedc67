"""What a database says about its speakers, and what of it is doubtful."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from izwi.data.databases.source import as_text, listed, looks_missing, values_of
from izwi.data.description import SEXES, sex_of
from izwi.wording import agreed, count

# Years that a person may be old.
OLDEST = 120


def doubts(frame: pd.DataFrame, target: str) -> tuple[list[str], list[str]]:
    """What may be wrong with the speakers of a database.

    Args:
        frame: ``file`` of each row, and where known ``speaker``, ``gender`` and ``age``
        target: column that is predicted, which has checks of its own

    Returns:
        warnings and notes
    """
    warnings: list[str] = []
    notes: list[str] = []
    if "age" in frame and target != "age":
        warnings += _no_ages(frame["age"])
    if "speaker" not in frame:
        return warnings, notes
    speaker = frame["speaker"].astype(object)
    warnings += looks_missing(values_of(speaker), "speaker", "speaker")
    if speaker.isna().any():
        warnings.append(f"{count(int(speaker.isna().sum()), 'row has', 'rows have')} no speaker")
    known = frame[speaker.notna()]
    if line := _named_like_files(known):
        (warnings if _has_ending(known["speaker"]) else notes).append(line)
    if "gender" in frame and target != "gender":
        warnings += _several_genders(known)
        notes += _codes(known["gender"])
    return warnings, notes


def _has_ending(speaker: pd.Series) -> bool:
    """Whether ids end as files do, which no name of a person does."""
    return bool(speaker.astype(str).str.contains(r"\.[A-Za-z][A-Za-z0-9]{1,3}$").all())


def _named_like_files(known: pd.DataFrame) -> str:
    """A line where each file is a speaker of its own with the name of the file."""
    if known["speaker"].nunique() < 2 or known["speaker"].nunique() != known["file"].nunique():
        return ""
    for speaker, file in zip(known["speaker"], known["file"], strict=True):
        name = re.split(r"[/\\]", str(file))[-1]
        if str(speaker) not in (str(file), name, name.rsplit(".", 1)[0]):
            return ""
    return (
        "each speaker has the name of a file: if 'speaker' names recordings and not people, leave "
        "the column out, since a person may then be in train and test and intervals are too narrow"
    )


def _several_genders(known: pd.DataFrame) -> list[str]:
    """A warning where one speaker has several."""
    rows = known[known["gender"].notna()]
    sexes = rows["gender"].map(sex_of).groupby(rows["speaker"]).agg(lambda of: sorted({*of}))
    several = sexes[sexes.map(len) > 1]
    if several.empty:
        return []
    number, of = len(several), known["speaker"].nunique()
    return [
        f"{number} of {count(of, 'speaker')} {agreed(number, 'has', 'have')} several values of "
        f"'gender', such as {several.index[0]}: {', '.join(several.iloc[0])}: tables and texts "
        "take the first; one of them may be wrong, or the id may stand for several people"
    ]


def _codes(genders: pd.Series) -> list[str]:
    """A note where none of the values is a word for female or male that is known here."""
    there = values_of(as_text(genders).dropna())
    if not there or {sex_of(value) for value in there} & {*SEXES.values()}:
        return []
    return [
        f"'gender' holds {listed(there, 3)}, none of which is known to mean female or male: tables "
        "and texts count them as they are; map them to female and male by mapping = "
        "{'gender': {…}}"
    ]


def _no_ages(ages: Iterable[object]) -> list[str]:
    """A warning where numbers called age are no years of life."""
    values = pd.to_numeric(pd.Series(list(ages), dtype=object), errors="coerce")
    wrong = values[(values < 0) | (values > OLDEST)]
    if wrong.empty:
        return []
    shown = listed([f"{value:g}" for value in sorted(wrong.unique())], 3)
    return [
        f"'age' is below 0 or above {OLDEST} in {count(len(wrong), 'row')} ({shown}): tables and "
        "texts take it as age in years; leave these cells empty, or rename the column"
    ]
