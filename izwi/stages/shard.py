"""A part of a large table's audio, extracted into the feature store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from izwi.engine.keys import key_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage
from izwi.files import write_json
from izwi.stages.features import shards

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="shard",
    outputs={"done": "shards/{part}-{key}.json"},
    scope="results",
    after=("features",),
    mem_mb=2000,
    minutes=240,
    imports=("pandas", "izwi.features.extraction"),
)


def plan(planner: Planner) -> list[Unit]:
    """Jobs that fill the feature store before a large matrix is assembled."""
    files = {c.listing: c.files for c in planner.contents.values() if c.listing}
    units = []
    for matrix in planner.plan.of("features"):
        listed = files.get(planner.plan.listings.get(matrix.spec["table"], ""), 0)
        n = shards(matrix, listed, planner.shard_files)
        if n < 2 or matrix.done:
            continue
        own = []
        for i in range(n):
            unit = planner.add(
                STAGE.name,
                key_of(STAGE.name, matrix.key, i, n),
                label=f"{i + 1} of {n} of {matrix.label}",
                spec={**matrix.spec, "shard": i, "of": n},
                inputs={"table": matrix.inputs["table"], "splits": matrix.inputs["splits"]},
                environment=matrix.environment,
                part=f"{i + 1}-of-{n}",
            )
            unit.sources = matrix.sources
            if "model" in matrix.inputs:
                unit.inputs["model"] = matrix.inputs["model"]
            own.append(unit)
        matrix.inputs["shards"] = [unit.outputs["done"] for unit in own]
        units += own
    return units


def run(unit: Unit, job: Job) -> None:
    """Fill the store; the job that makes the matrix reports unusable audio."""
    import pandas as pd

    from izwi.features import BadFiles
    from izwi.features.extraction import Extraction

    table = pd.read_parquet(unit.inputs["table"])
    # The part of a recording follows from its content: it is the same wherever it is listed.
    part = [
        isinstance(digest, str) and int(digest[:8], 16) % unit.spec["of"] == unit.spec["shard"]
        for digest in table["digest"]
    ]
    listing = job.listing(job.plan.table(unit.spec["table"]))
    bad = 0
    extraction = Extraction(
        {"type": unit.spec["type"], "options": unit.spec["options"]},
        table[part],
        listing.places,
        store=Path(unit.spec["store"]),
        threads=job.threads,
        progress=lambda line: job.say(f"{unit.label}: {line}", show=True),
        makers=unit.spec.get("makers"),
    )
    try:
        extraction.run()
    except BadFiles as error:
        bad = len(error.rows)
    write_json(unit.outputs["done"], {"key": unit.key, "rows": sum(part), "bad": bad})
