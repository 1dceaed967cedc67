"""All tests behind the marks of all tables, in one file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import failure_markers
from izwi.engine import job as jobs
from izwi.files import atomic, read_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write comparisons.csv; Holm's correction is that of each table."""
    import pandas as pd

    from izwi.data import csv_files
    from izwi.evaluation import comparison

    made = [path for path in unit.inputs["tables"] if not failure_markers.marked(path)]
    tests = [test for path in made for test in read_json(path)]
    table = pd.DataFrame(tests, columns=["table", *comparison.COLUMNS])
    with atomic(unit.outputs["comparisons"]) as path:
        csv_files.write_table(table, path)


if __name__ == "__main__":
    jobs.run(main)
