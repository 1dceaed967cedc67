"""Evaluate predictions: measures with their intervals."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs
from izwi.files import atomic, read_json, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write the measures and the predictions of one experiment."""
    import pandas as pd

    from izwi.data import csv_files
    from izwi.evaluation import fairness, scoring

    split = read_json(unit.inputs["split_report"])
    predictions = pd.read_parquet(unit.inputs["predictions"])
    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    audited = [read_json(path) for path in unit.inputs["audit"]]
    metrics = scoring.evaluate(
        {**unit.spec, "labels": split["labels"] or None},
        predictions,
        training=read_json(unit.inputs["training"]),
        split=split,
        tables=[
            *audited,
            *map(read_json, (*unit.inputs["table_reports"], *unit.inputs["feature_reports"])),
        ],
        traits=fairness.traits(tables, unit.spec["target"]),
    )
    # None where leakage is ignored.
    metrics["audit"] = audited[0]["findings"] if audited else None
    with atomic(unit.outputs["predictions"]) as path:
        csv_files.write_predictions(predictions, path)
    write_json(unit.outputs["metrics"], metrics)


if __name__ == "__main__":
    jobs.run(main)
