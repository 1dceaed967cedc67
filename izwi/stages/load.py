"""The label table of a database: labels after mapping, binning and filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json, write_json

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="load",
    outputs={"table": "labels/{table}-{key}.parquet", "report": "labels/{table}-{key}.json"},
    scope="data",
    after=("database",),
    imports=("pandas", "izwi.data.databases"),
    several=True,
)
# Only when the database exists is it known which of them reads it.
READERS = ("izwi.data.databases.csvfile", "izwi.data.databases.audformat")


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """A table for each database."""
    units = []
    for database, content in zip(request.databases, planned.contents, strict=True):
        spec = {
            "name": database["name"],
            "type": database["type"],
            "options": database["options"],
            **request.load,
        }
        if database.get("unlabelled"):
            spec["unlabelled"] = True
        key = key_of(
            STAGE.name,
            spec,
            content.key,
            code_of(__name__, *READERS),
            versions_of(("pandas",)),
        )
        unit = planner.add(
            STAGE.name,
            key,
            label=database["name"],
            spec={**spec, "path": content.path},
            inputs={"database": next(iter(content.unit.outputs.values()))} if content.unit else {},
            source=request.ini,
            table=slug(database["name"]),
        )
        if content.unit and content.unit.stage == "soft_label":
            unit.inputs["database"] = content.unit.outputs["header"]
        if content.listing:
            planner.plan.listings[key] = content.listing
        if content.scanned:
            planner.plan.scanned[key] = content.scanned
        units.append(unit)
    return units


def run(unit: Unit, job: Job) -> None:
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
