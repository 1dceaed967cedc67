"""Extract a feature set for a table; only audio that the store has not seen is read."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi import exclusion, jobs
from izwi.files import atomic, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write one feature matrix, with a report beside it."""
    import pandas as pd

    from izwi import features

    table = pd.read_parquet(unit.inputs["table"])
    load = job.plan.units["load"][unit.spec["table"]]
    listing = job.listing(load)
    warnings: list[str] = []

    # What no model sees is told by the feature sets that models see.
    internal = unit.spec["type"] in features.INTERNAL
    try:
        matrix = features.extract(
            {"type": unit.spec["type"], "options": unit.spec["options"]},
            table,
            dict(zip(listing.files, listing.paths, strict=True)),
            store=Path(unit.spec["store"]),
            threads=job.threads,
            fail_threshold=unit.spec["fail_threshold"],
            progress=lambda line: job.say(f"{unit.label}: {line}", show=True),
            warn=lambda line: warnings.append(f"[FEATS] {load.label}: {line}"),
        )
    except features.BadFiles as error:
        if not internal:
            listed(unit, load.label, error.rows)
            place = Path(job.plan.results) / exclusion.LIST
            error.problems.append(f"[FEATS] type: all of them are listed in {place}")
            raise
        index = ["file", "start", "end"]
        names = features.extractor_class(unit.spec["type"])({}).columns
        matrix = table[index].reindex(columns=[*index, *names])
    excluded = matrix.attrs.get(exclusion.EXCLUDED, [])
    bad = [(matrix["file"].iloc[row], reason) for row, reason in excluded]
    if not internal:
        listed(unit, load.label, bad)
    if bad and not internal:
        warnings.append(f"[FEATS] {load.label}: {exclusion.warning(bad, len(matrix))}")
    with atomic(unit.outputs["matrix"]) as path:
        matrix.to_parquet(path, index=False)
    job.report(unit, {"warnings": warnings})
    write_json(
        unit.outputs["report"],
        {
            "key": unit.key,
            "spec": unit.spec,
            "warnings": warnings,
            "rows": len(matrix),
            "excluded": len(bad),
            "features": matrix.columns.drop(["file", "start", "end"]).tolist(),
        },
    )


def listed(unit: jobs.Unit, database: str, bad: list[tuple[str, str]]) -> None:
    """List the files that cannot be used beside the matrix; no list where there are none."""
    path = exclusion.list_of(unit.outputs["matrix"])
    path.unlink(missing_ok=True)
    if bad:
        exclusion.write_list(path, [(database, unit.spec["type"], *row) for row in bad])


if "snakemake" in globals():
    jobs.run(snakemake, main)
