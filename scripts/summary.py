"""One row for each experiment."""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi import jobs
from izwi.files import atomic, read_json


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Write summary.csv."""
    rows = []
    for metrics_path, record_path in zip(
        unit.inputs["metrics"], unit.inputs["records"], strict=True
    ):
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
                "n_train": metrics["n_train"],
                "n_test": metrics["n_test"],
                "n_speakers": metrics["n_speakers"],
                "transductive": metrics["transductive"],
                "warnings": len(metrics["warnings"]),
            }
        )
    with (
        atomic(unit.outputs["summary"]) as path,
        open(path, "w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if "snakemake" in globals():
    jobs.run(snakemake, main)
