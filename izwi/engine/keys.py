"""Keys: short hashes of everything that a result depends on."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from izwi.files import write_json

PACKAGE = Path(__file__).resolve().parents[1]
KEY_LENGTH = 12
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def key_of(*parts: Any) -> str:
    """Hash of JSON-able values, independent of the order of dict keys.

    Returns:
        12 hexadecimal digits
    """
    return hashlib.blake2b(_ENCODER.encode(parts).encode(), digest_size=KEY_LENGTH // 2).hexdigest()


@cache
def file_digest(path: str) -> str:
    """Hash of a file's bytes, 32 hexadecimal digits."""
    return hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()


class LargeFiles:
    """Digests of files too large to read at each call, identified by size, times and inode."""

    # A file this new may change without a change of its times.
    YOUNG_NS = 2 * 10**9

    def __init__(self) -> None:
        self.kept: Path | None = None
        self.known: dict[str, list[str]] = {}

    def keep_in(self, path: Path, *, write: bool = True) -> None:
        """Set the file that keeps digests between calls, and whether it may be written."""
        self.kept = path if write else None
        with suppress(OSError, ValueError, TypeError):
            self.known = {**json.loads(path.read_bytes()), **self.known}

    def digest(self, path: str) -> str:
        """Hash of a file's bytes, 32 hexadecimal digits."""
        path = os.path.realpath(path)
        info = os.stat(path)
        stamp = f"{info.st_mtime_ns} {info.st_ctime_ns} {info.st_size} {info.st_ino}"
        if path in self.known and self.known[path][0] == stamp:
            return self.known[path][1]
        with open(path, "rb") as stream:
            found = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        if max(info.st_mtime_ns, info.st_ctime_ns) < time.time_ns() - self.YOUNG_NS:
            self.known[path] = [stamp, found]
            if self.kept:
                write_json(self.kept, self.known)
        return found


large_files = LargeFiles()


@cache
def version_of(distribution: str) -> str | None:
    """Installed version of a package, None where it is absent."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def versions_of(distributions: tuple[str, ...]) -> dict[str, str | None]:
    """Installed versions of several packages."""
    return {name: version_of(name) for name in sorted(distributions)}
