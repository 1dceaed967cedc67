"""The page of results: all experiments in the folder, and the tables of the call, in one file."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data.scan import Listing, scan
from izwi.engine.code import code_of
from izwi.engine.keys import PACKAGE, key_of
from izwi.engine.plan import Unit, outputs_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage, stages_of
from izwi.errors import UserError
from izwi.files import read_json, write_text
from izwi.reporting import changes, history
from izwi.reporting.page.options import ON_PAGE
from izwi.stages.heat_map import pictures_of
from izwi.stages.overview import shown as in_folder

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Plan
    from izwi.reporting.history import Database, Entry
    from izwi.reporting.overview import Shown

STAGE = Stage(
    name="page",
    outputs={"page": "index.html"},
    scope="results",
    after=(
        *("robustness", "onnx", "spotlight"),
        *("experiment", "plot", "summary", "grid", "table", "heat_map", "comparisons", "overview"),
        *("member_tests", "runs_compare"),
    ),
    imports=("izwi.reporting.page.build", "izwi.reporting.page.write", "izwi.reporting.captions"),
)
# Files of grids and tables that other stages read.
INTERNAL = ("cells", "tests")


def plan(planner: Planner) -> list[Unit]:
    """The page, unless the config turns it off."""
    if planner.page is None:
        return []
    titled = [m.STAGE.name for m in stages_of("experiment") if m.STAGE.title]
    shown = planner.plan.of("experiment", "plot", "spotlight", *ON_PAGE, "heat_map", "overview")
    shown += planner.plan.of("runs_compare")
    key = key_of(STAGE.name, planner.page, [unit.key for unit in shown], code_of(__name__))
    unit = planner.add(
        STAGE.name,
        key,
        label="all experiments",
        spec=planner.page,
        inputs={
            "metrics": [unit.outputs["metrics"] for unit in planner.plan.of("experiment")],
            "summary": [unit.outputs["overview"] for unit in planner.plan.of("overview")],
            "tables": [path for unit in planner.plan.of(*ON_PAGE) for path in unit.output_files()],
            "pictures": [
                unit.outputs["picture"]
                for unit in planner.plan.of("plot", "heat_map", "runs_compare")
            ],
            "spotlights": [unit.outputs["page"] for unit in planner.plan.of("spotlight")],
            "shown": [path for unit in planner.plan.of(*titled) for path in unit.output_files()],
        },
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write index.html, of all experiments in the folder and the tables of the call."""
    from izwi.reporting.page import build, write

    plan = job.plan
    (overview,) = plan.of("overview")
    shown = in_folder(overview, job)
    databases = {
        database["load"]: database for one in shown for database in one.entry["databases"] or ()
    }

    @cache
    def places(load: str) -> dict[str, str]:
        if load in plan.units["load"]:
            return job.listing(plan.units["load"][load]).places
        return _places(databases[load], plan.cache) if load in databases else {}

    builder = build.Builder(
        os.path.dirname(unit.outputs["page"]),
        unit.spec,
        lambda load, file: places(load).get(file),
    )
    content = builder.content(
        _experiments(plan, shown),
        _tables(plan),
        job.problems(),
        commit(),
        was_made=job.was_made,
        known=_known(plan.results, shown),
    )
    write_text(unit.outputs["page"], write.page(content, builder.pictures, builder.recordings))


def _experiments(plan: Plan, shown: list[Shown]) -> list[Unit]:
    """Experiments with their pictures and analyses: those of the call in its order, then others."""
    pictures: dict[str, dict[str, str]] = {}
    for unit in plan.of("plot"):
        folder = os.path.dirname(os.path.dirname(unit.outputs["picture"]))
        pictures.setdefault(folder, {}).update((os.path.basename(p), p) for p in unit.files)
    (summary,) = plan.of("summary")
    units = {unit.label: unit for unit in plan.of("experiment")}
    found = []
    for name in summary.spec["experiments"]:
        folder = os.path.dirname(units[name].outputs["metrics"])
        own = units[name].outputs | pictures.get(folder, {})
        found.append(replace(units[name], outputs=own))
    others = (one.entry for one in shown if not one.latest)
    return [*found, *(_other(plan.results, entry) for entry in others)]


def _other(results: str, entry: Entry) -> Unit:
    """An experiment of an earlier call, by the files in its folder."""
    name = entry["row"]["name"]
    files = outputs_of("experiment", results, name=name)
    folder = os.path.join(os.path.dirname(files["metrics"]), "plots")
    if os.path.isdir(folder):
        drawn = (path for path in sorted(os.listdir(folder)) if not path.startswith("."))
        files |= {file: os.path.join(folder, file) for file in drawn}
    return Unit("experiment", entry["key"], name, {}, {}, files, [entry["ini"]])


def _known(results: str, shown: list[Shown]) -> dict[str, dict[str, Any]]:
    """Name → what the page says of the call and the history of an experiment."""
    found = {}
    for one in shown:
        name = one.entry["row"]["name"]
        steps = changes.steps(history.entries(results, name))
        found[name] = {
            "name": name,
            "status": one.status,
            "latest": one.latest,
            **{key: one.entry[key] for key in ("made", "config")},
            "history": [
                {
                    "made": step.entry["made"],
                    "config": step.entry["config"],
                    "figure": changes.figure(step.entry["row"]),
                    "changes": step.lines if number else [],
                }
                for number, step in enumerate(steps)
            ],
        }
    return found


def _places(database: Database, cache: str) -> dict[str, str]:
    """File as a database of an earlier call writes it → where it lies."""
    try:
        if database["listing"]:
            return Listing.load(database["listing"]).places
        made = read_json(database["header"] or "")
        about = {"name": database["name"], "options": database["options"], **made}
        return scan(about, cwd=Path.cwd(), cache=Path(cache)).places
    except (OSError, ValueError, KeyError, TypeError, UserError):
        # What made it is gone; the page says that of each recording.
        return {}


def _tables(plan: Plan) -> list[Unit]:
    """Grids, tables and comparisons with the files that people open."""
    found = []
    for unit in plan.of(*ON_PAGE):
        files = {role: file for role, file in unit.outputs.items() if role not in INTERNAL}
        found.append(replace(unit, outputs=files | pictures_of(unit, plan.of("heat_map"))))
    if drawn := plan.of("runs_compare"):
        pictures = {unit.label: unit.outputs["picture"] for unit in drawn}
        outputs = {**pictures, "data": drawn[0].outputs["data"]}
        found.append(replace(drawn[0], label="runs", outputs=outputs))
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
