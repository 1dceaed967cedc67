"""A table of recordings becomes a table of their segments; each inherits all of its row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data import channels
from izwi.errors import UserError
from izwi.segmentation import cuts, heard, silero
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SECOND = 10**9
SHOWN = 10
# What a row of the cuts is.
SEGMENT, WHOLE, GAP = "segment", "whole", "gap"


@dataclass
class Cut:
    """Where the recordings of a table are cut.

    Args:
        spans: of each row, begin and end of its segments in nanoseconds from its start; None
            where its audio cannot be used
        lengths: nanoseconds of each row, None likewise
        reasons: row → why its audio cannot be used
        silent: rows without any speech
        odd: what is odd about the channels of each row, if they were heard
        short: rows with speech, all of it in segments that are too short
        left_out: number of segments that are too short
    """

    spans: list[list[cuts.Span] | None]
    lengths: list[int | None]
    reasons: dict[int, str]
    silent: list[int] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    short: list[int] = field(default_factory=list)
    left_out: int = 0


def cut(
    spec: dict[str, Any],
    table: pd.DataFrame,
    paths: dict[str, str],
    *,
    store: Path,
    threads: int = 1,
    say: Callable[[str], None] | None = None,
) -> Cut:
    """Find the segments of each row of a table.

    Args:
        spec: see `izwi.config.experiment.resolved.SegmentSpec`
        table: needs ``file``, ``start``, ``end``, ``digest``
        paths: absolute path of each file
        store: folder that keeps what was heard; unused by ``fixed``
        threads: workers
        say: takes a line of text every few seconds
    """
    shortest = round((spec["min_length"] or 0) * SECOND)
    longest = round(spec["max_length"] * SECOND) if spec["max_length"] else None
    if spec["method"] == "fixed":
        known, reasons = heard.lengths(table, paths, threads)
        window, hop = (round(spec[name] * SECOND) for name in ("window", "hop"))
        found = [None if n is None else cuts.windows(n, window, hop, shortest) for n in known]
        short = [row for row, one in enumerate(found) if one == []]
        return Cut(found, known, reasons, short=short, left_out=len(short))
    all_heard, reasons, odd = heard.hear(table, paths, store=store, threads=threads, say=say)
    result = Cut([], [], reasons, odd=odd)
    for row, one in enumerate(all_heard):
        result.lengths.append(one.length if one else None)
        if one is None:
            result.spans.append(None)
            continue
        speech = _speech(spec, one)
        kept = cuts.bounded(speech, shortest, longest, round(spec["min_rest"] * SECOND))
        result.left_out += sum(end - start < shortest for start, end in speech)
        if not speech:
            result.silent.append(row)
        elif not kept:
            result.short.append(row)
        result.spans.append(kept)
    return result


def _speech(spec: dict[str, Any], one: heard.Heard) -> list[cuts.Span]:
    """Stretches of speech in nanoseconds; the last one may end with the recording."""
    samples = -(-one.length * silero.RATE // SECOND)
    frames = -(-samples // silero.FRAME)
    # Resampling rounds the length, by a frame at most.
    probabilities = one.probabilities[:frames]
    found = silero.stretches(
        probabilities,
        min(samples, len(probabilities) * silero.FRAME),
        **{name: spec[name] for name in ("threshold", "min_speech", "min_silence", "pad")},
    )
    return [(start * silero.TICK, min(end * silero.TICK, one.length)) for start, end in found]


def segmented(
    spec: dict[str, Any], table: pd.DataFrame, chosen: np.ndarray, found: Cut
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of segments, and of all cuts.

    Args:
        spec: as for `cut`
        table: rows of recordings, or of parts of them
        chosen: numbers of the rows that were cut; the others stay whole
        found: where these were cut, in their order

    Returns:
        * a row for each segment, with all columns of the row that it comes from; sorted by file,
          start and end
        * ``row`` (of the table), ``kind`` (``segment``, ``whole`` or ``gap``), ``start``, ``end``
          (in the file); segments and whole rows first, in the order of the segments, then gaps
    """
    import numpy as np
    import pandas as pd

    starts = table["start"].astype("timedelta64[ns]").astype("int64").to_numpy()
    position = {int(row): i for i, row in enumerate(chosen)}
    pieces: list[tuple[int, str, int, int | None]] = []
    between: list[tuple[int, str, int, int | None]] = []
    for row in range(len(table)):
        if row not in position:
            end = table["end"].iloc[row]
            pieces.append((row, WHOLE, starts[row], None if pd.isna(end) else end.value))
            continue
        spans, length = found.spans[position[row]], found.lengths[position[row]]
        if spans is None or length is None:
            continue
        pieces += [(row, SEGMENT, starts[row] + a, starts[row] + b) for a, b in spans]
        silent = cuts.gaps(spans, length, borders=spec["include_silence_borders"])
        between += [(row, GAP, starts[row] + a, starts[row] + b) for a, b in silent]
    rows = np.array([piece[0] for piece in pieces], dtype=int)
    result = table.iloc[rows].reset_index(drop=True)
    result["start"] = _times([piece[2] for piece in pieces])
    result["end"] = _times([piece[3] for piece in pieces])
    order = result.sort_values(["file", "start", "end"], kind="stable").index.to_numpy()
    ordered = [*(pieces[i] for i in order), *between]
    all_cuts = pd.DataFrame(
        {
            "row": np.array([piece[0] for piece in ordered], dtype="int64"),
            "kind": pd.Series([piece[1] for piece in ordered], dtype="str"),
            "start": _times([piece[2] for piece in ordered]),
            "end": _times([piece[3] for piece in ordered]),
        }
    )
    return result.iloc[order].reset_index(drop=True), all_cuts


