"""Write the page of results."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))

from izwi.engine import job as jobs
from izwi.files import write_text
from izwi.reporting.page import build, write
from izwi.reporting.page.options import ON_PAGE


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write index.html, of all experiments and tables of the call."""
    units = job.plan.units
    lines = jobs.told(job.plan)

    @cache
    def places(load):
        listing = job.listing(units["load"][load])
        return dict(zip(listing.files, listing.paths, strict=True))

    builder = build.Builder(
        os.path.dirname(unit.outputs["page"]),
        unit.spec,
        lambda load, file: places(load).get(file) if load in units["load"] else None,
    )
    tables = [table for stage in ON_PAGE for table in units.get(stage, {}).values()]
    content = builder.content(
        units["experiment"].values(), tables, list(dict.fromkeys(lines)), commit()
    )
    write_text(unit.outputs["page"], write.page(content, builder.pictures, builder.recordings))


def commit() -> str:
    """The commit of this source code, empty where it is no checkout of its own."""
    command = ["git", "-C", str(HOME), "rev-parse", "--show-toplevel", "--short=10", "HEAD"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"commit {told[-1]}" if Path(told[0]).resolve() == HOME else ""


if __name__ == "__main__":
    jobs.run(main)
