"""Atomic writing: a file that exists is complete."""

from __future__ import annotations

import json
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from izwi import untrusted
from izwi.errors import UserError

# An environment variable: ``own`` takes what other users have put into a cache for not there.
CACHE = "IZWI_CACHE"
# Another one: caches that are read, and never written, beside the config's own.
READ = "IZWI_CACHE_READ"
# Folders of results and caches, which izwi writes within.
_own: set[str] = set()


def stay_within(*folders: str) -> None:
    """Name folders that no link in them may lead out of; they may be links themselves."""
    _own.update(map(os.path.abspath, folders))


def link_out(folder: str, checked: set[str]) -> str | None:
    """Which link leads out of results or cache on the way to a folder there, and what to do.

    Args:
        folder: where something is to be written or deleted
        checked: folders that were found right, not to look at them again

    Returns:
        one line, None where no link does
    """
    folder = os.path.abspath(folder)
    way: list[str] = []
    while folder not in _own and folder not in checked:
        way.append(folder)
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return None
    for step in reversed(way):
        if os.path.islink(step) and not _leads_within(step, folder):
            return (
                f"{step} is a link that leads to {os.path.realpath(step)}: izwi writes and deletes "
                "nothing through it; remove the link, or name another folder of results or cache"
            )
        checked.add(step)
    return None


def _leads_within(link: str, folder: str) -> bool:
    """Whether a link leads to a folder within the one of results or cache that it lies in."""
    while folder not in _own:
        folder = os.path.dirname(folder)
    return os.path.isdir(link) and Path(os.path.realpath(link)).is_relative_to(
        os.path.realpath(folder)
    )


def refuse_link_out(path: str | Path) -> None:
    """Refuse to write or delete a file to which a link leads out of results or cache.

    Raises:
        UserError: with the link and what to do
    """
    if problem := link_out(os.path.dirname(path), set()):
        raise UserError(problem, own=True)


def no_link(path: str | Path) -> None:
    """Make ready to write a file in place: a link goes away, what it leads to stays as it is.

    Raises:
        UserError: as `refuse_link_out` does
    """
    refuse_link_out(path)
    if os.path.islink(path):
        os.unlink(path)


@contextmanager
def atomic(path: str | Path, *, forced: bool = True) -> Iterator[Path]:
    """Give a temporary path that takes the place of ``path`` when the block ends well.

    Args:
        path: of the file
        forced: wait until it is on the disk, which can take as long as to write it; not for what
            is quickly made again
    """
    path = Path(path)
    refuse_link_out(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        if forced:
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """The same for a folder; one that stands there is replaced."""
    path = Path(path)
    refuse_link_out(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        yield temporary
        no_link(path)
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: str | Path, text: str, *, forced: bool = True) -> None:
    """Write a text file atomically, see `atomic`."""
    with atomic(path, forced=forced) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON atomically; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read JSON."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_scratch(path: str, value: Any) -> None:
    """Write JSON that the next call can make again: fast, in one line, not forced to the disk."""
    refuse_link_out(path)
    temporary = f"{path}.{uuid.uuid4().hex[:8]}"
    with suppress(FileNotFoundError):
        _write_compact(temporary, value)
        os.replace(temporary, path)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    _write_compact(temporary, value)
    os.replace(temporary, path)


def _write_compact(path: str, value: Any) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(_compact(value))


def _compact(value: Any) -> str:
    # Without indent the encoder is the one written in C, ten times as fast.
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def write_if_changed(path: str, value: Any) -> None:
    """Write such JSON only where it differs, so that the modification time means a change."""
    text = _compact(value)
    try:
        with open(path, encoding="utf-8") as stream:
            if stream.read() == text:
                return
    except (OSError, UnicodeDecodeError):
        pass
    write_scratch(path, value)


def is_trusted(path: str | Path) -> bool:
    """Whether a file of a cache may be read: any, or with IZWI_CACHE=own those of this user."""
    if os.environ.get(CACHE) != "own":
        return True
    try:
        return os.stat(path).st_uid == os.getuid()
    except OSError:
        return False


def read_caches() -> list[Path]:
    """Folders of caches that are read alone."""
    return [Path(place) for place in os.environ.get(READ, "").split(os.pathsep) if place]


def check_cache_settings() -> None:
    """Check what environment variables say of caches.

    Raises:
        UserError: if it means nothing, so that a slip does not trust others in silence
    """
    problems = []
    if os.environ.get(CACHE, "own") not in ("own", ""):
        problems.append(
            f"{CACHE} = {untrusted.shown(os.environ[CACHE])}: the only value is own, which reads "
            "nothing that other users put into a cache"
        )
    problems += [
        f"{READ}: {place} is no cache, a folder in which there is one named features"
        for place in read_caches()
        if not (place / "features").is_dir()
    ]
    if problems:
        raise UserError(problems)


def is_made(path: str) -> bool:
    """Whether a file with content, or a folder, is there."""
    try:
        info = os.stat(path)
    except OSError:
        return False
    return info.st_size > 0 or stat.S_ISDIR(info.st_mode)
