"""Split tables into train, dev and test, or into folds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi import jobs
from izwi.files import atomic, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write one split, with its report beside it."""
    import pandas as pd

    from izwi import splits

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    split, report = splits.make_split(unit.spec, tables)
    with atomic(unit.outputs["split"]) as path:
        split.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})


if "snakemake" in globals():
    jobs.run(snakemake, main)
