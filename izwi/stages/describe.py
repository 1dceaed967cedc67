"""The content of each part of a split: counts of samples, speakers, minutes per class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data.label_files import read_header
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, is_made, read_json, write_json

if TYPE_CHECKING:
    import pandas as pd

    from izwi.data.scan import Listing
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="describe",
    outputs={
        "description": "descriptions/{databases}-{key}.json",
        "seconds": "descriptions/{databases}-{key}.parquet",
    },
    scope="data",
    after=("load", "annotate", "split", "segment", "segment_split"),
    imports=("pandas", "izwi.data.description"),
    archived=True,
)
# Fields of audformat's header about the origin.
HEADER = ("name", "description", "source", "author", "organization", "license", "license_url")


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """A description of the split."""
    split, tables = planned.parts, planned.tables
    unit = planner.add(
        STAGE.name,
        key_of(STAGE.name, split.key, code_of(__name__), versions_of(("pandas",))),
        label=split.label,
        spec={
            "loads": [table.key for table in tables],
            "names": [table.label for table in tables],
        },
        inputs={
            "tables": [table.outputs["table"] for table in tables],
            "table_reports": [table.outputs["report"] for table in tables],
            "split": split.outputs["split"],
            "split_report": split.outputs["report"],
        },
        source=request.ini,
        databases=slug(split.label),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the counts of one split, with the metadata of its databases."""
    import pandas as pd

    from izwi.data import description

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    loads = [job.plan.table(key) for key in unit.spec["loads"]]
    seconds = pd.concat(
        [
            description.durations(table, _lengths(table, job.listing(load)))
            for table, load in zip(tables, loads, strict=True)
        ],
        ignore_index=True,
    )
    found = counted(unit, tables, seconds)
    for load in loads:
        found["databases"][load.label]["header"] = _header(load)
    with atomic(unit.outputs["seconds"]) as path:
        seconds.to_frame("seconds").to_parquet(path, index=False)
    write_json(unit.outputs["description"], {"key": unit.key, **found})


def counted(unit: Unit, tables: list[pd.DataFrame], seconds: pd.Series) -> dict[str, Any]:
    """All counts that do not need the audio.

    Args:
        unit: of this stage
        tables: a table per database
        seconds: duration of each row of all tables
    """
    import pandas as pd

    from izwi.data import description
    from izwi.preprocessing import binning

    split = pd.read_parquet(unit.inputs["split"])
    labels = read_json(unit.inputs["split_report"])["labels"] or None
    table = binning.shown(pd.concat(tables, ignore_index=True), split, labels)
    found = description.describe(table, split, labels, seconds=seconds)
    for name, path in zip(unit.spec["names"], unit.inputs["table_reports"], strict=True):
        found["databases"].setdefault(name, {})["counts"] = read_json(path)["counts"]
    return {"labels": labels, **found}


def _lengths(table: pd.DataFrame, listing: Listing) -> dict[str, float]:
    """Seconds of the files that have rows without an end, from their headers."""
    from izwi.data import audio
    from izwi.data.lengths import lengths

    paths = listing.places
    wanted = sorted(set(table.loc[table["end"].isna(), "file"]))
    # Stages that need the audio report the problem.
    return {
        file: float("nan") if isinstance(found, audio.AudioError) else found[0] / found[1]
        for file, found in zip(wanted, lengths([paths[file] for file in wanted]), strict=True)
    }


def _header(load: Unit) -> dict[str, str]:
    """The origin that an audformat database states, and its version if audb knows it."""
    about = {"type": load.spec["type"], "path": load.spec["path"]}
    if "database" in load.inputs and is_made(load.inputs["database"]):
        about |= read_json(load.inputs["database"])
    found = {"version": str(about["version"])} if about.get("version") else {}
    if about["type"] == "audformat":
        content = read_header(Path(about["path"]), load.label)
        found |= {key: str(content[key]) for key in HEADER if content.get(key)}
    return found
