"""Units of work and the plan that holds them, as jobs on any machine read it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from izwi.engine import failure_markers
from izwi.engine.keys import key_of
from izwi.files import read_json, write_scratch

STAGES = (
    "database",
    "load",
    "split",
    "describe",
    "shard",
    "features",
    "audit",
    "train",
    "soft",
    "evaluate",
    "analyse",
    "plot",
    "experiment",
    "summary",
    "grid",
    "table",
    "comparisons",
    "page",
    "verdict",
)


@dataclass
class Unit:
    """One piece of work.

    Args:
        stage: its stage
        key: hash of all that can change the result
        label: readable name for messages
        spec: resolved options, as the stage's function takes them
        inputs: role → file or list of files made by other units
        outputs: role → file
        sources: the inis that want it
        group: units of one group are done in one job
    """

    stage: str
    key: str
    label: str
    spec: dict[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, str]
    sources: list[str] = field(default_factory=list)
    group: str = ""

    @property
    def done(self) -> bool:
        """True where all outputs were made."""
        return all(map(failure_markers.whole, self.output_files()))

    def output_files(self) -> list[str]:
        """All outputs."""
        return list(self.outputs.values())

    def input_files(self) -> list[str]:
        """All inputs, flat."""
        return self.files_of(self.inputs)

    def files_of(self, roles: Iterable[str]) -> list[str]:
        """Inputs of some roles, flat."""
        flat: list[str] = []
        for role in roles:
            value = self.inputs[role]
            flat.extend([value] if isinstance(value, str) else value)
        return flat


@dataclass
class Plan:
    """All units of a call.

    Args:
        results: folder of results
        cache: folder of scans and of the feature store
        listings: database key → file with paths and digests of its audio
        batches: stage → its jobs, see `izwi.engine.batching`
        targets: files that the call is to make
        threads: cores that a job which shares its work among cores may use
    """

    results: str
    cache: str
    units: dict[str, dict[str, Unit]] = field(default_factory=lambda: {s: {} for s in STAGES})
    listings: dict[str, str] = field(default_factory=dict)
    batches: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    threads: int = 1

    def each(self) -> Iterator[Unit]:
        """All units, stage by stage."""
        return (unit for stage in STAGES for unit in self.units[stage].values())

    def save(self) -> str:
        """Write the plan where jobs on this or another machine find it.

        Returns:
            its path
        """
        content = {
            "results": self.results,
            "cache": self.cache,
            "listings": self.listings,
            "batches": self.batches,
            "targets": self.targets,
            "threads": self.threads,
            "units": [vars(unit) for unit in self.each()],
        }
        path = os.path.join(self.results, "plans", f"{key_of(content)}.json")
        if not failure_markers.whole(path):
            write_scratch(path, content)
        return os.path.realpath(path)

    @classmethod
    def load(cls, path: str) -> Plan:
        """Read a saved plan."""
        content = read_json(path)
        units = content.pop("units")
        plan = cls(**content)
        for unit in units:
            plan.units[unit["stage"]][unit["key"]] = Unit(**unit)
        return plan

    def batch(self, log: str) -> dict[str, Any]:
        """The job with that log, see `izwi.engine.batching.Batch`."""
        return next(b for batches in self.batches.values() for b in batches if b["log"] == log)

    def of_outputs(self, outputs: list[str]) -> list[Unit]:
        """The units that make some of these files, in the order of the plan."""
        wanted = set(outputs)
        return [unit for unit in self.each() if wanted & set(unit.outputs.values())]

    def clear_failures(self) -> None:
        """Take away what stands for outputs that could not be made."""
        for unit in self.each():
            failure_markers.clear(unit.output_files())
