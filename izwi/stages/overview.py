"""One row for each experiment in the folder of results, whichever call made it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage
from izwi.errors import UserError
from izwi.files import read_json
from izwi.reporting import overview, rows
from izwi.reporting.record import RECORD
from izwi.stages.database import scanned

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit
    from izwi.reporting.history import Database

STAGE = Stage(
    name="overview",
    outputs={"overview": "summary.csv"},
    scope="results",
    after=("experiment", "summary"),
)


def plan(planner: Planner) -> list[Unit]:
    """The table of all experiments: of this call in the order of the config, then all others."""
    (summary,) = planner.plan.of("summary")
    units = [planner.planned[name].one("experiment") for name in summary.spec["experiments"]]
    others = overview.others(
        planner.plan.results,
        {unit.label for unit in units},
        lambda database: _content(database, planner),
        cwd=planner.cwd,
        write=planner.write,
    )
    unit = planner.add(
        STAGE.name,
        key_of(STAGE.name, summary.key, others, code_of(__name__)),
        label="all experiments in the folder",
        spec={**summary.spec, "others": others},
        inputs={"summary": summary.outputs["summary"], "metrics": summary.inputs["metrics"]},
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write summary.csv."""
    found = [one.row for one in shown(unit, job) if not one.entry["control"]]
    rows.write(unit.outputs["overview"], overview.COLUMNS, found)


def shown(unit: Unit, job: Job) -> list[overview.Shown]:
    """All experiments with what is known of them, those of the call first.

    Args:
        unit: of this stage
        job: that shows them
    """
    results = job.plan.results
    found = []
    units = {one.label: one for one in job.plan.of("experiment")}
    for name in unit.spec["experiments"]:
        one = units[name]
        status = overview.CURRENT if job.was_made(one.outputs["metrics"]) else None
        entry = overview.entry_in(results, name, one.key if status else None)
        if entry is not None:
            status = status or overview.since(entry, one.spec["origin"])
            found.append(overview.Shown(entry, status, latest=True))
    others = []
    for about in unit.spec["others"]:
        entry = overview.entry_in(results, about["name"], about["key"])
        if entry is not None:
            others.append(overview.Shown(entry, about["status"], latest=False))
    return found + sorted(others, key=lambda one: one.entry["made"], reverse=True)


def _content(database: Database, planner: Planner) -> str | None:
    """What represents a database in keys now, None where no user can change it.

    Raises:
        UserError: if it is not there
    """
    if database["type"] == "soft":
        return _taught(Path(os.path.realpath(database["path"] or "")).parent)
    if database["type"] in ("demo", "audb"):
        return None
    spec: Any = database
    if not os.path.exists(database["path"] or ""):
        raise UserError(f"{database['path']}: no such file or folder")
    return scanned(spec, planner).key


def _taught(teacher: Path) -> str:
    """Key of the soft labels in the folder of the experiment that made them.

    Raises:
        UserError: if they are not there
    """
    try:
        return str(read_json(teacher / RECORD)["stages"]["soft_label"]["key"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{teacher}: holds no soft labels") from None
