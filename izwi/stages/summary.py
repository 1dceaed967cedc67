"""One row for each experiment of the config; controls are only in their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from izwi.engine.code import code_of
from izwi.engine.keys import key_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage
from izwi.reporting import rows
from izwi.reporting.record import read

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="summary",
    outputs={"summary": "summaries/{config}.csv"},
    scope="results",
    after=("experiment",),
    archived=True,
)


def plan(planner: Planner) -> list[Unit]:
    """The table of all experiments, in the order of the config."""
    units = [planner.planned[one.name].one("experiment") for one in planner.experiments]
    controls = [one.name for one in planner.experiments if one.control]
    unit = planner.add(
        STAGE.name,
        key_of(STAGE.name, [unit.key for unit in units], controls, code_of(__name__)),
        label="all experiments",
        spec={
            "config": planner.config,
            "experiments": [unit.label for unit in units],
            "controls": controls,
        },
        inputs={
            "metrics": [unit.outputs["metrics"] for unit in units],
            "records": [unit.outputs["record"] for unit in units],
        },
        config=planner.config,
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write one line for each experiment that was made."""
    found = [
        rows.row(*read(record, metrics))
        for name, metrics, record in zip(
            unit.spec["experiments"], unit.inputs["metrics"], unit.inputs["records"], strict=True
        )
        if name not in unit.spec["controls"] and job.was_made(metrics)
    ]
    rows.write(unit.outputs["summary"], rows.COLUMNS, found)
