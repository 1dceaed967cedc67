"""Extract a feature set for a table; only audio that the store has not seen is read."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.data import bad_audio
from izwi.engine import job as jobs
from izwi.files import atomic, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write one feature matrix, with a report beside it."""
    import pandas as pd

    from izwi import features
    from izwi.features.extraction import INDEX, Extraction

    table = pd.read_parquet(unit.inputs["table"])
    load = job.plan.units["load"][unit.spec["table"]]
    listing = job.listing(load)
    warnings: list[str] = []

    # What no model sees is told by the feature sets that models see.
    internal = unit.spec["type"] in features.INTERNAL
    bad: list[tuple[str, str]] = []
    extraction = Extraction(
        {"type": unit.spec["type"], "options": unit.spec["options"]},
        table,
        dict(zip(listing.files, listing.paths, strict=True)),
        store=Path(unit.spec["store"]),
        threads=job.threads,
        progress=lambda line: job.say(f"{unit.label}: {line}", show=True),
    )
    del listing
    try:
        extraction.run(fail_threshold=unit.spec["fail_threshold"])
        with atomic(unit.outputs["matrix"]) as path:
            names = extraction.write(
                path, warn=lambda line: warnings.append(f"[FEATS] {load.label}: {line}")
            )
        bad = [(file, reason) for _, file, reason in extraction.excluded]
    except features.BadFiles as error:
        if not internal:
            listed(unit, load.label, error.rows)
            place = Path(job.plan.results) / bad_audio.LIST
            error.problems.append(f"[FEATS] type: all of them are listed in {place}")
            raise
        names = list(extraction.columns)
        with atomic(unit.outputs["matrix"]) as path:
            table[INDEX].reindex(columns=[*INDEX, *names]).to_parquet(path, index=False)
    if not internal:
        listed(unit, load.label, bad)
    if bad and not internal:
        warnings.append(f"[FEATS] {load.label}: {bad_audio.warning(bad, len(table))}")
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


def listed(unit: jobs.Unit, database: str, bad: list[tuple[str, str]]) -> None:
    """List the files that cannot be used beside the matrix; no list where there are none."""
    path = bad_audio.list_of(unit.outputs["matrix"])
    path.unlink(missing_ok=True)
    if bad:
        bad_audio.write_list(path, [(database, unit.spec["type"], *row) for row in bad])


if __name__ == "__main__":
    jobs.run(main)
