"""Samples and speakers in each part of a split: the numbers of a paper's first table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

# What databases write for a sex.
SEXES = {
    **dict.fromkeys(("f", "female", "w", "woman", "weiblich"), "female"),
    **dict.fromkeys(("m", "male", "man", "männlich"), "male"),
}
MOST_FOLDS = 10  # that have a row of their own


def sex_of(value: object) -> str:
    """A sex in one word, however the data write it."""
    return SEXES.get(str(value).strip().lower(), str(value))


def describe(
    table: pd.DataFrame,
    split: pd.DataFrame,
    labels: list[str] | None,
    *,
    seconds: pd.Series | None = None,
) -> dict[str, Any]:
    """Count samples, files, speakers, their sex and age, and minutes.

    Args:
        table: rows of all tables, in the order of the split, with ``truth``
        split: as ``docs/data_contracts.md`` defines it
        labels: classes, ordered; None for a regression
        seconds: (rows) how long each lasts, NaN where unknown; absent: all unknown

    Returns:
        plain values that JSON can hold: ``cross_validation``, and the number of ``folds``;
        ``parts``, a list of cells, each with ``part`` (``train``, ``dev`` and ``test``, or ``all``
        and the folds), ``class`` (None for all rows of the part) and what `_cell` counts;
        ``databases``, name → a cell of its used rows, with ``parts``, part → samples and speakers
        (None where some are not known), those ``unused`` among them; ``target``, the spread of the
        number over all used rows, None for classes; ``unused`` rows; ``shared_speakers``, how
        many are on both sides of train and test, None where some are not known; ``segments``,
        whether a row is less than its file; ``unit``, as in a cell
    """
    frame = table[["database", "file", "start", "end", "truth"]].copy()
    frame["part"], frame["fold"] = split["part"], split["fold"]
    frame["speaker"] = split["speaker"]
    frame["sex"] = table["gender"].map(sex_of, "ignore") if "gender" in table else None
    frame["age"] = pd.to_numeric(table["age"], errors="coerce") if "age" in table else np.nan
    frame["seconds"] = np.nan if seconds is None else seconds.to_numpy(float)
    used = frame[frame["part"] != ""]
    folds = bool(used["fold"].any())
    return {
        "cross_validation": folds,
        "folds": int(used["fold"].nunique()) if folds else 0,
        "parts": list(_parts(used, labels, folds)),
        "databases": {
            str(name): {**_cell(rows), "parts": _sizes(frame[frame["database"] == name])}
            for name, rows in used.groupby("database", sort=False)
        },
        "target": None if labels else _spread(pd.to_numeric(used["truth"], errors="coerce")),
        "unused": len(frame) - len(used),
        "shared_speakers": _shared(used, folds),
        "segments": bool(_within(used).any()),
        "unit": _unit(used),
    }


def _within(rows: pd.DataFrame) -> pd.Series:
    """Which rows are less than their file."""
    return (rows["start"] > pd.Timedelta(0)) | rows["end"].notna()


def _unit(rows: pd.DataFrame) -> str:
    """What each of some rows is: ``file``, ``segment``, or ``sample`` where there are both."""
    within = _within(rows)
    return "segment" if len(rows) and within.all() else "sample" if within.any() else "file"


def durations(table: pd.DataFrame, lengths: dict[str, float]) -> pd.Series:
    """How long each row lasts.

    Args:
        table: needs ``file``, ``start``, ``end``
        lengths: of whole files, in seconds

    Returns:
        (rows) seconds, NaN where a row has no end and the length of its file is not known
    """
    end = table["end"].dt.total_seconds()
    whole = table["file"].map(lengths).astype(float)
    return end.where(end.notna(), whole) - table["start"].dt.total_seconds()


def _parts(used: pd.DataFrame, labels: list[str] | None, folds: bool) -> Iterable[dict[str, Any]]:
    if folds:
        groups = [("all", used)]
    else:
        groups = [(part, used[used["part"] == part]) for part in ("train", "dev", "test")]
    for part, rows in groups:
        if len(rows):
            for label in labels or ():
                yield {"part": part, "class": label, **_cell(rows[rows["truth"] == label])}
            yield {"part": part, "class": None, **_cell(rows, number=labels is None)}
    if folds and used["fold"].nunique() <= MOST_FOLDS:
        for fold, rows in used.groupby("fold", sort=True):
            yield {"part": f"fold {fold}", "class": None, **_cell(rows, number=labels is None)}


def _cell(rows: pd.DataFrame, *, number: bool = False) -> dict[str, Any]:
    """Counts of some rows, and what each is.

    Sex and age are those of speakers where all rows have one.
    """
    people = rows
    known = bool(len(rows)) and bool(rows["speaker"].notna().all())
    if known:
        # The mean age, for speakers who were recorded over years.
        people = rows.groupby("speaker", sort=True).agg({"sex": "first", "age": "mean"})
    sexes = people["sex"].value_counts()
    cell = {
        "samples": len(rows),
        "unit": _unit(rows),
        "files": int((rows["database"] + "\0" + rows["file"]).nunique()),
        "speakers": len(people) if known else None,
        "sex": {str(name): int(count) for name, count in sorted(sexes.items())},
        "sex_unknown": int(people["sex"].isna().sum()),
        "age": _spread(people["age"]),
        "minutes": None if rows["seconds"].isna().any() else float(rows["seconds"].sum() / 60),
    }
    if number:
        cell["target"] = _spread(pd.to_numeric(rows["truth"], errors="coerce"))
    return cell


def _sizes(rows: pd.DataFrame) -> dict[str, dict[str, int | None]]:
    """Samples and speakers in each part of one database."""
    return {
        str(part) or "unused": {
            "samples": len(own),
            "speakers": int(own["speaker"].nunique()) if own["speaker"].notna().all() else None,
        }
        for part, own in rows.groupby("part", sort=True)
    }


def _spread(values: pd.Series) -> dict[str, Any] | None:
    """Number, mean, standard deviation (n - 1 below) and range, None where nothing is known."""
    values = values.dropna()
    if values.empty:
        return None
    return {
        "n": len(values),
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
        "min": float(values.min()),
        "max": float(values.max()),
    }


def _shared(used: pd.DataFrame, folds: bool) -> int | None:
    """Speakers of more than one fold, or of both train and test; None where some are unknown."""
    if used["speaker"].isna().any():
        return None
    if folds:
        return int((used.groupby("speaker")["fold"].nunique() > 1).sum())
    train, test = (set(used.loc[used["part"] == part, "speaker"]) for part in ("train", "test"))
    return len(train & test)
