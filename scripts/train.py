"""Train models and predict their test rows."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi import jobs
from izwi.files import atomic, atomic_folder, read_json, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write the model, the predictions and the report of one experiment."""
    import pandas as pd

    from izwi import training

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    paths = unit.inputs["matrices"]
    n_sets = len(paths) // len(tables)
    matrices = [
        [pd.read_parquet(path) for path in paths[i * n_sets : (i + 1) * n_sets]]
        for i in range(len(tables))
    ]
    labels = read_json(unit.inputs["split_report"])["labels"] or None
    with atomic_folder(Path(unit.outputs["model"]).parent) as folder:
        predictions, report = training.train(
            unit.spec,
            tables,
            matrices,
            pd.read_parquet(unit.inputs["split"]),
            labels,
            folder,
        )
    with atomic(unit.outputs["predictions"]) as path:
        predictions.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})


if "snakemake" in globals():
    jobs.run(snakemake, main)
