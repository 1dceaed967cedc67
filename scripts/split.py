"""Split tables into train, dev and test, or into folds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs
from izwi.errors import Problems, UserError
from izwi.files import atomic, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write one split, with its report beside it."""
    import pandas as pd

    from izwi import splits

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    spec = {name: value for name, value in unit.spec.items() if name != "pictures"}
    split, report = splits.make_split(spec, tables)
    check_pictures(unit, tables)
    if "soft" in spec:
        report["teachers"] = leaks(unit, tables, split)
        report["warnings"] += report["teachers"]
    with atomic(unit.outputs["split"]) as path:
        split.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": spec, **report})


def check_pictures(unit: jobs.Unit, tables: list) -> None:
    """The columns that pictures are to show are there: known before any extraction.

    Raises:
        UserError: behind the ini that names the column, since others share the split
    """
    problems = Problems(own=True)
    columns = {"part"} | {name for table in tables for name in filled(table)}
    for ini, (target, wanted) in unit.spec["pictures"].items():
        for kind, name in wanted:
            try:
                pictures.column_of(kind, name, columns, target)
            except UserError as error:
                problems.extend(error, prefix=f"{ini}: ")
    problems.raise_if_any()


def filled(table) -> list[str]:
    """Columns that hold a value, and the durations of segments."""
    durations = ["seconds"] if table["end"].notna().any() else []
    return [name for name in table if table[name].notna().any()] + durations


def leaks(unit: jobs.Unit, tables: list, split) -> list[str]:
    """Warnings where teachers of soft labels have seen the test set."""
    import pandas as pd

    from izwi.data import soft_labels

    lines = []
    for name, path in zip(unit.spec["soft"]["names"], unit.inputs["lineage"], strict=True):
        lines += soft_labels.leaks(
            name,
            pd.read_parquet(path),
            pd.concat(tables, ignore_index=True),
            split,
            sources=unit.spec["soft"]["sources"],
            same_speakers=unit.spec["same_speakers"],
        )
    return lines


if __name__ == "__main__":
    jobs.run(main)
