"""What the page says of an experiment, from the files in its folder."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from izwi.analyses.kinds import FILES
from izwi.config.ini import read_ini
from izwi.config.options import all_options
from izwi.config.pictures import DATA, FORMATS
from izwi.errors import UserError
from izwi.files import is_made, read_json
from izwi.reporting import captions
from izwi.reporting.numbers import worth
from izwi.reporting.overview import CURRENT
from izwi.reporting.page.markup import number
from izwi.reporting.page.mistakes import plain
from izwi.reporting.record import (
    NO_MODEL,
    Record,
    database_names,
    databases_shown,
    feature_types,
    model_shown,
    read,
    units_behind,
)

# Parts of experiment.json that hold options, by the heading they get.
OPTIONS = (
    "split",
    "features",
    "preprocessing",
    "model",
    "learning",
    "analyses",
    "evaluation",
    "plots",
    "segmentation",
)
# Those whose options have a section of the ini of their own.
SECTIONS = {"features": "FEATS", "model": "MODEL", "plots": "PLOT", "segmentation": "SEGMENT"}
GENERAL = ("seed", "runs", "epochs", "traindevtest", "save", "save_test")
# Figures with a place of their own; the rest of metrics.json is shown as it is.
PLACED = {
    *("name", "type", "measure", "value", "ci", "ci_method", "metrics", "intervals", "labels"),
    *("per_class", "per_speaker", "per_run", "per_fold", "per_database", "per_submodel"),
    *("best_speaker", "worst_speaker", "speaker_mean", "speaker_sd", "fold_mean", "fold_sd"),
    *("fairness", "confusion", "calibration", "audit", "warnings", "notes", "few_speakers"),
    *("n_train", "n_test", "n_evaluated", "n_speakers", "transductive", "runs", "sd", "min"),
    *("max", "ci_samples", "ci_speakers", "ci_jackknife", "binned", "uncertainty", "tuning"),
    *("chance", "baseline", "interval_reasons", "interval_doubt", "speakers_t"),
}
# Nothing on the page reads these.
DRAWN = ("uncertainty", "ci_samples", "ci_speakers", "ci_jackknife", "labels")
# Written beside the figures, if they are, and shown.
TEXTS = ("methods.md", "model_card.md", "references.bib", "table1.md")
PICTURES = (*FORMATS, DATA)
MOST_CLASSES = 16  # in a small confusion matrix
# An absolute path inside a text: two parts or more.
_PATH = re.compile(r"(?<![\w./:~-])~?(?:/[^\s/:,;'\"()\[\]]+){2,}")


def without_places(text: str) -> str:
    """A text whose absolute paths are cut to their last part.

    A page is shown to others, and the same results are the same page on another machine.
    """
    return _PATH.sub(lambda found: f"…/{found[0].rpartition('/')[2]}", text)


def portable(value: Any) -> Any:
    """JSON-able values without absolute paths, numbers with six digits."""
    if isinstance(value, str):
        return without_places(value)
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {without_places(str(key)): portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    return value


def experiment(files: dict[str, str], about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Everything that the page shows of an experiment except pictures, texts and errors.

    Args:
        files: role → path in the folder of the experiment, ``metrics`` and ``record`` among them
        about: what is known of its call and its history, see `izwi.stages.page`

    Returns:
        ``summary``, a row of the table of all, and ``details``; values that JSON can hold
    """
    record, metrics = read(files["record"], files["metrics"])
    about = about or {}
    low, high = metrics["ci"] or (None, None)
    baseline = metrics.get("baseline") or {}
    name = about.get("name", metrics["name"])
    summary = {
        "name": name,
        "kind": "control" if record.get("control") else "experiment",
        "databases": database_names(record),
        "shown": databases_shown(record),
        "target": record["target"],
        "features": " + ".join(
            [captions.feature_set(one) for one in record["features"]] or feature_types(record)
        ),
        "model": model_shown(record) or NO_MODEL,
        "measure": metrics["measure"],
        "value": metrics["value"],
        "low": low,
        "high": high,
        "method": metrics["ci_method"],
        "worth": worth(metrics, metrics["measure"], number),
        "chance": (metrics.get("chance") or {}).get(metrics["measure"]),
        "baseline": baseline.get(metrics["measure"]),
        "confusion": shares(metrics["confusion"]),
        "audit": grade(metrics.get("audit")),
        "n": metrics["n_evaluated"],
        "speakers": metrics["n_speakers"],
        "few": metrics["few_speakers"],
        "warnings": len(metrics["warnings"]),
        "transductive": metrics["transductive"],
        "status": about.get("status", CURRENT),
        "call": "latest" if about.get("latest", True) else "earlier",
        "made": about.get("made"),
        "config": about.get("config"),
    }
    details = {
        "name": name,
        "task": metrics["type"],
        "ini": record["ini"],
        "setting": record["setting"],
        "about": captions.data(record, metrics),
        "metrics": {key: value for key, value in metrics.items() if key not in DRAWN}
        | {"calibration": _single(metrics["calibration"])},
        "curve": curve(Path(files["metrics"]).parent),
        "further": {
            key: value
            for key, value in metrics.items()
            if key not in PLACED and says_something(value)
        }
        | of_stages(record),
        "options": options(record),
        "status": summary["status"],
        "call": summary["call"],
        "history": about.get("history", []),
        "provenance": {
            "key": record["key"],
            "izwi": record["izwi"],
            "packages": record["packages"],
            "stages": stages(record["stages"]),
        },
    }
    return {"summary": portable(summary), "details": portable(details)}


