"""Count who and what is in each part of a split."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.data.scan import read_header
from izwi.engine import job as jobs
from izwi.files import atomic, read_json, write_json

# What audformat's header says of its origin.
HEADER = ("name", "description", "source", "author", "organization", "license", "license_url")


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write the numbers of one split, with what its databases say of themselves."""
    import pandas as pd

    from izwi.data import description

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    loads = [job.plan.units["load"][key] for key in unit.spec["loads"]]
    seconds = pd.concat(
        [
            description.durations(table, lengths(table, job.listing(load)))
            for table, load in zip(tables, loads, strict=True)
        ],
        ignore_index=True,
    )
    found = counted(unit, tables, seconds)
    for load in loads:
        found["databases"][load.label]["header"] = header(load)
    with atomic(unit.outputs["seconds"]) as path:
        seconds.to_frame("seconds").to_parquet(path, index=False)
    write_json(unit.outputs["description"], {"key": unit.key, **found})


def counted(unit: jobs.Unit, tables: list, seconds) -> dict:
    """What can be counted without the audio."""
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


def lengths(table, listing) -> dict[str, float]:
    """Seconds of the files that have rows without an end, from their headers."""
    import audiofile

    paths = dict(zip(listing.files, listing.paths, strict=True))
    wanted = sorted(set(table.loc[table["end"].isna(), "file"]))

    def length(file: str) -> float:
        try:
            return audiofile.duration(paths[file])
        # What it raises depends on the format; whoever needs the audio says what is wrong with it.
        except Exception:
            return float("nan")

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(wanted, pool.map(length, wanted), strict=True))


def header(load: jobs.Unit) -> dict[str, str]:
    """What an audformat database says of its origin, and its version where audb knows it."""
    about = {"type": load.spec["type"], "path": load.spec["path"]}
    if "database" in load.inputs:
        about |= read_json(load.inputs["database"])
    found = {"version": str(about["version"])} if about.get("version") else {}
    if about["type"] == "audformat":
        content = read_header(Path(about["path"]), load.label)
        found |= {key: str(content[key]) for key in HEADER if content.get(key)}
    return found


if __name__ == "__main__":
    jobs.run(main)
