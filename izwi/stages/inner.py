"""Training rows of an ensemble's members, predicted by models that had not seen them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from izwi import models
from izwi.config.ensembles import LEARNED
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, write_json
from izwi.stages.train import fit_samples, fit_spec, versions_of_search, without_places

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit
    from izwi.training.types import TrainSpec

STAGE = Stage(
    name="inner",
    outputs={
        "predictions": "inner/{model}-{key}/predictions.parquet",
        "report": "inner/{model}-{key}/inner.json",
    },
    scope="experiment",
    after=("load", "annotate", "split", "segment", "segment_split", "features", "audit", "train"),
    mem_mb=4000,
    minutes=240,
    imports=("pandas", "pyarrow.parquet", "izwi.training.inner", "sklearn.preprocessing"),
    several=True,
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """A unit for each member of an ensemble whose weights are learned."""
    options = experiment.model["options"]
    if not experiment.fuses or options["method"] not in LEARNED:
        return []
    experiments = {one.name: one for one in planner.experiments}
    return [
        _of_member(experiments[name], planner.planned[name], options["folds"], planner)
        for name in options["members"]
    ]


def _of_member(experiment: Experiment, planned: Planned, folds: int, planner: Planner) -> Unit:
    cls = models.model_class(experiment.model["type"])
    spec = fit_spec(experiment) | {"save": False}
    samples, samples_key = fit_samples(experiment, planned)
    key = key_of(
        STAGE.name,
        without_places(spec),
        folds,
        cls.content(experiment.model["options"]),
        samples_key,
        code_of(__name__, "izwi.training.inner", cls.__module__),
        versions_of(("numpy", "scikit-learn", *cls.packages)),
        versions_of(("imbalanced-learn",)) if experiment.learning.get("balancing") else {},
        *versions_of_search(experiment),
    )
    return planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec={**spec, "features": list(experiment.features), "folds": folds},
        # The training waits for audits, and this for the training.
        inputs={**samples, "training": planned.one("train").outputs["report"]},
        source=experiment.ini,
        environment=cls.group,
        model=slug(experiment.model["type"]),
    )


def run(unit: Unit, job: Job) -> None:
    """Write the predictions of one member's training rows."""
    from izwi.data.samples import read_copies, read_samples
    from izwi.training import inner

    spec = dict(unit.spec)
    folds = spec.pop("folds")
    samples = read_samples(unit.inputs)
    predictions, report = inner.predict(
        cast("TrainSpec", spec), folds, *samples, copies=read_copies(unit.inputs)
    )
    with atomic(unit.outputs["predictions"]) as path:
        predictions.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})
