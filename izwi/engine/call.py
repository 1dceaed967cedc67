"""What a call of Snakemake makes, as its rules ask for it.

In a plain call the rules name only missing files, so a call with nothing to do has a job table of
one line. A call that forces, inspects or leaves out something sees all units. Valid inputs are
``ancient`` there, so keys decide and not times.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from izwi.engine import cli_args, stamps
from izwi.engine.plan import Plan, Unit
from izwi.engine.stage import stage

# A file that Snakemake reads for the time of a folder that a rule makes.
SNAKEMAKE_TIMESTAMP = ".snakemake_timestamp"


@dataclass
class Call:
    """The units of a call, and which of them it makes.

    Args:
        plan: all units
        lean: whether rules name only what is missing
        forced: names of rules and paths that are forced, ``True`` for all
        brief: whether rules name only one file of each job that they wait for; Snakemake's time
            grows with the number of files
        prefix: prefix that a module of a larger workflow adds to each path
    """

    plan: Plan
    lean: bool
    forced: frozenset[str] | bool = frozenset()
    brief: bool = False
    prefix: str = ""
    _current: dict[int, bool] = field(default_factory=dict)
    _runs: dict[int, bool] = field(default_factory=dict)
    _forced: dict[int, bool] = field(default_factory=dict)
    _direct: dict[int, dict[int, tuple[Unit, str]]] = field(default_factory=dict)

    def current(self, unit: Unit) -> bool:
        """Whether the outputs of a unit exist and belong to its key."""
        known = self._current.get(id(unit))
        if known is None:
            known = unit.done if stage(unit.stage).keyed else stamps.holds(unit)
            self._current[id(unit)] = known
        return known

    def runs(self, unit: Unit) -> bool:
        """Whether a unit that is needed is made in this call."""
        known = self._runs.get(id(unit))
        if known is None:
            known = self._runs[id(unit)] = self.follows_forced(unit) or not self.current(unit)
        return known

    def follows_forced(self, unit: Unit) -> bool:
        """Whether a unit or one of its inputs is forced."""
        if isinstance(self.forced, bool):
            return self.forced
        if not self.forced:
            return False
        known = self._forced.get(id(unit))
        if known is None:
            known = self._forced[id(unit)] = (
                unit.stage in self.forced
                or not self.forced.isdisjoint(unit.outputs.values())
                or any(map(self.follows_forced, self.plan.made_of(unit)))
            )
        return known

    def inputs(self, unit: Unit | None) -> list[Any]:
        """The inputs of the job that makes a unit; None for a unit that no experiment needs."""
        if unit is None:
            return []
        if self.brief:
            return self._awaited(self._makers(unit))
        runs = self.runs(unit)
        if self.lean and not runs:
            return []
        found = []
        for file in self._waited_for(unit):
            maker = self.plan.maker.get(file)
            # What is there is right, whatever is made now of that which it once was made of.
            awaited = runs and maker is not None and self.runs(maker)
            found.append(self._named(file) if awaited else _ancient(self._named(file)))
        return found

    def targets(self) -> list[str]:
        """What the default rule asks for."""
        wanted = [unit for unit in self.plan.each() if stage(unit.stage).is_end]
        if self.brief:
            makers = {id(unit): (unit, next(iter(unit.outputs.values()))) for unit in wanted}
            found = {key: made for key, made in makers.items() if self.runs(made[0])}
            return self._awaited(found)
        if self.lean:
            wanted = [unit for unit in wanted if self.runs(unit)] or self.plan.of("summary")
        return [self._named(path) for unit in wanted for path in unit.outputs.values()]

    def _waited_for(self, unit: Unit) -> list[str]:
        """The files that the job of a unit waits for."""
        found: list[str] = []
        for role, files in unit.inputs.items():
            # Of several splits one that cannot be made must not hold up the experiments on the
            # others.
            if role != "splits" or len(files) < 2:
                found += [files] if isinstance(files, str) else files
        return found

    def _makers(self, unit: Unit) -> dict[int, tuple[Unit, str]]:
        """The units of this call that a unit waits for, with one file of each."""
        known = self._direct.get(id(unit))
        if known is None:
            known = self._direct[id(unit)] = {}
            for file in self._waited_for(unit):
                maker = self.plan.maker.get(file)
                if maker is not None and id(maker) not in known and self.runs(maker):
                    known[id(maker)] = maker, file
        return known

    def _awaited(self, makers: dict[int, tuple[Unit, str]]) -> list[str]:
        """One file of each maker that no other maker waits for: it shows that the job is done."""
        implied = {key for maker, _ in makers.values() for key in self._makers(maker)}
        return [self._named(file) for key, (_, file) in makers.items() if key not in implied]

    def outdated(self, targets: Iterable[str] = ()) -> list[Unit]:
        """Units whose files exist but belong to another key.

        Args:
            targets: files and rules that the call names; none: all
        """
        wanted = [path for name in targets for path in self._outputs(name)]
        among = self.plan.chain(wanted) if targets else self.plan.each()
        return [
            unit
            for unit in among
            if not stage(unit.stage).keyed and unit.done and not self.current(unit)
        ]

    def date_back(self) -> None:
        """Set times in the future to now: Snakemake refuses jobs with such inputs."""
        now = time.time()
        for unit in self.plan.each():
            for path in unit.outputs.values():
                for dated in (path, os.path.join(path, SNAKEMAKE_TIMESTAMP)):
                    with suppress(OSError):
                        if os.lstat(dated).st_mtime > now:
                            os.utime(dated, (now, now), follow_symlinks=False)

    def _outputs(self, name: str) -> list[str]:
        """The files that a target stands for."""
        if name == "all":
            return [path for unit in self.plan.each() for path in unit.outputs.values()]
        units = self.plan.of(name) if name in self.plan.units else []
        return [path for unit in units for path in unit.outputs.values()] or [
            os.path.normpath(self.prefix + name)
        ]

    def missing(self) -> list[Unit]:
        """Units that the call would make, in the order of the plan."""
        needed: dict[int, Unit] = {}
        waiting = [
            unit for unit in self.plan.each() if stage(unit.stage).is_end and self.runs(unit)
        ]
        while waiting:
            unit = waiting.pop()
            if id(unit) not in needed:
                needed[id(unit)] = unit
                waiting += [maker for maker in self.plan.made_of(unit) if self.runs(maker)]
        return [unit for unit in self.plan.each() if id(unit) in needed]

    def _named(self, path: str) -> str:
        return path.removeprefix(self.prefix)


def is_lean(settings: Any, arguments: list[str]) -> bool:
    """Whether a call names no rule or file and neither forces nor leaves out anything.

    Args:
        settings: Snakemake's settings of the DAG
        arguments: of the call
    """
    asked = ("targets", "target_jobs", "forcerun", "until", "omit_from", "allowed_rules", "batch")
    return not (
        cli_args.only_lists(arguments)
        or settings.forceall
        or settings.forcetargets
        or any(getattr(settings, name) for name in asked)
    )


def forced_of(settings: Any) -> frozenset[str] | bool:
    """Names of rules and files that a call forces, True for all."""
    if settings.forceall:
        return True
    names = set(settings.forcerun) | (set(settings.targets) if settings.forcetargets else set())
    return frozenset(os.path.normpath(name) if "/" in name else name for name in names)


def _ancient(path: str) -> Any:
    """A path whose time does not count."""
    from snakemake.io import ancient

    return ancient(path)
