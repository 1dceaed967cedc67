"""Predicted properties for users: a CSV with the columns, and how they go with the target."""

from __future__ import annotations

import os
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
    name="properties",
    outputs={
        "csv": "properties/{databases}-{key}/predicted.csv",
        "statistics": "properties/{databases}-{key}/properties.csv",
        "report": "properties/{databases}-{key}/properties.json",
    },
    scope="data",
    after=("load", "annotate", "split"),
    imports=("pandas", "izwi.annotation.bias", "izwi.annotation.listing"),
    title="Predicted properties",
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """The CSV and the statistics of all databases; nothing without predicted properties."""
    wanted = request.annotation
    if not wanted:
        return []
    split = planned.one("split")
    spec = {
        "target": request.target,
        "targets": wanted["targets"],
        "selection": wanted["selection"],
    }
    key = key_of(
        STAGE.name,
        spec,
        split.key,
        # The CSV names the files by their absolute paths.
        [one.paths or os.path.abspath(one.path) for one in planned.contents],
        code_of(__name__),
        versions_of(("numpy", "pandas", "scipy")),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=split.label,
        spec={**spec, "recordings": [one.key for one in planned.recordings]},
        inputs={
            "tables": [one.outputs["table"] for one in planned.recordings],
            "split": split.outputs["split"],
            "split_report": split.outputs["report"],
        },
        source=request.ini,
        databases=slug(split.label),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the CSV, the statistics as CSV, and these as JSON for the page."""
    import pandas as pd

    from izwi.annotation import bias, listing
    from izwi.data import csv_files
    from izwi.preprocessing import binning

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    places = {
        table["database"].iloc[0]: job.listing(job.plan.table(key)).places
        for table, key in zip(tables, unit.spec["recordings"], strict=True)
    }
    split = pd.read_parquet(unit.inputs["split"])
    labels = read_json(unit.inputs["split_report"])["labels"] or None
    table = binning.shown(pd.concat(tables, ignore_index=True), split, labels)
    rows = listing.rows(table, split, unit.spec["target"], unit.spec["selection"], places)
    with atomic(unit.outputs["csv"]) as path:
        csv_files.write_table(rows, path)
    used = (split["part"] != "").to_numpy()
    own = table.assign(speaker=split["speaker"])[used].reset_index(drop=True)
    targets = unit.spec["targets"]
    found = bias.associations(own, targets)
    flat = []
    for row in found:
        # A class may be called as a column is.
        means = {f"mean_{label}": mean for label, mean in (row.pop("means") or {}).items()}
        flat.append(row | means)
    with atomic(unit.outputs["statistics"]) as path:
        csv_files.write_records(flat, path)
    report = {
        "with_target": flat,
        "with_known_values": bias.agreements(own, targets),
    }
    write_json(unit.outputs["report"], report)
