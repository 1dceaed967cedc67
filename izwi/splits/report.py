"""Notes and warnings of a split, and helpers for their text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Log:
    """Collects notes and warnings."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, line: str) -> None:
        """Add a note; a line already there is not repeated."""
        if line not in self.notes:
            self.notes.append(line)

    def warn(self, line: str) -> None:
        """Add a warning; a line already there is not repeated."""
        if line not in self.warnings:
            self.warnings.append(line)


def natural(texts: Iterable[str]) -> list[str]:
    """Sort texts so that numbers in them count as numbers: 3, 8, 10 and -1, 0.5, 2."""
    texts = list(texts)
    try:
        return sorted(texts, key=lambda text: (float(text), text))
    except ValueError:
        return sorted(
            texts,
            key=lambda text: (
                [int(t) if i % 2 else t for i, t in enumerate(re.split("([0-9]+)", text))],
                text,
            ),
        )


def shorten(names: Iterable[str], limit: int = 10) -> str:
    """Names in natural order, the first ones where there are many."""
    names = natural(names)
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown}, … ({len(names)} in all)"
