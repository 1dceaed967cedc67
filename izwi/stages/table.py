"""A table of the config as CSV, Markdown, HTML and LaTeX, and the tests behind its marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage
from izwi.errors import UserError
from izwi.files import atomic, read_json, write_json, write_text

if TYPE_CHECKING:
    import pandas as pd

    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="table",
    outputs={
        "csv": "tables/{config}/{table}.csv",
        "md": "tables/{config}/{table}.md",
        "tex": "tables/{config}/{table}.tex",
        "html": "tables/{config}/{table}.html",
        "tests": "plans/tables/{config}/{table}-tests.json",
        "cells": "plans/cells/tables/{config}/{table}.json",
    },
    scope="results",
    after=("train", "predict", "ensemble", "experiment"),
    imports=("pandas", "izwi.reporting.tables.contents"),
    archived=True,
    several=True,
)
DOWN, ACROSS = "rows", "columns"


def plan(planner: Planner) -> list[Unit]:
    """The tables of the config."""
    units = []
    for table in planner.tables:
        shown = [cell["experiment"] for cell in table["cells"]]
        of = [cell.get("of") for cell in table["cells"]]
        names = list(dict.fromkeys(name for name in (*shown, *of) if name is not None))
        members = [planner.planned[name] for name in names]
        spec = {**table, "experiments": names, "config": planner.config}
        key = key_of(
            STAGE.name,
            spec,
            [member.one("experiment").key for member in members],
            code_of(__name__),
            versions_of(("numpy", "scipy")),
        )
        unit = planner.add(
            STAGE.name,
            key,
            label=table["name"],
            spec=spec,
            inputs={
                "metrics": [member.one("experiment").outputs["metrics"] for member in members],
                "predictions": [member.predicted.outputs["predictions"] for member in members],
            },
            config=planner.config,
            table=table["name"],
        )
        units.append(unit)
    return units


def run(unit: Unit, job: Job) -> None:
    """Write one table in all its forms, and what its heat map shows."""
    import pandas as pd

    from izwi.reporting.tables import contents, writing

    spec, inputs = unit.spec, unit.inputs
    places = dict(zip(spec["experiments"], inputs["predictions"], strict=True))
    metrics = {
        name: read_json(path) if job.was_made(path) else None
        for name, path in zip(spec["experiments"], inputs["metrics"], strict=True)
    }
    if not any(metrics.values()):
        raise UserError(f"table {spec['name']}: none of its experiments could be made")

    def predictions(name: str) -> pd.DataFrame:
        found = pd.read_parquet(places[name])
        scores = [column for column in found if column.startswith("p_")]
        wanted = [*contents.READ, *(scores if spec["measure"] == "eer" else [])]
        return found[[column for column in wanted if column in found]]

    filled = contents.fill(spec, metrics, predictions)
    with atomic(unit.outputs["csv"]) as path:
        writing.write_csv(filled, path)
    write_text(unit.outputs["md"], writing.markdown(filled))
    write_text(unit.outputs["tex"], writing.latex(filled))
    # An archive has no HTML, which its reader would run.
    if "html" in unit.outputs:
        write_text(unit.outputs["html"], writing.html(filled))
    tests = filled.tests.astype(object)
    write_json(unit.outputs["tests"], tests.where(tests.notna(), None).to_dict("records"))
    write_json(unit.outputs["cells"], _cells(filled))


def _cells(filled: Any) -> dict[str, Any]:
    """What the heat map of a table shows."""
    table = filled.table
    axes = {DOWN: ", ".join(table["row_options"]), ACROSS: ", ".join(table["column_options"])}
    rows = [
        {
            "values": {
                axes[DOWN]: table["rows"][cell.row]["label"],
                axes[ACROSS]: table["columns"][cell.column]["label"],
            },
            "measure": table["measure"],
            "value": cell.value,
            "ci_low": cell.ci[0],
            "ci_high": cell.ci[1],
            "ci_method": cell.ci_method,
            "n_evaluated": cell.n,
            "chance": cell.chance,
        }
        for _, cell in sorted(filled.cells.items())
        if cell.n is not None
    ]
    return {
        "axes": list(axes.values()),
        "rows": rows,
        "title": table["caption"],
        "across": axes[ACROSS],
    }
