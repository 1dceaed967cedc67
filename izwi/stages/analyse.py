"""Analyses of an experiment beside its figures: clusters, learning curve, importance …"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from izwi import models
from izwi.analyses import kinds
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import DataRequest, Planned, Planner
from izwi.engine.stage import Stage
from izwi.files import atomic, write_json
from izwi.stages.features import matrix
from izwi.stages.train import without_places

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.config.experiment.resolved import ComponentSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="analyse",
    outputs={"result": "analyses/{kind}-{key}/{file}"},
    scope="experiment",
    after=("load", "annotate", "split", "segment", "segment_split", "features", "train"),
    mem_mb=4000,
    minutes=60,
    imports=("pandas", "izwi.analyses.kinds"),
    several=True,
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """One unit for each kind of analysis."""
    fits: Any = None
    group = "core"
    training: dict[str, Any] = {
        "task": experiment.task,
        "seed": experiment.seed,
        "preprocessing": experiment.preprocessing,
    }
    if experiment.trains and not experiment.fuses:
        cls = models.model_class(experiment.model["type"])
        fits = (code_of(cls.__module__), versions_of(cls.packages))
        fits = (fits, cls.content(experiment.model["options"]))
        group, training = cls.group, planned.one("train").spec
    training = {**training, "measure": experiment.evaluation["measure"]}
    units = []
    for kind, value in experiment.analyses.items():
        spec = kinds.spec_of(kind, value, training, experiment.target)
        inputs = planned.samples
        copies = planned.copies if kind in kinds.FITS else []
        if copies:
            inputs |= planned.copied
        recordings = []
        if kind in kinds.OF_RECORDINGS:
            signal: ComponentSpec = {"type": "signal", "options": {}}
            request = DataRequest.of(experiment)
            tables = planned.tables
            recordings = [matrix(request, t, planned, planner, signal) for t in tables]
            inputs["recordings"] = [unit.outputs["matrix"] for unit in recordings]
        if kind in kinds.OF_MODELS:
            inputs["model"] = planned.one("train").outputs["model"]
        key = key_of(
            STAGE.name,
            without_places(spec),
            planned.samples_key,
            code_of(__name__, f"izwi.analyses.{kinds.MODULES[kind]}"),
            versions_of(("numpy", "scikit-learn")),
            fits if kind in kinds.FITS else None,
            planned.one("train").key if kind in kinds.OF_MODELS else None,
            [unit.key for unit in [*recordings, *copies]],
        )
        unit = planner.add(
            STAGE.name,
            key,
            label=f"{kind} of {experiment.name}",
            spec=spec,
            inputs=inputs,
            source=experiment.ini,
            environment=group if kind in (*kinds.FITS, *kinds.OF_MODELS) else "core",
            kind=kind,
            file=os.path.basename(kinds.FILES[kind]),
        )
        units.append(unit)
    return units


def run(unit: Unit, job: Job) -> None:
    """Write the results of one analysis."""
    import pandas as pd

    from izwi.analyses.importance import tests_in_words
    from izwi.data import csv_files
    from izwi.data.samples import read_copies, read_samples

    found = kinds.run(
        unit.spec,
        *read_samples(unit.inputs),
        folder=unit.inputs.get("model"),
        recordings=[pd.read_parquet(path) for path in unit.inputs.get("recordings", ())],
        copies=read_copies(unit.inputs),
    )
    if isinstance(found, dict):
        job.report(unit, found)
        write_json(unit.outputs["result"], found)
        return
    if told := unit.spec.get("told"):
        job.report(unit, {"notes": tests_in_words(found.head(told))})
    with atomic(unit.outputs["result"]) as path:
        (csv_files.write_rows if "file" in found else csv_files.write_table)(found, path)
