"""Find out something about data or model beside the figures."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs
from izwi.files import atomic, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write what one analysis found."""
    import pandas as pd

    from izwi.analyses import kinds
    from izwi.data import csv_files

    model = unit.inputs.get("model")
    found = kinds.run(
        unit.spec,
        *jobs.read_samples(unit),
        folder=Path(model).parent if model else None,
        recordings=[pd.read_parquet(path) for path in unit.inputs.get("recordings", ())],
    )
    if isinstance(found, dict):
        job.report(unit, found)
        write_json(unit.outputs["result"], found)
        return
    with atomic(unit.outputs["result"]) as path:
        (csv_files.write_rows if "file" in found else csv_files.write_table)(found, path)


if __name__ == "__main__":
    jobs.run(main)
