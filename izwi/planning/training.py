"""Models, their figures and the soft labels that they give, in the plan."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from izwi import models
from izwi.data import soft_labels as soft
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, script_digest, versions_of
from izwi.engine.plan import Unit
from izwi.planning.draft import Draft, slug

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.planning.ground import Ground


def train(draft: Draft, experiment: Experiment, ground: Ground) -> Unit:
    """A model and its predictions."""
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
        "train",
        without_places(spec),
        cls.content(experiment.model["options"]),
        ground.split.key,
        ground.matrix_keys,
        code_of("izwi.training.fit_predict", cls.__module__),
        versions_of(("numpy", "scikit-learn", *cls.packages)),
        versions_of(("imbalanced-learn",)) if experiment.learning.get("balancing") else {},
    )
    # For the model to be used elsewhere; the keys of the matrices stand for them in its key.
    spec["features"] = list(experiment.features)
    folder = draft.path("models", f"{slug(experiment.model['type'])}-{key}")
    unit = Unit(
        stage="train",
        key=key,
        label=experiment.name,
        spec=spec,
        inputs={
            "split": ground.split.outputs["split"],
            "split_report": ground.split.outputs["report"],
            "tables": [table.outputs["table"] for table in ground.tables],
            "matrices": [unit.outputs["matrix"] for unit in ground.matrices],
        },
        outputs={
            "predictions": os.path.join(folder, "predictions.parquet"),
            "report": os.path.join(folder, "training.json"),
            "model": os.path.join(folder, "model", "model.json"),
        },
        group=key_of(ground.split.key, ground.matrix_keys),
    )
    unit = draft.add(unit, experiment.ini)
    if unit.sources == [experiment.ini] or experiment.leakage != "error":
        # It waits, but is not held up for others where one of them ends by what is found.
        unit.inputs["audit"] = [ground.audited.outputs["report"]] if ground.audited else []
    return unit


def evaluate(draft: Draft, experiment: Experiment, ground: Ground, trained: Unit) -> Unit:
    """Figures with their intervals, and the predictions as users read them."""
    spec = {
        "task": experiment.task,
        "target": experiment.target,
        **experiment.evaluation,
        "seed": experiment.seed,
    }
    key = key_of(
        "evaluate",
        spec,
        trained.key,
        ground.audited.key if ground.audited else None,
        code_of("izwi.evaluation.scoring", "izwi.data.csv_files"),
        versions_of(("numpy", "scipy")),
        script_digest("evaluate.py"),
    )
    folder = draft.path("evaluations", key)
    unit = Unit(
        stage="evaluate",
        key=key,
        label=experiment.name,
        spec=spec,
        inputs={
            "predictions": trained.outputs["predictions"],
            # Its key is in that of the predictions, as those of all reports.
            "tables": [table.outputs["table"] for table in ground.tables],
            "training": trained.outputs["report"],
            "split_report": ground.split.outputs["report"],
            "table_reports": [table.outputs["report"] for table in ground.tables],
            "feature_reports": [unit.outputs["report"] for unit in ground.matrices],
            "audit": [ground.audited.outputs["report"]] if ground.audited else [],
        },
        outputs={
            "metrics": os.path.join(folder, "metrics.json"),
            "predictions": os.path.join(folder, "predictions.csv"),
        },
    )
    return draft.add(unit, experiment.ini)


def soft_labels(draft: Draft, experiment: Experiment, ground: Ground, trained: Unit) -> Unit | None:
    """The predictions as a database of another experiment, if that is asked for."""
    if experiment.save_test is None:
        return None
    spec = {
        "task": experiment.task,
        "target": experiment.target,
        **experiment.soft,
        "sources": [content.audio for content in ground.contents],
    }
    key = key_of(
        "soft",
        spec,
        trained.key,
        # The database names the files by their absolute paths.
        [content.paths or os.path.abspath(content.path) for content in ground.contents],
        code_of("izwi.data.soft_labels"),
        versions_of(("numpy", "pandas")),
    )
    folder = draft.path("soft_labels", f"{slug(experiment.target)}-{key}")
    unit = Unit(
        stage="soft",
        key=key,
        label=experiment.name,
        spec={**spec, "loads": [table.key for table in ground.tables]},
        inputs={
            "predictions": trained.outputs["predictions"],
            "training": trained.outputs["report"],
            "split": ground.split.outputs["split"],
            "tables": [table.outputs["table"] for table in ground.tables],
            "lineage": ground.split.inputs["lineage"],
        },
        outputs={
            "labels": os.path.join(folder, soft.LABELS),
            "lineage": os.path.join(folder, soft.LINEAGE),
            "report": os.path.join(folder, "soft_labels.json"),
            "header": os.path.join(folder, "done.json"),
        },
        group=key,
    )
    return draft.add(unit, experiment.ini)


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
