"""Stamps: for files whose names carry no key, a file beside them records their key.

Times do not matter: a clock may be wrong, a copy may be new, a node may be in another time zone. A
stamp holds the key, and the size, time and digest of each file. A file with the size and time of
the stamp is unchanged; any other file is read, and only its content counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from izwi.files import write_scratch

if TYPE_CHECKING:
    from izwi.engine.plan import Unit

FOLDER = ".keys"


def stamp_of(path: str) -> str:
    """Path of the stamp that belongs to a file."""
    folder, name = os.path.split(path)
    return os.path.join(folder, FOLDER, f"{name}.json")


def write(unit: Unit) -> None:
    """Record the key for which the outputs of a unit were made."""
    files = {_name(unit, path): [*_stat(path), _digest(path)] for path in unit.files}
    write_scratch(stamp_of(unit.files[0]), {"key": unit.key, "files": files})


def remove(unit: Unit) -> None:
    """Delete the stamp before the outputs of a unit change."""
    with suppress(OSError):
        os.unlink(stamp_of(unit.files[0]))


def holds(unit: Unit) -> bool:
    """Whether the outputs of a unit exist and were made for its key."""
    try:
        with open(stamp_of(unit.files[0]), encoding="utf-8") as stream:
            stamp = json.load(stream)
        return bool(stamp["key"] == unit.key) and _unchanged(unit, stamp["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def key_in(path: str) -> str | None:
    """The key that a file was made for, None if it is not known."""
    try:
        with open(stamp_of(path), encoding="utf-8") as stream:
            return str(json.load(stream)["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unchanged(unit: Unit, files: dict[str, list[object]]) -> bool:
    for path in unit.files:
        size, time, digest = files[_name(unit, path)]
        if _stat(path) != (size, time) and _digest(path) != digest:
            return False
    return True


def _stat(path: str) -> tuple[int, int]:
    info = os.stat(path)
    return info.st_size, info.st_mtime_ns


def _digest(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()[:32]


def _name(unit: Unit, path: str) -> str:
    """Name of a file in the stamp: a folder of results may move."""
    return os.path.relpath(path, os.path.dirname(unit.files[0]))
