"""All tests behind the marks of all tables, in one file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi import failures, jobs
from izwi.files import atomic, read_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write comparisons.csv; Holm's correction is that of each table."""
    import pandas as pd

    from izwi import comparison, rows

    made = [path for path in unit.inputs["tables"] if not failures.marked(path)]
    tests = [test for path in made for test in read_json(path)]
    table = pd.DataFrame(tests, columns=["table", *comparison.COLUMNS])
    with atomic(unit.outputs["comparisons"]) as path:
        rows.write_table(table, path)


if __name__ == "__main__":
    jobs.run(main)
