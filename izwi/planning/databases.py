"""Databases and their label tables in the plan."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data import scan, soft_labels
from izwi.data.databases import demo
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.plan import Unit
from izwi.errors import UserError
from izwi.planning.draft import Content, Draft, slug

if TYPE_CHECKING:
    from izwi.planning.basis import Basis


READERS = ("izwi.data.databases.csvfile", "izwi.data.databases.audformat")


def content_of(draft: Draft, basis: Basis, database: dict[str, Any]) -> Content:
    """What stands for a database's content: a scan, or the recipe of one that a job makes.

    Raises:
        UserError: if it cannot be read
    """
    if database["type"] == "soft":
        return _taught(draft, database)
    if database["type"] in ("demo", "audb"):
        return _made(draft, basis, database)
    return _scanned(draft, database)


def _taught(draft: Draft, database: dict[str, Any]) -> Content:
    """Labels that another experiment of the call predicts."""
    teacher = draft.teachers.get(database["path"])
    if teacher is None:
        # What is wrong with the experiment that makes it is told there.
        raise UserError([])
    return Content(
        key=teacher.soft.key,
        audio=teacher.soft.key,
        path=teacher.soft.outputs["labels"],
        unit=teacher.soft,
        lineage=teacher.soft.outputs["lineage"],
        level=teacher.level,
    )


def _made(draft: Draft, basis: Basis, database: dict[str, Any]) -> Content:
    """A database that a job synthesises or fetches."""
    recipe = {"type": database["type"]}
    if database["type"] == "demo":
        recipe["recipe"] = demo.RECIPE
        recipe["code"] = code_of("izwi.data.databases.demo")
        recipe["versions"] = versions_of(("espeakng-loader",))
        label = "demo"
    else:
        label = database["path"] or database["name"]
        recipe |= {"name": label, "version": database["options"]["version"]}
    key = key_of("database", recipe)
    folder = draft.path("databases", f"{slug(label)}-{key}")
    unit = Unit(
        stage="database",
        key=key,
        label=label,
        spec={**recipe, "folder": folder},
        inputs={},
        outputs={"header": os.path.join(folder, "done.json")},
        group=key,
    )
    return Content(key=key, audio=key, path=folder, unit=draft.add(unit, basis.ini))


def _scanned(draft: Draft, database: dict[str, Any]) -> Content:
    """A database on disk."""
    kind, name, path = database["type"], database["name"], database["path"]
    probe = {k: database["options"].get(k) for k in sorted(database["options"])}
    cached = key_of(name, kind, path, probe)
    if cached not in draft.contents:
        listing = scan.scan(database, cwd=draft.cwd, cache=Path(draft.plan.cache))
        key = key_of("database", kind, listing.label_digest, listing.audio_digest)
        listed = draft.path("plans", "listings", f"{slug(name)}-{cached}-{key}.json")
        if not os.path.exists(listed):
            listing.save(listed)
        draft.contents[cached] = Content(
            key=key,
            audio=listing.audio_digest,
            path=path,
            listing=listed,
            files=len(listing.files),
            paths=key_of(listing.paths),
            lineage=soft_labels.lineage_beside(path) if kind == "csv" else None,
        )
    return draft.contents[cached]


def load(draft: Draft, basis: Basis, database: dict[str, Any], content: Content) -> Unit:
    """The label table of a database."""
    spec = {
        "name": database["name"],
        "type": database["type"],
        "options": database["options"],
        **basis.load,
    }
    if database.get("unlabelled"):
        spec["unlabelled"] = True
    key = key_of(
        "load",
        spec,
        content.key,
        code_of("izwi.data.databases", *READERS),
        versions_of(("pandas",)),
    )
    stem = draft.path("tables", f"{slug(database['name'])}-{key}")
    spec["path"] = content.path
    if content.listing:
        draft.plan.listings[key] = content.listing
        draft.files[key] = content.files
    unit = Unit(
        stage="load",
        key=key,
        label=database["name"],
        spec=spec,
        inputs={"database": content.unit.outputs["header"]} if content.unit else {},
        outputs={"table": f"{stem}.parquet", "report": f"{stem}.json"},
        # Not in one job with the tables that its labels are learned from.
        group=f"level {content.level}",
    )
    return draft.add(unit, basis.ini)
