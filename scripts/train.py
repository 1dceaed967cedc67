"""Train models and predict their test rows."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.engine import job as jobs
from izwi.files import atomic, atomic_folder, write_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write the model, the predictions and the report of one experiment."""
    from izwi.training import fit_predict

    with atomic_folder(Path(unit.outputs["model"]).parent) as folder:
        predictions, report = fit_predict.train(unit.spec, *jobs.read_samples(unit), folder)
    with atomic(unit.outputs["predictions"]) as path:
        predictions.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})


if __name__ == "__main__":
    jobs.run(main)
