"""The model of an experiment, and what goes with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from izwi.config import options as table
from izwi.config.experiment.component_options import one_of, own_values, some, type_of, unread
from izwi.config.experiment.entries import Entries
from izwi.config.experiment.resolved import ComponentSpec, DatabaseSpec, FurtherFigures, SplitSpec
from izwi.config.options import Option

if TYPE_CHECKING:
    from izwi.training.types import TuneSpec

_COUNTERPART = {
    **{"xgr": "xgb", "svr": "svm", "xgb": "xgr", "svm": "svr"},
    **{"logreg": "ridge", "ridge": "logreg", "linear_svm": "svr"},
}


# Sections that modules of nkululeko read which train nothing.
_OF_MODULES = ("AUGMENT", "EXPORT", "PREDICT", "RESAMPLE", "SEGMENT")


@dataclass(frozen=True)
class ChosenModel:
    """The model that an ini asks for.

    Args:
        type: in the registry, None after a problem
        options: all that it reads
        none: whether the ini asks for none: nothing is trained
        stops_early: whether it learns from dev samples when to stop
        needs_dev: whether it learns in epochs and chooses the best on a dev set
        brings: feature sets that it chooses itself
        learning: how it learns beyond a single fit
    """

    type: str | None
    options: dict[str, Any] = field(default_factory=dict)
    none: bool = False
    stops_early: bool = False
    needs_dev: bool = False
    brings: tuple[ComponentSpec, ...] = ()
    learning: dict[str, Any] = field(default_factory=dict)


def read_model(entries: Entries, *, annotated: bool = False) -> tuple[str, ChosenModel]:
    """Task and model.

    Args:
        entries: of the ini
        annotated: whether it asks for predicted properties
    """
    wanted = entries.get("EXP", "type")
    if why := _untrained(entries):
        done = "properties are predicted" if annotated else "only the data are described"
        entries.warnings.append(f"{why}, so nothing is trained: {done}")
        unread(entries, "MODEL", [], "")
        return wanted or "classification", ChosenModel(None, none=True)
    types = table.registry("models")
    kind = type_of(entries, "MODEL", entries.required("MODEL", "type", some("MODEL", types)), types)
    if kind is None:
        unread(entries, "MODEL", [], "")
        return wanted or "classification", ChosenModel(None)
    cls: Any = table.owner("models", kind)
    if wanted and wanted != cls.task:
        other = _COUNTERPART.get(kind) or (
            kind.removesuffix("_reg") if kind.endswith("_reg") else f"{kind}_reg"
        )
        use = f": use {other}" if other in types else ""
        entries.problem(
            "EXP", "type", f"is {wanted}, but MODEL.type = {kind} is a model of {cls.task}{use}"
        )
    own = table.own_options("models", kind)
    values = own_values(entries, "MODEL", {kind: own})[kind]
    unread(entries, "MODEL", [kind], f"with MODEL.type = {kind}")
    weight = entries.get("MODEL", "class_weight")
    if cls.handles_class_weight or weight:
        values["class_weight"] = bool(weight)
    epochs = entries.get("EXP", "epochs")
    if ("EXP", "epochs") in entries.general and epochs is not None:
        if cls.needs_dev or "epochs" in own:
            values["epochs"] = epochs
        else:
            entries.notes.append(f"[EXP] epochs: no effect with MODEL.type = {kind}")
    for line in cls.check(values):
        entries.problems.add(line)
    tuned = _tune(entries, cls, own, values)
    absent = cls.absent()
    if absent:
        entries.problems.add(absent)
    brings = tuple(cls.brings(values) or ())
    return cls.task, ChosenModel(
        kind,
        values,
        stops_early=cls.stops_early(values),
        needs_dev=cls.needs_dev,
        brings=brings,
        learning=tuned,
    )


def _untrained(entries: Entries) -> str:
    """Why the ini asks for no training, empty if it does; a forgotten type is an error."""
    if not entries.names:
        return ""
    given = entries.ini.sections.get("MODEL", {})
    # To know all options is to import all models.
    if "type" not in given:
        known = table.elsewhere("MODEL")
        own = {known[name].name for name in given if name in known}
        if not {name for name in own if known[name.lower()].status == "ok"} - {"save"}:
            return "[MODEL] type: missing"
    if not any(name in entries.ini.sections for name in _OF_MODULES):
        return ""
    if entries.get("FEATS", "type") == []:
        return "[FEATS] type: is empty"
    labels = entries.get("DATA", "labels")
    return "[DATA] labels: there is one class" if labels is not None and len(labels) < 2 else ""


def _tune(
    entries: Entries, cls: Any, own: dict[str, Option], values: dict[str, Any]
) -> dict[str, Any]:
    """Option values that tuning tries on the training rows."""
    wanted = entries.get("MODEL", "tune")
    if wanted is None:
        return {}
    from izwi.training import tpe, tuning

    strategy = entries.get("MODEL", "tune.search_strategy")
    found, ranges = tuning.read(
        wanted,
        cls,
        own,
        values,
        lambda text: entries.problem("MODEL", "tune", text),
        strategy=strategy,
    )
    for lower in entries.ini.sections.get("MODEL", {}):
        option = own.get(lower)
        if lower == "class_weight" or option is not None:
            name = option.name if option else lower
            if name in found or name in ranges:
                entries.overridden(f"[MODEL] {entries.spelt(lower)}", "MODEL.tune")
    tune: TuneSpec = {"values": found, "folds": entries.get("MODEL", "tune.folds")}
    if ranges:
        tune["ranges"] = ranges
    if strategy == "tpe" and (absent := tpe.absent()):
        entries.problem("MODEL", "tune.search_strategy", absent)
    # A search of all combinations has no more options, so that its key stays.
    if strategy in ("random", "tpe"):
        tune["n_iter"] = entries.get("MODEL", "tune.n_iter")
    elif ("MODEL", "tune.n_iter") in entries.general:
        entries.notes.append(f"[MODEL] tune.n_iter: no effect, a search by {strategy} takes all")
    if strategy != "grid":
        tune["strategy"] = strategy
    return {"tune": tune}


def read_onnx(entries: Entries, model: ChosenModel, scale: str | None, split: SplitSpec) -> bool:
    """Whether the model is written as ONNX; reports what makes that impossible."""
    if not entries.get("MODEL", "onnx"):
        return False
    if model.none or model.type is None:
        entries.notes.append("[MODEL] onnx: no effect without a model")
        return False
    from izwi.onnx_export import support as onnx_export

    if told := onnx_export.absent():
        entries.problem("MODEL", "onnx", told)
    if told := onnx_export.refused(model.type):
        entries.problem("MODEL", "onnx", told)
    if told := onnx_export.refused_scaler(scale):
        entries.problems.add(told)
    if split["logo"] or split["k_fold_cross"] or split.get("submodel"):
        entries.problem(
            "MODEL",
            "onnx",
            "there is no single model with logo, k_fold_cross or submodel: leave it out",
        )
    return True


def read_seed(entries: Entries) -> int:
    """Seed of every random choice."""
    seed, other = entries.get("EXP", "seed"), entries.get("MODEL", "random_state")
    if ("MODEL", "random_state") in entries.general:
        lower = entries.general["MODEL", "random_state"][0]
        if ("EXP", "seed") in entries.general and other not in (None, seed):
            entries.problem("MODEL", lower, f"is {other}, but EXP.seed is {seed}: keep one")
        elif other is not None:
            entries.notes.append(f"[MODEL] {entries.spelt(lower)}: taken as EXP.seed = {other}")
            return other
    return seed


def read_threshold(entries: Entries, task: str) -> FurtherFigures:
    """Figures beside those of all samples: of certain predictions, and of speakers."""
    found: FurtherFigures = {}
    threshold = entries.get("PLOT", "uncertainty_threshold")
    if threshold is not None and task == "regression":
        entries.notes.append("[PLOT] uncertainty_threshold: no effect in regression")
    elif threshold is not None:
        found["uncertainty_threshold"] = threshold
    how = entries.get("PLOT", "combine_per_speaker")
    if how == "mode" and task == "regression":
        entries.warnings.append(
            "[PLOT] combine_per_speaker: numbers have no majority, so their mean is taken"
        )
        how = "mean"
    if how is not None:
        found["combine_per_speaker"] = how
    return found


def check_dev(entries: Entries, split: SplitSpec, databases: Iterable[DatabaseSpec]) -> None:
    """Report calibration without a dev set."""
    if split["traindevtest"]:
        return
    own = split["databases"].values()
    if not (split["logo"] or split["k_fold_cross"]) and (
        any(s["dev_size"] or s["dev"] or s["split_strategy"] == "dev" for s in own)
        # Tables of an audformat database may define a dev set.
        or any(database["type"] in ("audformat", "audb") for database in databases)
    ):
        return
    entries.problem(
        "MODEL",
        "calibrate",
        "temperature is fitted on a dev set, and there is none: set EXP.traindevtest = True",
    )


def read_measure(entries: Entries, task: str) -> str:
    """The main measure; without one in the ini, the default of the task."""
    measure = entries.get("MODEL", "measure")
    allowed = table.MEASURES[task]
    if measure is None:
        return allowed[0]
    if measure not in allowed:
        entries.problem(
            "MODEL", "measure", f"'{measure}' is not a measure of {task}, {one_of(allowed)}"
        )
    return measure
