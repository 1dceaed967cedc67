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
from izwi.stages.split import fitted_on, own_split_key

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
    after=("load", "annotate", "split", "segment", "segment_split", "augment", "features", "audit"),
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
        # Degraded copies are predicted by the models of their folds.
        "save": experiment.save or bool(experiment.robustness and _folds(experiment)),
        **experiment.learning,
    }


def versions_of_search(experiment: Experiment) -> list[dict[str, str | None]]:
    """Versions of what a search for options is made by, if that is a package of its own."""
    tune = experiment.learning.get("tune") or {}
    if tune.get("strategy") != "tpe":
        return []
    from izwi.training import tpe

    return [versions_of((tpe.PACKAGE,))]


def fit_samples(experiment: Experiment, planned: Planned) -> tuple[dict[str, Any], str]:
    """Inputs of the fit, and the key of their content for the databases that it is fitted on."""
    own, inputs = fitted_on(experiment, planned), planned.samples | planned.copied
    copies = [unit.key for unit in planned.copies]
    if len(own) == len(experiment.databases):
        key = planned.samples_key
        return inputs, key_of(key, copies) if copies else key
    sets = len(experiment.features)
    features = [unit for i in own for unit in planned.units["features"][i * sets :][:sets]]
    inputs["tables"] = [planned.tables[i].outputs["table"] for i in own]
    inputs["matrices"] = [unit.outputs["matrix"] for unit in features]
    matrices = [unit.key for unit in features]
    return inputs, key_of(own_split_key(experiment, planned), [*matrices, *copies])


def run(unit: Unit, job: Job) -> None:
    """Write the model, the predictions and the report of one experiment."""
    from izwi.data.samples import read_copies, read_samples
    from izwi.splits import folds
    from izwi.training import fit_predict

    spec, copies = cast("TrainSpec", unit.spec), read_copies(unit.inputs)
    tables, matrices, split, labels = read_samples(unit.inputs, on_disk=True)
    rows = len(next(iter(folds(split)))[1])
    features = sum(len(matrix.columns) for matrix in matrices[0])
    slow = models.model_class(spec["model"]["type"]).slow(rows, features)
    if slow:
        # Not only when it is over.
        job.say(f"{unit.label}: warning: {slow}", show=True)
    with atomic_folder(Path(unit.outputs["model"])) as folder:
        predictions, report = fit_predict.train(
            spec, tables, matrices, split, labels, folder, copies=copies
        )
    with atomic(unit.outputs["predictions"]) as path:
        predictions.to_parquet(path, index=False)
    job.report(unit, report)
    report["warnings"] += [slow] if slow else []
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})


def _folds(experiment: Experiment) -> bool:
    return bool(experiment.split["logo"] or experiment.split["k_fold_cross"])


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
