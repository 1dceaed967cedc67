"""The trained model with its preprocessing as an ONNX graph, for use without izwi."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, write_json
from izwi.onnx_export.support import PACKAGES

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

# Samples on which the graph is compared with the model.
COMPARED = 500


def _sentence(spec: dict[str, Any]) -> str:
    return "The model was also written as an ONNX graph, whose predictions were compared with its."


STAGE = Stage(
    name="onnx",
    outputs={"graph": "onnx/{model}-{key}/model.onnx", "check": "onnx/{model}-{key}/check.json"},
    scope="experiment",
    after=("load", "annotate", "split", "segment", "segment_split", "features", "train"),
    environment="deep",
    mem_mb=4000,
    minutes=30,
    imports=("pandas", "izwi.training.fitting"),
    end=True,
    title="The model as ONNX",
    methods=_sentence,
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The graph of the model, if the ini asks for it."""
    if not experiment.onnx or not experiment.trains or experiment.fuses:
        return []
    trained = planned.one("train")
    modules = ("writing", "models", "machines", "nets", "trees", "steps")
    key = key_of(
        STAGE.name,
        trained.key,
        planned.samples_key,
        code_of(__name__, *(f"izwi.onnx_export.{name}" for name in modules)),
        versions_of(PACKAGES),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec={"trained": trained.key, "target": experiment.target},
        inputs={**planned.samples, "model": trained.outputs["model"]},
        source=experiment.ini,
        environment="deep",
        model=slug(experiment.model["type"]),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the graph, and how far its predictions of some samples are from those of the model."""
    from izwi.data.samples import read_samples
    from izwi.onnx_export import writing
    from izwi.training.fit_predict import prepare

    about = {"target": unit.spec["target"], "key": unit.spec["trained"]}
    fitted, made = writing.stored(Path(unit.inputs["model"]), about)
    samples = prepare(*read_samples(unit.inputs))[1]
    found = writing.compared(fitted, made, samples.values[:COMPARED])
    with atomic(unit.outputs["graph"]) as path:
        path.write_bytes(made.SerializeToString())
    job.report(unit, found)
    write_json(unit.outputs["check"], found)
