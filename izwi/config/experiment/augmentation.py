"""Changed copies of recordings that an ini asks for: to train on, to write, to test on."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from izwi.augmentation import degraded
from izwi.config import options as table
from izwi.config.experiment.entries import Entries
from izwi.config.experiment.models import ChosenModel
from izwi.config.experiment.resolved import ComponentSpec
from izwi.engine.keys import large_files
from izwi.features.base import TableExtractor

KINDS = ("traditional", "auglib", "random_splice")
_PACKAGES = {"traditional": "audiomentations", "auglib": "auglib"}
# Options of a kind, as its maker reads them.
_OPTIONS = {
    "random_splice": ("p_reverse", "top_db"),
    "auglib": ("transformations", "bypass_prob", "crop_dur"),
    "traditional": ("augmentations",),
}
# What a training leaves alone.
_OF_FILES = ("result", "sample_selection")


def read_augment(
    entries: Entries, model: ChosenModel, features: tuple[ComponentSpec, ...], seed: int
) -> dict[str, Any]:
    """The copies of an experiment.

    Args:
        entries: of the ini
        model: of the experiment; without one, augmented files are written
        features: of the experiment
        seed: of the experiment

    Returns:
        ``kinds`` (``kind`` and ``options`` of each), ``copies``, ``seed``, ``rows`` (``train``,
        ``test`` or ``all``) and ``result``, the name of a list of files, None where a model is
        trained; empty without augmentation
    """
    asked = _asked(entries, model)
    if not asked:
        _idle(entries, model)
        return {}
    if model.none:
        rows = entries.get("AUGMENT", "sample_selection")
        entries.notes.append(
            f"[{'] '.join(_where(entries))}: copies of {'all' if rows == 'all' else f'the {rows}'} "
            "samples are written, with a list of them"
        )
    else:
        _check_features(entries, *_where(entries), features)
    kinds = [kind for kind in KINDS if kind in asked]
    for kind in kinds:
        package = _PACKAGES.get(kind)
        if package and find_spec(package) is None:
            entries.problem(
                *_where(entries),
                f"{kind} needs {package}: make augment, or pip install 'izwi[augment]'",
            )
    read = {name for kind in kinds for name in _OPTIONS[kind]} | {"augment", "copies"}
    read |= set(_OF_FILES) if model.none else set()
    if "auglib" in kinds:
        from izwi.augmentation import rooms

        read |= set(rooms.OF_RECORDINGS)
    _unread(entries, read, "with these kinds" if model.none else "on a training")
    return {
        "kinds": [{"kind": kind, "options": _options(entries, kind)} for kind in kinds],
        "copies": entries.get("AUGMENT", "copies"),
        "seed": seed,
        "rows": entries.get("AUGMENT", "sample_selection") if model.none else "train",
        "result": _result(entries) if model.none else None,
    }


def _asked(entries: Entries, model: ChosenModel) -> list[str]:
    """Kinds that the ini asks for."""
    wanted, listed = entries.get("DATA", "augment"), entries.get("AUGMENT", "augment")
    if wanted is True and not listed:
        entries.problem(
            "DATA", "augment", f"which kinds? Take a list of {', '.join(KINDS)}, or AUGMENT.augment"
        )
    if isinstance(wanted, list):
        unknown = [str(kind) for kind in wanted if kind not in KINDS]
        for kind in unknown:
            near = table.suggest(kind, KINDS) or f", one of {', '.join(KINDS)}"
            entries.problem("DATA", "augment", f"'{kind}' is no kind of augmentation{near}")
        return [str(kind) for kind in wanted if kind in KINDS]
    return (listed or []) if wanted or model.none else []


def _where(entries: Entries) -> tuple[str, str]:
    wanted = ("DATA", "augment") in entries.general
    return ("DATA", "augment") if wanted else ("AUGMENT", "augment")


def _idle(entries: Entries, model: ChosenModel) -> None:
    """Note a section that nothing reads."""
    if model.none:
        _unread(entries, set(), "without AUGMENT.augment")
    else:
        _unread(entries, set(), "here, as in nkululeko's main command; DATA.augment = True uses it")


def _unread(entries: Entries, read: set[str], why: str) -> None:
    names = [
        entries.spelt(lower)
        for (section, name), (lower, _) in entries.general.items()
        if section == "AUGMENT" and name not in read
    ]
    if names:
        entries.notes.append(f"[AUGMENT] {', '.join(names)}: no effect {why}")


def _check_features(
    entries: Entries, section: str, name: str, features: tuple[ComponentSpec, ...]
) -> None:
    """Refuse features that cannot be had of a copy."""
    classes = {spec["type"]: table.owner("features", spec["type"]) for spec in features}
    deaf = [name for name, cls in classes.items() if issubclass(cls, TableExtractor)]
    lost = [name for name in deaf if name != "metadata"] or (
        deaf if len(deaf) == len(classes) else []
    )
    if lost:
        entries.problem(section, name, f"FEATS.type = {', '.join(lost)} is not computed from audio")


def _options(entries: Entries, kind: str) -> dict[str, Any]:
    """Options of a kind as its maker reads them."""
    if kind == "traditional":
        return {"augmentations": _parsed(entries)}
    found = {name: entries.get("AUGMENT", name) for name in _OPTIONS[kind]}
    return found | _of_recordings(entries) if kind == "auglib" else found


def _of_recordings(entries: Entries) -> dict[str, Any]:
    """auglib's transformations, the folders of their recordings, and what stands for these."""
    from izwi.augmentation import rooms

    wanted = entries.get("AUGMENT", "transformations")
    folders, content = {}, {}
    for name in rooms.OF_RECORDINGS:
        if ("AUGMENT", name) not in entries.general or (wanted and name not in wanted):
            continue
        folder = _folder(entries, name)
        files = rooms.recordings(folder) if folder else []
        if folder and not files:
            entries.problem("AUGMENT", name, f"no recordings ({', '.join(rooms.ENDINGS)}) in it")
        folders[name] = folder
        content[name] = [large_files.digest(path) for path in files]
    known = [name for name in rooms.TRANSFORMATIONS if name not in rooms.OF_RECORDINGS]
    lacking = [name for name in wanted or () if name not in (*folders, *known)]
    if lacking:
        entries.warnings.append(
            f"[AUGMENT] transformations: {', '.join(lacking)}: no recordings are named, so "
            f"synthetic sounds are mixed in; [AUGMENT] {lacking[0]} = <folder> names yours"
        )
    chosen = [n for n in rooms.TRANSFORMATIONS if n in (wanted or (*folders, *known))]
    return {"transformations": chosen, "recordings": folders, "content": content}


