"""Files and captions for Snakemake's own report.

The captions are written when a report is asked for, so that each says what its picture was drawn
from.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from izwi import __version__
from izwi.engine import failure_markers
from izwi.engine.keys import key_of
from izwi.engine.plan import Plan, Unit
from izwi.files import read_json, write_text
from izwi.reporting import captions
from izwi.reporting.page.read import portable
from izwi.reporting.record import Metrics, Record, read

# Files of an experiment beside its pictures.
FILES = {
    "metrics": ("Figures", "All figures with their intervals, warnings and notes."),
    "predictions": ("Predictions", "A row per test sample and run: truth, prediction, speaker."),
    "record": (
        "Options and versions",
        "All options as resolved, the keys of all stages, and the versions of all packages.",
    ),
}
SUMMARY = "One row per experiment: {}."
# Ending of a grid's or table's file → heading, and what is seen.
TABLE = {
    ".csv": ("All digits", "A row per experiment, with value, interval and how it was made."),
    ".md": ("Table", "The table as it is read, with what its marks mean."),
}
COMPARISONS = (
    "Tests between experiments",
    "The tests behind the marks of all tables: paired by speaker where speakers are known, and "
    "corrected for their number in each table.",
)
PICTURES = (".png", ".svg")


def flags(plan: Plan) -> dict[str, dict[str, Any]]:
    """What is in the report: path of an output → arguments of Snakemake's ``report``."""
    folder = os.path.join(plan.results, "plans", "captions")
    found: dict[str, dict[str, Any]] = {}

    def add(path: str, text: str, category: str, title: str) -> None:
        file = os.path.abspath(os.path.join(folder, f"{key_of(text)}.rst"))
        write_text(file, text)
        labels = {"what": title, "file": os.path.basename(path)}
        found[path] = {"caption": file, "category": category, "labels": labels}

    for unit in plan.units["experiment"].values():
        about = _about(unit)
        category = f"Experiment {unit.label}"
        for role, path in unit.outputs.items():
            if role in FILES:
                title, text = FILES[role]
                add(path, rst(text, about), category, title)
            elif _is_picture(path):
                stem = Path(path).stem
                add(path, rst(captions.seen(stem), about), category, captions.title(stem))
    names = [one.label for one in plan.units["experiment"].values()]
    for unit in plan.units["summary"].values():
        text = SUMMARY.format(", ".join(names))
        add(unit.outputs["summary"], rst(text), "Tables", "All experiments")
    experiments = {unit.label: unit for unit in plan.units["experiment"].values()}
    for unit in (*plan.units["grid"].values(), *plan.units["table"].values()):
        name = unit.spec.get("caption") or unit.label
        members = _members(unit, experiments)
        about = f"{name}: {captions.data_of_several(members)}" if members else f"{name}."
        for path in unit.outputs.values():
            if _is_picture(path):
                title, text = captions.KINDS[captions.HEAT_MAP]
            elif (ending := os.path.splitext(path)[1]) in TABLE:
                title, text = TABLE[ending]
            else:
                continue
            add(path, rst(text, about), "Tables", f"{unit.label}: {title.lower()}")
    for unit in plan.units["comparisons"].values():
        title, text = COMPARISONS
        add(unit.outputs["comparisons"], rst(text), "Tables", title)
    return found


def front(plan: Plan, config: Mapping[str, Any]) -> str:
    """Write the first page of the report.

    Args:
        plan: of the call
        config: as Snakemake read it

    Returns:
        path of the text
    """
    names = [unit.label for unit in plan.units["experiment"].values()]
    versions = {"izwi": __version__, "Python": platform.python_version()}
    for unit in plan.units["experiment"].values():
        if failure_markers.whole(unit.outputs["record"]):
            versions |= {
                k: v for k, v in read_json(unit.outputs["record"])["packages"].items() if v
            }
    said = json.dumps(portable(dict(config)), indent=2, ensure_ascii=False)
    text = "\n\n".join(
        [
            rst(f"Results of {len(names)} experiments: {', '.join(names)}."),
            rst(
                "Each has a category of its own, with its pictures, its figures, and a file that "
                "holds all options, keys of stages and versions of packages."
            ),
            "**Versions**",
            rst(", ".join(f"{name} {version}" for name, version in versions.items())),
            "**Config**",
            "::\n\n" + "\n".join(f"    {line}" for line in verbatim(said).splitlines()),
        ]
    )
    path = os.path.abspath(os.path.join(plan.results, "plans", "captions", "front.rst"))
    write_text(path, text + "\n")
    return path


def rst(*texts: str) -> str:
    """Texts as paragraphs of reStructuredText, shown as they are."""
    marked = (re.sub(r"([\\*`|_<>\[\]:])", r"\\\1", text) for text in texts if text)
    return "\n\n".join(map(verbatim, marked))


def verbatim(text: str) -> str:
    """A text in which a template finds nothing to replace."""
    return re.sub(r"[{][{%#]", lambda found: "{{ '" + found[0] + "' }}", text)


def _about(unit: Unit) -> str:
    """With which data, and what came of it; the name alone before there are results."""
    if not all(failure_markers.whole(unit.outputs[role]) for role in ("metrics", "record")):
        return f"Experiment {unit.label}."
    record, metrics = read(unit.outputs["record"], unit.outputs["metrics"])
    return f"Experiment {unit.label}: {captions.data(record, metrics)} {captions.figure(metrics)}"


def _members(unit: Unit, experiments: Mapping[str, Unit]) -> list[tuple[Record, Metrics]]:
    """experiment.json and metrics.json of what a grid or table shows, as far as it was made."""
    if "members" in unit.spec:
        names = [member["name"] for member in unit.spec["members"]]
    else:
        names = unit.spec["experiments"]
    found = []
    for name in names:
        paths = [experiments[name].outputs[role] for role in ("record", "metrics")]
        if all(map(failure_markers.whole, paths)):
            found.append(read(paths[0], paths[1]))
    return found


def _is_picture(path: str) -> bool:
    return path.endswith(PICTURES)
