"""Tables of exported data: CSV, and an audformat database, which both say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from izwi.data import DATABASE
from izwi.data.csv_files import write_rows

# Columns of tables that are izwi's own.
_OWN = ("digest", "truth", "value", "part", "fold")
TABLE = "files"


def rows_of(
    tables: list[pd.DataFrame], split: pd.DataFrame, target: str, *, same_speakers: bool
) -> pd.DataFrame:
    """All rows of an experiment as a database lists them.

    Args:
        tables: a table for each database
        split: of these rows
        target: column that is learned; its values are those after mapping
        same_speakers: whether an id is one speaker in all databases

    Returns:
        ``database, file, start, end, speaker``, the target, other columns of the databases, then
        ``split`` (train, dev, test, or empty) or ``fold``
    """
    frame = pd.concat(tables, ignore_index=True)
    found = frame[["database", "file", "start", "end"]].copy()
    found["speaker"] = frame.get("speaker")
    if len(tables) > 1 and not same_speakers:
        known = found["speaker"].notna()
        found.loc[known, "speaker"] = found["database"] + "_" + found["speaker"].astype("str")
    if target != DATABASE:
        found[target] = frame["value"] if "value" in frame else frame["truth"]
    for name in frame.columns.difference([*found.columns, *_OWN], sort=False):
        found[name] = frame[name]
    if split["fold"].any():
        found["fold"] = split["fold"].to_numpy()
    else:
        found["split"] = split["part"].where(split["part"] != "", None).to_numpy()
    if found["speaker"].isna().all():
        found["speaker"] = None
    return found


def write(frame: pd.DataFrame, folder: Path, name: str) -> list[str]:
    """Write the rows as ``<name>.csv`` and as an audformat database.

    Args:
        frame: as `rows_of` gives it, with files relative to the folder
        folder: where to
        name: of the CSV and of the database

    Returns:
        names of the files
    """
    write_csv(frame, folder / f"{name}.csv")
    written = _audformat(frame, name)
    written.save(str(folder), storage_format="csv", update_other_formats=False)
    return [f"{name}.csv", "db.yaml", f"db.{TABLE}.csv"]


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write rows as CSV, as izwi and nkululeko read them."""
    front = ["file", "start", "end", "speaker", "database"]
    others = [name for name in frame if name not in front and frame[name].notna().any()]
    left_out = ["database"] if frame["database"].nunique() < 2 else []
    left_out += ["speaker"] if frame["speaker"].isna().all() else []
    write_rows(frame[[*front, *others]], path, left_out=left_out)


def _audformat(frame: pd.DataFrame, name: str) -> Any:
    """The rows as a database of audformat."""
    import audformat

    segmented = bool(((frame["start"] > pd.Timedelta(0)) | frame["end"].notna()).any())
    index = (
        audformat.segmented_index(frame["file"], frame["start"], frame["end"])
        if segmented
        else audformat.filewise_index(frame["file"])
    )
    database = audformat.Database(name, source="izwi", usage=audformat.define.Usage.OTHER)
    table = database[TABLE] = audformat.Table(index)
    for column in frame.columns.difference(["file", "start", "end"], sort=False):
        values = frame[column]
        if values.isna().all() or (column == "database" and values.nunique() < 2):
            continue
        if pd.api.types.is_bool_dtype(values):
            kind, data = "bool", values.astype("boolean").array
        elif pd.api.types.is_integer_dtype(values):
            kind, data = "int", values.astype("Int64").array
        elif pd.api.types.is_numeric_dtype(values):
            kind, data = "float", values.to_numpy(np.float64)
        else:
            kind, data = "str", values.where(values.notna(), None).astype(object).to_numpy()
        database.schemes[column] = audformat.Scheme(kind)
        table[column] = audformat.Column(scheme_id=column)
        table[column].set(data)
    return database
