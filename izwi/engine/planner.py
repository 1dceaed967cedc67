"""From experiments to the plan of a call: every stage returns the units that it needs.

The key of a unit covers everything that can change its content. So a unit with existing outputs is
done, and experiments with equal settings share it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.config import ensembles, result_set
from izwi.data import soft_labels
from izwi.engine.keys import key_of, large_files
from izwi.engine.plan import Plan, Unit, outputs_of
from izwi.engine.stage import stage as registered
from izwi.engine.stage import stages_of
from izwi.errors import Problems, UserError
from izwi.files import check_cache_settings
from izwi.reporting.tables import crossed
from izwi.reporting.tables.wanted import Wanted, lay_out

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.config.experiment.resolved import (
        AnnotationSpec,
        ComponentSpec,
        DatabaseSpec,
        LoadSpec,
        SegmentSpec,
        SplitSpec,
    )
    from izwi.data.scan import Listing


# Stages of data whose units an ensemble has of all its members, and those that are its members'
# alone; all others it has of the first.
OF_ALL = ("fetch_model", "audit")
OF_MEMBERS = ("features", "shard", "export_data")


@dataclass(frozen=True)
class DataRequest:
    """The only part of an experiment that the stages before training see.

    Experiments with equal requests share all these stages, which are planned once for all of them.
    The attributes are those of `Experiment`, and two that are parts of such attributes.

    Attributes:
        scale: how features are scaled
        model: type of the model, empty without one
    """

    ini: str
    target: str
    labels: list[str] | None
    databases: tuple[DatabaseSpec, ...]
    load: LoadSpec
    split: SplitSpec
    features: tuple[ComponentSpec, ...]
    fail_threshold: float
    leakage: str
    scale: str | None
    model: str
    annotation: AnnotationSpec | None
    segmentation: SegmentSpec | None
    augment: dict[str, Any]
    robustness: dict[str, Any]

    @classmethod
    def of(cls, experiment: Experiment) -> DataRequest:
        """What an experiment asks of its data."""
        return cls(
            experiment.ini,
            experiment.target,
            experiment.labels,
            experiment.databases,
            experiment.load,
            experiment.split,
            experiment.features,
            experiment.fail_threshold,
            experiment.leakage,
            experiment.preprocessing["scale"],
            experiment.model["type"],
            experiment.annotation,
            experiment.segmentation,
            experiment.augment,
            experiment.robustness,
        )


@dataclass(frozen=True)
class DatabaseContent:
    """What represents the content of a database in keys, and where it is.

    Attributes:
        key: changes with its labels and its audio
        audio: changes only with its audio
        path: file or folder of the database
        unit: makes it, None if it is on disk
        listing: file with paths and digests of its audio, if it is on disk
        files: number of audio files that are listed
        paths: changes with their paths
        lineage: file that lists what its labels were learned from, None if no model made them
        scanned: the audio itself, where a call writes no listing
    """

    key: str
    audio: str
    path: str
    unit: Unit | None = None
    listing: str | None = None
    files: int = 0
    paths: str | None = None
    lineage: str | None = None
    scanned: Listing | None = None


@dataclass(frozen=True)
class Planned:
    """The units of one experiment so far, by stage.

    Attributes:
        contents: of each database, as the stage ``database`` finds them
        units: stage → its units, in the order of databases, then of feature sets
        copies: matrices of the copies to train on, in the same order
        degraded: matrices of the copies to test on
    """

    contents: list[DatabaseContent] = field(default_factory=list)
    units: dict[str, list[Unit]] = field(default_factory=dict)
    copies: list[Unit] = field(default_factory=list)
    degraded: list[Unit] = field(default_factory=list)

    def one(self, stage: str) -> Unit:
        """The only unit of a stage."""
        (unit,) = self.units[stage]
        return unit

    @property
    def predicted(self) -> Unit:
        """The unit that made the predictions of the test rows, with their report."""
        for stage in ("ensemble", "predict"):
            if units := self.units.get(stage):
                return units[0]
        return self.one("train")

    @property
    def recordings(self) -> list[Unit]:
        """The units that made the tables of all recordings, with predicted columns if asked for."""
        return self.units.get("annotate", self.units["load"])

    def outputs(self, stage: str, role: str) -> list[str]:
        """One output of each unit of a stage; none if the stage is not needed."""
        return [unit.outputs[role] for unit in self.units.get(stage, ())]

    def keys(self, stage: str) -> list[str]:
        """Keys of all units of a stage."""
        return [unit.key for unit in self.units.get(stage, ())]

    @property
    def tables(self) -> list[Unit]:
        """The units that made the tables of the samples: segments, or else the recordings."""
        return self.units.get("segment", self.recordings)

    @property
    def parts(self) -> Unit:
        """The unit that made the split of these tables."""
        return self.units.get("segment_split", self.units["split"])[0]

    @property
    def samples(self) -> dict[str, Any]:
        """Inputs of every stage that reads labels, split and features."""
        return {
            "split": self.parts.outputs["split"],
            "split_report": self.parts.outputs["report"],
            "tables": [table.outputs["table"] for table in self.tables],
            "matrices": self.outputs("features", "matrix"),
        }

    @property
    def copied(self) -> dict[str, Any]:
        """Inputs of what is fitted on copies, too; none without copies."""
        if not self.copies:
            return {}
        return {
            "copies": self.outputs("augment", "table"),
            "copy_matrices": [unit.outputs["matrix"] for unit in self.copies],
        }

    @property
    def samples_key(self) -> str:
        """Key of these."""
        return key_of(self.parts.key, self.keys("features"))


class Planner:
    """The plan while experiments are added to it.

    Args:
        results: folder of results
        cache: folder of scans and of the feature store
        cwd: working directory
        write: whether listings and digests of audio may be written
        shard_files: audio files that one extraction job takes at most; 0: all
        config: name of the result set, see `result_set.name_of`

    Attributes:
        experiments: those that are planned
        tables: of the config, laid out
        page: options of the page of results, None for no page
        planned: name of an experiment → its units
        contents: databases that were scanned
        teachers: path of a database of soft labels → what made it
    """

    def __init__(
        self,
        results: str,
        cache: str,
        *,
        cwd: Path,
        write: bool = True,
        shard_files: int = 0,
        config: str = result_set.DEMO,
    ) -> None:
        self.plan = Plan(results, cache)
        self.cwd = cwd
        self.write = write
        self.shard_files = shard_files
        self.config = config
        self.experiments: list[Experiment] = []
        self.tables: list[dict[str, Any]] = []
        self.page: dict[str, Any] | None = None
        self.planned: dict[str, Planned] = {}
        self.contents: dict[str, DatabaseContent] = {}
        self.teachers: dict[str, Planned] = {}
        large_files.keep_in(Path(cache) / "scans" / "models.json", write=write)

    def add(
        self,
        stage: str,
        key: str,
        /,
        *,
        label: str,
        spec: dict[str, Any],
        inputs: dict[str, Any],
        source: str = "",
        environment: str | None = None,
        **wildcards: str,
    ) -> Unit:
        """Add a unit that an ini needs, unless it is already there.

        Args:
            stage: its stage
            key: hash of all that can change the result
            label: readable name for messages
            spec: resolved options
            inputs: role → file or list of files made by other units
            source: the ini
            environment: of packages that it needs, if it is not that of the stage
            **wildcards: values for the stage's path patterns, beside the key

        Returns:
            the one that is there now
        """
        units = self.plan.units[stage]
        if key not in units:
            outputs = outputs_of(stage, self.plan.results, key=key, **wildcards)
            needs = environment or registered(stage).environment
            units[key] = Unit(stage, key, label, spec, inputs, outputs, environment=needs)
        unit = units[key]
        if source and source not in unit.sources:
            unit.sources.append(source)
        return unit

    def share_audio(self, unit: Unit, table: Unit) -> None:
        """Let the table that a unit makes have the audio of another table."""
        if "database" in table.inputs:
            unit.inputs["database"] = table.inputs["database"]
        if table.key in self.plan.listings:
            self.plan.listings[unit.key] = self.plan.listings[table.key]
        if table.key in self.plan.scanned:
            self.plan.scanned[unit.key] = self.plan.scanned[table.key]

    def path(self, *parts: str) -> str:
        """A path in the folder of results."""
        return os.path.join(self.plan.results, *parts)


def make_plan(
    experiments: list[Experiment],
    results: str,
    cache: str,
    *,
    cwd: Path,
    write: bool = True,
    shard_files: int = 0,
    fused: Iterable[ensembles.Wanted] = (),
    tables: Iterable[Wanted] = (),
    page: dict[str, Any] | None = None,
    config: str = result_set.DEMO,
) -> Plan:
    """Plan all experiments of a call.

    Args:
        experiments: as resolved
        results: folder of results
        cache: folder of scans and of the feature store
        cwd: working directory
        write: whether listings and digests of audio may be written
        shard_files: audio files that one extraction job takes at most; 0: all
        fused: ensembles of the config
        tables: tables of the config
        page: options of the page of results, None where none is wanted
        config: name of the result set, see `result_set.name_of`

    Raises:
        UserError: with all problems of all databases, or of the tables
    """
    check_cache_settings()
    planner = Planner(results, cache, cwd=cwd, write=write, shard_files=shard_files, config=config)
    joined = ensembles.lay_out(fused, experiments)
    shown = [one for one in (*experiments, *joined) if one.trains]
    tables = list(tables)
    tables += crossed.tables(experiments, [table.name for table in tables])
    planner.tables, controls = lay_out(tables, shown)
    # In the order in which they are planned.
    planner.experiments = [*experiments, *controls, *joined]
    planner.page = page
    problems = Problems()
    shared: dict[str, Planned] = {}
    for experiment in soft_labels.in_order([e for e in planner.experiments if not e.fuses]):
        try:
            request = DataRequest.of(experiment)
            key = key_of(vars(request))
            if key not in shared:
                shared[key] = _planned_data(request, planner)
            planner.planned[experiment.name] = _planned(experiment, shared[key], planner)
        except UserError as error:
            problems.extend(error, prefix=f"{experiment.ini}: ")
    problems.raise_if_any()
    for experiment in planner.experiments:
        if experiment.fuses:
            planner.planned[experiment.name] = _planned(
                experiment, _of_members(experiment, planner, problems), planner
            )
    problems.raise_if_any()
    if planner.experiments:
        for module in stages_of("results"):
            module.plan(planner)
    return planner.plan


def _planned_data(request: DataRequest, planner: Planner) -> Planned:
    planned = Planned()
    for module in stages_of("data"):
        if units := module.plan(request, planned, planner):
            planned.units[module.STAGE.name] = units
    return planned


def _of_members(experiment: Experiment, planner: Planner, problems: Problems) -> Planned:
    """What an ensemble shares with its members: data and split, and all that these rest on."""
    names = experiment.model["options"]["members"]
    members = [planner.planned[name] for name in names]
    first = members[0]
    for name, other in zip(names[1:], members[1:], strict=True):
        if other.parts.key != first.parts.key:
            problems.add(
                f"config: ensembles: {experiment.name.partition('--')[0]}: members: {names[0]} and "
                f"{name} are not split alike, so they are not tested on the same samples with the "
                f"same truth: {_differing(planner, names[0], name)}"
            )
    shared = {module.STAGE.name for module in stages_of("data")} - {*OF_MEMBERS}
    units = {name: found for name, found in first.units.items() if name in shared}
    for stage in OF_ALL:
        found = {unit.key: unit for one in members for unit in one.units.get(stage, ())}
        if found:
            units[stage] = list(found.values())
    return Planned(first.contents, units)


def _differing(planner: Planner, a: str, b: str) -> str:
    """In what the data of two experiments differ."""
    one, other = ({e.name: e for e in planner.experiments}[name] for name in (a, b))
    parts: dict[str, tuple[Any, Any]] = {
        "databases": (
            [database["name"] for database in one.databases],
            [database["name"] for database in other.databases],
        )
    }
    for spec in ("load", "split"):
        first, second = (vars(e)[spec] for e in (one, other))
        parts |= {key: (first.get(key), second.get(key)) for key in (*first, *second)}
    lines = [f"{key} ({x} and {y})" for key, (x, y) in parts.items() if x != y]
    return ", ".join(lines) or "the options of their databases differ"


def _planned(experiment: Experiment, shared: Planned, planner: Planner) -> Planned:
    planned = replace(shared, units=dict(shared.units))
    for module in stages_of("experiment"):
        if units := module.plan(experiment, planned, planner):
            planned.units[module.STAGE.name] = units
    if experiment.save_test is not None:
        planner.teachers[experiment.save_test] = planned
    return planned


def slug(text: str) -> str:
    """A readable piece of a file name."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in text)[:60]
