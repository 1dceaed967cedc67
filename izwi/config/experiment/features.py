"""The feature sets of an experiment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from izwi.config import options as table
from izwi.config import pictures
from izwi.config.experiment.component_options import own_values, some, type_of, unread
from izwi.config.experiment.entries import Entries
from izwi.config.experiment.models import ChosenModel
from izwi.config.experiment.resolved import ComponentSpec
from izwi.config.options import Option
from izwi.preprocessing.bags import BagSpec
from izwi.preprocessing.balancing import NEED_NUMBERS


def read_features(
    entries: Entries, model: ChosenModel, predicted: Iterable[str] = ()
) -> tuple[tuple[ComponentSpec, ...], dict[str, dict[str, Any]]]:
    """Feature sets, each with the options that it reads.

    Args:
        entries: of the ini
        model: the model
        predicted: types of features that hold predicted properties

    Returns:
        the feature sets that models see, and of each type in ``predicted`` its options
    """
    also = {kind: table.own_options("features", kind) for kind in predicted}
    if model.brings and entries.get("FEATS", "type") in (None, []):
        values = _used(entries, also)
        kinds = [feature_set["type"] for feature_set in model.brings]
        unread(entries, "FEATS", [*kinds, *also], f"with MODEL.type = {model.type}")
        names = ", ".join(kinds)
        entries.notes.append(f"[FEATS] type: MODEL.type = {model.type} brings its own, {names}")
        return model.brings, values
    if model.none and not entries.get("FEATS", "type"):
        values = _used(entries, also)
        unread(entries, "FEATS", ["none", *also], "without FEATS.type")
        return (), values
    types = table.registry("features")
    # A family has many variants; name only the families.
    families = [name for name in types if "-" not in name]
    wanted = entries.required("FEATS", "type", some("FEATS", families))
    if wanted == []:
        entries.problem("FEATS", "type", f"is empty, {some('FEATS', families)}")
    found = [type_of(entries, "FEATS", text, types) for text in wanted or []]
    kinds = [kind for kind in found if kind is not None]
    for kind in sorted({kind for kind in kinds if kinds.count(kind) > 1}):
        entries.problem("FEATS", "type", f"'{kind}' is named twice")
    known = {kind: table.own_options("features", kind) for kind in dict.fromkeys(kinds)}
    values = _used(entries, known | also)
    complete = kinds and None not in found
    read = [*kinds, *also] if complete else []
    unread(entries, "FEATS", read, f"with FEATS.type = {', '.join(kinds)}")
    if "metadata" in values:
        _take_target_from(entries, values["metadata"])
    brought = {s["type"]: s["options"] for s in model.brings}
    sets = tuple(ComponentSpec(type=k, options=brought.get(k, values[k])) for k in known)
    return sets, {kind: values[kind] for kind in also}


def _used(entries: Entries, known: dict[str, dict[str, Option]]) -> dict[str, dict[str, Any]]:
    """Options of feature types, without those that have no effect given the others."""
    values = own_values(entries, "FEATS", known)
    for kind, own in values.items():
        for name in table.owner("features", kind).idle(own):
            # An option that nothing reads must not change the key.
            if own.pop(name) != known[kind][name].default:
                entries.notes.append(f"[FEATS] {name}: no effect with these options of {kind}")
    return values


def recordings_only(entries: Entries, kind: str, learned: dict[str, Any]) -> tuple[None, None]:
    """Report options that need feature vectors if the model reads recordings.

    Args:
        kind: of the model
        learned: as `learning.resolve` returns it

    Returns:
        scaler and chosen features: none
    """
    for key in ("scale", "features"):
        if entries.get("FEATS", key) not in (None, "none", []):
            entries.notes.append(f"[FEATS] {key}: no effect with MODEL.type = {kind}")
    balancing = learned.get("balancing")
    if balancing in NEED_NUMBERS:
        entries.problem(
            "FEATS",
            "balancing",
            f"{balancing} computes with features, {kind} learns from recordings: use ros or "
            "MODEL.class_weight",
        )
    wanted = [("EXPL", "clusters"), ("MODEL", "active_learning")]
    wanted += [
        ("EXPL", name) for name in ("permutation", "model", "feature_distributions", "regplot")
    ]
    for section, key in [*wanted, *(("PLOT", name) for name in pictures.MAPS)]:
        if entries.get(section, key):
            entries.problem(section, key, f"needs features, {kind} learns from recordings")
    return None, None


def read_bags(
    entries: Entries, model: ChosenModel, features: tuple[ComponentSpec, ...], seed: int
) -> BagSpec | None:
    """How frames become bags of words, None without ``FEATS.type = xbow``.

    What sees features before a model has made bags of them is refused.
    """
    if not any(feature_set["type"] == "xbow" for feature_set in features):
        for name in ("size", "assignments", "codebook"):
            if ("FEATS", f"xbow.{name}") in entries.general:
                spelt = entries.spelt(entries.general["FEATS", f"xbow.{name}"][0])
                entries.notes.append(f"[FEATS] {spelt}: no effect without FEATS.type = xbow")
        return None
    if model.none:
        entries.problem("FEATS", "type", "xbow: words are found in training: set MODEL.type")
    wanted = [("EXPL", "feature_distributions"), ("EXPL", "regplot"), ("MODEL", "onnx")]
    wanted.append(("EXPL", "feature_correlation"))
    for section, key in [*wanted, *(("PLOT", name) for name in pictures.MAPS)]:
        if entries.get(section, key):
            entries.problem(section, key, "FEATS.type = xbow has no features before training")
    return {
        "size": entries.get("FEATS", "xbow.size"),
        "assignments": entries.get("FEATS", "xbow.assignments"),
        "codebook": entries.get("FEATS", "xbow.codebook"),
        "seed": seed,
    }


def _take_target_from(entries: Entries, metadata: dict[str, Any]) -> None:
    """Remove the target from the metadata features, under either of its names."""
    target = entries.get("DATA", "target")
    same = {"gender", "sex"} if target in ("gender", "sex") else {target}
    columns = metadata["metadata.columns"] or []
    metadata["metadata.columns"] = [str(name) for name in columns if str(name) not in same]
    if len(metadata["metadata.columns"]) < len(columns):
        entries.notes.append(f"[FEATS] metadata.columns: without {target}, which is the target")


def check_reads(entries: Entries, kind: str | None, features: tuple[ComponentSpec, ...]) -> None:
    """Refuse features that the model cannot take."""
    reads = table.owner("models", kind).reads if kind else ()
    names = [feature_set["type"] for feature_set in features]
    forms = []
    for name, feature_set in zip(names, features, strict=True):
        extractor = table.owner("features", name)
        if kind and name not in reads and not extractor.is_vector:
            entries.problem("FEATS", "type", f"{name} is no vector, {kind} cannot read it")
            return
        forms.append(extractor.form(feature_set["options"]))
    if reads and not set(forms) <= set(reads):
        entries.problem(
            "MODEL",
            "type",
            f"{kind} reads {' or '.join(reads)} alone, but FEATS.type is {', '.join(names)}",
        )
    elif reads and len(forms) > 1:
        entries.problem("MODEL", "type", f"{kind} reads one kind of features, not {len(forms)}")
