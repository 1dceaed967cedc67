"""What experiments of a name have found: a line of JSON for each figure, the last the present one.

``results/history/<name>.jsonl`` gets its line when the folder of the experiment is written, so a
later ini of the same name takes nothing away. A file is replaced as a whole: a call that is killed
leaves the old or the new one.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, cast

from izwi.files import write_text
from izwi.reporting import rows
from izwi.reporting.record import METRICS, RECORD, Metrics, Record, read

FOLDER, ENDING = "history", ".jsonl"
# What every row of a summary has.
FIGURE = ("name", "measure", "value", "ci_low", "ci_high")


class Database(TypedDict):
    """A database as an experiment read it.

    Attributes:
        content: changes with its labels and its audio
        load: key of the unit that loads it
        listing: file with the paths of its audio, None if a job makes it
        header: file that says where that job put it
    """

    name: str
    type: str | None
    path: str | None
    options: dict[str, Any]
    content: str
    load: str
    listing: str | None
    header: str | None


class Entry(TypedDict):
    """One figure.

    Attributes:
        key: of the experiment
        made: when, UTC, as ISO 8601
        config: name of the result set that made it, None where it is not known
        ini: its path as given
        text: its content, None where it is not known
        setting: values that a grid sets
        control: kind of control, None for an experiment of an ini
        databases: what was read, None where it is not known
        row: of the summary, see `izwi.reporting.rows`
    """

    key: str
    made: str
    config: str | None
    ini: str
    text: str | None
    setting: dict[str, str | None]
    control: str | None
    databases: list[Database] | None
    row: dict[str, Any]


def path_of(results: str | Path, name: str) -> Path:
    """The file of an experiment's figures."""
    return Path(results, FOLDER, f"{name}{ENDING}")


def names(results: str | Path) -> list[str]:
    """The experiments of which there is a history."""
    found = Path(results, FOLDER).glob(f"*{ENDING}")
    return sorted(path.name.removesuffix(ENDING) for path in found)


def entries(results: str | Path, name: str) -> list[Entry]:
    """All figures of a name, the earliest first; lines that cannot be read are left out."""
    return list(filter(None, map(_entry, _lines(path_of(results, name)))))


def last(results: str | Path, name: str) -> Entry | None:
    """The present figure of a name, None where nothing is known of it."""
    return next(filter(None, map(_entry, reversed(_lines(path_of(results, name))))), None)


def add(results: str | Path, name: str, entry: Entry) -> Entry | None:
    """Put a figure behind the others of its name, unless it is the last one again.

    Returns:
        the last one before, None if there was none
    """
    path = path_of(results, name)
    before = last(results, name)
    if before is None or before["key"] != entry["key"]:
        lines = [*_lines(path), json.dumps(entry, ensure_ascii=False, allow_nan=False)]
        write_text(path, "\n".join(lines) + "\n")
    return before


def entry_of(record: Record, metrics: Metrics, origin: dict[str, Any], made: float) -> Entry:
    """The line of a figure.

    Args:
        record: content of experiment.json
        metrics: content of metrics.json
        origin: ``config``, ``text`` and ``databases`` of the entry, as far as they are known
        made: seconds since 1970
    """
    return {
        "key": record["key"],
        "made": datetime.fromtimestamp(int(made), UTC).isoformat().replace("+00:00", "Z"),
        "config": origin.get("config"),
        "ini": record["ini"],
        "text": origin.get("text"),
        "setting": record["setting"],
        "control": record["control"],
        "databases": origin.get("databases"),
        "row": rows.row(record, metrics),
    }


def of_folder(folder: str | Path) -> Entry | None:
    """What the folder of an experiment itself says, where no history is kept of it."""
    metrics = Path(folder, METRICS)
    # A folder of an earlier izwi, or one that was edited, may lack anything.
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = entry_of(*read(Path(folder, RECORD), metrics), {}, os.stat(metrics).st_mtime)
        # A copy of another folder.
        found["row"]["name"] = Path(folder).name
        return found
    return None


def keep(folder: str | Path, *, write: bool = True) -> Entry | None:
    """The present figure of a folder; one that no history tells of is put into its history.

    Args:
        folder: ``<results>/experiments/<name>``
        write: whether it may
    """
    results, name = Path(folder).parents[1], Path(folder).name
    found = last(results, name)
    if found is None:
        found = of_folder(folder)
        if found is not None and write:
            add(results, name, found)
    return found


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    # A text in JSON may hold the other characters that end lines.
    return [line for line in text.split("\n") if line]


def _entry(line: str) -> Entry | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict) or not found.keys() >= Entry.__required_keys__:
        return None
    texts = all(isinstance(found[name], str) for name in ("key", "made", "ini"))
    row, databases = found["row"], found["databases"] or []
    parts = isinstance(found["setting"], dict) and isinstance(found["text"], str | None)
    whole = texts and parts and isinstance(row, dict) and row.keys() >= set(FIGURE)
    listed = isinstance(databases, list) and all(
        isinstance(one, dict) and one.keys() >= Database.__required_keys__ for one in databases
    )
    return cast("Entry", found) if whole and listed else None
