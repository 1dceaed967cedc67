"""Analyses and pictures of an experiment in the plan."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from izwi import models
from izwi.analyses import kinds
from izwi.config import pictures
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, script_digest, versions_of
from izwi.engine.plan import Unit
from izwi.planning.basis import Basis
from izwi.planning.draft import Draft
from izwi.planning.features import features_name, matrix
from izwi.planning.training import without_places

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.planning.ground import Ground


def analyse(draft: Draft, experiment: Experiment, ground: Ground, trained: Unit) -> dict[str, Unit]:
    """What is found out beside the figures, by kind."""
    cls = models.model_class(experiment.model["type"])
    fits = (
        code_of(cls.__module__),
        versions_of(cls.packages),
        cls.content(experiment.model["options"]),
    )
    found = {}
    for kind, value in experiment.analyses.items():
        training = {**trained.spec, "measure": experiment.evaluation["measure"]}
        spec = kinds.spec_of(kind, value, training, experiment.target)
        recordings = []
        if kind in kinds.OF_RECORDINGS:
            signal = {"type": "signal", "options": {}}
            basis = Basis.of(experiment)
            recordings = [matrix(draft, basis, t, ground.split, signal) for t in ground.tables]
        key = key_of(
            "analyse",
            without_places(spec),
            ground.split.key,
            ground.matrix_keys,
            code_of("izwi.analyses.kinds"),
            versions_of(("numpy", "scikit-learn")),
            fits if kind in kinds.FITS else None,
            *([trained.key] if kind in kinds.OF_MODELS else ()),
            *([unit.key for unit in recordings] if kind in kinds.OF_RECORDINGS else ()),
        )
        roles = ("split", "split_report", "tables", "matrices")
        inputs = {role: trained.inputs[role] for role in roles}
        if kind in kinds.OF_MODELS:
            inputs["model"] = trained.outputs["model"]
        if kind in kinds.OF_RECORDINGS:
            inputs["recordings"] = [unit.outputs["matrix"] for unit in recordings]
        file = os.path.basename(kinds.FILES[kind])
        unit = Unit(
            stage="analyse",
            key=key,
            label=f"{kind} of {experiment.name}",
            spec=spec,
            inputs=inputs,
            outputs={"result": draft.path("analyses", f"{kind}-{key}", file)},
        )
        found[kind] = draft.add(unit, experiment.ini)
    return found


def draw(
    draft: Draft,
    experiment: Experiment,
    ground: Ground,
    trained: Unit,
    evaluated: Unit,
    analysed: dict[str, Unit],
) -> dict[str, Unit]:
    """Pictures, by kind."""
    sources = _sources(ground, trained, evaluated, analysed)
    of = "+".join(table.label for table in ground.tables)
    by = "+".join(features_name(spec) for spec in experiment.features)
    drawn = {}
    for picture in pictures.wanted(experiment, of, by):
        keys, inputs = sources[picture.needs]
        # No experiment's name in a title: the picture is shared.
        spec = {
            "kind": picture.kind,
            "title": picture.title,
            "task": experiment.task,
            "target": experiment.target,
            "seed": experiment.seed,
            "formats": experiment.plots["format"],
            **picture.spec,
        }
        key = key_of(
            "plot",
            spec,
            keys,
            code_of("izwi.plots", "izwi.data.bad_audio"),
            script_digest("plot.py"),
            versions_of(("matplotlib", *picture.packages)),
        )
        files = [f"{name}.{ending}" for name in picture.names for ending in spec["formats"]]
        folder = draft.path("plots", f"{picture.kind}-{key}")
        unit = Unit(
            stage="plot",
            key=key,
            label=f"{picture.kind} of {experiment.name}",
            spec=spec,
            inputs=inputs,
            outputs={file: os.path.join(folder, file) for file in files},
            group=picture.group,
        )
        drawn[picture.kind] = draft.add(unit, experiment.ini)
    return drawn


def _sources(
    ground: Ground, trained: Unit, evaluated: Unit, analysed: dict[str, Unit]
) -> dict[str, tuple[list[str], dict[str, Any]]]:
    """What pictures may need → the keys of it, and the inputs."""
    split = ground.split
    of_data = {
        "split": split.outputs["split"],
        "split_report": split.outputs["report"],
        "tables": [table.outputs["table"] for table in ground.tables],
    }
    of_features = of_data | {"matrices": [unit.outputs["matrix"] for unit in ground.matrices]}
    of_results = {
        "metrics": evaluated.outputs["metrics"],
        "predictions": trained.outputs["predictions"],
    }
    sources: dict[str, tuple[list[str], dict[str, Any]]] = {
        "results": ([evaluated.key], of_results),
        "data": ([split.key], of_data),
        "features": ([split.key, *(unit.key for unit in ground.matrices)], of_features),
        "training": ([trained.key], {"training": trained.outputs["report"]}),
    }
    for kind, unit in analysed.items():
        sources[kind] = ([unit.key], {kind: unit.outputs["result"]})
        if kind in kinds.OF_RECORDINGS:
            keys, inputs = sources["features"]
            sources[kind] = ([*keys, unit.key], inputs | sources[kind][1])
    return sources
