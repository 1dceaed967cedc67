"""What strangers may write, read with bounds: names, JSON, YAML and Parquet.

Each reader of a file that may come from elsewhere asks here, so each bound stands once.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from izwi.errors import UserError

LONGEST_PATH, LONGEST_NAME = 1000, 255
SHOWN = 100  # characters of a wrong name in a message


def check_names(names: Iterable[str]) -> None:
    """Refuse names that are not plain, or that are one on some computers.

    Raises:
        UserError: with the first such name
    """
    seen: dict[str, str] = {}
    for name in names:
        if why := not_plain(name):
            raise UserError(f"holds a file outside of its folder: {shown(name)} ({why})")
        if other := seen.get(_folded(name)):
            told = "twice" if other == name else f"beside {shown(other)}"
            raise UserError(f"holds {shown(name)} {told}; give each file a name of its own")
        seen[_folded(name)] = name
    for folded, name in seen.items():
        for parent in PurePosixPath(folded).parents:
            if other := seen.get(str(parent)):
                raise UserError(f"holds {shown(other)} as a file and, for {shown(name)}, a folder")


def not_plain(name: Any) -> str:
    """Why something is no plain relative name below a folder; empty where it is."""
    if not isinstance(name, str):
        return "no text"
    try:
        parts = [part.encode() for part in name.split("/")]
    except UnicodeEncodeError:
        return "no readable text"
    if len(name) > LONGEST_PATH or max(map(len, parts)) > LONGEST_NAME:
        return "too long"
    if not name.isprintable():
        return "holds a control character"
    if "\\" in name or ":" in name:
        return "holds \\ or :"
    if any(part in (b"", b".", b"..") for part in parts):
        return "no relative name"
    # Some computers leave these off, and have another file then.
    if any(part.endswith((b" ", b".")) for part in parts):
        return "ends with a space or a dot"
    return ""


def _folded(name: str) -> str:
    """The same for names that are one on disks which tell no upper from lower case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def shown(value: Any) -> str:
    """A name in a message, as short as need be."""
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def parse_json(content: bytes) -> Any:
    """JSON in which each key stands once.

    Raises:
        UserError: if it is none
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise UserError("a key stands twice")
        return found

    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=once)
    except RecursionError:
        raise UserError("it is nested too deeply") from None
    except ValueError as error:
        raise UserError(shown(error)) from None
