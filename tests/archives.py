"""Archives to attack: a real one, and ways to change it so that its sums still fit."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

INDEX = "archive.json"


def contents(path: Path) -> dict[str, bytes]:
    """Name → content of all files of a zip."""
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def write(path: Path, files: dict[str, bytes]) -> Path:
    """Write a zip with sums that fit."""
    sums = [
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in sorted(files.items())
        if name != "SHA256SUMS"
    ]
    files = {**files, "SHA256SUMS": "".join(sums).encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def changed(
    files: dict[str, bytes], change: Callable[[dict[str, Any], dict[str, bytes]], None]
) -> dict[str, bytes]:
    """The files after a change of the record and of themselves."""
    files = dict(files)
    index = json.loads(files[INDEX])
    change(index, files)
    files[INDEX] = json.dumps(index).encode()
    return files


def unit(index: dict[str, Any], stage: str, label: str | None = None) -> dict[str, Any]:
    """The first unit of a stage, or the one with a label."""
    found = [one for one in index["units"] if one["stage"] == stage]
    return next(one for one in found if label in (None, one["label"]))


def replaced(value: Any, old: str, new: str) -> Any:
    """A record with one name in the place of another, wherever it stands."""
    return json.loads(json.dumps(value).replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]))


def snapshot(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """All that lies in a folder, to see whether anything was changed."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(place, name)
            regular = path.is_file() and not path.is_symlink()
            mode = path.lstat().st_mode
            found[str(path.relative_to(folder))] = (mode, path.read_bytes() if regular else None)
    return copy.deepcopy(found)
