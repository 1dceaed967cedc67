"""The model of an experiment, tested on databases that had no part in its training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from izwi import models
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, read_json, write_json
from izwi.stages.split import fitted_on

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="predict",
    outputs={
        "predictions": "predictions/{model}-{key}/predictions.parquet",
        "report": "predictions/{model}-{key}/training.json",
    },
    scope="experiment",
    after=("load", "annotate", "split", "segment", "segment_split", "features", "train"),
    mem_mb=4000,
    minutes=60,
    imports=("pandas", "pyarrow.parquet", "izwi.training.predict"),
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The tests on databases that the model was not fitted on, if there are any."""
    if not experiment.trains or experiment.fuses:
        return []
    if len(fitted_on(experiment, planned)) == len(experiment.databases):
        return []
    trained = planned.one("train")
    cls = models.model_class(experiment.model["type"])
    key = key_of(
        STAGE.name,
        trained.key,
        planned.samples_key,
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
            "training": trained.outputs["report"],
            "model": trained.outputs["model"],
        },
        source=experiment.ini,
        environment=cls.group,
        model=slug(experiment.model["type"]),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the predictions, and the report of the training with the counts of this test."""
    from izwi.data.samples import read_samples
    from izwi.training import predict

    training = read_json(unit.inputs["training"])
    samples = read_samples(unit.inputs, on_disk=True)
    predictions, report = predict.predict(training, *samples, Path(unit.inputs["model"]))
    with atomic(unit.outputs["predictions"]) as path:
        predictions.to_parquet(path, index=False)
    write_json(unit.outputs["report"], report)