def _times(values: list[int | None]) -> np.ndarray:
    """Nanoseconds as times; None is no time."""
    import numpy as np

    none = np.iinfo(np.int64).min
    return np.array([none if value is None else value for value in values], "int64").view(
        "timedelta64[ns]"
    )


def check(
    name: str,
    method: str,
    table: pd.DataFrame,
    found: Cut,
    threshold: float,
    *,
    may_be_empty: bool = False,
) -> None:
    """Refuse a database with more unusable audio than is allowed.

    Args:
        name: of the database
        method: of finding segments
        table: its rows that were cut
        found: where
        threshold: share of its rows whose audio may be unusable
        may_be_empty: whether there may be no segment at all, since nothing is trained

    Raises:
        UserError: if there is more, or no segment at all
    """
    bad, total = found.reasons, len(table)
    if bad and (len(bad) > threshold * total or len(bad) == total):
        files = table["file"].to_numpy()
        lines = [
            f"[SEGMENT] method: {method} cannot use {len(bad)} of {count(total, 'row')} of {name}: "
            "fix their audio, take them out of the database, or allow a share with "
            "FEATS.fail_threshold"
        ]
        lines += [f"[SEGMENT] method: {files[row]}: {bad[row]}" for row in list(bad)[:SHOWN]]
        if len(bad) > SHOWN:
            lines.append(f"[SEGMENT] method: … and {len(bad) - SHOWN} more")
        raise UserError(lines)
    if total and not any(found.spans) and not may_be_empty:
        why = "there is no speech in any recording"
        if method == "fixed" or found.short:
            why = "all segments are shorter than min_length"
        raise UserError(f"[SEGMENT] method: no segment of {name} is left: {why}")


def report(
    name: str, spec: dict[str, Any], table: pd.DataFrame, found: Cut, segments: int
) -> tuple[dict[str, int], list[str], list[str]]:
    """Counts, warnings and notes of a database that was cut.

    Args:
        name: of the database
        spec: as for `cut`
        table: its rows that were cut
        found: where
        segments: their number
    """
    total = len(table)
    counts = Counter(
        recordings=total,
        segments=segments,
        silent=len(found.silent),
        short=len(found.short),
        unusable=len(found.reasons),
        left_out=found.left_out,
    )
    files = table["file"].to_numpy()
    warnings, notes = [], [f"{name}: {count(segments, 'segment')} of {count(total, 'recording')}"]
    limit = f"shorter than min_length, {spec['min_length']:g} s" if spec["min_length"] else ""
    for rows, why in (
        (found.silent, "no speech was found"),
        (found.short, f"all segments are {limit}"),
        (list(found.reasons), "their audio cannot be used"),
    ):
        if rows:
            shown = ", ".join(files[rows[:SHOWN]]) + (", …" if len(rows) > SHOWN else "")
            warnings.append(
                f"[SEGMENT] {name}: {len(rows)} of {count(total, 'recording')} left out, {why}: "
                f"{shown}"
            )
    if found.odd:
        lines = channels.warnings(files, found.odd)
        warnings += [f"[SEGMENT] {name}: {line}" for line in lines]
    if found.left_out and spec["method"] != "fixed":
        notes.append(
            f"[SEGMENT] min_length: {count(found.left_out, 'stretch', 'stretches')} of speech of "
            f"{name} left out, {limit}"
        )
    return dict(counts), warnings, notes
