"""Find out something about data or model beside the figures."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi import jobs
from izwi.files import atomic, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write what one analysis found."""
    from izwi import analyses, rows

    found = analyses.run(unit.spec, *jobs.read_samples(unit))
    if isinstance(found, dict):
        job.report(unit, found)
        write_json(unit.outputs["result"], found)
        return
    with atomic(unit.outputs["result"]) as path:
        rows.write_rows(found, path)


if "snakemake" in globals():
    jobs.run(snakemake, main)
