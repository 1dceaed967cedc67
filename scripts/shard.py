"""Extract a part of a table's audio into the feature store."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs
from izwi.files import write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Fill the store; audio that cannot be used is told by the job that makes the matrix."""
    import pandas as pd

    from izwi.features import BadFiles
    from izwi.features.extraction import Extraction

    table = pd.read_parquet(unit.inputs["table"])
    # The part of a recording follows from its content: it is the same wherever it is listed.
    part = [
        isinstance(digest, str) and int(digest[:8], 16) % unit.spec["of"] == unit.spec["shard"]
        for digest in table["digest"]
    ]
    listing = job.listing(job.plan.units["load"][unit.spec["table"]])
    bad = 0
    extraction = Extraction(
        {"type": unit.spec["type"], "options": unit.spec["options"]},
        table[part],
        dict(zip(listing.files, listing.paths, strict=True)),
        store=Path(unit.spec["store"]),
        threads=job.threads,
        progress=lambda line: job.say(f"{unit.label}: {line}", show=True),
    )
    try:
        extraction.run()
    except BadFiles as error:
        bad = len(error.rows)
    write_json(unit.outputs["done"], {"key": unit.key, "rows": sum(part), "bad": bad})


if __name__ == "__main__":
    jobs.run(main)
