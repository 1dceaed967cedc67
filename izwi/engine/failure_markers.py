"""What could not be made has an empty file in its place, until the call ends.

Snakemake deletes all outputs of a failed job, so one failing unit would take its whole batch along.
Such a unit leaves empty files instead, what needs them is skipped likewise, and the verdict, the
last job of a call, fails where an experiment is missing. No output is ever empty otherwise.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def mark(paths: Iterable[str]) -> None:
    """Say that these files could not be made."""
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        # It may be a link to a file that is whole.
        path.unlink(missing_ok=True)
        path.touch()


def marked(path: str) -> bool:
    """Whether a file could not be made."""
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return False


def whole(path: str) -> bool:
    """Whether a file was made."""
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return False


def damaged(paths: Iterable[str]) -> str | None:
    """The first of some JSON, Parquet and skops files that cannot be read, None where all can."""
    return next((path for path in paths if os.path.exists(path) and not _readable(path)), None)


def _readable(path: str) -> bool:
    try:
        if path.endswith(".json"):
            json.loads(Path(path).read_bytes())
        elif path.endswith(".parquet"):
            import pyarrow.parquet as pq

            for _ in pq.ParquetFile(path).iter_batches():
                pass
        elif path.endswith(".skops"):
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
    # Those of pyarrow are one of them.
    except (ValueError, OSError, zipfile.BadZipFile):
        return False
    return True


def clear(paths: Iterable[str]) -> None:
    """Take the marks away, so that the next call tries again."""
    for path in paths:
        if marked(path):
            with suppress(FileNotFoundError):
                os.unlink(path)
