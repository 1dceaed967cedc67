"""Root files: paths and options of databases in one place, for many inis, per computer."""

from __future__ import annotations

import os
import re
from pathlib import Path

from izwi.config.ini import Ini, Value, read_ini, unquoted
from izwi.config.options import WIDE
from izwi.errors import Problems, UserError

# Environment variable that names the root file of this computer.
VARIABLE = "IZWI_ROOT_FOLDERS"
_REFERENCE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def read_roots(file: str | Path, names: list[str]) -> Ini:
    """Read the options of a root file for some databases, and for all.

    Its header ``[DATA]`` is optional. ``${NAME}`` in a value is an environment variable,
    ``${NAME:-text}`` is ``text`` if that variable is not set. Other databases are ignored, so one
    file serves many inis.

    Args:
        file: its path
        names: the databases to read

    Returns:
        an ini with the section DATA; its values store the file that they are from

    Raises:
        UserError: with all problems, one line each
    """
    problems = Problems()
    try:
        found = read_ini(file, default="DATA")
    except UserError as error:
        raise UserError([f"{file}: {line}" for line in error.problems]) from None
    problems.lines += [f"{file}: {line}" for line in found.problems]
    entries: dict[str, Value] = {}
    listed = {name.lower() for name in names}
    owned = tuple(f"{name}." for name in listed)
    if others := [f"[{section}]" for section in found.sections if section != "DATA"]:
        # An ini, perhaps the one that names it: what else it holds is no mistake.
        raise UserError(
            [*problems.lines, f"{file}: {', '.join(others)}: a root file holds [DATA] alone"]
        )
    for lower, value in found.sections.get("DATA", {}).items():
        if lower in ("databases", "root_folders"):
            problems.add(f"{file}: [DATA] {lower}: belongs in the ini itself")
        elif lower in WIDE["DATA"] or lower in listed or lower.startswith(owned):
            try:
                entries[lower] = Value(expand(value.text), value.line, str(file), value.text)
            except KeyError as error:
                problems.add(
                    f"[DATA] {found.spelling[lower]}: the environment variable {error.args[0]}, "
                    f"which {file} names in line {value.line}, is not set"
                )
    problems.raise_if_any()
    found.sections = {"DATA": entries}
    return found


def expand(text: str) -> str:
    """A value with its environment variables substituted.

    Raises:
        KeyError: with the name of a variable that is neither set nor has a default
    """

    def put_in(match: re.Match[str]) -> str:
        name, default = match.groups()
        value = os.environ.get(name) or default
        if value is None:
            raise KeyError(name)
        return value

    return _REFERENCE.sub(put_in, text)


def absent(value: Value) -> str:
    """What to do if a path from a root file does not exist; empty for other values."""
    if not value.source:
        return ""
    names = list(dict.fromkeys(name for name, _ in _REFERENCE.findall(value.written)))
    advice = f"; set {' and '.join(names)} to the folder of your data, see" if names else "; see"
    return f"{advice} line {value.line} of {value.source}"


def root_file(ini: Ini, folder: Path, cwd: Path) -> Path | None:
    """The root file that an ini names, if it exists.

    Args:
        ini: its content
        folder: folder of the ini
        cwd: the working directory
    """
    entry = ini.sections.get("DATA", {}).get("root_folders")
    if entry is None:
        return None
    path = os.path.expanduser(unquoted(entry.text))
    places = (folder / path, cwd / path)
    return next((place for place in places if place.is_file()), None)
