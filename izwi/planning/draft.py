"""The plan while it grows, and what all that add to it need."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from izwi.engine.keys import large_files
from izwi.engine.plan import Plan, Unit
from izwi.files import write_if_changed


@dataclass(frozen=True)
class Content:
    """What stands for the content of a database in keys, and where it is.

    Attributes:
        key: changes with its labels and its audio
        audio: changes with its audio alone
        path: file or folder of the database
        unit: makes it, None where it is on disk
        listing: file with paths and digests of its audio, where it is on disk
        files: how many audio files are listed
        paths: changes with their paths
        lineage: file that tells what its labels were learned from, None where nobody learned them
        level: how many teachers, one after the other, its labels come from
    """

    key: str
    audio: str
    path: str
    unit: Unit | None = None
    listing: str | None = None
    files: int = 0
    paths: str | None = None
    lineage: str | None = None
    level: int = 0


@dataclass(frozen=True)
class Teacher:
    """An experiment whose predictions are a database of others.

    Attributes:
        soft: the unit that makes the database
        experiment: the unit that the experiment ends with
        level: of what is learned from it, see `Content`
    """

    soft: Unit
    experiment: Unit
    level: int


class Draft:
    """The plan while experiments are added to it.

    Args:
        results: folder of results
        cache: folder of scans and of the feature store
        cwd: working directory
        wishes: tell the jobs what is wanted; not where the plan is only looked at
        shard_files: audio files that one extraction job takes at most; 0: all

    Attributes:
        contents: databases that were scanned
        files: key of a load unit → how many audio files its database lists
        columns: key of a load unit that is done → columns of its table
        teachers: path of a database of soft labels → who makes it
    """

    def __init__(
        self, results: str, cache: str, *, cwd: Path, wishes: bool, shard_files: int
    ) -> None:
        self.plan = Plan(results, cache)
        self.cwd = cwd
        self.wishes = wishes
        self.shard_files = shard_files
        self.contents: dict[str, Content] = {}
        self.files: dict[str, int] = {}
        self.columns: dict[str, list[str]] = {}
        self.teachers: dict[str, Teacher] = {}
        large_files.keep_in(Path(cache) / "scans" / "models.json")

    def add(self, unit: Unit, source: str = "") -> Unit:
        """Add a unit that an ini wants, unless it is there.

        Returns:
            the one that is there now
        """
        unit = self.plan.units[unit.stage].setdefault(unit.key, unit)
        if source not in unit.sources:
            unit.sources.append(source)
        return unit

    def wish(self, path: str, content: dict[str, Any]) -> str:
        """Say what a result that carries no key in its name is to be.

        The file's time changes with its content alone: the one thing by which such a result is
        known to be out of date.

        Args:
            path: parts below plans/ in the results
        """
        path = self.path("plans", path)
        if self.wishes:
            write_if_changed(path, content)
        return path

    def path(self, *parts: str) -> str:
        """A path in the folder of results."""
        return os.path.join(self.plan.results, *parts)

    def units(self, stage: str) -> list[Unit]:
        """All units of a stage."""
        return list(self.plan.units[stage].values())


def slug(text: str) -> str:
    """A readable piece of a file name."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in text)[:60]
