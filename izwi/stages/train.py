"""A model, fitted on the training rows, and its predictions of the rows that are held out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from izwi import models
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, atomic_folder, write_json

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit
    from izwi.training.types import TrainSpec

STAGE = Stage(
    name="train",
    outputs={
        "predictions": "models/{model}-{key}/predictions.parquet",
        "report": "models/{model}-{key}/training.json",
        "model": "models/{model}-{key}/model",
    },
    scope="experiment",
    after=("load", "split", "features", "audit"),
    mem_mb=4000,
    minutes=480,
    imports=("pandas", "pyarrow.parquet", "izwi.training.fit_predict", "sklearn.preprocessing"),
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The model of an experiment."""
    cls = models.model_class(experiment.model["type"])
    spec = {
        "task": experiment.task,
        "model": experiment.model,
        "preprocessing": experiment.preprocessing,
        "runs": experiment.runs,
        "seed": experiment.seed,
        # Dev and the search for options decide by it; for other fits it would only make the
        # key depend on what is reported of them.
        "measure": experiment.evaluation["measure"]
        if cls.needs_dev or experiment.runs > 1 or "tune" in experiment.learning
        else _default_measure(experiment.task),
        "save": experiment.save,
        **experiment.learning,
    }
    key = key_of(
        STAGE.name,
        without_places(spec),
        cls.content(experiment.model["options"]),
        planned.samples_key,
        code_of(__name__, "izwi.training.fit_predict", cls.__module__),
        versions_of(("numpy", "scikit-learn", *cls.packages)),
        versions_of(("imbalanced-learn",)) if experiment.learning.get("balancing") else {},
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        # For the model to be used elsewhere; the keys of the matrices stand for them in its key.
        spec={**spec, "features": list(experiment.features)},
        inputs=planned.samples,
        source=experiment.ini,
        environment=cls.group,
        model=slug(experiment.model["type"]),
    )
    if unit.sources == [experiment.ini] or experiment.leakage != "error":
        # It waits, but is not held up for others where one of them ends by what is found.
        unit.inputs["audit"] = planned.outputs("audit", "report")
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the model, the predictions and the report of one experiment."""
    from izwi.data.samples import read_samples
    from izwi.training import fit_predict

    spec = cast("TrainSpec", unit.spec)
    with atomic_folder(Path(unit.outputs["model"])) as folder:
        predictions, report = fit_predict.train(spec, *read_samples(unit.inputs), folder)
    with atomic(unit.outputs["predictions"]) as path:
        predictions.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})


def without_places(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec for a key, without the options whose content stands there for them."""
    if "model" not in spec:
        return spec
    model = spec["model"]
    located = models.model_class(model["type"]).located
    options = {name: value for name, value in model["options"].items() if name not in located}
    return {**spec, "model": {**model, "options": options}}


def _default_measure(task: str) -> str:
    return "uar" if task == "classification" else "mse"
