"""Bring the results of an experiment together in the folder that carries its name."""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.data import soft_labels
from izwi.engine import job as jobs
from izwi.files import atomic, read_json, write_json, write_text
from izwi.reporting import texts


def main(unit: jobs.Unit, job: jobs.Job) -> None:
    """Copy what the stages made and write texts; plots no longer asked for go away."""
    keep = {Path(path).resolve() for path in unit.outputs.values()}
    for kind in ("plots", "explain"):
        for path in (Path(unit.outputs["metrics"]).parent / kind).glob("*"):
            if path.resolve() not in keep:
                path.unlink()
    record = read_json(unit.inputs["wish"])
    write_json(unit.outputs["record"], record)
    job.report(unit, record)
    metrics = {"name": unit.spec["name"], **read_json(unit.inputs["metrics"])}
    for kind in ("warnings", "notes"):
        metrics[kind] = record[kind] + metrics[kind]
    write_json(unit.outputs["metrics"], metrics)
    training, description = (read_json(unit.inputs[r]) for r in ("training", "description"))
    for file, text in texts.texts(record, metrics, training, description).items():
        write_text(unit.outputs[f"text {file}"], text, forced=False)
    for role, source in unit.inputs.items():
        if role not in unit.outputs or role == "metrics":
            continue
        with atomic(unit.outputs[role]) as path:
            shutil.copyfile(source, path)
    link = unit.outputs.get("link")
    if link:
        Path(link).parent.mkdir(parents=True, exist_ok=True)
        Path(link).unlink(missing_ok=True)
        os.symlink(os.path.relpath(unit.outputs["soft_labels"], os.path.dirname(link)), link)
    else:
        for name in (soft_labels.LABELS, soft_labels.LINEAGE):
            (Path(unit.outputs["metrics"]).parent / name).unlink(missing_ok=True)


if __name__ == "__main__":
    jobs.run(main)
