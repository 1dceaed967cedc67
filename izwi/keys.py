"""Keys: short hashes that name what a result depends on."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
KEY_LENGTH = 12


def key_of(*parts: Any) -> str:
    """Hash of JSON-able values, independent of the order of dict keys.

    Returns:
        12 hexadecimal digits
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=KEY_LENGTH // 2).hexdigest()


@cache
def file_digest(path: str) -> str:
    """Hash of a file's bytes, 32 hexadecimal digits."""
    return hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()


@cache
def code_digest(modules: tuple[str, ...]) -> str:
    """Hash of source files of the package.

    Args:
        modules: paths relative to the package, such as ``splits.py`` or ``databases/csvfile.py``
    """
    return key_of([[module, file_digest(str(PACKAGE / module))] for module in sorted(modules)])


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
