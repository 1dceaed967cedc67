"""Units of work and the plan that holds them, as jobs on any machine read it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from izwi.engine import stamps
from izwi.engine.stage import stage, stages
from izwi.files import is_made, link_out, read_json, stay_within, write_scratch

if TYPE_CHECKING:
    from izwi.data.scan import Listing

# Folders beside the files of an experiment from which a call may take what is no longer wanted.
TIDIED = (stamps.FOLDER, "plots", "explain")


@dataclass
class Unit:
    """One piece of work, the outputs of one job.

    Args:
        stage: its stage
        key: hash of everything that can change the result
        label: readable name for messages
        spec: resolved options, as the stage's ``run`` takes them
        inputs: role → file or list of files made by other units
        outputs: role → file
        sources: the inis that need it
        environment: of packages that it needs
    """

    stage: str
    key: str
    label: str
    spec: dict[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, str]
    sources: list[str] = field(default_factory=list)
    environment: str = "core"

    @property
    def done(self) -> bool:
        """True if all outputs were made."""
        return all(map(is_made, self.outputs.values()))

    @property
    def files(self) -> list[str]:
        """All outputs, and the copies of other files that are made with them."""
        return [*self.outputs.values(), *self.spec.get("copies", ())]

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
        units: stage → key → unit
        listings: key of a load unit → file with paths and digests of its audio
        scanned: the same in memory, where a call writes no such files
    """

    results: str
    cache: str
    units: dict[str, dict[str, Unit]] = field(
        default_factory=lambda: {name: {} for name in stages()}
    )
    listings: dict[str, str] = field(default_factory=dict)
    scanned: dict[str, Listing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stay_within(self.results, self.cache)

    def links_out(self) -> list[str]:
        """Links in results and cache that lead out of them, where a call writes or deletes."""
        results, cache = self.results, self.cache
        folders = {f"{results}/plans/problems", f"{cache}/scans", f"{cache}/features"}
        for unit in self.each():
            paths = [*unit.outputs.values(), *unit.spec.get("copies", ())]
            inside = set(map(os.path.dirname, paths))
            folders |= inside
            if not stage(unit.stage).keyed:
                names = TIDIED if unit.stage == "experiment" else TIDIED[:1]
                folders |= {f"{folder}/{name}" for folder in inside for name in names}
            if store := unit.spec.get("store"):
                folders.add(store)
        for name, units in self.units.items():
            if units:
                folders |= {f"{results}/{kind}/{name}" for kind in ("logs", "benchmarks")}
        checked: set[str] = set()
        found = (link_out(folder, checked) for folder in sorted(folders))
        return list(dict.fromkeys(filter(None, found)))

    def each(self) -> Iterator[Unit]:
        """All units, stage by stage."""
        return (unit for units in self.units.values() for unit in units.values())

    def of(self, *names: str) -> list[Unit]:
        """All units of some stages."""
        return [unit for name in names for unit in self.units[name].values()]

    @cached_property
    def maker(self) -> dict[str, Unit]:
        """Output → the unit that makes it."""
        return {path: unit for unit in self.each() for path in unit.outputs.values()}

    def table(self, key: str) -> Unit:
        """The unit that made a table: of segments, with predicted columns, or as loaded."""
        return next(u[key] for s in ("segment", "annotate", "load") if key in (u := self.units[s]))

    def made_of(self, unit: Unit) -> list[Unit]:
        """The units that make the inputs of a unit, each once."""
        makers = filter(None, map(self.maker.get, unit.input_files()))
        return list({id(maker): maker for maker in makers}.values())

    def chain(self, paths: Iterable[str]) -> list[Unit]:
        """The units that make some files, and all units that these need."""
        found: dict[int, Unit] = {}
        waiting = [unit for path in paths if (unit := self.maker.get(path))]
        while waiting:
            unit = waiting.pop()
            if id(unit) not in found:
                found[id(unit)] = unit
                waiting.extend(self.made_of(unit))
        return list(found.values())

    def save(self, path: str) -> None:
        """Write the plan to a file that jobs on this or another machine can read."""
        content = {
            "results": self.results,
            "cache": self.cache,
            "listings": self.listings,
            "units": [vars(unit) for unit in self.each()],
        }
        write_scratch(path, content)

    @classmethod
    def load(cls, path: str) -> Plan:
        """Read a saved plan."""
        content = read_json(path)
        plan = cls(content["results"], content["cache"], listings=content["listings"])
        for about in content["units"]:
            unit = Unit(**about)
            plan.units[unit.stage][unit.key] = unit
        return plan


def outputs_of(name: str, results: str, /, **wildcards: str) -> dict[str, str]:
    """Paths of the outputs of a unit.

    Args:
        name: of its stage
        results: folder of results
        **wildcards: as the stage's path patterns name them
    """
    paths = stage(name).paths(**wildcards)
    return {role: os.path.join(results, path) for role, path in paths.items()}
