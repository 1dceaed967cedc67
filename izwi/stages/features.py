"""A feature set for a table, as one matrix; only audio that the feature store lacks is read."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from izwi import features
from izwi.data import bad_audio
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, write_json

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import ComponentSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="features",
    outputs={
        "matrix": "features/{table}/{features}-{key}.parquet",
        "report": "features/{table}/{features}-{key}.json",
    },
    scope="data",
    after=("load", "annotate", "split", "segment", "augment", "degrade", "fetch_model"),
    mem_mb=4000,
    minutes=480,
    imports=("pandas", "pyarrow.parquet", "izwi.features.extraction"),
    several=True,
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """A matrix for each table and feature set."""
    return [
        matrix(request, table, planned, planner, spec)
        for table in planned.tables
        for spec in request.features
    ]


def matrix(
    request: DataRequest, table: Unit, planned: Planned, planner: Planner, spec: ComponentSpec
) -> Unit:
    """The matrix of one feature set for one table."""
    extractor = _extractor_key(spec)
    # The feature sets that models see report unusable audio.
    threshold = 1.0 if spec["type"] in features.INTERNAL else request.fail_threshold
    # The default threshold is not in the key.
    key = key_of(STAGE.name, extractor, table.key, *([threshold] if threshold else []))
    name = slug(features_name(spec))
    unit = planner.add(
        STAGE.name,
        key,
        label=f"{name} of {table.label}",
        spec={
            **spec,
            "store": os.path.join(planner.plan.cache, "features", f"{name}-{extractor}"),
            # Copies are made of the audio of their database.
            "table": table.spec["load"] if "makers" in table.spec else table.key,
            "fail_threshold": threshold,
            **({"makers": made_by} if (made_by := table.spec.get("makers")) else {}),
        },
        inputs={"table": table.outputs["table"], "splits": []},
        source=request.ini,
        environment=features.extractor_class(spec["type"]).environment,
        table=f"{slug(table.label)}-{table.key}",
        features=name,
    )
    if on_hub := features.extractor_class(spec["type"]).on_hub(spec["options"]):
        unit.spec["commit"] = on_hub[1]
        fetches = (one for one in planned.units.get("fetch_model", ()) if one.label == on_hub[0])
        if made := [one.outputs["record"] for one in fetches]:
            unit.inputs["model"] = made
    # A split that waits for predicted labels must not delay the data that these depend on, and one
    # of tables with predicted columns waits for the features that hold these.
    waits = any(database["type"] == "soft" for database in request.databases)
    for split in () if waits else planned.outputs("split", "report"):
        if split not in unit.inputs["splits"]:
            unit.inputs["splits"].append(split)
    return unit


def features_name(spec: ComponentSpec) -> str:
    """A feature set's readable name, such as ``os-eGeMAPSv02``."""
    cls = features.extractor_class(spec["type"])
    values = [spec["options"].get(name) for name in cls.title]
    return "-".join([spec["type"], *(str(value) for value in values if value is not None)])


def run(unit: Unit, job: Job) -> None:
    """Write one feature matrix, with a report beside it."""
    import pandas as pd

    from izwi.features.extraction import INDEX, Extraction

    table = pd.read_parquet(unit.inputs["table"])
    load = job.plan.table(unit.spec["table"])
    listing = job.listing(load)
    warnings: list[str] = []

    # For feature sets that no model sees, those that models see report it.
    internal = unit.spec["type"] in features.INTERNAL
    bad: list[tuple[str, str]] = []
    made_by = unit.spec.get("makers")
    who = f"{load.label}, copies" if made_by else load.label
    extraction = Extraction(
        {"type": unit.spec["type"], "options": unit.spec["options"]},
        table,
        listing.places,
        store=Path(unit.spec["store"]),
        threads=job.threads,
        progress=lambda line: job.say(f"{unit.label}: {line}", show=True),
        makers=made_by,
    )
    # Features that were imported heard no audio; what is wrong with a file is said of it once.
    if not internal and extraction.whole is None and not made_by:
        heard = [
            listing.places[file] for file in pd.unique(table["file"]) if file in listing.places
        ]
        for line in bad_audio.remarks(heard, job.threads):
            warnings.append(f"[FEATS] {load.label}: {line}")
    del listing
    try:
        extraction.run(fail_threshold=unit.spec["fail_threshold"])
        with atomic(unit.outputs["matrix"]) as path:
            names = extraction.write(
                path, warn=lambda line: warnings.append(f"[FEATS] {who}: {line}")
            )
        bad = [(file, reason) for _, file, reason in extraction.excluded]
        if not internal and not made_by:
            warnings += [f"[FEATS] {load.label}: {line}" for line in extraction.odd_channels()]
    except features.BadFiles as error:
        if not internal:
            _list_bad(unit, who, error.rows)
            place = Path(job.plan.results) / bad_audio.LIST
            error.problems.append(f"[FEATS] type: all of them are listed in {place}")
            raise
        names = list(extraction.columns)
        with atomic(unit.outputs["matrix"]) as path:
            table[INDEX].reindex(columns=[*INDEX, *names]).to_parquet(path, index=False)
    if not internal:
        _list_bad(unit, who, bad)
    if bad and not internal:
        warnings.append(f"[FEATS] {who}: {bad_audio.warning(bad, len(table))}")
    job.report(unit, {"warnings": warnings})
    write_json(
        unit.outputs["report"],
        {
            "key": unit.key,
            "spec": unit.spec,
            "warnings": warnings,
            "rows": len(table),
            "excluded": len(bad),
            "features": names,
        },
    )


def shards(unit: Unit, listed: int, shard_files: int) -> int:
    """Number of jobs that fill the feature store for a matrix, 1 if its own job does.

    Args:
        unit: of the matrix
        listed: audio files of its database
        shard_files: maximum number of files per job, 0 for all
    """
    stored = features.extractor_class(unit.spec["type"]).is_stored()
    return max(1, math.ceil(listed / shard_files)) if shard_files and stored else 1


def _extractor_key(spec: ComponentSpec) -> str:
    """Key of a feature set: its options, its code, its packages."""
    cls = features.extractor_class(spec["type"])
    return key_of(
        spec["type"],
        {name: value for name, value in spec["options"].items() if name not in cls.located},
        cls.content(spec["options"]),
        code_of(cls.__module__),
        versions_of(cls.packages),
    )


def _list_bad(unit: Unit, database: str, bad: list[tuple[str, str]]) -> None:
    """Write a list of unusable files beside the matrix; no list if there are none."""
    path = bad_audio.list_of(unit.outputs["matrix"])
    path.unlink(missing_ok=True)
    if bad:
        bad_audio.write_list(path, [(database, unit.spec["type"], *row) for row in bad])
