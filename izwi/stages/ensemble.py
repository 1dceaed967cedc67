"""The predictions of several experiments, fused into one: late fusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    name="ensemble",
    outputs={
        "predictions": "ensembles/{method}-{key}/predictions.parquet",
        "report": "ensembles/{method}-{key}/training.json",
    },
    scope="experiment",
    after=("split", "segment_split", "train", "predict", "inner"),
    minutes=10,
    imports=("pandas", "pyarrow.parquet", "izwi.training.fusion"),
    archived=True,
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The fusion of an ensemble; nothing for experiments with a model of their own."""
    if not experiment.fuses:
        return []
    options = {k: v for k, v in experiment.model["options"].items() if k != "features"}
    members = [planner.planned[name].predicted for name in options["members"]]
    spec = {
        "task": experiment.task,
        "measure": experiment.evaluation["measure"],
        "seed": experiment.seed,
        **options,
    }
    key = key_of(
        STAGE.name,
        spec,
        [member.key for member in members],
        planned.keys("inner"),
        planned.parts.key,
        code_of(__name__),
        versions_of(("numpy", "scikit-learn")),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec=spec,
        inputs={
            "predictions": [member.outputs["predictions"] for member in members],
            "training": [member.outputs["report"] for member in members],
            "inner": planned.outputs("inner", "predictions"),
            "inner_reports": planned.outputs("inner", "report"),
            "split_report": planned.parts.outputs["report"],
        },
        source=experiment.ini,
        method=slug(options["method"]),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the fused predictions, and a report with the weights."""
    import pandas as pd

    from izwi.training import fusion

    labels = read_json(unit.inputs["split_report"])["labels"] or None
    frames = [pd.read_parquet(path) for path in unit.inputs["predictions"]]
    inner = [pd.read_parquet(path) for path in unit.inputs["inner"]]
    predictions, fused = fusion.fuse(unit.spec, frames, inner, labels)
    with atomic(unit.outputs["predictions"]) as path:
        predictions.to_parquet(path, index=False)
    write_json(unit.outputs["report"], _report(unit, fused))


def _report(unit: Unit, fused: dict[str, Any]) -> dict[str, Any]:
    """As the report of a training, for what reads these."""
    names = unit.spec["members"]
    training = [read_json(path) for path in unit.inputs["training"]]
    inner = [read_json(path) for path in unit.inputs["inner_reports"]]
    # What their trainings said stands in the figures of the members.
    said = {
        kind: [
            f"{name}: {line}" for name, one in zip(names, inner, strict=False) for line in one[kind]
        ]
        for kind in ("notes", "warnings")
    }
    longest = max(training, key=lambda one: len(one["runs"]))
    sizes = ("fold", "n_train", "n_dev", "n_test")
    return {
        "key": unit.key,
        "spec": unit.spec,
        **said,
        "counts": training[0]["counts"],
        "runs": [
            {
                "run": run["run"],
                "seed": run["seed"],
                "dev": None,
                "folds": [{name: fold[name] for name in sizes} for fold in run["folds"]],
            }
            for run in longest["runs"]
        ],
        "best_run": 1,
        "transductive": any(one["transductive"] for one in training),
        "n_features": None,
        "ensemble": {
            **{name: unit.spec[name] for name in ("method", "members")},
            **{name: unit.spec[name] for name in ("threshold", "folds") if name in unit.spec},
            **(
                {"inner_units": sorted({u for one in inner for u in one["units"]})} if inner else {}
            ),
            **({"learned": fused["weights"]} if fused["weights"] else {}),
        },
    }
