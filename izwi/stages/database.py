"""A database that is not on disk yet: the demo is synthesised, others come from audb."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data import scan, soft_labels
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import DatabaseContent, DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.errors import UserError
from izwi.files import write_json

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import DatabaseSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="database",
    outputs={"header": "databases/{database}-{key}/done.json"},
    scope="data",
    mem_mb=2000,
    minutes=240,
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """Find what represents the content of each database; add a unit if a job makes it.

    Raises:
        UserError: if a database cannot be read
    """
    for database in request.databases:
        planned.contents.append(_content(request, database, planner))
    made = [c.unit for c in planned.contents if c.unit and c.unit.stage == STAGE.name]
    return list({unit.key: unit for unit in made}.values())


def run(unit: Unit, job: Job) -> None:
    """Make one database; ``done.json`` describes how to read it."""
    folder = Path(unit.outputs["header"]).parent
    for left in folder.glob("*"):
        # Of a call that was killed, or a link that must not be written through.
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()
    if unit.spec["type"] == "demo":
        from izwi.data.databases import demo

        job.say("synthesising the embedded demo data (synthetic speech)", show=True)
        demo.synthesise(folder)
        found = {"type": "csv", "path": str(folder / "demo.csv")}
    else:
        from izwi.data.databases import audb

        version = audb.fetch(unit.spec["name"], unit.spec["version"], folder / "audb")
        found = {"type": "audformat", "path": str(folder / "audb"), "version": version}
    write_json(unit.outputs["header"], found)


def _content(request: DataRequest, database: DatabaseSpec, planner: Planner) -> DatabaseContent:
    if database["type"] == "soft":
        return _predicted(database, planner)
    if database["type"] in ("demo", "audb"):
        return _made(request, database, planner)
    return scanned(database, planner)


def _predicted(database: DatabaseSpec, planner: Planner) -> DatabaseContent:
    """Labels that another experiment of the call predicts."""
    teacher = planner.teachers.get(database["path"] or "")
    if teacher is None:
        # Problems of the experiment that makes it are reported there.
        raise UserError([])
    soft = teacher.one("soft_label")
    return DatabaseContent(
        key=soft.key,
        audio=soft.key,
        path=soft.outputs["labels"],
        unit=soft,
        lineage=soft.outputs["lineage"],
    )


def _made(request: DataRequest, database: DatabaseSpec, planner: Planner) -> DatabaseContent:
    """A database that a job synthesises or fetches."""
    recipe: dict[str, Any] = {"type": database["type"]}
    if database["type"] == "demo":
        from izwi.data.databases import demo

        recipe["recipe"] = demo.RECIPE
        recipe["code"] = code_of("izwi.data.databases.demo")
        recipe["versions"] = versions_of(("espeakng-loader",))
        label = "demo"
    else:
        label = database["path"] or database["name"]
        recipe |= {"name": label, "version": database["options"]["version"]}
    key = key_of("database", recipe)
    unit = planner.add(
        STAGE.name,
        key,
        label=label,
        spec=recipe,
        inputs={},
        source=request.ini,
        database=slug(label),
    )
    folder = os.path.dirname(unit.outputs["header"])
    return DatabaseContent(key=key, audio=key, path=folder, unit=unit)


def scanned(database: DatabaseSpec, planner: Planner) -> DatabaseContent:
    """A database on disk."""
    kind, name, path = database["type"], database["name"], database["path"] or ""
    options = {key: database["options"].get(key) for key in sorted(database["options"])}
    asked = key_of(name, kind, path, options)
    if asked not in planner.contents:
        cache = Path(planner.plan.cache)
        listing = scan.scan(database, cwd=planner.cwd, cache=cache, write=planner.write)
        key = key_of("database", kind, listing.label_digest, listing.audio_digest)
        listed = planner.path("plans", "listings", f"{slug(name)}-{asked}-{key}.json")
        if planner.write and not os.path.exists(listed):
            listing.save(listed)
        planner.contents[asked] = DatabaseContent(
            key=key,
            audio=listing.audio_digest,
            path=path,
            listing=listed,
            files=len(listing.files),
            paths=key_of(listing.paths),
            lineage=soft_labels.lineage_beside(path) if kind == "csv" else None,
            scanned=None if planner.write else listing,
        )
    return planner.contents[asked]
