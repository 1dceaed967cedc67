"""Tables of files as CSV for users, such as predictions.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from izwi.data.csv_safety import harmless

KEY = ("database", "file", "start", "end")


def write_predictions(predictions: pd.DataFrame, path: str | Path) -> None:
    """Write predictions.csv, see `write_rows`.

    Args:
        predictions: as ``docs/data_contracts.md`` defines them
        path: of the CSV file
    """
    columns = [*KEY, "speaker", "fold", "run", "truth", "prediction"]
    columns += [name for name in predictions.columns if name.startswith("p_")]
    table = predictions.sort_values(["run", "row"], ignore_index=True)
    write_rows(table.reindex(columns=columns), path)


def write_rows(table: pd.DataFrame, path: str | Path, *, left_out: Sequence[str] = ()) -> None:
    """Write rows about files as CSV, for users.

    ``start`` and ``end`` are written only where a row is a segment, as audformat writes them, and
    an ``end`` that is the file's is empty. Numbers are written with as many digits as bring the
    same number back. A text that a spreadsheet would run as a formula gets an apostrophe in front,
    see :func:`izwi.data.csv_safety.harmless`.

    Args:
        table: ``database, file, start, end, speaker`` and others; of these ``truth`` and
            ``prediction`` may be texts from outside
        path: of the CSV file
        left_out: columns that are not written
    """
    table = table.copy()
    if not ((table["start"] > pd.Timedelta(0)) | table["end"].notna()).any():
        table = table.drop(columns=["start", "end"])
    table["speaker"] = [
        speaker.removeprefix(f"{database}/") if isinstance(speaker, str) else None
        for database, speaker in zip(table["database"], table["speaker"], strict=True)
    ]
    for name in ("database", "file", "speaker", "truth", "prediction"):
        if name in table and not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].map(harmless, na_action="ignore")
    for name in ("start", "end") if "start" in table else ():
        table[name] = pd.to_timedelta(table[name]).map(_duration, na_action="ignore")
    table = table.drop(columns=list(left_out))
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write any table as CSV, with texts as harmless as in `write_rows`.

    Args:
        table: numbers, and texts that may be from outside
        path: of the CSV file
    """
    table = table.rename(columns=harmless).map(harmless)
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def write_records(
    rows: Iterable[dict[str, Any]], path: str | Path, columns: Sequence[str] | None = None
) -> None:
    """Write a small table that people open in a spreadsheet, with texts made harmless.

    Excel knows by its first character that a file is Unicode. Only a file that needs it has it, so
    that programs need not know of it.

    Args:
        rows: name of a column → value; None is empty
        path: of the CSV file
        columns: their order, None: as they come
    """
    rows = list(rows)
    names = columns or list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(harmless, names))
    writer.writerows([harmless(row.get(name)) for name in names] for row in rows)
    content = text.getvalue()
    Path(path).write_text(
        content, encoding="utf-8" if content.isascii() else "utf-8-sig", newline=""
    )


def _duration(duration: pd.Timedelta) -> str:
    # always with a fraction, so that a column looks the same whatever else is in it
    text = str(duration)
    return text if "." in text else f"{text}.000000"
