"""Make a database of the predictions of an experiment."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs
from izwi.files import atomic, read_json, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write the database, and what its teacher has seen beside it."""
    import pandas as pd

    from izwi.data import soft_labels

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    predictions = pd.read_parquet(unit.inputs["predictions"])
    paths = {}
    for table, key in zip(tables, unit.spec["loads"], strict=True):
        listing = job.listing(job.plan.units["load"][key])
        paths[table["database"].iloc[0]] = dict(zip(listing.files, listing.paths, strict=True))
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


if __name__ == "__main__":
    jobs.run(main)
