"""The segments of a database's recordings: stretches of speech, or windows of one length."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, version_of, versions_of
from izwi.engine.planner import DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json, write_json

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit


def _sentence(unit: dict[str, Any]) -> str:
    """How recordings were cut."""
    spec = unit["segment"]
    of = {"all": "Recordings", "train": "Training recordings", "test": "Test recordings"}
    who = of[spec["selection"]]
    if spec["method"] == "fixed":
        text = f"{who} were cut into windows of {spec['window']:g} s, one every {spec['hop']:g} s"
        limits = [f"a last window of less than {spec['min_length']:g} s was left out"]
    else:
        text = (
            f"{who} were cut into stretches of speech by silero-vad {version_of('silero-vad')} "
            "[@silero2024vad] "
            f"(threshold {spec['threshold']:g}, pauses from {spec['min_silence']:g} s on)"
        )
        limits = []
        if spec["max_length"]:
            limits.append(f"longer ones in pieces of {spec['max_length']:g} s")
        if spec["min_length"]:
            limits.append(f"those of less than {spec['min_length']:g} s were left out")
    return (
        "; ".join([text, *limits])
        + ". Segments inherited labels, speaker and part from their recording."
    )


STAGE = Stage(
    name="segment",
    outputs={
        "table": "segments/{table}-{key}.parquet",
        "cuts": "segments/{table}-{key}.cuts.parquet",
        "report": "segments/{table}-{key}.json",
    },
    scope="data",
    after=("database", "load", "annotate", "split"),
    environment="bundled",
    mem_mb=4000,
    minutes=240,
    imports=("pandas", "izwi.segmentation.segments"),
    several=True,
    methods=_sentence,
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """The segments of each database, where the experiment asks for segments."""
    spec = request.segmentation
    if spec is None:
        return []
    split = planned.one("split")
    from izwi.segmentation import silero

    hears = spec["method"] == "silero"
    heard = key_of(code_of("izwi.segmentation.silero"), versions_of(silero.PACKAGES))
    units = []
    for position, table in enumerate(planned.recordings):
        threshold, described = request.fail_threshold, bool(request.split.get("described"))
        key = key_of(
            STAGE.name,
            spec,
            table.key,
            threshold,
            described,
            # Only then does it matter who is in which part.
            [split.key, position] if spec["selection"] != "all" else None,
            heard if hears else None,
            code_of(__name__),
            versions_of(("numpy", "pandas")),
        )
        about = {name: table.spec[name] for name in ("name", "type", "options", "path")}
        unit = planner.add(
            STAGE.name,
            key,
            label=table.label,
            spec={
                **about,
                "segment": spec,
                "position": position,
                "load": table.key,
                "fail_threshold": threshold,
                "described": described,
                **(
                    {"store": os.path.join(planner.plan.cache, "features", f"silero-{heard}")}
                    if hears
                    else {}
                ),
            },
            inputs={
                "table": table.outputs["table"],
                "table_report": table.outputs["report"],
                **(
                    {}
                    if spec["selection"] == "all"
                    else {
                        "tables": [one.outputs["table"] for one in planned.recordings],
                        "split": split.outputs["split"],
                    }
                ),
                # So that what is wrong with a split is told first.
                "split_report": split.outputs["report"],
            },
            source=request.ini,
            environment=None if hears else "core",
            table=slug(table.label),
        )
        planner.share_audio(unit, table)
        units.append(unit)
    return units


def run(unit: Unit, job: Job) -> None:
    """Write the segments of one database, with all cuts and the report beside them."""
    import pandas as pd

    from izwi.segmentation import segments

    spec, name = unit.spec["segment"], unit.spec["name"]
    table = pd.read_parquet(unit.inputs["table"])
    chosen = _chosen(unit, len(table))
    rows = table.iloc[chosen].reset_index(drop=True)
    found = segments.cut(
        spec,
        rows,
        job.listing(unit).places,
        store=Path(unit.spec.get("store", "")),
        threads=job.threads,
        say=lambda line: job.say(f"{unit.label}: {line}", show=True),
    )
    segments.check(
        name,
        spec["method"],
        rows,
        found,
        unit.spec["fail_threshold"],
        may_be_empty=unit.spec["described"],
    )
    empty = bool(len(rows)) and not any(found.spans)
    if empty:
        # Only where nothing is trained: the list is empty, and recordings are described.
        chosen = chosen[:0]
    result, cuts = segments.segmented(spec, table, chosen, found)
    number = int((cuts["kind"] == segments.SEGMENT).sum())
    counts, warnings, notes = segments.report(name, spec, rows, found, number)
    if empty:
        warnings.append(f"[SEGMENT] {name}: no segment is left, its recordings are described")
    job.report(unit, {"warnings": warnings, "notes": notes})
    for role, frame in (("table", result), ("cuts", cuts)):
        with atomic(unit.outputs[role]) as path:
            frame.to_parquet(path, index=False)
    loaded = read_json(unit.inputs["table_report"])
    report = {
        **loaded,
        "key": unit.key,
        "spec": unit.spec,
        "warnings": [*loaded["warnings"], *warnings],
        "notes": [*loaded["notes"], *notes],
        "counts": {**loaded["counts"], **({} if empty else {"segmentation": counts})},
    }
    write_json(unit.outputs["report"], report)


def _chosen(unit: Unit, rows: int) -> Any:
    """Numbers of the rows of this database that are cut."""
    import numpy as np
    import pandas as pd
    import pyarrow.parquet as pq

    part = unit.spec["segment"]["selection"]
    if part == "all":
        return np.arange(rows)
    before = unit.inputs["tables"][: unit.spec["position"]]
    first = sum(pq.ParquetFile(path).metadata.num_rows for path in before)
    parts = pd.read_parquet(unit.inputs["split"], columns=["part"])["part"]
    return np.flatnonzero(parts.iloc[first : first + rows] == part)
