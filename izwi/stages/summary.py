"""One row for each experiment of the call; controls are only in their tables."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from izwi.data.csv_safety import harmless
from izwi.engine.code import code_of
from izwi.engine.keys import key_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="summary",
    outputs={"summary": "summary.csv"},
    scope="results",
    after=("experiment",),
    archived=True,
)
COLUMNS = (
    "name",
    "type",
    "databases",
    "target",
    "features",
    "scale",
    "model",
    "measure",
    "value",
    "ci_low",
    "ci_high",
    "ci_method",
    "interval_doubt",
    "chance",
    "baseline",
    "n_train",
    "n_test",
    "n_evaluated",
    "n_speakers",
    "few_speakers",
    "transductive",
    "warnings",
)


def plan(planner: Planner) -> list[Unit]:
    """The table of all experiments, in the order of the config."""
    units = [planner.planned[one.name].one("experiment") for one in planner.experiments]
    controls = [one.name for one in planner.experiments if one.control]
    unit = planner.add(
        STAGE.name,
        key_of(STAGE.name, [unit.key for unit in units], controls, code_of(__name__)),
        label="all experiments",
        spec={"experiments": [unit.label for unit in units], "controls": controls},
        inputs={
            "metrics": [unit.outputs["metrics"] for unit in units],
            "records": [unit.outputs["record"] for unit in units],
        },
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write summary.csv."""
    rows = []
    for name, metrics_path, record_path in zip(
        unit.spec["experiments"], unit.inputs["metrics"], unit.inputs["records"], strict=True
    ):
        if name in unit.spec["controls"] or not job.was_made(metrics_path):
            continue
        metrics, record = read_json(metrics_path), read_json(record_path)
        low, high = metrics["ci"] or (None, None)
        rows.append(
            {
                "name": metrics["name"],
                "type": metrics["type"],
                "databases": " ".join(d["name"] for d in record["databases"]),
                "target": record["target"],
                "features": " ".join(f["type"] for f in record["features"]),
                "scale": record["preprocessing"]["scale"],
                "model": record["model"]["type"],
                "measure": metrics["measure"],
                "value": metrics["value"],
                "ci_low": low,
                "ci_high": high,
                "ci_method": metrics["ci_method"],
                "interval_doubt": metrics.get("interval_doubt"),
                "chance": metrics["chance"].get(metrics["measure"]),
                "baseline": (metrics["baseline"] or {}).get(metrics["measure"]),
                "n_train": metrics["n_train"],
                "n_test": metrics["n_test"],
                "n_evaluated": metrics["n_evaluated"],
                "n_speakers": metrics["n_speakers"],
                "few_speakers": metrics["few_speakers"],
                "transductive": metrics["transductive"],
                "warnings": len(metrics["warnings"]),
            }
        )
    with (
        atomic(unit.outputs["summary"]) as path,
        open(path, "w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: harmless(value) for key, value in row.items()} for row in rows)
