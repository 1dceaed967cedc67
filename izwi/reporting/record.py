"""The two files of an experiment that pages, texts and explanations are written from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from izwi.config.experiment.resolved import ENSEMBLE
from izwi.errors import UserError
from izwi.files import read_json

if TYPE_CHECKING:
    from izwi.config.experiment.resolved import (
        AnnotationSpec,
        ComponentSpec,
        DatabaseSpec,
        EvaluationSpec,
        LoadSpec,
        PreprocessingSpec,
        SplitSpec,
    )

RECORD, METRICS = "experiment.json", "metrics.json"
# Stands in place of a model where nothing is trained.
NO_MODEL = "none: data only"


class Record(TypedDict):
    """Content of experiment.json: the resolved ini, see `Experiment`, and what came of it.

    Attributes:
        key: of the experiment
        izwi: version
        packages: name → version, None where it is not installed
        stages: name → ``key`` and ``files`` (role → path), or a list or dict of such; with
            ``title`` and ``methods`` where the stage states them, see `izwi.engine.stage.Stage`
    """

    ini: str
    name: str
    task: str
    seed: int
    runs: int
    target: str
    labels: list[str] | None
    databases: list[DatabaseSpec]
    load: LoadSpec
    split: SplitSpec
    features: list[ComponentSpec]
    preprocessing: PreprocessingSpec
    model: ComponentSpec
    learning: dict[str, Any]
    augment: NotRequired[dict[str, Any]]
    evaluation: EvaluationSpec
    setting: dict[str, str | None]
    control: str | None
    key: str
    izwi: str
    packages: dict[str, str | None]
    stages: dict[str, Any]
    annotation: NotRequired[AnnotationSpec | None]


class Metrics(TypedDict):
    """Content of metrics.json, the part that is read by name.

    Attributes:
        type: ``classification`` or ``regression``
        measure: the one that decides, and its ``value`` with the limits ``ci``
        metrics: all measures of the task
        intervals: their limits
        ci_df: degrees of freedom of the limits ``ci``, if these are of a t distribution
        interval_reasons: measure → why it has no limits
        n_evaluated: samples with a truth, of ``n_test``
        unknown_speakers: how many of these have no speaker, where others have one
        excluded: of a split, the rows whose audio could not be used
    """

    name: str
    type: str
    measure: str
    value: float | None
    ci: list[float | None]
    ci_method: str | None
    ci_df: NotRequired[float | None]
    interval_reasons: NotRequired[dict[str, str]]
    chance: NotRequired[dict[str, float | None]]
    baseline: NotRequired[dict[str, Any] | None]
    interval_doubt: NotRequired[str]
    metrics: dict[str, float | None]
    intervals: dict[str, list[float | None]]
    runs: int
    per_run: list[dict[str, Any]]
    per_fold: list[dict[str, Any]]
    per_class: dict[str, dict[str, Any]]
    confusion: dict[str, Any] | None
    fairness: dict[str, dict[str, Any]]
    calibration: dict[str, Any] | None
    tuning: NotRequired[dict[str, Any]]
    audit: NotRequired[list[dict[str, Any]] | None]
    n_train: int | None
    n_augmented: NotRequired[int]
    n_test: int
    n_evaluated: int
    n_speakers: int | None
    unknown_speakers: NotRequired[int]
    excluded: NotRequired[dict[str, Any]]
    few_speakers: bool
    transductive: bool
    warnings: list[str]
    notes: list[str]


def read(record: str | Path, metrics: str | Path) -> tuple[Record, Metrics]:
    """Read both files."""
    return read_json(record), read_json(metrics)


def check_trained(record: Record) -> None:
    """Refuse the record of an experiment without a model.

    Raises:
        UserError: says so
    """
    if not record["model"]["type"]:
        raise UserError(f"{record['name']}: nothing was trained, its ini only describes data")


def members(record: Record) -> list[str]:
    """Names of the experiments that an ensemble fuses; none of any other experiment."""
    model = record["model"]
    return list(model["options"]["members"]) if model["type"] == ENSEMBLE else []


def feature_types(record: Record) -> list[str]:
    """Types of the feature sets; of an ensemble those of its members."""
    if members(record):
        return list(record["model"]["options"]["features"])
    return [one["type"] for one in record["features"]]


def model_shown(record: Record) -> str:
    """The model as tables show it, such as ``svm`` or ``ensemble (mean)``; empty without one."""
    model = record["model"]
    return f"{ENSEMBLE} ({model['options']['method']})" if members(record) else model["type"]


def predicted(record: Record) -> dict[str, Any]:
    """The unit that made the predictions of a trained experiment: its ``key`` and ``files``."""
    stages = record["stages"]
    found: dict[str, Any] = stages.get("ensemble") or stages.get("predict") or stages["train"]
    return found


def units_behind(record: Record) -> list[tuple[str, dict[str, Any]]]:
    """Stage, and what is told of it, of each unit behind an experiment but pictures."""
    return [
        (stage, unit)
        for stage, found in record["stages"].items()
        if stage != "plot"
        for unit in (found if isinstance(found, list) else [found])
    ]


def versions(record: Record) -> str:
    """Packages with their versions: ``numpy 2.1.0, pandas 2.2.3``."""
    return ", ".join(f"{name} {version}" for name, version in record["packages"].items() if version)


def database_names(record: Record) -> list[str]:
    """Databases as the ini calls them."""
    return [database["name"] for database in record["databases"]]


def databases_shown(record: Record, separator: str = ", ") -> str:
    """Databases as tables show them: ``emodb, polish``, across databases ``emodb → nemo``.

    Args:
        record: content of experiment.json
        separator: between databases of one side
    """
    train, test = sides(record)
    if train == test:
        return separator.join(database_names(record))
    return f"{separator.join(train)} → {separator.join(test)}"


def sides(record: Record) -> tuple[list[str], list[str]]:
    """Names of the databases that are trained on, and of those that are tested."""
    names, split = database_names(record), record["split"]
    if split["strategy"] == "cross_data":
        return list(split["trains"] or ()), list(split["tests"] or ())
    own = {name: split["databases"].get(name, {}) for name in names}
    stated = {name: one.get("only") or one.get("split_strategy") for name, one in own.items()}
    tests = split["tests"] or ()
    train = [name for name in names if stated[name] not in ("test", "dev") and name not in tests]
    test = split["tests"] or [name for name in names if stated[name] not in ("train", "dev")]
    return train, list(test)
