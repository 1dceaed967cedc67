"""The page of results: all experiments and tables of the call in one HTML file."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from izwi.engine.code import code_of
from izwi.engine.keys import PACKAGE, key_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage, stages_of
from izwi.files import write_text
from izwi.reporting.page.options import ON_PAGE
from izwi.stages.heat_map import pictures_of

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Plan, Unit

STAGE = Stage(
    name="page",
    outputs={"page": "index.html"},
    scope="results",
    after=("experiment", "plot", "summary", "grid", "table", "heat_map", "comparisons"),
    imports=("izwi.reporting.page.build", "izwi.reporting.page.write", "izwi.reporting.captions"),
)
# Files of grids and tables that other stages read.
INTERNAL = ("cells", "tests")


def plan(planner: Planner) -> list[Unit]:
    """The page, unless the config turns it off."""
    if planner.page is None:
        return []
    titled = [m.STAGE.name for m in stages_of("experiment") if m.STAGE.title]
    shown = planner.plan.of("experiment", "plot", *ON_PAGE, "heat_map")
    key = key_of(STAGE.name, planner.page, [unit.key for unit in shown], code_of(__name__))
    unit = planner.add(
        STAGE.name,
        key,
        label="all experiments",
        spec=planner.page,
        inputs={
            "metrics": [unit.outputs["metrics"] for unit in planner.plan.of("experiment")],
            "summary": [unit.outputs["summary"] for unit in planner.plan.of("summary")],
            "tables": [path for unit in planner.plan.of(*ON_PAGE) for path in unit.output_files()],
            "pictures": [u.outputs["picture"] for u in planner.plan.of("plot", "heat_map")],
            "shown": [path for unit in planner.plan.of(*titled) for path in unit.output_files()],
        },
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write index.html, of all experiments and tables of the call."""
    from izwi.reporting.page import build, write

    units = job.plan.units

    @cache
    def places(load: str) -> dict[str, str]:
        return job.listing(units["load"][load]).places

    builder = build.Builder(
        os.path.dirname(unit.outputs["page"]),
        unit.spec,
        lambda load, file: places(load).get(file) if load in units["load"] else None,
    )
    content = builder.content(
        _experiments(job.plan), _tables(job.plan), job.problems(), commit(), was_made=job.was_made
    )
    write_text(unit.outputs["page"], write.page(content, builder.pictures, builder.recordings))


def _experiments(plan: Plan) -> list[Unit]:
    """Experiments in the order of the summary, with their pictures and analyses."""
    pictures: dict[str, dict[str, str]] = {}
    for unit in plan.of("plot"):
        folder = os.path.dirname(os.path.dirname(unit.outputs["picture"]))
        pictures.setdefault(folder, {}).update((os.path.basename(p), p) for p in unit.files)
    (summary,) = plan.of("summary")
    units = {unit.label: unit for unit in plan.of("experiment")}
    found = []
    for name in summary.spec["experiments"]:
        folder = os.path.dirname(units[name].outputs["metrics"])
        shown = units[name].outputs | pictures.get(folder, {})
        found.append(replace(units[name], outputs=shown))
    return found


def _tables(plan: Plan) -> list[Unit]:
    """Grids, tables and comparisons with the files that people open."""
    found = []
    for unit in plan.of(*ON_PAGE):
        files = {role: file for role, file in unit.outputs.items() if role not in INTERNAL}
        found.append(replace(unit, outputs=files | pictures_of(unit, plan.of("heat_map"))))
    return found


def commit() -> str:
    """The commit of this source code, empty if it is not its own checkout."""
    home = PACKAGE.parent
    command = ["git", "-C", str(home), "rev-parse", "--show-toplevel", "--short=10", "HEAD"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"commit {told[-1]}" if Path(told[0]).resolve() == home else ""
