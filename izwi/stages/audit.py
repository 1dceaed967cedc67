"""The leakage audit of a split: what could inflate its figures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from izwi import features, models
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.engine.planner import DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import read_json, write_json
from izwi.stages.features import features_name, matrix

if TYPE_CHECKING:
    import pandas as pd

    from izwi.config.experiment.resolved import ComponentSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="audit",
    outputs={"report": "audits/{databases}-{key}.json"},
    scope="data",
    after=("load", "annotate", "split", "segment", "segment_split", "features"),
    mem_mb=4000,
    minutes=120,
    imports=("pandas", "izwi.audit"),
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """An audit, with the fingerprints that it compares; nothing if leakage is ignored."""
    if request.leakage == "ignore":
        return []
    split, tables = planned.parts, planned.tables
    classes = {spec["type"]: features.extractor_class(spec["type"]) for spec in request.features}
    pretrained = [
        features_name(spec)
        for spec in request.features
        # Pretrained models need more than the core environment.
        if classes[spec["type"]].environment != "core"
    ]
    if request.model and models.model_class(request.model).takes_recordings:
        pretrained.append(request.model)
    copied = 0
    if request.model and request.augment:
        copied = request.augment["copies"] * len(request.augment["kinds"])
    spec = {
        "target": request.target,
        "labels": request.labels,
        "leakage": request.leakage,
        "fitted": {
            "scale": "speaker" if request.scale == "speaker" else None,
            "pretrained": pretrained,
            **({"copies": copied} if copied else {}),
        },
    }
    # Audio that nothing else reads may be missing.
    hears = not classes or any(
        not issubclass(cls, features.TableExtractor) for cls in classes.values()
    )
    fingerprint: ComponentSpec = {"type": "fingerprint", "options": {}}
    prints = [matrix(request, t, planned, planner, fingerprint) for t in tables if hears]
    imported = [
        unit
        for unit in planned.units.get("features", ())
        if issubclass(classes[unit.spec["type"]], features.TableExtractor)
    ]
    key = key_of(
        STAGE.name,
        spec,
        split.key,
        [unit.key for unit in prints],
        [unit.key for unit in imported],
        code_of(__name__),
        versions_of(("numpy", "pandas", "scipy")),
    )
    unit = planner.add(
        STAGE.name,
        key,
        label=split.label,
        spec=spec,
        inputs={
            "tables": [table.outputs["table"] for table in tables],
            "split": split.outputs["split"],
            "split_report": split.outputs["report"],
            "prints": [unit.outputs["matrix"] for unit in prints],
            "imported": [unit.outputs["matrix"] for unit in imported],
        },
        source=request.ini,
        databases=slug(split.label),
    )
    return [unit]


def run(unit: Unit, job: Job) -> None:
    """Write the findings."""
    import pandas as pd

    from izwi.audit import audit

    split_report = read_json(unit.inputs["split_report"])
    tables, recordings, copies = _heard(tuple(unit.inputs["tables"]), tuple(unit.inputs["prints"]))
    report = audit(
        unit.spec,
        tables,
        pd.read_parquet(unit.inputs["split"]),
        labels=split_report["labels"],
        recordings=recordings,
        copies=copies,
        imported=_joined(unit.inputs["imported"], len(tables)),
        teachers=split_report.get("teachers", []),
    )
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": unit.spec, **report})


@lru_cache(maxsize=2)
def _heard(tables: tuple[str, ...], prints: tuple[str, ...]) -> tuple[Any, Any, Any]:
    """Tables, their fingerprints and near-duplicates; many splits share them in one worker."""
    import pandas as pd

    from izwi.audit import duplicates, find_copies
    from izwi.features.signal import COLUMNS

    found = [pd.read_parquet(path) for path in tables]
    if not prints:
        return found, None, None
    known = [pd.read_parquet(path, columns=list(COLUMNS)) for path in prints]
    recordings = pd.concat(known, ignore_index=True)
    return found, recordings, find_copies(found, duplicates.Prints.read(prints))


def _joined(paths: Sequence[str], n_tables: int) -> pd.DataFrame | None:
    """Matrices of all tables as one, only numbers; None if there are none."""
    import pandas as pd

    if not paths:
        return None
    n_sets = len(paths) // n_tables
    index = ["file", "start", "end"]
    matrices = [pd.read_parquet(path).drop(columns=index) for path in paths]
    if n_sets > 1:
        # Two feature sets may share names.
        matrices = [m.add_prefix(f"{i % n_sets}.") for i, m in enumerate(matrices)]
    rows = [pd.concat(matrices[i * n_sets : (i + 1) * n_sets], axis=1) for i in range(n_tables)]
    return pd.concat(rows, ignore_index=True)
