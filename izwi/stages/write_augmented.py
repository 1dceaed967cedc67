"""Augmented copies as audio files with a list of them, for inis that train nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import no_link, write_json
from izwi.stages.augment import environment_of
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit


def _sentence(spec: dict[str, Any]) -> str:
    kinds = list(dict.fromkeys(maker["kind"] for maker in spec["makers"].values()))
    which = {"train": "the training samples", "test": "the test samples"}.get(
        spec["rows"], "all samples"
    )
    return (
        f"Augmented copies of {which} were written ({', '.join(kinds)}): "
        f"{count(len(spec['makers']), 'copy', 'copies')} of each."
    )


STAGE = Stage(
    name="write_augmented",
    outputs={"header": "augmented_audio/{databases}-{key}/augmented.json"},
    scope="data",
    after=("load", "augment"),
    mem_mb=2000,
    minutes=240,
    environment="augment",
    imports=("pandas", "izwi.augmentation.writing"),
    end=True,
    methods=_sentence,
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """The files of an ini that asks for augmentation without a model."""
    if not request.augment.get("result"):
        return []
    tables = planned.units["augment"]
    label = "+".join(database["name"] for database in request.databases)
    spec = {
        "tables": [unit.key for unit in tables],
        "makers": tables[0].spec["makers"],
        "rows": request.augment["rows"],
        "list": request.augment["result"],
        "target": request.target,
    }
    key = key_of(
        STAGE.name, spec, code_of("izwi.augmentation.writing"), versions_of(("soundfile",))
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=label,
        spec={**spec, "loads": [unit.spec["load"] for unit in tables]},
        inputs={"tables": [unit.outputs["table"] for unit in tables]},
        source=request.ini,
        environment=environment_of(spec["makers"]),
        databases=slug(label),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the audio, and the list of it."""
    import pandas as pd

    from izwi.augmentation import writing

    folder = Path(unit.outputs["header"]).parent
    # A call that was killed may have left files.
    no_link(unit.outputs["header"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = []
    for path, load in zip(unit.inputs["tables"], unit.spec["loads"], strict=True):
        places = job.listing(job.plan.table(load)).places
        table = pd.read_parquet(path)
        rows.append(
            writing.write_audio(table, places, unit.spec["makers"], folder, threads=job.threads)
        )
    found = pd.concat(rows, ignore_index=True)
    clipped = int(found.pop(writing.CLIPPED).sum())
    writing.write_list(found, unit.spec["target"], folder / unit.spec["list"])
    place = folder / unit.spec["list"]
    report = {"notes": [f"[AUGMENT] {count(len(found), 'file')} written, listed in {place}"]}
    if clipped:
        report["warnings"] = [f"[AUGMENT] {clipped} of {len(found)} files clip at full scale"]
    job.report(unit, report)
    write_json(unit.outputs["header"], {"key": unit.key, "files": len(found), "clipped": clipped})
