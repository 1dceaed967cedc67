"""A folder with the data of an experiment: files, tables, and what became of each row."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from izwi.data import audio, channels
from izwi.errors import UserError
from izwi.exporting import encode
from izwi.exporting.names import Names
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Folder of the audio.
AUDIO = "audio"
SHOWN = 10


@dataclass
class Piece:
    """One file to write, and the rows that it stands for.

    Args:
        source: absolute path of the original
        target: relative path in the exported folder
        span: begin and end in the original, nanoseconds; None for all of it
        rows: their numbers
    """

    source: str
    target: str
    span: tuple[int, int | None] | None
    rows: list[int] = field(default_factory=list)


def export(
    spec: dict[str, Any],
    frame: pd.DataFrame,
    places: dict[str, dict[str, str]],
    folder: Path,
    *,
    threads: int = 1,
    fail_threshold: float = 0.0,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Write the audio of some rows.

    Args:
        spec: see `izwi.config.experiment.resolved.ExportSpec`
        frame: rows, see `izwi.exporting.tables.rows_of`
        places: database → file → absolute path
        folder: where to; only files within it are written
        threads: workers
        fail_threshold: share of the rows whose audio may be unusable

    Returns:
        the rows with the names of the files that were written, without those that could not be,
        and ``warnings``, ``notes`` and ``counts``

    Raises:
        UserError: if more audio than that is unusable
    """
    pieces = list(_pieces(spec, frame, places))
    with ThreadPoolExecutor(max(1, threads)) as pool:
        done = list(pool.map(lambda piece: _write(spec, piece, folder), pieces))
    bad: dict[int, str] = {}
    clipped: dict[str, int] = {}
    names: list[str | None] = [None] * len(frame)
    for piece, (found, _) in zip(pieces, done, strict=True):
        if isinstance(found, str):
            bad |= dict.fromkeys(piece.rows, found)
            continue
        if found:
            clipped[piece.target] = found
        for row in piece.rows:
            names[row] = piece.target
    warnings = _told(spec, frame, bad, fail_threshold)
    odd = channels.warnings([piece.target for piece in pieces], [kind for _, kind in done])
    warnings += [f"[{spec['section']}] mono: {line}" for line in odd]
    if clipped:
        warnings.append(
            f"[{spec['section']}] {count(sum(clipped.values()), 'sample')} beyond full scale in "
            f"{count(len(clipped), 'file')} clipped, such as {next(iter(clipped))}: bit_depth = 32 "
            "keeps them"
        )
    written = frame.assign(file=names)
    if spec["segments_as_files"]:
        written["start"], written["end"] = _whole(written)
    kept = [row for row in range(len(frame)) if row not in bad]
    counts = {"rows": len(kept), "files": sum(not isinstance(found, str) for found, _ in done)}
    notes = [f"{spec['name']}: {count(counts['files'], 'file')} written, {len(kept)} rows"]
    return written.iloc[kept].reset_index(drop=True), {
        "warnings": warnings,
        "notes": notes,
        "counts": counts,
    }


def _whole(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of rows that are whole files."""
    import numpy as np

    none = np.full(len(frame), np.timedelta64("NaT", "ns"))
    return np.zeros(len(frame), "timedelta64[ns]"), none


def _pieces(
    spec: dict[str, Any], frame: pd.DataFrame, places: dict[str, dict[str, str]]
) -> Iterator[Piece]:
    """Files to write, in the order of the rows."""
    import pandas as pd

    several = frame["database"].nunique() > 1
    names = Names(spec["orig_root"])
    for database, rows in frame.groupby("database", sort=False):
        paths = {file: places[str(database)][file] for file in dict.fromkeys(rows["file"])}
        below = names.below(paths)
        whole: dict[str, Piece] = {}
        for row, file, start, end in rows[["file", "start", "end"]].itertuples(name=None):
            path = PurePosixPath(spec["folder"], str(database) if several else "", below[file])
            ending = spec["format"] or path.suffix.lstrip(".") or "wav"
            cut = bool(start > pd.Timedelta(0) or pd.notna(end))
            if spec["segments_as_files"] and cut:
                last = None if pd.isna(end) else end.value
                target = names.give(path, spec["format"] or "wav", (start.value, last))
                yield Piece(paths[file], target, (start.value, last), [row])
            elif file in whole:
                whole[file].rows.append(row)
            else:
                whole[file] = Piece(paths[file], names.give(path, ending), None, [row])
        yield from whole.values()


def _write(spec: dict[str, Any], piece: Piece, folder: Path) -> tuple[int | str, str]:
    """Write one file.

    Returns:
        number of samples that were clipped, or why it cannot be written; and what is odd about
        channels that were averaged
    """
    target = folder / piece.target
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if piece.span is None and spec["rate"] is None and spec["format"] is None:
            if not os.path.isfile(piece.source):
                return "missing", ""
            shutil.copyfile(piece.source, target)
            return 0, ""
        span = piece.span or (0, None)
        ((signal, rate),) = audio.read_parts(piece.source, [span])
        if isinstance(signal, audio.AudioError):
            return str(signal), ""
        odd = channels.oddity(signal) if spec["mono"] else ""
        signal = encode.converted(signal, rate, spec["rate"], mono=spec["mono"])
        kind = spec["format"] or "wav"
        return encode.write(target, signal, spec["rate"] or rate, kind, spec["bit_depth"]), odd
    except audio.AudioError as error:
        target.unlink(missing_ok=True)
        return str(error), ""


def _told(
    spec: dict[str, Any], frame: pd.DataFrame, bad: dict[int, str], threshold: float
) -> list[str]:
    """Warnings about rows whose audio cannot be used.

    Raises:
        UserError: if there are more than may be
    """
    if not bad:
        return []
    files = frame["file"].to_numpy()
    shown = [f"[{spec['section']}] {files[row]}: {bad[row]}" for row in sorted(bad)[:SHOWN]]
    what = f"[{spec['section']}] {len(bad)} of {count(len(frame), 'row')}"
    if len(bad) > threshold * len(frame) or len(bad) == len(frame):
        advice = "fix it, leave it out of the database, or allow a share with FEATS.fail_threshold"
        raise UserError([f"{what} cannot be exported, unusable audio: {advice}", *shown])
    return [f"{what} left out, unusable audio", *shown]
