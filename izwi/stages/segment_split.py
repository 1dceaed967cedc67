"""The split of segments: each is in the part, or fold, of its recording."""

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
    name="segment_split",
    outputs={
        "split": "segment_splits/{databases}-{key}.parquet",
        "report": "segment_splits/{databases}-{key}.json",
    },
    scope="data",
    after=("load", "annotate", "split", "segment"),
    imports=("pandas", "izwi.segmentation.inherit"),
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """The split of the segments of all databases, where there are segments."""
    segments = planned.units.get("segment")
    if not segments:
        return []
    split = planned.one("split")
    unit = planner.add(
        STAGE.name,
        key_of(
            STAGE.name,
            split.key,
            [one.key for one in segments],
            code_of(__name__),
            versions_of(("numpy", "pandas")),
        ),
        label=split.label,
        spec=split.spec,
        inputs={
            "split": split.outputs["split"],
            "split_report": split.outputs["report"],
            "recordings": [one.outputs["table"] for one in planned.recordings],
            "tables": planned.outputs("segment", "table"),
            "cuts": planned.outputs("segment", "cuts"),
            # Where soft labels are among the databases, see the stage ``split``.
            "lineage": split.inputs["lineage"],
        },
        source=request.ini,
        databases=slug(split.label),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the split of the segments, with its report beside it."""
    import pandas as pd
    import pyarrow.parquet as pq

    from izwi.segmentation import inherit

    report = read_json(unit.inputs["split_report"])
    split, more = inherit.split_of(
        unit.spec,
        pd.read_parquet(unit.inputs["split"]),
        [pq.ParquetFile(path).metadata.num_rows for path in unit.inputs["recordings"]],
        [pd.read_parquet(path) for path in unit.inputs["tables"]],
        [pd.read_parquet(path) for path in unit.inputs["cuts"]],
        report,
    )
    job.report(unit, more)
    with atomic(unit.outputs["split"]) as path:
        split.to_parquet(path, index=False)
    for kind in ("notes", "warnings"):
        more[kind] = [*report[kind], *more[kind]]
    write_json(unit.outputs["report"], {**report, "key": unit.key, **more})
