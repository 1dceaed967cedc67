"""All tests behind the marks of all tables, in one file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi import failures, jobs
from izwi.files import atomic


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write comparisons.csv; Holm's correction is that of each table."""
    import pandas as pd

    from izwi import comparison, rows

    made = [path for path in unit.inputs["tables"] if not failures.marked(path)]
    frames = [frame for frame in map(pd.read_csv, made) if len(frame)]
    columns = ["table", *comparison.COLUMNS]
    table = pd.concat(frames) if frames else pd.DataFrame(columns=columns)
    for name in ("table", "a", "b", "test"):
        table[name] = table[name].map(rows.harmless)
    with atomic(unit.outputs["comparisons"]) as path:
        table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


if "snakemake" in globals():
    jobs.run(snakemake, main)
