"""Predictions become measures with their intervals: metrics.json and predictions.csv."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json, write_json

if TYPE_CHECKING:
    import pandas as pd

    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit
    from izwi.evaluation.scoring import EvaluateSpec

STAGE = Stage(
    name="evaluate",
    outputs={
        "metrics": "evaluations/{key}/metrics.json",
        "predictions": "evaluations/{key}/predictions.csv",
    },
    scope="experiment",
    after=(
        *("load", "annotate", "split", "segment", "segment_split", "features", "audit"),
        *("train", "predict", "ensemble"),
    ),
    minutes=10,
    imports=("pandas", "izwi.evaluation.scoring", "izwi.data.csv_files", "scipy.stats"),
    archived=True,
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The figures of an experiment; without a model there are none."""
    split = planned.parts
    predicted = planned.predicted if experiment.trains else None
    spec = {
        "task": experiment.task,
        "target": experiment.target,
        **experiment.evaluation,
        "seed": experiment.seed,
        "model": experiment.model["type"],
        "scale": experiment.preprocessing["scale"],
    }
    key = key_of(
        STAGE.name,
        spec,
        predicted.key if predicted else planned.samples_key,
        planned.keys("audit"),
        code_of(__name__),
        versions_of(("numpy", "scipy")),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec=spec,
        inputs={
            **(
                {
                    "predictions": predicted.outputs["predictions"],
                    "training": predicted.outputs["report"],
                }
                if predicted
                else {}
            ),
            # The key of the predictions covers its key, like those of all reports.
            "tables": [table.outputs["table"] for table in planned.tables],
            "split": split.outputs["split"],
            "split_report": split.outputs["report"],
            "table_reports": [table.outputs["report"] for table in planned.tables],
            "feature_reports": planned.outputs("features", "report"),
            "audit": planned.outputs("audit", "report"),
        },
        source=experiment.ini,
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the measures and the predictions of one experiment."""
    import pandas as pd

    from izwi import splits
    from izwi.evaluation import chance, fairness, scoring

    split = read_json(unit.inputs["split_report"])
    reports = [
        read_json(path)
        for role in ("audit", "table_reports", "feature_reports")
        for path in unit.inputs[role]
    ]
    spec = cast("EvaluateSpec", unit.spec | {"labels": split["labels"] or None})
    if "predictions" not in unit.inputs:
        metrics = scoring.without_model(spec, [*reports, split])
        _write(
            unit, metrics, pd.read_parquet(unit.inputs["tables"][0]).iloc[:0].assign(run=0, row=0)
        )
        return
    predictions = pd.read_parquet(unit.inputs["predictions"])
    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    truth = pd.concat([table["truth"] for table in tables]).to_numpy()
    folds = splits.folds(pd.read_parquet(unit.inputs["split"]))
    metrics = scoring.evaluate(
        spec,
        predictions,
        training=read_json(unit.inputs["training"]),
        split=split,
        tables=reports,
        constants=chance.constants(truth, folds, unit.spec["task"]),
        traits=fairness.traits(tables, unit.spec["target"]),
    )
    _write(unit, metrics, predictions)


def _write(unit: Unit, metrics: dict[str, Any], predictions: pd.DataFrame) -> None:
    from izwi.audit import findings
    from izwi.data import csv_files

    # None if leakage is ignored. Those of an ensemble are of its members, the gravest first.
    audited = [read_json(path)["findings"] for path in unit.inputs["audit"]]
    metrics["audit"] = findings.joined(audited) if audited else None
    with atomic(unit.outputs["predictions"]) as path:
        csv_files.write_predictions(predictions, path)
    write_json(unit.outputs["metrics"], metrics)
