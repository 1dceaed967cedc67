"""The folder with an experiment's name: figures, predictions, texts, record of its inputs."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi import __version__, features, models
from izwi.analyses import kinds as analyses
from izwi.augmentation import makers
from izwi.data import soft_labels
from izwi.data.soft_labels import place
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, version_of
from izwi.engine.planner import Planned, Planner, slug
from izwi.engine.stage import Stage, stage, stages
from izwi.errors import UserError
from izwi.files import atomic, no_link, read_json, write_json, write_text
from izwi.onnx_export.support import PACKAGES as ONNX_PACKAGES
from izwi.reporting import history, texts
from izwi.stages.plot import pictures_of

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.config.experiment.resolved import ExportSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="experiment",
    outputs={
        "metrics": "experiments/{name}/metrics.json",
        "predictions": "experiments/{name}/predictions.csv",
        "record": "experiments/{name}/experiment.json",
        "methods": "experiments/{name}/methods.md",
        "references": "experiments/{name}/references.bib",
        "table1_md": "experiments/{name}/table1.md",
        "table1_tex": "experiments/{name}/table1.tex",
        "model_card": "experiments/{name}/model_card.md",
        "citation": "experiments/{name}/CITATION.cff",
    },
    scope="experiment",
    after=(
        *("load", "annotate", "split", "properties", "segment", "segment_split", "export_data"),
        *("describe", "features", "audit", "train", "predict", "inner", "ensemble"),
        *("member_tests", "soft_label", "evaluate", "analyse", "plot"),
        *("robustness", "write_augmented", "onnx", "spotlight"),
    ),
    minutes=10,
    last=True,
    end=True,
    imports=("izwi.reporting.texts.methods", "izwi.reporting.texts.card"),
    archived=True,
)
# Marks a folder whose files come from an earlier ini.
OUTDATED = "OUTDATED.txt"
# The table of degraded copies, and a link to augmented files.
ROBUSTNESS, AUGMENTED = "robustness.csv", "augment"
# End of the name of the CSV with predicted columns, and their statistics.
PREDICTED, PROPERTIES = "_predicted.csv", "properties.csv"
# Controls are made by tables: those of two configs are one, whichever inis the tables show.
OF_TABLES = "tables of the config"
# Of an ensemble: its members, and the tests against them.
MEMBERS = "members.json"
# The page of the samples
SPOTLIGHT = "spotlight.html"
# The model as a graph
ONNX = "model.onnx"
# The packages in experiment.json: those that results depend on.
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "snakemake", "matplotlib")


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The folder of an experiment; its name is in no other key."""
    record = _record(experiment, planned)
    if experiment.fuses:
        names = experiment.model["options"]["members"]
        record["stages"]["members"] = [
            _stage_record(planner.planned[name].predicted) for name in names
        ]
    key = key_of(STAGE.name, record, planner.plan.results, code_of(__name__))
    folder = planner.path("experiments", experiment.name)
    copies = {
        os.path.join(folder, analyses.FILES[unit.spec["kind"]]): unit.outputs["result"]
        for unit in planned.units.get("analyse", ())
    }
    spec: dict[str, Any] = {
        "name": experiment.name,
        "control": experiment.control,
        "copies": copies,
        "pictures": [os.path.basename(p) for u in planned.units.get("plot", ()) for p in u.files],
        "record": {"key": key, **record},
        "origin": {
            "config": planner.config,
            "databases": _databases(experiment, planned, planner),
        },
    }
    for unit in planned.units.get("robustness", ()):
        copies[os.path.join(folder, ROBUSTNESS)] = unit.outputs["table"]
    for unit in planned.units.get("properties", ()):
        name = "_".join(database["name"] for database in experiment.databases)
        copies[os.path.join(folder, f"{slug(name)}{PREDICTED}")] = unit.outputs["csv"]
        copies[os.path.join(folder, PROPERTIES)] = unit.outputs["statistics"]
    for unit in planned.units.get("soft_label", ()):
        copies[os.path.join(folder, soft_labels.LABELS)] = unit.outputs["labels"]
        copies[os.path.join(folder, soft_labels.LINEAGE)] = unit.outputs["lineage"]
        spec["link"] = experiment.save_test
    for unit in planned.units.get("onnx", ()):
        copies[os.path.join(folder, ONNX)] = unit.outputs["graph"]
    if planned.units.get("spotlight"):
        spec["pages"] = [SPOTLIGHT]
    for unit in planned.units.get("write_augmented", ()):
        links = spec.setdefault("links", {})
        links[os.path.join(folder, AUGMENTED)] = os.path.dirname(unit.outputs["header"])
    for unit in planned.units.get("member_tests", ()):
        copies[os.path.join(folder, MEMBERS)] = unit.outputs["tests"]
    exported = planned.units.get("export_data", [])
    made_elsewhere: dict[str, str] = {}
    for wanted, made in zip(experiment.exports, exported, strict=True):
        made_elsewhere |= _exported(folder, wanted, made, spec)
    if made_elsewhere or spec.get("links"):
        spec["copies"] = copies | made_elsewhere
    evaluated = planned.one("evaluate")
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec=spec,
        inputs={
            "metrics": evaluated.outputs["metrics"],
            "predictions": evaluated.outputs["predictions"],
            **({"training": planned.predicted.outputs["report"]} if experiment.trains else {}),
            "description": planned.one("describe").outputs["description"],
            # The header of an export comes after its files.
            "copies": [
                *copies.values(),
                *(made.outputs["header"] for made in exported),
                *planned.outputs("write_augmented", "header"),
            ],
        },
        source=experiment.ini,
        name=experiment.name,
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Copy the files of the stages and write texts; delete files that are no longer needed."""
    _tidy(unit)
    folder = Path(unit.outputs["metrics"]).parent
    record = unit.spec["record"]
    write_json(unit.outputs["record"], record)
    job.report(unit, record)
    metrics: Any = {"name": unit.spec["name"], **read_json(unit.inputs["metrics"])}
    for kind in ("warnings", "notes"):
        metrics[kind] = record[kind] + metrics[kind]
    write_json(unit.outputs["metrics"], metrics)
    description = read_json(unit.inputs["description"])
    training = read_json(unit.inputs["training"]) if "training" in unit.inputs else None
    for file, text in texts.texts(record, metrics, training, description).items():
        write_text(folder / file, text, forced=False)
    copies = {
        unit.outputs["predictions"]: unit.inputs["predictions"],
        **unit.spec.get("copies", {}),
    }
    for target, source in (copies | unit.spec.get("copies", {})).items():
        with atomic(target) as path:
            shutil.copyfile(source, path)
    if origin := unit.spec.get("origin"):
        entry = history.entry_of(record, metrics, origin, time.time())
        before = history.add(folder.parents[1], folder.name, entry)
        if before is not None and before["ini"] != record["ini"]:
            line = (
                f"this name was last used by {before['ini']}, whose figure is in izwi history "
                f"{folder.name}: to keep both results, give each ini its own [EXP] name"
            )
            job.report(unit, {"notes": [line]})
    links = dict(unit.spec.get("links", {}))
    if link := unit.spec.get("link"):
        links[link] = str(folder / soft_labels.LABELS)
    for link, source in links.items():
        Path(link).parent.mkdir(parents=True, exist_ok=True)
        no_link(link)
        if os.path.exists(link):
            raise UserError(f"{link} exists already, where a link is to lead to {source}: move it")
        os.symlink(os.path.relpath(place(source), os.path.realpath(Path(link).parent)), link)


def _exported(folder: str, wanted: ExportSpec, made: Unit, spec: dict[str, Any]) -> dict[str, str]:
    """What of an export lies in the folder of the experiment: lists as copies, audio as links.

    Returns:
        copy → its source
    """
    there = os.path.dirname(made.outputs["header"])
    links = spec.setdefault("links", {})
    if wanted["section"] != "SEGMENT":
        links[os.path.join(folder, wanted["section"].lower())] = there
        if wanted["place"]:
            links[wanted["place"]] = there
        return {}
    if wanted["audio"]:
        for ending in ("", "_silence"):
            name = wanted["folder"] + ending
            links[os.path.join(folder, name)] = os.path.join(there, name)
    names = (f"{wanted['name']}{ending}.csv" for ending in ("", "_silence"))
    return {os.path.join(folder, name): os.path.join(there, name) for name in names}


def _databases(
    experiment: Experiment, planned: Planned, planner: Planner
) -> list[history.Database]:
    """The databases as the history keeps them."""
    return [
        {
            "name": database["name"],
            "type": database["type"],
            "path": database["path"],
            "options": database["options"],
            "content": content.key,
            "load": load.key,
            "listing": planner.plan.listings.get(load.key),
            "header": content.unit.outputs["header"] if content.unit else None,
        }
        for database, content, load in zip(
            experiment.databases, planned.contents, planned.units["load"], strict=True
        )
    ]


def _tidy(unit: Unit) -> None:
    """Delete files that an earlier ini of this name made and this one does not."""
    folder = Path(unit.outputs["metrics"]).parent
    kept = {*unit.outputs.values(), *unit.spec.get("copies", ())}
    kept |= {str(folder / "plots" / name) for name in unit.spec.get("pictures", ())}
    kept |= {str(folder / name) for name in unit.spec.get("pages", ())}
    others = {folder / name for name in (*analyses.FILES.values(), OUTDATED, MEMBERS, ROBUSTNESS)}
    others |= {folder / name for name in (soft_labels.LABELS, soft_labels.LINEAGE)}
    others |= {
        folder / ONNX,
        folder / PROPERTIES,
        folder / SPOTLIGHT,
        *folder.glob(f"*{PREDICTED}"),
    }
    # Lists of segments, whose names an ini chooses.
    for gaps in folder.glob("*_silence.csv"):
        others |= {gaps, gaps.with_name(gaps.name.replace("_silence.csv", ".csv"))}
    for path in folder.glob("*"):
        if path.is_symlink() and str(path) not in unit.spec.get("links", {}):
            path.unlink()
    for path in (*(folder / "plots").glob("*.*"), *(folder / "explain").glob("*"), *others):
        # A hidden file is a picture that another job is drawing.
        if str(path) not in kept and not path.is_dir() and not path.name.startswith("."):
            path.unlink(missing_ok=True)


def _record(experiment: Experiment, planned: Planned) -> dict[str, Any]:
    """The experiment with its resolved options and its inputs."""
    found: dict[str, Any] = {}
    for name, module in stages().items():
        units = planned.units.get(name, [])
        if module.STAGE.scope == "results":
            continue
        if name == "plot":
            found[name] = pictures_of(units)
        elif name == "analyse":
            found |= {unit.spec["kind"]: _stage_record(unit) for unit in units}
        elif module.STAGE.several and (units or name in ("load", "features")):
            found[name] = [_stage_record(unit) for unit in units]
        elif units and name not in ("database", "fetch_model"):
            found[name] = _stage_record(units[0])
    return {
        **experiment.as_dict(),
        "ini": OF_TABLES if experiment.control else experiment.ini,
        "izwi": __version__,
        "stages": found,
        "packages": _packages(experiment),
    }


def _stage_record(unit: Unit) -> dict[str, Any]:
    about: dict[str, Any] = {"key": unit.key, "files": unit.outputs}
    if "commit" in unit.spec:
        about["commit"] = unit.spec["commit"]
    # Texts and page on a stage that has no other place in them.
    known = stage(unit.stage)
    if known.title:
        about["title"] = known.title
    if known.methods:
        about["methods"] = known.methods(unit.spec)
    if known.title or known.methods:
        # Where the cache lies changes no experiment.
        about["spec"] = {key: value for key, value in unit.spec.items() if key != "store"}
    return about


def _packages(experiment: Experiment) -> dict[str, str | None]:
    """Versions of the packages that the results depend on."""
    names = {*PACKAGES, *(ONNX_PACKAGES if experiment.onnx else ())}
    if experiment.trains and not experiment.fuses:
        names |= set(models.model_class(experiment.model["type"]).packages)
    predicted = experiment.annotation["features"] if experiment.annotation else []
    for spec in (*experiment.features, *predicted):
        names |= set(features.extractor_class(spec["type"]).packages)
    if experiment.segmentation and experiment.segmentation["method"] == "silero":
        from izwi.segmentation import silero

        names |= set(silero.PACKAGES)
    if any(wanted["rate"] for wanted in experiment.exports):
        names.add("audresample")
    if "balancing" in experiment.learning:
        names.add("imbalanced-learn")
    if experiment.learning.get("tune", {}).get("strategy") == "tpe":
        from izwi.training import tpe

        names.add(tpe.PACKAGE)
    for one in experiment.augment.get("kinds", ()):
        names |= set(makers.KINDS[one["kind"]].packages)
    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python} | {name: version_of(name) for name in sorted(names)}
