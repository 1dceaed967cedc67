"""A page of the samples of one experiment: sorted, filtered, drawn by any two columns, played."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import Planned, Planner
from izwi.engine.stage import Stage
from izwi.files import write_text
from izwi.stages.features import features_name
from izwi.wording import count

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="spotlight",
    outputs={"page": "experiments/{name}/spotlight.html"},
    scope="experiment",
    after=(
        *("load", "annotate", "split", "segment", "segment_split", "describe", "features"),
        *("train", "predict", "ensemble"),
    ),
    mem_mb=2000,
    minutes=10,
    imports=("pandas", "izwi.reporting.spotlight.build"),
    end=True,
)


def plan(experiment: Experiment, planned: Planned, planner: Planner) -> list[Unit]:
    """The page, if the ini asks for it."""
    most = experiment.plots.get("spotlight")
    if not most:
        return []
    described = planned.one("describe")
    inputs: dict[str, Any] = {**planned.samples, "seconds": described.outputs["seconds"]}
    keys = [described.key, planned.samples_key]
    by = [features_name(spec) for spec in experiment.features]
    if experiment.trains:
        inputs["predictions"] = planned.predicted.outputs["predictions"]
        keys.append(planned.predicted.key)
        by.append(experiment.model["type"])
    of = "+".join(table.label for table in planned.tables)
    linked = planner.page is None or planner.page["audio"] != "none"
    spec = {
        "title": f"{experiment.name}: samples",
        "lead": ", ".join([of, experiment.target, *by]),
        "target": experiment.target,
        "task": experiment.task,
        "most": most,
        "seed": experiment.seed,
        "features": experiment.preprocessing["features"],
        "first": experiment.plots["plot_features"],
        "tables": [table.key for table in planned.tables] if linked else [],
    }
    key = key_of(
        STAGE.name,
        spec,
        keys,
        # The links lead to where the audio lies.
        [one.paths or os.path.abspath(one.path) for one in planned.contents] if linked else [],
        planner.plan.results,
        code_of(__name__),
        versions_of(("numpy", "pandas", "scikit-learn")),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=experiment.name,
        spec=spec,
        inputs=inputs,
        source=experiment.ini,
        name=experiment.name,
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the page of one experiment."""
    import pandas as pd

    from izwi.reporting.spotlight import build, write

    spec = unit.spec
    tables = [job.plan.table(key) for key in spec["tables"]]
    places: dict[tuple[str, str], str] = {}
    for table, path in zip(tables, unit.inputs["tables"], strict=False):
        listed = job.listing(table).places
        frame = pd.read_parquet(path, columns=["database", "file"])
        places |= {
            (database, file): listed[file]
            for database, file in set(zip(frame["database"], frame["file"], strict=True))
            if file in listed
        }
    page = unit.outputs["page"]
    found = build.content(
        spec,
        unit.inputs,
        os.path.dirname(page),
        (lambda database, file: places.get((database, file))) if tables else None,
    )
    lead = f"{count(len(found['links']), 'sample')} of {spec['lead']}"
    write_text(page, write.document(found, spec["title"], lead))
