"""What the folder of results holds beside the experiments of a call, and whether it still holds.

The figures of a call belong to their keys. To plan all others would take as long as to plan a call
of them, so what their history keeps is compared with the inis and databases of today.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from izwi.config.experiment import resolve_read
from izwi.config.ini import parse
from izwi.engine.keys import key_of
from izwi.errors import UserError
from izwi.files import read_json, write_scratch
from izwi.reporting import history, rows
from izwi.reporting.changes import options_of
from izwi.reporting.history import Database, Entry
from izwi.reporting.record import METRICS, RECORD

CURRENT = "current"
EARLIER_INI, INI_GONE = "earlier ini", "ini gone"
EARLIER_DATA, DATA_GONE = "earlier data", "data gone"
# Of a call that failed: neither ini nor data have changed, but izwi or a package.
NOT_MADE = "not made again"
COLUMNS = (*rows.COLUMNS, "status", "latest", "made", "config", "ini")
# Parts of an experiment that change no figure.
_ASIDE = ("ini", "save", "save_test", "analyses", "plots", "grids", "warnings", "notes")


@dataclass(frozen=True)
class Shown:
    """An experiment of the overview.

    Args:
        entry: its present figure
        status: whether that is of today's ini and data
        latest: whether it is one of the latest call
    """

    entry: Entry
    status: str
    latest: bool

    @property
    def row(self) -> dict[str, Any]:
        """Its line of the summary, see `COLUMNS`."""
        about = {"status": self.status, "latest": "yes" if self.latest else ""}
        return self.entry["row"] | about | {n: self.entry[n] for n in ("made", "config", "ini")}


def others(
    results: str,
    names: set[str],
    content_of: Callable[[Database], str | None],
    *,
    cwd: Path,
    write: bool,
) -> list[dict[str, str]]:
    """The experiments in a folder of results that are not of a call.

    Args:
        results: the folder
        names: of the experiments of the call
        content_of: what represents a database in keys now, None where no user can change it; it
            raises UserError where the database is gone
        cwd: working directory
        write: whether histories may be written

    Returns:
        ``name``, ``key`` and ``status`` of each, by name
    """
    known = _Inis(os.path.join(results, "plans", "inis.json"), cwd)
    contents: dict[str, str | None] = {}

    def changed(database: Database) -> str | None:
        asked = json.dumps([database[n] for n in ("name", "type", "path", "options")])
        if asked not in contents:
            try:
                contents[asked] = content_of(database) or ""
            # What is wrong with databases of others is told when these are called.
            except (UserError, OSError, ValueError, KeyError, TypeError):
                contents[asked] = None
        now = contents[asked]
        if now is None:
            return DATA_GONE
        return EARLIER_DATA if now and now != database["content"] else None

    found = []
    for folder in _folders(results, names):
        entry = history.keep(folder, write=write)
        if entry is not None:
            data = set(filter(None, map(changed, entry["databases"] or ())))
            status = _status(known.changed(folder, entry), *sorted(data))
            found.append({"name": folder.name, "key": entry["key"], "status": status})
    if write:
        known.save()
    return found


def since(entry: Entry, origin: dict[str, Any]) -> str:
    """What has changed since a figure was made that a call could not make again.

    Args:
        entry: the figure
        origin: ini and databases of the call, see `history.entry_of`
    """
    now = [database["content"] for database in origin["databases"]]
    then = [database["content"] for database in entry["databases"] or ()]
    text = origin.get("text") or ""
    ini = entry["text"] is not None and options_of(entry["text"]) != options_of(text)
    status = _status(
        EARLIER_INI if ini else None,
        EARLIER_DATA if entry["databases"] is not None and now != then else None,
    )
    return NOT_MADE if status == CURRENT else status


def entry_in(results: str, name: str, key: str | None) -> Entry | None:
    """The present figure in the folder of an experiment.

    Args:
        results: folder of results
        name: of the experiment
        key: of the figure, None where it is not known

    Returns:
        None where the folder holds none
    """
    folder = Path(results, "experiments", name)
    if not _is_whole(folder):
        return None
    entry = history.last(results, name)
    if entry is None or key not in (None, entry["key"]):
        return history.of_folder(folder)
    return entry


def _folders(results: str, names: set[str]) -> Iterator[Path]:
    """The folders of experiments that are not of the call."""
    with suppress(FileNotFoundError), os.scandir(os.path.join(results, "experiments")) as found:
        wanted = sorted(one.name for one in found if one.name not in names)
        for name in wanted:
            folder = Path(results, "experiments", name)
            if not name.startswith(".") and _is_whole(folder):
                yield folder


def _is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (METRICS, RECORD))


def _status(*changes: str | None) -> str:
    return ", ".join(filter(None, changes)) or CURRENT


class _Inis:
    """Whether inis still say what they said when figures were made.

    Args:
        path: keeps what was found, since an ini that was edited takes a while to resolve
        cwd: working directory
    """

    def __init__(self, path: str, cwd: Path) -> None:
        self.path = path
        self.cwd = cwd
        self.text = cache(self._text)
        self.found: dict[str, list[Any]] = {}
        self.known: dict[str, list[Any]] = {}
        with suppress(OSError, ValueError, AttributeError):
            kept = read_json(path).items()
            self.known = {n: v for n, v in kept if isinstance(v, list) and len(v) == 3}

    def changed(self, folder: Path, entry: Entry) -> str | None:
        """What is to be said of the ini of a figure."""
        if entry["control"]:
            return None
        text = self.text(entry["ini"])
        if text is None:
            return INI_GONE
        if text == entry["text"]:
            return None
        if entry["text"] is not None and options_of(text) == options_of(entry["text"]):
            return None
        asked = [entry["key"], key_of(text)]
        before = self.known.get(folder.name)
        if before is None or before[:2] != asked:
            before = [*asked, self._says_other(folder, entry, text)]
        self.found[folder.name] = before
        return EARLIER_INI if before[2] else None

    def save(self) -> None:
        """Keep what was found for the next call."""
        if self.found != self.known:
            write_scratch(self.path, self.found)

    def _text(self, ini: str) -> str | None:
        return text_of(ini, self.cwd)

    def _says_other(self, folder: Path, entry: Entry, text: str) -> bool:
        try:
            record = read_json(folder / RECORD)
            now = resolve_read(parse(text), entry["ini"], cwd=self.cwd, overrides=entry["setting"])
        except (UserError, OSError, ValueError, KeyError, TypeError):
            return True
        plain = {**json.loads(json.dumps(now.as_dict())), "setting": record["setting"]}
        return _said(record) != _said(plain)


def text_of(ini: str, cwd: Path) -> str | None:
    """Content of an ini, None where it is not there.

    Args:
        ini: its path as given
        cwd: working directory
    """
    try:
        return Path(cwd, os.path.expanduser(ini)).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError:
        return None


def _said(record: dict[str, Any]) -> dict[str, Any]:
    """What figures depend on."""
    # A grid sets some options of its members, and names them.
    aside = (*_ASIDE, "setting", *(["name"] if record["setting"] else []))
    own = ("key", "izwi", "stages", "packages")
    said = {key: value for key, value in record.items() if key not in (*aside, *own)}
    # Only the call knows which ini makes a database.
    databases = [{**database, "type": None} for database in record["databases"]]
    return {**said, "databases": databases}
