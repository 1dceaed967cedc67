"""What a Methods section says of predicted properties."""

from __future__ import annotations

from typing import Any

from izwi import features
from izwi.annotation.targets import TARGETS, Target, column_of
from izwi.config.experiment.resolved import AnnotationSpec
from izwi.data import DATABASE
from izwi.reporting.record import Record
from izwi.reporting.texts import words
from izwi.reporting.texts.citations import Cites
from izwi.reporting.texts.words import listed


def sentences(record: Record, cites: Cites) -> list[str]:
    """What predicted the properties of an experiment, and what they were used for.

    Args:
        record: content of experiment.json
        cites: takes what is cited
    """
    spec = record.get("annotation")
    if not spec:
        return []
    found = []
    for model, names in _by_model(spec).items():
        titles = [f"{TARGETS[name].title} ({column_of(name)})" for name in names]
        were = "was" if len(titles) == 1 else "were"
        target = TARGETS[names[0]]
        by = _model(model, target, spec, record, cites)
        found.append(f"The {listed(titles)} {were} predicted by {by}.")
    grouped = [column_of(name) for name in spec["targets"] if TARGETS[name].kind == "group"]
    alone = "Each prediction used the audio of its recording alone, and no label."
    if grouped:
        number = spec.get("speakers")
        how = f"{number} groups" if number else "as many groups as had the largest mean silhouette"
        found.append(
            f"For {listed(grouped)} the embeddings of all recordings of a database were "
            f"divided into {how} by agglomerative clustering (Ward's criterion); no label was used."
        )
        alone = "Each other prediction used the audio of its recording alone, and no label."
    if len(grouped) < len(spec["targets"]):
        found.append(alone)
    limits = _limits(spec)
    if limits:
        found.append(f"Recordings were used only with {listed(limits)}.")
    used = _as_features(record, spec)
    if used:
        were = "was a feature" if len(used) == 1 else "were features"
        found.append(f"{listed(used)} {were} of the model, in the test as in the training.")
    if record["target"] != DATABASE:
        found.append(
            f"How they went with {record['target']} was tested on means of speakers by F tests, "
            f"corrected by Holm's method{cites('holm1979')}."
        )
    return found


def _by_model(spec: AnnotationSpec) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in spec["targets"]:
        found.setdefault(TARGETS[name].model, []).append(name)
    return found


def _model(model: str, target: Target, spec: AnnotationSpec, record: Record, cites: Cites) -> str:
    """The model with its citation, place, licence and package."""
    (own,) = (one for one in spec["features"] if one["type"] == target.features)
    cls: Any = features.extractor_class(target.features)
    if target.features == "snr" and own["options"]["snr.method"] == "quartiles":
        return "the distance of loud from quiet frames"
    about = []
    if named := getattr(cls, "named", None):
        about.append(words.place(named(own["options"])))
    package = words.feature_set(own).package
    if package and (version := record["packages"].get(package)):
        about.append(f"{words.feature_set(own).title} {version}")
    if target.licence:
        about.append(f"weights under {target.licence}")
    text = model + (cites(*target.cites) if target.cites else "")
    return f"{text} ({'; '.join(about)})" if about else text


def _limits(spec: AnnotationSpec) -> list[str]:
    """What their recordings had to have."""
    found = []
    for name, limit in spec["min"].items():
        unit = f" {TARGETS[name].unit}" if TARGETS[name].unit else ""
        found.append(f"a {TARGETS[name].title} of at least {limit:g}{unit}")
    for name, limit in spec["max"].items():
        unit = f" {TARGETS[name].unit}" if TARGETS[name].unit else ""
        found.append(f"a {TARGETS[name].title} of at most {limit:g}{unit}")
    for database, pairs in spec["filter"].items():
        for column, values in pairs:
            found.append(f"{column} = {' or '.join(map(str, values))} in {database}")
    return found


def _as_features(record: Record, spec: AnnotationSpec) -> list[str]:
    """Predicted columns among the metadata that the model saw."""
    seen = [
        str(column)
        for one in record["features"]
        if one["type"] == "metadata"
        for column in one["options"]["metadata.columns"]
    ]
    return [column for name in spec["targets"] if (column := column_of(name)) in seen]
