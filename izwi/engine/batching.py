"""How units of work become the jobs of a call.

A process start costs more than most fits, so what is missing is batched. Snakemake's time grows
with the number of files: a batch names one output of each of its units, and one file of each batch
that it waits for. What exists stands in no job of a plain call; a call that looks at or forces
existing files (``--report``, ``-F``, a file as target …) gets a job for each unit, with all its
files.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from izwi.engine import failure_markers
from izwi.engine.plan import STAGES, Plan, Unit
from izwi.features import extractor_class
from izwi.models import model_class

# Made of files that are rewritten under one name: here times tell what is out of date.
TIMED = {
    "experiment": ("wish",),
    "summary": None,
    "grid": None,
    "table": ("wish", "metrics"),
    "comparisons": None,
    "page": None,
    "verdict": None,
}
# Quick per unit: one process does them all.
ONE_JOB = ("load", "split", "audit", "describe", "experiment")
# Their groups may share a process, where all processes share the cores of one computer.
MERGED = ("features", "train")
EXTRACTING = ("shard", "features")
# Environments of which the second has all of the first: units of either may share a process.
SHARED_ENVIRONMENTS = ("core", "deep")
# MB and minutes that a job of a stage asks a cluster for: some times what was measured.
MEMORY = {"shard": 2000, "features": 4000, "train": 4000, "analyse": 4000, "plot": 2000}
MINUTES = {"shard": 240, "features": 480, "train": 480, "analyse": 240}
# A pretrained model and its batches.
DEEP_MEMORY = 8000
# Less work per unit than it takes a cluster to start a job.
QUICK = ("evaluate", "plot")
# A stage's units go on in the process that made what they wait for: by the stages that made it.
JOINS = {
    "split": ("load",),
    "audit": ("load", "split", "features"),
    "describe": ("load", "split"),
    "evaluate": ("train",),
    "plot": ("train", "evaluate"),
    "summary": ("experiment",),
    "grid": ("experiment", "summary"),
    "table": ("experiment", "summary", "grid"),
    "comparisons": ("experiment", "summary", "grid", "table"),
    "page": ("experiment", "summary", "grid", "table", "comparisons"),
}
# The same where all jobs share one computer. Units that would fill several jobs do not.
JOINS_AT_HOME = {
    **JOINS,
    "features": ("load", "split"),
    "train": ("split", "features"),
    "experiment": ("train", "evaluate", "plot"),
}
ORDER = {stage: place for place, stage in enumerate(STAGES)}
# Groups of units that need an environment of their own.
OWN_ENVIRONMENT = ("umap",)
# What an interrupted job loses is bounded.
MOST_UNITS = 64


@dataclass
class Batch:
    """Units that one job makes, as its rule needs them.

    Args:
        stage: their stage, or ``several``
        name: of the rule
        keys: of the units
        inputs: files that must be there, whatever their time
        timed: files that must not be newer than the outputs
        outputs: of a single unit all, of several one each, if the call is a plain one
        log: file for messages
        benchmark: file for time and memory
        group: of the units
        environment: of packages that they need
        extracts: whether they share the cores of the call
        mem_mb: memory to ask for, MB
        runtime: time to ask for, minutes
    """

    stage: str
    name: str
    keys: list[str]
    inputs: list[str] = field(default_factory=list)
    timed: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    log: str = ""
    benchmark: str = ""
    group: str = ""
    environment: str = "core"
    extracts: bool = False
    mem_mb: int = 1000
    runtime: int = 30


def arrange(plan: Plan, cores: int, *, everything: bool, cluster: bool = False) -> None:
    """Fill in the jobs of a plan and the files that the call is to make.

    Args:
        plan: with its units
        cores: that jobs may share
        everything: give units that exist a job, too
        cluster: each job has cores of its own
    """
    plan.threads = cores
    call = _Call(plan)
    needed = call.needed()
    jobs = _Jobs(call, needed)
    joins = {} if everything else JOINS if cluster else JOINS_AT_HOME
    for stage in STAGES:
        units = [unit for unit in plan.units[stage].values() if id(unit) in needed]
        alone = jobs.join(units, joins.get(stage, ()), cores)
        for group in _groups(stage, alone, cores, call, cluster=cluster):
            jobs.add(group)
    batches = [(_batch(group, plan, everything), group) for group in jobs.units]
    if everything:
        batches += [
            (_batch([u], plan, everything), [u]) for u in plan.each() if id(u) not in needed
        ]
    first = {key: b.outputs[0] for b, units in batches for key in map(id, units) if key in needed}
    for batch, units in batches:
        _link(batch, units, call, first, everything)
        plan.batches.setdefault(batch.stage, []).append(vars(batch))
    ends = [unit for stage in TIMED for unit in plan.units[stage].values()]
    if everything:
        plan.targets = [path for unit in ends for path in unit.outputs.values()]
    else:
        # A file of the last job stands for all; where it is there, nothing is to be done, unless
        # somebody deleted a result: Snakemake makes no file again that what follows does without.
        plan.targets = next(iter(plan.units["verdict"].values())).output_files() if ends else []
        if all(map(failure_markers.whole, plan.targets)):
            firsts = (batch.outputs[0] for batch, _ in batches)
            plan.targets += [path for path in firsts if not failure_markers.whole(path)]


def missing(plan: Plan) -> list[Unit]:
    """Units that a call would make, in the order of the plan."""
    needed = _Call(plan).needed()
    return [unit for unit in plan.each() if id(unit) in needed]


class _Call:
    """What is there, and what is needed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.maker = {path: unit for unit in plan.each() for path in unit.output_files()}
        self._current: dict[int, bool] = {}
        self._level: dict[int, int] = {}

    def level(self, unit: Unit) -> int:
        """How often the way to a unit goes back to an earlier stage, or to another unit of one.

        Soft labels are loaded like other labels; units of one level never wait for each other.
        """
        if id(unit) not in self._level:
            makers = filter(None, map(self.maker.get, unit.input_files()))
            self._level[id(unit)] = max(
                (
                    self.level(maker) + (ORDER[maker.stage] >= ORDER[unit.stage])
                    for maker in {id(maker): maker for maker in makers}.values()
                ),
                default=0,
            )
        return self._level[id(unit)]

    def makers(self, unit: Unit, among: Container[int]) -> list[Unit]:
        """The units that make what a unit is made of, if they are among these."""
        makers = filter(None, map(self.maker.get, unit.input_files()))
        return [maker for maker in makers if id(maker) in among]

    def current(self, unit: Unit) -> bool:
        """True where all outputs of a unit exist, and none is older than what it is made of."""
        if id(unit) not in self._current:
            self._current[id(unit)] = unit.done and not self.newer(unit)
        return self._current[id(unit)]

    def newer(self, unit: Unit) -> list[str]:
        """Inputs by whose time a unit is out of date, or will be."""
        inputs = timed_inputs(unit)
        if not inputs:
            return []
        oldest = min(
            (os.stat(path).st_mtime for path in unit.output_files() if failure_markers.whole(path)),
            default=0.0,
        )
        return [path for path in inputs if self._is_newer(path, oldest)]

    def _is_newer(self, path: str, than: float) -> bool:
        maker = self.maker.get(path)
        if maker is not None and not self.current(maker):
            return True
        return os.stat(path).st_mtime > than

    def needed(self) -> set[int]:
        """Units that have to be made for the ends of the plan."""
        needed: set[int] = set()
        waiting = [unit for stage in TIMED for unit in self.plan.units[stage].values()]
        while waiting:
            unit = waiting.pop()
            if id(unit) in needed or self.current(unit):
                continue
            needed.add(id(unit))
            makers = (self.maker.get(path) for path in unit.input_files())
            waiting.extend(maker for maker in makers if maker is not None)
        return needed


