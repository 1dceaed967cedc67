"""The model of an experiment on degraded copies of its test samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from izwi import models
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json, write_json

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="predict_degraded",
    outputs={
        "predictions": "degraded_predictions/{model}-{key}/predictions.parquet",
        "report": "degraded_predictions/{model}-{key}/report.json",
    },
    scope="experiment",
    after=(
        *("load", "annotate", "split", "segment", "segment_split", "features", "train", "degrade"),
    ),
    mem_mb=4000,
    minutes=60,
    imports=("pandas", "pyarrow.parquet", "izwi.training.predict"),
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The predictions of the copies, if the ini asks for degradations."""
    if not experiment.robustness:
        return []
    trained = planned.one("train")
    cls = models.model_class(experiment.model["type"])
    key = key_of(
        STAGE.name,
        trained.key,
        planned.samples_key,
        [unit.key for unit in planned.degraded],
        code_of(__name__, cls.__module__),
        versions_of(("numpy", "scikit-learn", *cls.packages)),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec={},
        inputs={
            **planned.samples,
            "copies": planned.outputs("degrade", "table"),
            "copy_matrices": [unit.outputs["matrix"] for unit in planned.degraded],
            "training": trained.outputs["report"],
            "model": trained.outputs["model"],
        },
        source=experiment.ini,
        environment=cls.group,
        model=slug(experiment.model["type"]),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the predictions of all copies, and the classes in order."""
    from izwi.data.samples import read_copies, read_samples
    from izwi.training import degraded

    samples = read_samples(unit.inputs)
    predictions = degraded.predict(
        read_json(unit.inputs["training"]),
        *samples,
        Path(unit.inputs["model"]),
        read_copies(unit.inputs),
    )
    with atomic(unit.outputs["predictions"]) as path:
        predictions.to_parquet(path, index=False)
    write_json(unit.outputs["report"], {"key": unit.key, "labels": samples[-1]})
