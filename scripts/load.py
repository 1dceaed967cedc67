"""Load databases into tables."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs
from izwi.files import atomic, read_json, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write the table of one database, with its report beside it."""
    from izwi.data import databases

    spec = dict(unit.spec)
    if "database" in unit.inputs:
        spec |= read_json(unit.inputs["database"])
    table, report = databases.load_table(spec, job.listing(unit))
    with atomic(unit.outputs["table"]) as path:
        table.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})


if __name__ == "__main__":
    jobs.run(main)
