"""Degraded copies of the test samples: which rows are copied, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from izwi.engine.planner import DataRequest, Planned, Planner
from izwi.engine.stage import Stage
from izwi.stages import augment
from izwi.stages.features import matrix

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="degrade",
    outputs={
        "table": "degraded/{table}-{key}.parquet",
        "report": "degraded/{table}-{key}.json",
    },
    scope="data",
    after=("load", "annotate", "split", "segment", "segment_split", "fetch_model"),
    imports=("pandas", "izwi.augmentation.copies"),
    several=True,
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """A table of copies for each database with rows to test on, and its matrices."""
    wanted = request.robustness
    if not wanted:
        return []
    by = augment.makers_of(wanted["kinds"], seed=wanted["seed"], copies=1)
    split = request.split
    units = []
    for table in planned.tables:
        of_tests = split["tests"] or [table.label]
        if split["strategy"] == "cross_data" and table.label not in of_tests:
            continue
        if split["databases"][table.label]["split_strategy"] == "train":
            continue
        unit = augment.table_of_copies(
            STAGE.name, table, planned, planner, by, ["test"], planned.parts.key
        )
        if request.ini not in unit.sources:
            unit.sources.append(request.ini)
        units.append(unit)
        planned.degraded.extend(
            matrix(request, unit, planned, planner, spec) for spec in request.features
        )
    return units


def run(unit: Unit, job: Job) -> None:
    """Write the table of copies."""
    augment.run(unit, job)