def _parsed(entries: Entries) -> Any:
    """The transforms of audiomentations, checked against its source."""
    from izwi.augmentation import calls

    entry = entries.general.get(("AUGMENT", "augmentations"))
    lower, text = ("augmentations", entry[1].text) if entry else ("augmentations", calls.DEFAULT)
    try:
        found = calls.parse(text)
    except ValueError as error:
        entries.problem("AUGMENT", lower, str(error))
        return None
    for line in calls.problems(found):
        entries.problem("AUGMENT", lower, line)
    return found


def _folder(entries: Entries, name: str) -> str | None:
    lower, value = entries.general["AUGMENT", name]
    path, tried = entries.locate(value.text, value.source)
    if path is None or not os.path.isdir(path):
        entries.problem("AUGMENT", lower, f"no such folder: {' or '.join(tried)}")
    return path


def _result(entries: Entries) -> str:
    """Name of the list, in the folder that the stage makes."""
    text = os.path.basename(str(entries.get("AUGMENT", "result")).replace("\\", "/"))
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in text).lstrip(".-")
    if not name.removesuffix(".csv"):
        entries.problem("AUGMENT", "result", "name the list, such as augmented.csv")
    return name if name.endswith(".csv") else f"{name}.csv"


def read_robustness(
    entries: Entries,
    model: ChosenModel,
    features: tuple[ComponentSpec, ...],
    learned: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """The degradations of the test samples.

    Args:
        entries: of the ini
        model: of the experiment
        features: of the experiment
        learned: as `learning.resolve` returns it
        seed: of the experiment

    Returns:
        ``kinds`` (``kind`` and ``options``, its ``level``) and ``seed``; empty if none is asked for
    """
    wanted = entries.get("EXP", "robustness")
    known = degraded.LEVELS
    kinds = list(known) if wanted is True else [str(kind).lower() for kind in wanted or []]
    for kind in kinds:
        if kind not in known:
            near = table.suggest(kind, known) or f", one of {', '.join(known)}"
            entries.problem("EXP", "robustness", f"'{kind}' is no kind of degradation{near}")
    read = {known[kind] for kind in kinds if kind in known} if not model.none else set()
    for (section, name), (lower, _) in entries.general.items():
        if section == "EXP" and name.startswith("robustness.") and name not in read:
            entries.notes.append(f"[EXP] {entries.spelt(lower)}: no effect with EXP.robustness")
    if not kinds:
        return {}
    if model.none:
        entries.notes.append("[EXP] robustness: no effect without a model")
        return {}
    _check_features(entries, "EXP", "robustness", features)
    if "submodel" in learned:
        entries.problem("EXP", "robustness", "does not go with MODEL.submodel: leave one of them")
    found = []
    for kind in dict.fromkeys(kind for kind in kinds if kind in known):
        levels = entries.get("EXP", known[kind]) if known[kind] else [None]
        for level in dict.fromkeys(levels):
            found.append({"kind": kind, "options": {"level": level}})
    return {"kinds": found, "seed": seed}
