"""Properties that ready-made models predict, as columns of the label tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json, write_json
from izwi.stages.features import matrix

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import AnnotationSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="annotate",
    outputs={
        "table": "annotated/{table}-{key}.parquet",
        "report": "annotated/{table}-{key}.json",
    },
    scope="data",
    after=("database", "load", "fetch_model"),
    adds=("features",),
    imports=("pandas", "izwi.annotation.columns"),
    several=True,
)

# What other stages read of the unit that made a table.
OF_LOAD = ("name", "type", "options", "path")


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """A table with the columns for each database; nothing if none are asked for."""
    wanted = request.annotation
    if not wanted:
        return []
    units = []
    for load in planned.units["load"]:
        # Which rows a CSV has, and the filters of other databases, change nothing here.
        spec = {
            **wanted,
            "selection": "all",
            "filter": {n: f for n, f in wanted["filter"].items() if n == load.label},
        }
        matrices = [matrix(request, load, planned, planner, one) for one in wanted["features"]]
        key = key_of(
            STAGE.name,
            {name: value for name, value in spec.items() if name != "features"},
            load.key,
            [unit.key for unit in matrices],
            code_of(__name__),
            versions_of(("numpy", "pandas")),
        )
        unit = planner.add(
            STAGE.name,
            key,
            label=load.label,
            spec={**{name: load.spec[name] for name in OF_LOAD}, **spec, "table": load.key},
            inputs={
                "table": load.outputs["table"],
                "table_report": load.outputs["report"],
                "matrices": [unit.outputs["matrix"] for unit in matrices],
                "matrix_reports": [unit.outputs["report"] for unit in matrices],
            },
            source=request.ini,
            table=slug(load.label),
        )
        planner.share_audio(unit, load)
        units.append(unit)
    return units


def run(unit: Unit, job: Job) -> None:
    """Write the table of one database with the columns, and a report in place of the loaded one."""
    import pandas as pd

    from izwi.annotation import columns

    spec = cast("AnnotationSpec", unit.spec)
    kinds = [one["type"] for one in spec["features"]]
    paths = unit.inputs["matrices"]
    matrices = {kind: pd.read_parquet(path) for kind, path in zip(kinds, paths, strict=True)}
    table, report = columns.annotate(pd.read_parquet(unit.inputs["table"]), matrices, spec)
    with atomic(unit.outputs["table"]) as path:
        table.to_parquet(path, index=False)
    job.report(unit, report)
    # The job of a matrix has reported these; metrics.json has them from here.
    for path in unit.inputs["matrix_reports"]:
        report["warnings"] = read_json(path)["warnings"] + report["warnings"]
    whole = columns.merged(read_json(unit.inputs["table_report"]), report, table)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **whole})
