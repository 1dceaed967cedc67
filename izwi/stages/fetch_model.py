"""A pretrained model that an experiment names and this computer lacks, fetched from the hub."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from izwi import features
from izwi.engine.keys import key_of
from izwi.engine.planner import DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.errors import Problems, UserError
from izwi.files import write_json

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import ComponentSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="fetch_model",
    outputs={"record": "fetched/{model}-{key}.json"},
    scope="data",
    environment="deep",
    mem_mb=8000,
    minutes=240,
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """A unit for each model that is on the hub alone.

    Raises:
        UserError: if the hub cannot be asked
    """
    specs = request.features
    if request.annotation:
        _check(request.annotation["features"])
        specs += tuple(request.annotation["features"])
    units = []
    for spec in specs:
        on_hub = features.extractor_class(spec["type"]).on_hub(spec["options"])
        if on_hub is None:
            continue
        from izwi.features import model_cache

        if model_cache.fetched(on_hub[0]):
            continue
        name, commit = on_hub
        unit = planner.add(
            STAGE.name,
            key_of(STAGE.name, name, commit),
            label=name,
            spec={"name": name, "commit": commit},
            inputs={},
            source=request.ini,
            model=slug(name),
        )
        # It tells of a model that has gone since.
        if planner.write:
            Path(unit.outputs["record"]).unlink(missing_ok=True)
        units.append(unit)
    return units


def _check(specs: Iterable[ComponentSpec]) -> None:
    """Tell at once of all models of predicted properties that cannot be had.

    Raises:
        UserError: says what to do
    """
    problems = Problems()
    for spec in specs:
        try:
            features.extractor_class(spec["type"]).content(spec["options"])
        except UserError as error:
            problems.extend(error)
    problems.raise_if_any()


def run(unit: Unit, job: Job) -> None:
    """Fetch one model into the cache of models."""
    name = unit.spec["name"]
    job.say(f"fetching {name} at {unit.spec['commit']} from the hub", show=True)
    from izwi.features import model_cache

    write_json(unit.outputs["record"], model_cache.fetch(name, unit.spec["commit"]))
