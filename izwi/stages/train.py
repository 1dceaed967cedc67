"""A model, fitted on the training rows, and its predictions of the rows that are held out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from izwi import models
from izwi.config.experiment.splits import tests_alone
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, atomic_folder, write_json
from izwi.stages.split import spec_and_key
from izwi.training import tpe

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.config.experiment.resolved import SplitSpec
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
    after=("load", "annotate", "split", "segment", "segment_split", "features", "audit"),
    mem_mb=4000,
    minutes=120,
    imports=("pandas", "pyarrow.parquet", "izwi.training.fit_predict", "sklearn.preprocessing"),
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The model of an experiment, if it has one."""
    if not experiment.trains or experiment.fuses:
        return []
    cls = models.model_class(experiment.model["type"])
    spec = fit_spec(experiment)
    samples, samples_key = fit_samples(experiment, planned)
    key = key_of(
        STAGE.name,
        without_places(spec),
        cls.content(experiment.model["options"]),
        samples_key,
        code_of(__name__, "izwi.training.fit_predict", cls.__module__),
        versions_of(("numpy", "scikit-learn", *cls.packages)),
        versions_of(("imbalanced-learn",)) if experiment.learning.get("balancing") else {},
        *versions_of_search(experiment),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        # Needed to apply the model elsewhere; in its key the keys of the matrices represent them.
        spec={**spec, "features": list(experiment.features)},
        inputs=samples,
        source=experiment.ini,
        environment=cls.group,
        model=slug(experiment.model["type"]),
    )
    if unit.sources == [experiment.ini] or experiment.leakage != "error":
        # It waits for audits, but findings that stop one experiment do not stop the others.
        unit.inputs["audit"] = planned.outputs("audit", "report")
    return [unit]


def fit_spec(experiment: Experiment) -> dict[str, Any]:
    """How a model is fitted: the spec without the feature sets."""
    cls = models.model_class(experiment.model["type"])
    return {
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


def versions_of_search(experiment: Experiment) -> list[dict[str, str | None]]:
    """Versions of what a search for options is made by, if that is a package of its own."""
    tune = experiment.learning.get("tune") or {}
    return [versions_of((tpe.PACKAGE,))] if tune.get("strategy") == "tpe" else []


def fitted_on(experiment: Experiment, planned: Planned) -> list[int]:
    """Positions of the databases that the model is fitted on.

    Databases that are only tested on are left out, so that adding one retrains nothing. They stay
    if they affect the fit: by ids of speakers, or by names of features.
    """
    split, names = experiment.split, [database["name"] for database in experiment.databases]
    own = [i for i, name in enumerate(names) if not tests_alone(split, name)]
    entangled = (
        split["same_speakers"]
        or "submodel" in experiment.learning
        or any(one["type"] == "metadata" for one in experiment.features)
    )
    return list(range(len(names))) if entangled or not own else own


def fit_samples(experiment: Experiment, planned: Planned) -> tuple[dict[str, Any], str]:
    """Inputs of the fit, and the key of their content for the databases that it is fitted on."""
    own, inputs = fitted_on(experiment, planned), planned.samples
    if len(own) == len(experiment.databases):
        return inputs, planned.samples_key
    kept = [experiment.databases[i]["name"] for i in own]
    split: SplitSpec = {
        **experiment.split,
        "databases": {name: experiment.split["databases"][name] for name in kept},
        "tests": None,
    }
    loads = [planned.tables[i] for i in own]
    # The key of the split of these databases without further test databases.
    _, split_key = spec_and_key(split, loads, [planned.contents[i] for i in own])
    sets = len(experiment.features)
    features = [unit for i in own for unit in planned.units["features"][i * sets :][:sets]]
    inputs["tables"] = [planned.tables[i].outputs["table"] for i in own]
    inputs["matrices"] = [unit.outputs["matrix"] for unit in features]
    return inputs, key_of(split_key, [unit.key for unit in features])


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
    """A spec for a key, without options whose content is in the key instead."""
    if "model" not in spec:
        return spec
    model = spec["model"]
    located = models.model_class(model["type"]).located
    options = {name: value for name, value in model["options"].items() if name not in located}
    return {**spec, "model": {**model, "options": options}}


def _default_measure(task: str) -> str:
    return "uar" if task == "classification" else "mse"
