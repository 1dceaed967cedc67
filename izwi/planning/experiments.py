"""An experiment in the plan: all that it is made of, and the folder that shows it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from izwi import __version__, features, models
from izwi.analyses import kinds
from izwi.data import soft_labels
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, script_digest, version_of
from izwi.engine.plan import Unit
from izwi.planning import findings, training
from izwi.planning.draft import Draft, Teacher
from izwi.reporting import texts

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.planning.ground import Ground

# What is shown in experiment.json: the packages that results rest on.
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "snakemake", "matplotlib")


@dataclass(frozen=True)
class Parts:
    """What an experiment is made of, beside its ground.

    Attributes:
        trained: model and predictions
        evaluated: figures
        analysed: analyses, by kind
        drawn: pictures, by kind
        soft: the predictions as a database, None where that is not asked for
    """

    trained: Unit
    evaluated: Unit
    analysed: dict[str, Unit]
    drawn: dict[str, Unit]
    soft: Unit | None


def add_experiment(draft: Draft, experiment: Experiment, ground: Ground) -> Unit:
    """Plan an experiment on its ground.

    Returns:
        the unit of its model and predictions
    """
    trained = training.train(draft, experiment, ground)
    evaluated = training.evaluate(draft, experiment, ground, trained)
    analysed = findings.analyse(draft, experiment, ground, trained)
    drawn = findings.draw(draft, experiment, ground, trained, evaluated, analysed)
    soft = training.soft_labels(draft, experiment, ground, trained)
    parts = Parts(trained, evaluated, analysed, drawn, soft)
    shown = _show(draft, experiment, ground, parts)
    if soft is not None and experiment.save_test is not None:
        level = max(content.level for content in ground.contents) + 1
        draft.teachers[experiment.save_test] = Teacher(soft, shown, level)
    return trained


def _show(draft: Draft, experiment: Experiment, ground: Ground, parts: Parts) -> Unit:
    """The folder of an experiment, which carries its name and no key."""
    record = _record(experiment, ground, parts)
    key = key_of(
        "experiment",
        record,
        draft.plan.results,
        code_of("izwi.reporting.texts"),
        script_digest("experiment.py"),
    )
    wished = os.path.join("experiments", f"{experiment.name}.json")
    folder = draft.path("experiments", experiment.name)
    outputs = {
        "metrics": os.path.join(folder, "metrics.json"),
        "predictions": os.path.join(folder, "predictions.csv"),
        "record": os.path.join(folder, "experiment.json"),
        **{f"text {file}": os.path.join(folder, file) for file in texts.FILES},
    }
    linked = {f: path for unit in parts.drawn.values() for f, path in unit.outputs.items()}
    outputs |= {file: os.path.join(folder, "plots", file) for file in linked}
    for kind, unit in parts.analysed.items():
        linked[kind] = unit.outputs["result"]
        outputs[kind] = os.path.join(folder, kinds.FILES[kind])
    if parts.soft is not None and experiment.save_test is not None:
        linked["soft_labels"] = parts.soft.outputs["labels"]
        linked["lineage"] = parts.soft.outputs["lineage"]
        outputs["soft_labels"] = os.path.join(folder, soft_labels.LABELS)
        outputs["lineage"] = os.path.join(folder, soft_labels.LINEAGE)
        outputs["link"] = experiment.save_test
    teachers = [
        draft.teachers[database["path"]]
        for database in experiment.databases
        if database["type"] == "soft"
    ]
    unit = Unit(
        stage="experiment",
        key=key,
        label=experiment.name,
        spec={"name": experiment.name, "control": experiment.control},
        inputs={
            "wish": draft.wish(wished, {"key": key, **record}),
            "metrics": parts.evaluated.outputs["metrics"],
            "predictions": parts.evaluated.outputs["predictions"],
            "training": parts.trained.outputs["report"],
            "description": ground.described.outputs["description"],
            **linked,
            "teachers": [teacher.experiment.outputs["record"] for teacher in teachers],
        },
        outputs=outputs,
        group=f"level {max((teacher.level for teacher in teachers), default=0)}",
    )
    return draft.add(unit, experiment.ini)


def _record(experiment: Experiment, ground: Ground, parts: Parts) -> dict[str, Any]:
    """The experiment as it was understood, and what it is made from."""
    stages: dict[str, Any] = {
        "load": [_stage_record(unit) for unit in ground.tables],
        "split": _stage_record(ground.split),
        "describe": _stage_record(ground.described),
        "features": [_stage_record(unit) for unit in ground.matrices],
        **({"audit": _stage_record(ground.audited)} if ground.audited else {}),
        "train": _stage_record(parts.trained),
        "evaluate": _stage_record(parts.evaluated),
        "plot": {kind: _stage_record(unit) for kind, unit in parts.drawn.items()},
        **({"soft": _stage_record(parts.soft)} if parts.soft else {}),
        **{kind: _stage_record(unit) for kind, unit in parts.analysed.items()},
    }
    return {
        **experiment.as_dict(),
        "izwi": __version__,
        "stages": stages,
        "packages": _packages(experiment),
    }


def _stage_record(unit: Unit) -> dict[str, Any]:
    return {"key": unit.key, "files": unit.outputs}


def _packages(experiment: Experiment) -> dict[str, str | None]:
    """Versions of what the results rest on."""
    names = set(PACKAGES) | set(models.model_class(experiment.model["type"]).packages)
    for spec in experiment.features:
        names |= set(features.extractor_class(spec["type"]).packages)
    if "balancing" in experiment.learning:
        names.add("imbalanced-learn")
    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python} | {name: version_of(name) for name in sorted(names)}
