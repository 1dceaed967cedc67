"""Histories as text: all names with their figures, or what changed under one name."""

from __future__ import annotations

from pathlib import Path

from izwi.config.options import suggest
from izwi.errors import UserError
from izwi.reporting import changes, history
from izwi.reporting.history import Entry


def listed(results: str) -> list[str]:
    """A line for each name: its present figure, when it was made, how many were before it."""
    lines = []
    for name in history.names(results):
        found = history.entries(results, name)
        if found:
            before = len(found) - 1
            more = f"{before} earlier" if before else "no earlier one"
            row = [name, when(found[-1]), changes.figure(found[-1]["row"]), more]
            lines.append(row)
    return _aligned(lines)


def told(results: str, name: str) -> list[str]:
    """The figures of a name, the latest first, with what changed before each.

    Raises:
        UserError: if there is no such name
    """
    lines: list[str] = []
    found = changes.steps(of(results, name))
    for number, step in reversed(list(enumerate(found))):
        row = step.entry["row"]
        place = f"{number + 1}" + (" (now)" if number == len(found) - 1 else "")
        config = f", config {step.entry['config']}" if step.entry["config"] else ""
        about = f"{when(step.entry)}, {step.entry['ini']}{config}, key {step.entry['key']}"
        lines.append(f"{place}  {changes.figure(row)}  {about}")
        if number:
            before = changes.figure(found[number - 1].entry["row"])
            lines += [f"   {before} → {changes.figure(row)}", *(f"   {x}" for x in step.lines)]
    return lines


def of(results: str, name: str) -> list[Entry]:
    """The figures of a name, the earliest first.

    Args:
        results: folder of results
        name: of the experiment, or its folder

    Raises:
        UserError: if there is no such name
    """
    if Path(name).name != name:
        results, name = str(Path(name).absolute().parents[1]), Path(name).name
    found = history.entries(results, name)
    if not found:
        names = history.names(results)
        near = suggest(name, names) or (f"; there are {', '.join(names[:10])}" if names else "")
        raise UserError(f"no history of '{name}' in {results}{near}")
    return found


def when(entry: Entry) -> str:
    """When a figure was made: ``2026-11-29 02:13 UTC``."""
    return f"{entry['made'][:16].replace('T', ' ')} UTC"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