def shares(confusion: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a small confusion matrix shows.

    Args:
        confusion: ``labels``, and ``counts`` with truth in the rows

    Returns:
        ``labels`` and ``percents`` of the true class, row by row; None where there are none or too
        many classes
    """
    if not confusion or len(confusion["labels"]) > MOST_CLASSES:
        return None
    sums = [sum(row) or 1 for row in confusion["counts"]]
    return {
        "labels": confusion["labels"],
        "percents": [
            round(100 * value / total)
            for row, total in zip(confusion["counts"], sums, strict=True)
            for value in row
        ],
    }


def grade(findings: list[dict[str, Any]] | None) -> str:
    """The gravest grade of an audit's findings."""
    if findings is None:
        return "not audited"
    return findings[0]["grade"] if findings else "nothing found"


def curve(folder: Path) -> dict[str, Any] | None:
    """The means of a learning curve, None where none was asked for."""
    path = folder / FILES["learning_curve"]
    if not path.is_file():
        return None
    found = read_json(path)
    measure = found["measure"]
    if not found["mean"]:
        return None
    return {
        "measure": measure,
        "unit": found["unit"],
        "chance": (found.get("chance") or {}).get(measure),
        "mean": [
            {name: row.get(name) for name in ("n_train", "units", "train", "test")}
            for row in found["mean"]
        ],
    }


def _single(figures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Figures that are single values."""
    if figures is None:
        return None
    return {k: v for k, v in figures.items() if not isinstance(v, dict | list)}


def says_something(value: Any) -> bool:
    """Whether a figure has a content."""
    return value is not None and value not in ({}, [], [None, None])


def options(record: Record) -> list[list[Any]]:
    """All options as resolved: heading, name, value, and whether it was chosen.

    Returns:
        rows of heading, name, value as text, and 1 for a value that differs from the default, 0
        for the default, None where there is none to compare with
    """
    stated = _stated(record)
    content: dict[str, Any] = {**record}

    def _option(section: str, name: str, value: Any, heading: str = "") -> list[Any]:
        default = _defaults().get((section, name), _defaults().get(("", name)))
        chosen = None if default is None else int(json.dumps(value) != default)
        # Without a default of its own an option gets its value from the others or from the data.
        if value is None or (default == "null" and name.lower() not in stated):
            chosen = 0
        return [heading or section, name, text_of(value), chosen]

    rows = [_option("EXP", name, content.get(name)) for name in GENERAL]
    rows.append(["DATA", "target", text_of(record["target"]), 1])
    rows.append(_option("DATA", "labels", record["labels"]))
    for database in record["databases"]:
        name = database["name"]
        rows.append([f"DATA {name}", "type", database["type"], 1])
        if database["path"]:
            rows.append([f"DATA {name}", "path", database["path"], 1])
        own = database["options"] | record["split"].get("databases", {}).get(name, {})
        rows += [_option("DATA", key, value, f"DATA {name}") for key, value in own.items()]
    for part in OPTIONS:
        value, section = content.get(part), SECTIONS.get(part, "")
        value = {} if value is None else value
        for item in value if isinstance(value, list) else [value]:
            flat = {k: v for k, v in item.items() if k not in ("options", "databases")}
            heading = part if part != "features" else f"features {item['type']}"
            for key, one in (flat | item.get("options", {})).items():
                if part == "split" and key in record["load"]:
                    continue
                rows.append(_option(section, key, one, heading))
    return rows


def text_of(value: Any) -> str:
    """A value as users write it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def stages(record: dict[str, Any]) -> list[list[str]]:
    """Stage, what it made, and key of each unit behind an experiment."""
    rows = []
    for stage, units in record.items():
        if stage == "plot":
            rows += [[f"plot {kind}", unit["key"], ""] for kind, unit in units.items()]
            continue
        for unit in units if isinstance(units, list) else [units]:
            main = next(iter(unit["files"].values()), "")
            rows.append([stage, unit["key"], os.path.basename(main)])
    return rows


def of_stages(record: Record) -> dict[str, Any]:
    """What stages found whose content the page shows, by their headings."""
    found: dict[str, Any] = {}
    for _, unit in units_behind(record):
        if "title" in unit:
            for path in unit["files"].values():
                if path.endswith(".json") and is_made(path):
                    found[unit["title"]] = read_json(path)
    return found


def pictures(files: dict[str, str]) -> dict[str, dict[str, str]]:
    """The pictures in the folder of an experiment.

    Returns:
        name of the picture → ending → path
    """
    found: dict[str, dict[str, str]] = {}
    for path in files.values():
        stem, ending = os.path.splitext(os.path.basename(path))
        if ending == DATA:
            stem = os.path.splitext(stem)[0]
        if ending in PICTURES and os.path.basename(os.path.dirname(path)) == "plots":
            found.setdefault(stem, {})[ending] = path
    return found


def comparisons(path: str) -> list[dict[str, Any]]:
    """The tests of comparisons.csv, numbers as numbers.

    Returns:
        ``a``, ``b``, ``measure``, ``difference`` (a − b), ``p``, ``p_holm``, ``verdict``, ``test``
        and the ``table`` whose tests Holm's correction took together
    """
    if not is_made(path):
        return []
    texts = ("table", "a", "b", "measure", "verdict", "test")
    numbers = ("difference", "p", "p_holm")
    with open(path, newline="", encoding="utf-8") as stream:
        return [
            {name: plain(row[name]) for name in texts}
            | {name: float(row[name]) if row[name] else None for name in numbers}
            for row in csv.DictReader(stream)
        ]


def _stated(record: Record) -> set[str]:
    """Lower-case names of the options in the ini and in the grid, without their databases."""
    names = {option.rpartition(".")[2].lower() for option in record["setting"]}
    try:
        sections = read_ini(os.path.expanduser(record["ini"])).sections
    except UserError:
        return names
    return names | {key.rpartition(".")[2] for entries in sections.values() for key in entries}


@cache
def _defaults() -> dict[tuple[str, str], str]:
    """Section and name, or name alone where it is unique, → default as JSON."""
    known: dict[tuple[str, str], str] = {}
    for option in all_options():
        text = json.dumps(option.default)
        for section in (option.section, ""):
            key = (section, option.name)
            # Without a mark where two classes have different defaults for one option name.
            known[key] = text if known.get(key, text) == text else ""
    return {key: text for key, text in known.items() if text}


def texts(folder: Path) -> dict[str, str]:
    """Texts that were written beside the figures: name of the file → content."""
    return {
        name: (folder / name).read_text(encoding="utf-8")
        for name in TEXTS
        if (folder / name).is_file() and (folder / name).stat().st_size
    }
