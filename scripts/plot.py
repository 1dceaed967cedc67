"""Draw plots."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi import jobs
from izwi.files import atomic


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Draw one plot."""
    from izwi import plots

    with atomic(unit.outputs["plot"]) as path:
        plots.draw(unit.spec, unit.inputs, path)


if "snakemake" in globals():
    jobs.run(snakemake, main)
