"""Properties that ready-made models predict: ``[PREDICT]``."""

from __future__ import annotations

from typing import Any

from izwi.annotation import MARK
from izwi.annotation.targets import ABSENT, TARGETS, built, column_of, types_of
from izwi.config.experiment.entries import Entries, texts
from izwi.config.experiment.resolved import AnnotationSpec, ComponentSpec, DatabaseSpec
from izwi.config.options import owner, suggest
from izwi.errors import UserError

_LIMITS = ("min", "max")


def read_targets(entries: Entries) -> list[str]:
    """Targets that can be predicted; of those of nkululeko that cannot, a note says so."""
    wanted = list(dict.fromkeys(texts(entries.get("PREDICT", "targets")) or []))
    found, absent = [], []
    for name in wanted:
        if name in TARGETS and TARGETS[name].built:
            found.append(name)
        elif name in TARGETS or name in ABSENT:
            absent.append(name)
        else:
            near = suggest(name, built()) or f", one of {', '.join(built())}"
            entries.problem("PREDICT", "targets", f"'{name}' is unknown{near}")
    if absent:
        entries.notes.append(
            f"[PREDICT] targets: {', '.join(absent)}: not built yet, there will be no such column"
        )
    if "text" not in wanted and ("EXP", "language") in entries.general:
        entries.notes.append("[EXP] language: no effect without PREDICT.targets = ['text']")
    if not wanted:
        idle = [
            f"[PREDICT] {entries.spelt(lower)}"
            for (section, _), (lower, _) in entries.general.items()
            if section == "PREDICT"
        ]
        if idle:
            entries.notes.append(f"no effect without PREDICT.targets: {', '.join(idle)}")
    return found


def read_annotation(
    entries: Entries,
    targets: list[str],
    options: dict[str, dict[str, Any]],
    databases: tuple[DatabaseSpec, ...],
    features: tuple[ComponentSpec, ...],
    *,
    trains: bool,
) -> AnnotationSpec | None:
    """The columns to add, and which rows they leave out.

    Args:
        entries: of the ini
        targets: as `read_targets` gives them
        options: type of features → its options
        databases: filters on predicted columns are taken from their options
        features: the feature sets that models see
        trains: whether there is a model, which goes without columns that cannot be had and that
            nothing uses

    Returns:
        None if there is nothing to predict
    """
    if not targets:
        return None
    columns = {column_of(name): name for name in targets}
    limits = {key: _limits(entries, key, targets) for key in _LIMITS}
    for name in sorted(limits["min"].keys() & limits["max"].keys()):
        if limits["min"][name] > limits["max"][name]:
            entries.problem("PREDICT", "min", f"{name}: is more than PREDICT.max")
    filters: dict[str, list[list[Any]]] = {}
    for database in databases:
        pairs = database["options"].get("filter") or []
        own = [pair for pair in pairs if pair[0] in columns]
        if own:
            filters[database["name"]] = own
            rest = [pair for pair in pairs if pair[0] not in columns]
            database["options"]["filter"] = rest or None
    used = {*limits["min"], *limits["max"]}
    used |= {columns[pair[0]] for pairs in filters.values() for pair in pairs}
    for one in features:
        seen = map(str, one["options"].get("metadata.columns") or ())
        used |= {columns[name] for name in seen if name in columns}
    speakers = entries.get("PREDICT", "speakers")
    if speakers is not None and "speaker" not in targets:
        entries.notes.append("[PREDICT] speakers: no effect without targets = ['speaker']")
    language = entries.get("EXP", "language")
    heard = options.get("transcript_text", {})
    if language and heard.get("transcript.language", "") is None:
        heard["transcript.language"] = language
    targets = _present(entries, targets, options, used if trains else set(targets))
    if not targets:
        return None
    found = AnnotationSpec(
        targets=targets,
        features=[ComponentSpec(type=kind, options=options[kind]) for kind in types_of(targets)],
        selection=entries.get("PREDICT", "sample_selection"),
        filter=filters,
        min=limits["min"],
        max=limits["max"],
    )
    if speakers and "speaker" in targets:
        found["speakers"] = speakers
    return found


def _present(
    entries: Entries, targets: list[str], options: dict[str, dict[str, Any]], needed: set[str]
) -> list[str]:
    """Targets without those that are not needed and whose models cannot be had.

    The stage reports what is needed and cannot be had, when a call is planned.
    """
    lost: list[str] = []
    for kind in types_of(targets):
        names = [name for name in targets if TARGETS[name].features == kind]
        if needed & set(names):
            continue
        try:
            owner("features", kind).content(options[kind])
        except UserError as error:
            lost += names
            entries.warnings += [
                f"[PREDICT] targets: no column of {', '.join(names)}: {line}"
                for line in error.problems
            ]
    return [name for name in targets if name not in lost]


def _limits(entries: Entries, key: str, targets: list[str]) -> dict[str, float]:
    """Limits of predicted numbers, by target."""
    found = {}
    for name, value in (entries.get("PREDICT", key) or {}).items():
        target = str(name).removesuffix(MARK)
        if target not in targets:
            entries.problem("PREDICT", key, f"'{name}' is not in PREDICT.targets")
        elif TARGETS[target].kind != "number":
            entries.problem("PREDICT", key, f"{target} is no number: use DATA.filter")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            entries.problem("PREDICT", key, f"{name}: {value!r} is no number")
        else:
            found[target] = float(value)
    return found
