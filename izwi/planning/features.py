"""Feature matrices in the plan."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from izwi import features
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.plan import Unit
from izwi.planning.draft import Draft, slug

if TYPE_CHECKING:
    from izwi.planning.basis import Basis


def features_name(spec: dict[str, Any]) -> str:
    """A feature set's readable name, such as ``os-eGeMAPSv02``."""
    cls = features.extractor_class(spec["type"])
    values = [spec["options"].get(name) for name in cls.title]
    return "-".join([spec["type"], *(str(value) for value in values if value is not None)])


def extractor_key(spec: dict[str, Any]) -> str:
    """Key of a feature set: its options, its code, its packages."""
    cls = features.extractor_class(spec["type"])
    return key_of(
        spec["type"],
        {name: value for name, value in spec["options"].items() if name not in cls.located},
        cls.content(spec["options"]),
        code_of(cls.__module__),
        versions_of(cls.packages),
    )


def matrix(draft: Draft, basis: Basis, table: Unit, split: Unit, spec: dict[str, Any]) -> Unit:
    """The matrix of a feature set for a table."""
    extractor = extractor_key(spec)
    # The feature sets that models see tell of audio that cannot be used.
    threshold = 1.0 if spec["type"] in features.INTERNAL else basis.fail_threshold
    # What need not be asked for changes no key.
    key = key_of("features", extractor, table.key, *([threshold] if threshold else []))
    name = slug(features_name(spec))
    stem = draft.path("features", f"{slug(table.label)}-{table.key}", f"{name}-{key}")
    unit = Unit(
        stage="features",
        key=key,
        label=f"{name} of {table.label}",
        spec={
            **spec,
            "store": os.path.join(draft.plan.cache, "features", f"{name}-{extractor}"),
            "table": table.key,
            "fail_threshold": threshold,
        },
        inputs={"table": table.outputs["table"], "splits": []},
        outputs={"matrix": f"{stem}.parquet", "report": f"{stem}.json"},
        group=key,
    )
    unit = draft.add(unit, basis.ini)
    # Wrong labels, speakers or splits are told before any extraction starts; a split that waits
    # for soft labels must not hold up the features that they are learned from.
    waits = any(database["type"] == "soft" for database in basis.databases)
    there = unit.done or split.outputs["report"] in unit.inputs["splits"]
    if not waits and not there:
        unit.inputs["splits"].append(split.outputs["report"])
    _shard(draft, basis, table, unit)
    return unit


def _shard(draft: Draft, basis: Basis, table: Unit, unit: Unit) -> None:
    """Jobs that fill the feature store for a large table before its matrix is made."""
    listed = draft.files.get(table.key, 0)
    n = math.ceil(listed / draft.shard_files) if draft.shard_files else 1
    if n < 2 or unit.done or not features.extractor_class(unit.spec["type"]).is_stored():
        return
    folder = draft.path("plans", "shards")
    shards = [
        Unit(
            stage="shard",
            key=key_of("shard", unit.key, i, n),
            label=f"{i + 1} of {n} of {unit.label}",
            spec={**unit.spec, "shard": i, "of": n},
            inputs={"table": unit.inputs["table"], "splits": unit.inputs["splits"]},
            outputs={"done": os.path.join(folder, f"{unit.key}-{i + 1}-of-{n}.json")},
            group=f"{unit.key}-{i}",
        )
        for i in range(n)
    ]
    unit.inputs["shards"] = [draft.add(shard, basis.ini).outputs["done"] for shard in shards]
