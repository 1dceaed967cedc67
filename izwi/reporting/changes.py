"""What changed between the figures of a name: in the ini, in the data, in the figure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from izwi.config.ini import parse
from izwi.reporting import numbers
from izwi.reporting.history import Entry

ABSENT = "not given"
OTHERWISE = "neither ini nor data, but izwi, a package or a root folder"


@dataclass(frozen=True)
class Step:
    """A figure, and how it came to differ from the one before it.

    Args:
        entry: the figure
        options: option, its value before and now
        databases: whose content or place changed
        known: whether the ini of both is known
    """

    entry: Entry
    options: tuple[tuple[str, str, str], ...] = ()
    databases: tuple[str, ...] = ()
    known: bool = True

    @property
    def lines(self) -> list[str]:
        """What changed, one line each."""
        lines = [f"{name}: {before} → {now}" for name, before, now in self.options]
        lines += [f"data of {name}" for name in self.databases]
        if not self.known:
            lines.append("what the ini said before is not known")
        return lines or [OTHERWISE]


def steps(entries: Sequence[Entry]) -> list[Step]:
    """All figures of a name, the earliest first, each compared with the one before it."""
    found = [Step(entry) for entry in entries[:1]]
    for before, now in itertools.pairwise(entries):
        known = before["text"] is not None and now["text"] is not None
        options = _compared(_given(before), _given(now)) if known else ()
        found.append(Step(now, options, _moved(before, now), known))
    return found


def options_of(text: str) -> dict[str, str]:
    """Options of an ini as written: ``SECTION.name`` → value, without comments."""
    ini = parse(text)
    return {
        f"{section}.{ini.spelling.get(key, key)}": " ".join(value.text.split())
        for section, entries in ini.sections.items()
        for key, value in entries.items()
    }


def figure(row: dict[str, Any]) -> str:
    """The figure of a summary's line with its interval: ``uar 0.614 [0.551, 0.672]``."""
    text = f"{row['measure']} {numbers.rounded(row['value'])}"
    if row["ci_low"] is None or row["ci_high"] is None:
        return text
    return f"{text} [{numbers.rounded(row['ci_low'])}, {numbers.rounded(row['ci_high'])}]"


def _given(entry: Entry) -> dict[str, str]:
    setting = {name: value for name, value in entry["setting"].items() if value is not None}
    return options_of(entry["text"] or "") | setting


def _compared(before: dict[str, str], now: dict[str, str]) -> tuple[tuple[str, str, str], ...]:
    # The case of a name does not matter.
    spelt = {name.lower(): name for name in (*before, *now)}
    old, new = ({name.lower(): value for name, value in one.items()} for one in (before, now))
    pairs = ((spelt[name], old.get(name, ABSENT), new.get(name, ABSENT)) for name in spelt)
    return tuple(pair for pair in pairs if pair[1] != pair[2])


def _moved(before: Entry, now: Entry) -> tuple[str, ...]:
    old, new = (
        {database["name"]: database["content"] for database in entry["databases"] or ()}
        for entry in (before, now)
    )
    return tuple(name for name in new if name in old and old[name] != new[name])
