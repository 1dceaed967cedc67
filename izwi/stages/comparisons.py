"""All tests behind the significance marks of all tables, in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from izwi.engine.code import code_of
from izwi.engine.keys import key_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="comparisons",
    outputs={"comparisons": "tables/{config}/comparisons.csv"},
    scope="results",
    after=("table",),
    imports=("pandas", "izwi.evaluation.comparison"),
    archived=True,
)


def plan(planner: Planner) -> list[Unit]:
    """The tests of all tables, if there are tables."""
    tables = planner.plan.of("table")
    if not tables:
        return []
    unit = planner.add(
        STAGE.name,
        key_of(STAGE.name, [table.key for table in tables], code_of(__name__)),
        label="comparisons",
        spec={"config": planner.config},
        inputs={"tables": [table.outputs["tests"] for table in tables]},
        config=planner.config,
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write comparisons.csv; Holm's correction is applied within each table."""
    import pandas as pd

    from izwi.data import csv_files
    from izwi.evaluation import comparison

    made = [path for path in unit.inputs["tables"] if job.was_made(path)]
    tests = [test for path in made for test in read_json(path)]
    table = pd.DataFrame(tests, columns=["table", *comparison.COLUMNS])
    with atomic(unit.outputs["comparisons"]) as path:
        csv_files.write_table(table, path)
