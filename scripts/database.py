"""Make a database that is not on disk yet: synthesise the embedded one, or fetch one by audb."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs
from izwi.files import write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Make one database; ``done.json`` says how to read it."""
    folder = Path(unit.spec["folder"])
    if unit.spec["type"] == "demo":
        from izwi.data.databases import demo

        job.say("synthesising the embedded demo data (synthetic speech)", show=True)
        demo.synthesise(folder)
        found = {"type": "csv", "path": str(folder / "demo.csv")}
    else:
        from izwi.data.databases import audb

        version = audb.fetch(unit.spec["name"], unit.spec["version"], folder / "audb")
        found = {"type": "audformat", "path": str(folder / "audb"), "version": version}
    write_json(unit.outputs["header"], found)


if __name__ == "__main__":
    jobs.run(main)
