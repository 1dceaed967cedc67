"""Which config or ini a result set comes from: two of one name share their tables."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from izwi.files import is_trusted, write_text

# Name of a result set → the files it was read from, absolute.
PLACE = "plans/sources.json"


def clash(
    results: str | Path,
    name: str,
    config: Mapping[str, Any],
    files: Sequence[str | Path],
    *,
    cwd: Path,
    write: bool,
) -> str:
    """A warning if another config of this name has its tables in the folder; else empty.

    Args:
        results: folder of results
        name: of the result set, see `izwi.config.result_set.name_of`
        config: as Snakemake read it
        files: YAML configs that it was read from
        cwd: working directory
        write: whether the next call shall know these files
    """
    ini = config.get("ini")
    own = [os.path.normpath(cwd / path) for path in ([str(ini)] if ini is not None else files)]
    if not own:
        return ""
    path = Path(results) / PLACE
    try:
        known = json.loads(path.read_bytes()) if is_trusted(path) else {}
        before = [str(source) for source in known.get(name, ())]
    except (OSError, ValueError, AttributeError, TypeError):
        known, before = {}, []
    if write and before != own:
        write_text(path, json.dumps(known | {name: own}, indent=1) + "\n", forced=False)
    # One that was moved or renamed is the same.
    if not before or before == own or not all(map(os.path.isfile, before)):
        return ""
    if len(own) == len(before) and all(map(os.path.samefile, own, before)):
        return ""
    here, there = (" + ".join(os.path.relpath(p, cwd) for p in paths) for paths in (own, before))
    return (
        f"warning: {here} replaces the tables of {there}: both are called '{name}' in {results}; "
        "rename one of them, or name another folder of results"
    )