def timed_inputs(unit: Unit) -> list[str]:
    """Inputs whose time counts."""
    if unit.stage not in TIMED:
        return []
    roles = TIMED[unit.stage]
    return unit.files_of(unit.inputs if roles is None else roles)


class _Jobs:
    """The jobs of a call, stage by stage: their units, and the jobs that each waits for."""

    def __init__(self, call: _Call, needed: set[int]) -> None:
        self.call = call
        self.needed = needed
        self.units: list[list[Unit]] = []
        self.waits: list[set[int]] = []
        self.place: dict[int, int] = {}

    def add(self, units: list[Unit]) -> None:
        """Make a job of some units."""
        self.place |= dict.fromkeys(map(id, units), len(self.units))
        makers = {
            self.place[id(maker)] for unit in units for maker in self.call.makers(unit, self.place)
        }
        self.units.append(units)
        self.waits.append(makers.union(*(self.waits[job] for job in makers)))

    def join(self, units: list[Unit], stages: tuple[str, ...], cores: int) -> list[Unit]:
        """Add units of a stage to the jobs that they can go on in.

        Args:
            units: all that are needed
            stages: that must have made what a unit is made of
            cores: that jobs share

        Returns:
            those that no job can take
        """
        # More models would wait for each other while other cores are free.
        most = 1 if cores > 1 else MOST_UNITS
        trained = Counter(self.call.level(unit) for unit in units if unit.stage == "train")
        fit = [u for u in units if u.stage != "train" or trained[self.call.level(u)] <= most]
        # One job has all experiments, so that what follows them all goes on in it.
        if len({self._host(unit, stages) for unit in units if unit.stage == "experiment"}) > 1:
            return units
        for unit in fit:
            host = self._host(unit, stages)
            if host is not None:
                self.units[host].append(unit)
                self.place[id(unit)] = host
        return [unit for unit in units if id(unit) not in self.place]

    def _host(self, unit: Unit, stages: tuple[str, ...]) -> int | None:
        """The job that a unit can be added to without a wait for another one."""
        makers = self.call.makers(unit, self.needed)
        if not makers or not all(id(maker) in self.place for maker in makers):
            return None
        jobs = {self.place[id(maker)] for maker in makers}
        last = max(jobs)
        if not jobs <= {last} | self.waits[last]:
            return None
        if not any(self.place[id(maker)] == last and maker.stage in stages for maker in makers):
            return None
        # What joins a job needs no more than its first unit.
        first = self.units[last][0]
        if any(one.group in OWN_ENVIRONMENT for one in (unit, first)):
            return None
        if _is_heavy(unit) and _environments([unit, first]) - {*SHARED_ENVIRONMENTS}:
            return None
        return last


