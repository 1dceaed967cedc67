"""The pictures of an experiment, one file per job, with what they show as CSV beside them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.analyses import kinds as analyses
from izwi.config import pictures
from izwi.engine import lock
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner
from izwi.engine.stage import Stage
from izwi.files import atomic, is_made
from izwi.stages.features import features_name

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="plot",
    outputs={
        "picture": "experiments/{name}/plots/{plot}",
        "data": "experiments/{name}/plots/{plot}.csv",
    },
    scope="experiment",
    after=(
        *("load", "annotate", "split", "segment", "segment_split", "describe", "features"),
        *("train", "predict", "ensemble", "evaluate", "analyse", "robustness"),
    ),
    mem_mb=2000,
    minutes=10,
    imports=("pandas", "izwi.plots.kinds", "matplotlib.backends.backend_agg"),
    several=True,
    end=True,
)
# Pictures of data and features are the same for all experiments on them.
SHARED = ("data", "features", *analyses.OF_RECORDINGS)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """One unit per picture and format."""
    sources = _sources(planned)
    of = "+".join(table.label for table in planned.tables)
    by = "+".join(features_name(spec) for spec in experiment.features)
    units = []
    for picture in pictures.wanted(experiment, of, by):
        keys, inputs = sources[picture.needs]
        if pictures.DURATION in pictures.columns_of(picture.spec):
            described = planned.one("describe")
            keys = [*keys, described.key]
            inputs = {**inputs, "seconds": described.outputs["seconds"]}
        # No experiment name in a title, since experiments share the picture.
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
            STAGE.name,
            spec,
            keys,
            code_of(__name__, *picture.modules),
            versions_of(("matplotlib", *picture.packages)),
        )
        files = [f"{name}.{ending}" for name in picture.names for ending in spec["formats"]]
        spec |= {"key": key, "files": files}
        if picture.needs in SHARED:
            spec["store"] = planner.path("plots", f"{picture.kind}-{key}")
        for file in files:
            unit = planner.add(
                STAGE.name,
                key_of(key, experiment.name, file),
                label=f"{file} of {experiment.name}",
                spec=spec,
                inputs=inputs,
                source=experiment.ini,
                environment="umap" if picture.kind == "umap" else "core",
                name=experiment.name,
                plot=file,
            )
            units.append(unit)
    return units


def run(unit: Unit, job: Job) -> None:
    """Draw one file. Pictures that experiments share are drawn once, and copied for each."""
    from izwi.plots.kinds import lacking, told

    output = Path(unit.outputs["picture"])
    if why := lacking(unit.spec, unit.inputs).get(output.stem):
        job.report(unit, {"warnings": [f"{unit.sources[0]}: {line}" for line in why]})
    if output.name == unit.spec["files"][0] and (notes := told(unit.spec, unit.inputs)):
        job.report(unit, {"notes": notes})
    store = unit.spec.get("store")
    if store is None:
        _draw(unit, [output])
        return
    with lock.exclusive(f"{store}.lock"):
        files = [Path(store) / file for file in unit.spec["files"]]
        if not all(is_made(str(file)) for one in files for file in (one, _data(one))):
            _draw(unit, files)
    for file in (output, _data(output)):
        with atomic(file, forced=file == output) as path:
            shutil.copyfile(Path(store) / file.name, path)


def _draw(unit: Unit, files: list[Path]) -> None:
    """Draw pictures, and write what each shows beside it."""
    from izwi.plots.data import write
    from izwi.plots.kinds import KINDS

    drawn = KINDS[unit.spec["kind"]](unit.spec, unit.inputs)
    for file in files:
        with atomic(file) as path:
            shown = drawn[file.stem](path)
        with atomic(_data(file), forced=False) as path:
            write(shown, path)


def _data(picture: Path) -> Path:
    """The file beside a picture that holds what it shows."""
    return picture.with_name(f"{picture.name}{pictures.DATA}")


def _sources(planned: Planned) -> dict[str, tuple[list[str], dict[str, Any]]]:
    """Inputs that pictures may need → their keys and files."""
    samples = planned.samples
    data = {role: files for role, files in samples.items() if role != "matrices"}
    split = planned.parts
    sources: dict[str, tuple[list[str], dict[str, Any]]] = {
        "data": ([split.key], data),
        "features": ([split.key, *planned.keys("features")], samples),
    }
    if "train" in planned.units or "ensemble" in planned.units:
        trained, evaluated = planned.predicted, planned.one("evaluate")
        of_results = {
            "metrics": evaluated.outputs["metrics"],
            "predictions": planned.predicted.outputs["predictions"],
        }
        sources["results"] = ([evaluated.key], of_results)
        sources["training"] = ([trained.key], {"training": trained.outputs["report"]})
    if "train" in planned.units:
        fitted = planned.one("train")
        sources["model"] = ([fitted.key], {"model": fitted.outputs["model"]})
    for unit in planned.units.get("robustness", ()):
        sources["robustness"] = ([unit.key], {"robustness": unit.outputs["result"]})
    for unit in planned.units.get("analyse", ()):
        kind = unit.spec["kind"]
        result = {kind: unit.outputs["result"]}
        if kind in analyses.OF_RECORDINGS:
            keys, inputs = sources["features"]
            sources[kind] = ([*keys, unit.key], inputs | result)
        else:
            sources[kind] = ([unit.key], result)
    return sources


def pictures_of(units: list[Unit]) -> dict[str, dict[str, Any]]:
    """Kind → key and files, as the record of an experiment shows them."""
    found: dict[str, dict[str, Any]] = {}
    for unit in units:
        about = found.setdefault(unit.spec["kind"], {"key": unit.spec["key"], "files": {}})
        about["files"] |= {os.path.basename(path): path for path in unit.files}
    return found
