"""What a picture shows, as rows of a table: each function that draws returns it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from izwi.data import csv_files

# Name of a column → value.
Rows = list[dict[str, Any]]


def write(rows: Rows, path: str | Path) -> None:
    """Write what a picture shows beside it.

    Args:
        rows: as the function that drew it returned them; none of a picture that says why it is
            empty
        path: of the CSV file
    """
    csv_files.write_records(rows or [{"note": "the picture shows no data"}], path)


def of_frame(frame: pd.DataFrame) -> Rows:
    """Rows of a data frame, None for what is missing."""
    columns = []
    for name in frame:
        values = frame[name].tolist()
        missing = frame[name].isna()
        if missing.any():
            values = [None if gone else v for v, gone in zip(values, missing, strict=True)]
        columns.append(values)
    return [dict(zip(frame, row, strict=True)) for row in zip(*columns, strict=True)]


def limits(interval: Any) -> dict[str, float | None]:
    """Ends of an interval, each in its column."""
    low, high = interval or (None, None)
    return {"ci_low": low, "ci_high": high}