def _groups(
    stage: str, units: list[Unit], cores: int, call: _Call, *, cluster: bool
) -> list[list[Unit]]:
    """Missing units as jobs.

    On one computer a stage is as few jobs as keep its cores busy. On a cluster units wait for no
    more than they need: those of other feature sets and splits are other jobs.
    """
    groups: dict[Any, list[Unit]] = {}
    for unit in units:
        own = unit.group if cluster or stage not in MERGED else _environment(unit)
        groups.setdefault((call.level(unit), own), []).append(unit)
    jobs = []
    for (_, own), group in groups.items():
        group.sort(key=lambda unit: unit.group)
        # Nets take long, and not equally long: more jobs share the cores better.
        share = 2 * cores if own == "deep" and stage == "train" else cores
        if cluster and stage in QUICK:
            share = 1
        n = max(min(share, len(group)), math.ceil(len(group) / MOST_UNITS))
        if stage in ONE_JOB or (stage == "features" and not cluster):
            n = 1
        jobs += [group[i::n] for i in range(n)]
    return jobs


def _environment(unit: Unit) -> str:
    """What a heavy unit needs, ``core`` or ``deep`` or an environment of its own."""
    if unit.stage in EXTRACTING:
        return extractor_class(unit.spec["type"]).environment
    return model_class(unit.spec["model"]["type"]).group


def _environments(units: list[Unit]) -> set[str]:
    return {_environment(unit) for unit in units if _is_heavy(unit)}


def _is_heavy(unit: Unit) -> bool:
    return unit.stage in (*EXTRACTING, "train")


def _batch(units: list[Unit], plan: Plan, everything: bool) -> Batch:
    first = units[0]
    same = sum(unit.stage == first.stage for unit in units)
    label = first.label if same == 1 else f"{same}_from_{first.label}"
    slug = "".join(c if c.isascii() and c.isalnum() else "_" for c in label)[:50]
    stages = list(dict.fromkeys(unit.stage for unit in units))
    name = f"{'_'.join(stages)}_{slug}_{first.key[:6]}"
    outputs = []
    for unit in units:
        # What is missing comes first: other jobs wait for it.
        paths = sorted(unit.output_files(), key=failure_markers.whole)
        # At the end Snakemake sets the times of the outputs that it knows: of a table all, lest
        # they be older than what it was made of in the same job.
        made_of_results = unit.stage in TIMED and unit.stage != "experiment"
        whole = everything or len(units) == 1 or made_of_results
        outputs += paths if whole else paths[:1]
    return Batch(
        stage=first.stage if len(stages) == 1 else "several",
        name=name,
        keys=[unit.key for unit in units],
        outputs=outputs,
        log=os.path.join(plan.results, "logs", first.stage, f"{name}.log"),
        benchmark=os.path.join(plan.results, "benchmarks", first.stage, f"{name}.tsv"),
        group=first.group,
        environment=_packages(units),
        extracts=any(unit.stage in EXTRACTING for unit in units),
        mem_mb=_memory(units),
        runtime=max(MINUTES.get(stage, 30) for stage in stages),
    )


def _packages(units: list[Unit]) -> str:
    """The environment that has all that these units need."""
    needed = _environments(units) | ({"deep"} if any(u.stage == "train" for u in units) else set())
    own = needed - {*SHARED_ENVIRONMENTS}
    return own.pop() if own else "deep" if "deep" in needed else "core"


def _memory(units: list[Unit]) -> int:
    """MB to ask for."""
    if "deep" in _environments(units):
        return DEEP_MEMORY
    return max(MEMORY.get(unit.stage, 1000) for unit in units)


def _link(
    batch: Batch, units: list[Unit], call: _Call, first: dict[int, str], everything: bool
) -> None:
    """Name the files that a batch waits for."""
    inputs: dict[str, None] = {}
    timed: dict[str, None] = {}
    own = {path for unit in units for path in unit.output_files()}
    for unit in units:
        counts = set(timed_inputs(unit))
        newer = set(call.newer(unit)) if counts else set()
        for path in unit.input_files():
            if path in own:
                continue
            maker = call.maker.get(path)
            to_come = first.get(id(maker)) if maker is not None else None
            if path in counts:
                if to_come or everything or path in newer:
                    timed[to_come or path] = None
            elif to_come or everything:
                inputs[to_come or path] = None
    batch.inputs = [path for path in inputs if path not in timed]
    batch.timed = list(timed)
