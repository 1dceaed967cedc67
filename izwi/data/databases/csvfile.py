"""CSV databases: one file with a column ``file``, perhaps ``start`` and ``end``, and labels."""

from __future__ import annotations

from typing import Any

import pandas as pd

from izwi.data.databases.source import KEY, Source, count_bad_segments, rename, segments
from izwi.data.label_files import label_path, line_of, lines_text, read_rows
from izwi.errors import UserError
from izwi.wording import agreed, count

_TABLE_OPTIONS = ("target_tables", "files_tables", "train_tables", "dev_tables", "test_tables")


def read(spec: dict[str, Any]) -> Source:
    """Read a CSV database.

    Args:
        spec: see `izwi.data.databases.load_table`

    Raises:
        UserError: if the file is missing or no such table
    """
    name, options = spec["name"], spec["options"]
    path = label_path(spec)
    short: list[int] = []
    header, rows = read_rows(path, name, short)
    frame = pd.DataFrame(rows, columns=header, dtype=object)
    unnamed = header.count("")
    frame = frame.loc[:, frame.columns != ""]
    frame = frame.where(frame != "", None)
    source = Source(frame)
    if unnamed:
        are = agreed(unnamed, "is", "are")
        source.notes.append(
            f"{path.name}: {count(unnamed, 'column')} without a name {are} not read"
        )
    if short:
        source.warnings.append(
            f"{path.name} has fewer cells than columns in {lines_text(short)}: the last columns "
            "are taken as empty; where a cell in the middle is missing, those behind it are in the "
            "wrong columns"
        )
    ignored = [option for option in _TABLE_OPTIONS if options.get(option)]
    source.warnings += [
        f"[DATA] {name}.{option}: has no effect, a CSV file has no tables" for option in ignored
    ]
    source.frame = rename(frame, spec, source)
    if frame.empty:
        raise UserError(f"[DATA] {name}: {path} has no rows")
    start, end = (source.frame.get(column) for column in KEY[1:])
    files = source.frame["file"]
    keys = segments(
        start,
        end,
        files,
        name,
        line=lambda row: line_of(path, row),
        drop=options.get("bad_segments") == "drop",
    )
    bad = ~files.index.isin(keys.index)
    count_bad_segments(source, name, int(bad.sum()), files[bad].unique())
    others = source.frame.drop(columns=KEY, errors="ignore").loc[keys.index]
    source.frame = pd.concat([keys, others], axis=1).reset_index(drop=True)
    if source.frame.empty:
        raise UserError(f"[DATA] {name}.bad_segments: leaves no row of {path}")
    return source
