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
    if "soft" in unit.spec:
        report["teachers"] = leaks(unit, tables, split)
        report["warnings"] += report["teachers"]
    with atomic(unit.outputs["split"]) as path:
        split.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})


def leaks(unit: jobs.Unit, tables: list, split) -> list[str]:
    """Warnings where teachers of soft labels have seen the test set."""
    import pandas as pd

    from izwi import softlabel

    lines = []
    for name, path in zip(unit.spec["soft"]["names"], unit.inputs["lineage"], strict=True):
        lines += softlabel.leaks(
            name,
            pd.read_parquet(path),
            pd.concat(tables, ignore_index=True),
            split,
            sources=unit.spec["soft"]["sources"],
            same_speakers=unit.spec["same_speakers"],
        )
    return lines


if "snakemake" in globals():
    jobs.run(snakemake, main)
