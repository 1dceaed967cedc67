"""What a stage is, and the registry of all stages.

A stage is one module of `izwi.stages` and one rule. The module defines ``STAGE``, its fixed
properties; ``plan``, which returns the units that an experiment needs; and ``run``, which makes one
unit. Code that handles all stages uses the registry, so a new stage needs no other change.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

KEY = "{key}"
# Output of a stage: its name and the role; in a list if an input takes several.
Read = tuple[str, str] | list[tuple[str, str]]


@dataclass(frozen=True)
class Stage:
    """The fixed properties of a stage.

    Args:
        name: of the stage, its module and its rule
        outputs: role → path below the folder of results, with wildcards in braces. A path with
            ``{key}`` identifies its content; any other has a stamp beside it, see
            `izwi.engine.stamps`
        scope: ``data``: planned once for all experiments on the same data; ``experiment``: once
            per experiment; ``results``: once per call, over all experiments
        after: stages whose outputs its ``plan`` reads
        adds: stages of which its ``plan`` adds units itself, whatever their order
        environment: the file in envs/, without its ending, that lists what it needs
        mem_mb: memory to request from a cluster, MB
        minutes: time to request from a cluster
        imports: modules that a worker loads before its first unit
        archived: whether ``verify`` recomputes it from an archive
        several: an experiment has a list of its units, or one for each kind, else one
        last: whether it is planned after all others of its scope
        end: whether a call makes its units even if no other stage reads them; those of the scope
            ``results`` are always made
        title: heading under which the page shows the content of its JSON; empty: not shown
        methods: from a unit's spec to a sentence for the methods text
        reads: role of an input → what it is, if ``archived``
    """

    name: str
    outputs: Mapping[str, str]
    scope: str
    after: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    environment: str = "core"
    mem_mb: int = 1000
    minutes: int = 30
    imports: tuple[str, ...] = ()
    archived: bool = False
    several: bool = False
    last: bool = False
    end: bool = False
    title: str = ""
    methods: Callable[[dict[str, Any]], str] | None = field(default=None, compare=False)
    reads: Mapping[str, Read] = field(default_factory=dict)

    @property
    def keyed(self) -> bool:
        """Whether the paths of its outputs identify their content."""
        return all(KEY in path for path in self.outputs.values())

    @property
    def is_end(self) -> bool:
        """Whether a call makes its units even if no other stage reads them."""
        return self.end or self.scope == "results"

    @property
    def folder(self) -> str:
        """The folder below the results that its outputs lie in."""
        return next(iter(self.outputs.values())).split("/", maxsplit=1)[0]

    def paths(self, /, **wildcards: str) -> dict[str, str]:
        """Its outputs for some values of the wildcards, below the folder of results."""
        return {role: path.format(**wildcards) for role, path in self.outputs.items()}


class StageModule(Protocol):
    """A module of `izwi.stages`; the arguments of ``plan`` depend on the scope of the stage."""

    STAGE: Stage
    plan: Callable[..., list[Unit]]

    def run(self, unit: Unit, job: Job) -> None:
        """Make one unit: files in, files out."""


@cache
def stages() -> dict[str, StageModule]:
    """All stages by name, each after those whose outputs it reads."""
    package = import_module("izwi.stages")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    found = {name: cast(StageModule, import_module(f"izwi.stages.{name}")) for name in names}
    order = TopologicalSorter({name: sorted(found[name].STAGE.after) for name in names})
    for name in names:
        if found[name].STAGE.last:
            scope = found[name].STAGE.scope
            order.add(name, *(n for n in names if n != name and found[n].STAGE.scope == scope))
    return {name: found[name] for name in order.static_order()}


@cache
def stage(name: str) -> Stage:
    """A stage by its name."""
    return stages()[name].STAGE


def stages_of(scope: str) -> list[StageModule]:
    """All stages of a scope, in order."""
    return [module for module in stages().values() if module.STAGE.scope == scope]
