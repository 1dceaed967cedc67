"""The figure on degraded copies of the test samples, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json, write_json
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit


def _sentence(spec: dict[str, Any]) -> str:
    from izwi.augmentation import degraded

    strengths: dict[str, list[str]] = {}
    for maker in spec["makers"].values():
        words = strengths.setdefault(degraded.WORDS[maker["kind"]], [])
        words.append(degraded.strength(maker["kind"], maker["level"]))
    kinds = "; ".join(f"{kind} ({', '.join(found)})" for kind, found in strengths.items())
    several = count(len(spec["makers"]), "degraded copy", "degraded copies")
    return (
        f"The fitted models were also tested on {several} of each test sample: {kinds}. Nothing "
        "was trained on these copies."
    )


STAGE = Stage(
    name="robustness",
    outputs={"result": "robustness/{key}.json", "table": "robustness/{key}.csv"},
    scope="experiment",
    after=("predict_degraded", "degrade", "train"),
    minutes=30,
    imports=("pandas", "izwi.evaluation.robustness"),
    end=True,
    title="Robustness",
    methods=_sentence,
    archived=True,
    reads={
        "predictions": ("predict_degraded", "predictions"),
        "report": ("predict_degraded", "report"),
    },
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The table of an experiment that asks for degradations."""
    if not experiment.robustness:
        return []
    predicted = planned.one("predict_degraded")
    makers: dict[str, Any] = {}
    for unit in planned.units["degrade"]:
        makers |= unit.spec["makers"]
    spec = {
        "task": experiment.task,
        "measure": experiment.evaluation["measure"],
        "ci": experiment.evaluation["ci"],
        "seed": experiment.seed,
        "makers": {
            key: {"kind": maker["kind"], "level": maker["options"]["level"]}
            for key, maker in makers.items()
        },
    }
    key = key_of(
        STAGE.name,
        spec,
        list(makers),
        predicted.key,
        code_of(__name__),
        versions_of(("numpy", "scipy", "pandas")),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec=spec,
        inputs={
            "predictions": predicted.outputs["predictions"],
            "report": predicted.outputs["report"],
        },
        source=experiment.ini,
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the table, as JSON and as CSV."""
    import pandas as pd

    from izwi.data import csv_files
    from izwi.evaluation import robustness

    predictions = pd.read_parquet(unit.inputs["predictions"])
    labels = read_json(unit.inputs["report"])["labels"]
    rows = robustness.table(unit.spec, predictions, labels)
    write_json(unit.outputs["result"], rows)
    lines = [
        {
            **{name: value for name, value in row.items() if not name.startswith("ci")},
            "ci_low": row["ci"][0],
            "ci_high": row["ci"][1],
            "ci_method": row["ci_method"],
            "ci_reason": row["ci_reason"],
        }
        for row in rows
    ]
    with atomic(unit.outputs["table"]) as path:
        csv_files.write_records(lines, path)
