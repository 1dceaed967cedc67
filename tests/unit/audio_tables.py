"""Tables as the load stage makes them, from files alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd


def make_table(
    paths: dict[str, str], parts: list[tuple[str, float, float | None]] | None = None
) -> pd.DataFrame:
    """A table of whole files, or of parts (file, start and end in seconds)."""
    parts = parts or [(file, 0.0, None) for file in paths]
    digests = {
        file: hashlib.blake2b(Path(path).read_bytes()).hexdigest()
        for file, path in paths.items()
        if Path(path).is_file()
    }
    frame = pd.DataFrame(parts, columns=["file", "start", "end"])
    for name in ("start", "end"):
        seconds = frame[name].astype("float64")
        frame[name] = pd.to_timedelta(seconds, unit="s").astype("timedelta64[ns]")
    return frame.assign(digest=frame["file"].map(digests))


def some(folder: Path, pattern: str, step: int) -> dict[str, str]:
    """Every so manieth file of a database: its name there, and its path."""
    files = sorted(folder.glob(pattern))[::step]
    return {file.relative_to(folder).as_posix(): str(file) for file in files}
