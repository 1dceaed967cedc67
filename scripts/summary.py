"""One row for each experiment of the config; controls of tables stand in these alone."""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.data.csv_safety import harmless
from izwi.engine import failure_markers
from izwi.engine import job as jobs
from izwi.files import atomic, read_json, write_text

COLUMNS = (
    "name",
    "type",
    "databases",
    "target",
    "features",
    "scale",
    "model",
    "measure",
    "value",
    "ci_low",
    "ci_high",
    "ci_method",
    "n_train",
    "n_test",
    "n_speakers",
    "few_speakers",
    "transductive",
    "warnings",
)


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write summary.csv, and for the verdict which experiments it lacks."""
    rows, missing = [], []
    controls = {
        one.outputs["metrics"]
        for one in job.plan.units["experiment"].values()
        if one.spec.get("control")
    }
    for metrics_path, record_path in zip(
        unit.inputs["metrics"], unit.inputs["records"], strict=True
    ):
        if failure_markers.marked(metrics_path):
            missing.append(Path(metrics_path).parent.name)
            continue
        if metrics_path in controls:
            continue
        metrics, record = read_json(metrics_path), read_json(record_path)
        low, high = metrics["ci"] or (None, None)
        rows.append(
            {
                "name": metrics["name"],
                "type": metrics["type"],
                "databases": " ".join(d["name"] for d in record["databases"]),
                "target": record["target"],
                "features": " ".join(f["type"] for f in record["features"]),
                "scale": record["preprocessing"]["scale"],
                "model": record["model"]["type"],
                "measure": metrics["measure"],
                "value": metrics["value"],
                "ci_low": low,
                "ci_high": high,
                "ci_method": metrics["ci_method"],
                "n_train": metrics["n_train"],
                "n_test": metrics["n_test"],
                "n_speakers": metrics["n_speakers"],
                "few_speakers": metrics["few_speakers"],
                "transductive": metrics["transductive"],
                "warnings": len(metrics["warnings"]),
            }
        )
    with (
        atomic(unit.outputs["summary"]) as path,
        open(path, "w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: harmless(value) for key, value in row.items()} for row in rows)
    for verdict in job.plan.units["verdict"].values():
        failed = Path(verdict.spec["failed"])
        failed.unlink(missing_ok=True)
        if missing:
            write_text(failed, f"{', '.join(missing)}: could not be made\n")


if __name__ == "__main__":
    jobs.run(main)
