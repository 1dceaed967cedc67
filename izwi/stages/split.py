"""The split of an experiment's rows into train, dev and test, or into folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from izwi.config.experiment.splits import tests_alone
from izwi.engine.code import code_of
from izwi.engine.keys import file_digest, key_of, versions_of
from izwi.engine.planner import DatabaseContent, DataRequest, Planned, Planner, slug
from izwi.engine.stage import Stage
from izwi.files import atomic, write_json
from izwi.splits.strategies import STRATEGIES

if TYPE_CHECKING:
    import pandas as pd

    from izwi.config.experiment import Experiment
    from izwi.config.experiment.resolved import SplitSpec
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="split",
    outputs={
        "split": "splits/{databases}-{key}.parquet",
        "report": "splits/{databases}-{key}.json",
    },
    scope="data",
    after=("load", "annotate"),
    imports=("pandas", "izwi.splits.build"),
)


def plan(request: DataRequest, planned: Planned, planner: Planner) -> list[Unit]:
    """The split into train, dev and test."""
    tables = planned.recordings
    spec, key = spec_and_key(request.split, tables, planned.contents)
    label = "+".join(table.label for table in tables)
    unit = planner.add(
        STAGE.name,
        key,
        label=label,
        spec=spec,
        inputs={
            "tables": [table.outputs["table"] for table in tables],
            "lineage": [one.lineage for one in planned.contents if one.lineage is not None],
        },
        source=request.ini,
        databases=slug(label),
    )
    return [unit]


def spec_and_key(
    split: SplitSpec, tables: list[Unit], contents: list[DatabaseContent]
) -> tuple[dict[str, Any], str]:
    """Spec and key of the split of some databases: the units of their tables, and contents."""
    spec: dict[str, Any] = dict(split)
    pairs = list(zip(tables, contents, strict=True))
    predicted = [(table, content) for table, content in pairs if content.lineage is not None]
    if predicted:
        # A warning reports if their teachers have seen the test set.
        spec["soft"] = {
            "names": [table.label for table, _ in predicted],
            "sources": {table.label: content.audio for table, content in pairs},
            "seen": [None if c.unit else file_digest(c.lineage or "") for _, c in predicted],
            "code": code_of("izwi.data.soft_labels"),
        }
    key = key_of(
        STAGE.name,
        spec,
        [table.key for table in tables],
        code_of("izwi.splits", "izwi.preprocessing.binning", *_modules(spec)),
        versions_of(("numpy", "pandas", "scipy", "scikit-learn")),
    )
    return spec, key


def fitted_on(experiment: Experiment | DataRequest, planned: Planned) -> list[int]:
    """Positions of the databases that the model is fitted on.

    Databases that are only tested on are left out, so that adding one retrains nothing. They stay
    if they affect the fit: by ids of speakers, or by names of features.
    """
    split, names = experiment.split, [database["name"] for database in experiment.databases]
    own = [i for i, name in enumerate(names) if not tests_alone(split, name)]
    entangled = (
        split["same_speakers"]
        or "submodel" in split
        or any(one["type"] == "metadata" for one in experiment.features)
    )
    return list(range(len(names))) if entangled or not own else own


def own_split_key(experiment: Experiment | DataRequest, planned: Planned) -> str:
    """Key of the split of the databases that the model is fitted on."""
    own = fitted_on(experiment, planned)
    if len(own) == len(experiment.databases):
        return planned.one("split").key
    kept = [experiment.databases[i]["name"] for i in own]
    split: SplitSpec = {
        **experiment.split,
        "databases": {name: experiment.split["databases"][name] for name in kept},
        "tests": None,
    }
    loads = [planned.tables[i] for i in own]
    return spec_and_key(split, loads, [planned.contents[i] for i in own])[1]


def run(unit: Unit, job: Job) -> None:
    """Write one split, with its report beside it."""
    import pandas as pd

    from izwi import splits

    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    spec = unit.spec
    split, report = splits.make_split(cast("SplitSpec", spec), tables)
    if "soft" in spec:
        report["teachers"] = _leaks(unit, tables, split)
        report["warnings"] += report["teachers"]
    with atomic(unit.outputs["split"]) as path:
        split.to_parquet(path, index=False)
    job.report(unit, report)
    write_json(unit.outputs["report"], {"key": unit.key, "spec": spec, **report})


def _modules(spec: dict[str, Any]) -> list[str]:
    """The modules of the strategies in use."""
    wanted = (own["split_strategy"] for own in spec["databases"].values())
    known = (STRATEGIES[one] for one in wanted if isinstance(one, str) and one in STRATEGIES)
    return [f"izwi.splits.{one.function.split(':')[0]}" for one in known if one.function]


def _leaks(unit: Unit, tables: list[pd.DataFrame], split: pd.DataFrame) -> list[str]:
    """Warnings if teachers of soft labels have seen the test set."""
    import pandas as pd

    from izwi.data import soft_labels

    lines = []
    for name, path in zip(unit.spec["soft"]["names"], unit.inputs["lineage"], strict=True):
        lines += soft_labels.leaks(
            name,
            pd.read_parquet(path),
            pd.concat(tables, ignore_index=True),
            split,
            sources=unit.spec["soft"]["sources"],
            same_speakers=unit.spec["same_speakers"],
        )
    return lines
