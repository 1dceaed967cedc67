"""Copies of recordings to train on: which rows are copied, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.augmentation import makers
from izwi.config.experiment.splits import tests_alone
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, write_json
from izwi.stages.features import matrix
from izwi.stages.split import own_split_key

if TYPE_CHECKING:
    from izwi.augmentation.makers import MakerSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="augment",
    outputs={
        "table": "augmented/{table}-{key}.parquet",
        "report": "augmented/{table}-{key}.json",
    },
    scope="data",
    after=("load", "annotate", "split", "segment", "segment_split", "fetch_model"),
    environment="augment",
    imports=("pandas", "izwi.augmentation.copies"),
    several=True,
)
PARTS = {"train": ["train"], "test": ["test"], "all": ["train", "test"]}


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """A table of copies for each database with rows to train on, and its matrices."""
    wanted = request.augment
    if not wanted:
        return []
    by = makers_of(wanted["kinds"], seed=wanted["seed"], copies=wanted["copies"])
    parts = PARTS[wanted["rows"]]
    split_key = own_split_key(request, planned)
    units = []
    for table in planned.tables:
        if parts == ["train"] and tests_alone(request.split, table.label):
            continue
        unit = table_of_copies(STAGE.name, table, planned, planner, by, parts, split_key)
        if request.ini not in unit.sources:
            unit.sources.append(request.ini)
        units.append(unit)
        if not wanted["result"]:
            planned.copies.extend(
                matrix(request, unit, planned, planner, spec) for spec in request.features
            )
    return units


def makers_of(kinds: list[dict[str, Any]], *, seed: int, copies: int) -> dict[str, MakerSpec]:
    """Makers by their keys.

    Args:
        kinds: ``kind`` and ``options`` of each
        seed: of the experiment
        copies: number of each row by each kind
    """
    found = {}
    for one in kinds:
        for copy in range(1, copies + 1):
            spec: MakerSpec = {**one, "seed": seed, "copy": copy}  # type: ignore[typeddict-item]
            found[makers.key_of_maker(spec)] = spec
    return found


def environment_of(by: dict[str, MakerSpec]) -> str:
    """The environment that some makers need."""
    heavy = any(makers.KINDS[spec["kind"]].draws for spec in by.values())
    return STAGE.environment if heavy else "core"


def table_of_copies(
    stage: str,
    table: Unit,
    planned: Planned,
    planner: Planner,
    by: dict[str, MakerSpec],
    parts: list[str],
    split_key: str,
) -> Unit:
    """The unit that writes which rows of a table are copied.

    Args:
        stage: its stage
        table: unit of the load stage
        planned: units of the experiment so far
        planner: takes the unit
        by: makers by their keys
        parts: of the split, whose rows are copied
        split_key: of what decides these parts
    """
    spec = {"load": table.key, "database": table.label, "makers": by, "parts": parts}
    key = key_of(
        stage,
        [table.key, sorted(by), parts],
        split_key,
        code_of("izwi.augmentation.copies"),
        versions_of(("pandas",)),
    )
    return planner.add(
        stage,
        key,
        label=f"{table.label}, copies",
        spec=spec,
        inputs={"table": table.outputs["table"], "split": planned.parts.outputs["split"]},
        environment=environment_of(by),
        table=slug(table.label),
    )


def run(unit: Unit, job: Job) -> None:
    """Write the table of copies; what is wrong with their makers is told here, before any audio."""
    import pandas as pd

    from izwi.augmentation.copies import copied, rows_of

    for maker in unit.spec["makers"].values():
        makers.check(maker)
    table = pd.read_parquet(unit.inputs["table"])
    split = pd.read_parquet(unit.inputs["split"])
    rows = rows_of(split, unit.spec["database"], unit.spec["parts"])
    found = copied(table, rows, unit.spec["makers"])
    with atomic(unit.outputs["table"]) as path:
        found.to_parquet(path, index=False)
    write_json(
        unit.outputs["report"],
        {"key": unit.key, "spec": unit.spec, "sources": len(rows), "copies": len(found)},
    )
