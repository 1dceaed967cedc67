"""Soft labels: the predictions of an experiment as a database that others can learn from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json, write_json

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="soft_label",
    outputs={
        "labels": "soft_labels/{target}-{key}/soft_labels.csv",
        "lineage": "soft_labels/{target}-{key}/soft_labels_lineage.parquet",
        "report": "soft_labels/{target}-{key}/soft_labels.json",
        "header": "soft_labels/{target}-{key}/done.json",
    },
    scope="experiment",
    after=("load", "annotate", "split", "segment", "segment_split", "train", "predict"),
    minutes=10,
    imports=("pandas", "izwi.data.soft_labels"),
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The predictions as a database, if the ini asks for it."""
    if experiment.save_test is None:
        return []
    predicted = planned.predicted
    spec = {
        "task": experiment.task,
        "target": experiment.target,
        **experiment.soft,
        "sources": [content.audio for content in planned.contents],
    }
    key = key_of(
        STAGE.name,
        spec,
        predicted.key,
        # The database names the files by their absolute paths.
        [content.paths or os.path.abspath(content.path) for content in planned.contents],
        code_of(__name__),
        versions_of(("numpy", "pandas")),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec={**spec, "loads": planned.keys("load")},
        inputs={
            "predictions": predicted.outputs["predictions"],
            "training": predicted.outputs["report"],
            "split": planned.parts.outputs["split"],
            "tables": [table.outputs["table"] for table in planned.tables],
            "lineage": planned.one("split").inputs["lineage"],
        },
        source=experiment.ini,
        target=slug(experiment.target),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the database, and a list of what its teacher has seen."""
    import pandas as pd

    from izwi.data import soft_labels

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    predictions = pd.read_parquet(unit.inputs["predictions"])
    paths = {}
    for table, key in zip(tables, unit.spec["loads"], strict=True):
        paths[table["database"].iloc[0]] = job.listing(job.plan.units["load"][key]).places
    best_run = read_json(unit.inputs["training"])["best_run"]
    labels, report = soft_labels.label(unit.spec, predictions, tables, paths, best_run)
    with atomic(unit.outputs["labels"]) as path:
        labels.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    seen = soft_labels.lineage(
        tables,
        pd.read_parquet(unit.inputs["split"]),
        predictions["row"].unique(),
        unit.spec["sources"],
        [pd.read_parquet(path) for path in unit.inputs["lineage"]],
    )
    with atomic(unit.outputs["lineage"]) as path:
        seen.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})
    found = {"type": "csv", "path": str(Path(unit.outputs["labels"]).resolve())}
    write_json(unit.outputs["header"], found)
