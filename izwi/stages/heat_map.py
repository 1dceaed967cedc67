"""A grid or a table of the config as a picture."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="heat_map",
    outputs={"picture": "{place}/{picture}.{format}"},
    scope="results",
    after=("grid", "table"),
    imports=("izwi.plots.heat_map",),
    several=True,
)


def plan(planner: Planner) -> list[Unit]:
    """A picture for each grid and table, in each requested format."""
    units = []
    for table in planner.plan.of("grid", "table"):
        place, picture = f"tables/{planner.config}", table.label
        if table.stage == "grid":
            place, picture = f"grids/{planner.config}/{table.label}", "heat_map"
        for ending in table.spec["formats"]:
            path = f"{place}/{picture}.{ending}"
            unit = planner.add(
                STAGE.name,
                key_of(
                    STAGE.name, table.key, path, code_of(__name__), versions_of(("matplotlib",))
                ),
                label=f"{table.label}.{ending}",
                spec={"of": table.label, "stage": table.stage},
                inputs={"cells": table.outputs["cells"]},
                place=place,
                picture=picture,
                format=ending,
            )
            units.append(unit)
    return units


def run(unit: Unit, job: Job) -> None:
    """Draw one picture."""
    from izwi.plots.heat_map import heat_map

    shown = read_json(unit.inputs["cells"])
    across = {"across": shown["across"]} if shown["across"] else {}
    with atomic(unit.outputs["picture"]) as path:
        heat_map(shown["axes"], shown["rows"], path, shown["title"], **across)


def pictures_of(table: Unit, units: list[Unit]) -> dict[str, str]:
    """Format → path of the pictures of a grid or table."""
    paths = [
        unit.outputs["picture"]
        for unit in units
        if (unit.spec["stage"], unit.spec["of"]) == (table.stage, table.label)
    ]
    return {os.path.splitext(path)[1][1:]: path for path in paths}
