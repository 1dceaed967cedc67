"""Files and captions for Snakemake's own report.

Each caption says what its picture was drawn from.
"""

from __future__ import annotations

import atexit
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from izwi import __version__
from izwi.engine.plan import Plan, Unit
from izwi.files import is_made, read_json, write_text
from izwi.reporting import captions
from izwi.reporting.page.read import portable
from izwi.reporting.record import Metrics, Record, read
from izwi.wording import count

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
OVERVIEW = "One row per experiment in the folder, those of earlier calls included."
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
# Where captions stand in the config while a report is written.
CAPTIONS = "captions"


@dataclass(frozen=True)
class Shown:
    """A file in the report.

    Args:
        caption: what is seen in it, as reStructuredText
        category: heading that it stands under
        title: what it is
    """

    caption: str
    category: str
    title: str


def shown(plan: Plan) -> dict[str, Shown]:
    """What is in the report, by path."""
    found: dict[str, Shown] = {}

    def add(path: str, text: str, category: str, title: str) -> None:
        found[path] = Shown(text, category, title)

    folders = {}
    for unit in plan.of("experiment"):
        about = _about(unit)
        folders[os.path.dirname(unit.outputs["metrics"])] = unit.label, about
        for role, (title, text) in FILES.items():
            add(unit.outputs[role], rst(text, about), f"Experiment {unit.label}", title)
    for unit in plan.of("plot"):
        path = unit.outputs["picture"]
        name, about = folders[os.path.dirname(os.path.dirname(path))]
        if path.endswith(PICTURES):
            stem = Path(path).stem
            text = rst(captions.seen(stem), about)
            add(path, text, f"Experiment {name}", captions.title(stem))
    experiments = {unit.label: unit for unit in plan.of("experiment")}
    for unit in plan.of("summary"):
        text = SUMMARY.format(", ".join(experiments))
        add(unit.outputs["summary"], rst(text), "Tables", "All experiments")
    for unit in plan.of("overview"):
        add(unit.outputs["overview"], rst(OVERVIEW), "Tables", "All experiments in the folder")
    tables = plan.of("grid", "table")
    abouts = {(unit.stage, unit.label): _about_several(unit, experiments) for unit in tables}
    for unit in tables:
        for path in unit.outputs.values():
            if (ending := os.path.splitext(path)[1]) in TABLE:
                title, text = TABLE[ending]
                text = rst(text, abouts[unit.stage, unit.label])
                add(path, text, "Tables", f"{unit.label}: {title.lower()}")
    for unit in plan.of("heat_map"):
        path = unit.outputs["picture"]
        if path.endswith(PICTURES):
            title, text = captions.KINDS[captions.HEAT_MAP]
            text = rst(text, abouts[unit.spec["stage"], unit.spec["of"]])
            add(path, text, "Tables", f"{unit.spec['of']}: {title.lower()}")
    for unit in plan.of("runs_compare"):
        path = unit.outputs["picture"]
        if path.endswith(PICTURES):
            title, text = captions.KINDS["runs_compare"]
            add(path, rst(text, _about_several(unit, experiments)), "Tables", title)
    for unit in plan.of("comparisons"):
        title, text = COMPARISONS
        add(unit.outputs["comparisons"], rst(text), "Tables", title)
    return found


class Report:
    """How the rules flag their outputs for Snakemake's report.

    A rule stands for many files, so the caption is looked up when the report is written.

    Args:
        plan: of the call
        results: folder of results, as the rules name it
        config: as Snakemake read it; it takes the captions
    """

    def __init__(self, plan: Plan, results: str, config: dict[str, Any]) -> None:
        self.results = results
        self.files = shown(plan)
        self.folder = os.path.join(tempfile.mkdtemp(prefix="izwi-report-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.front = os.path.join(self.folder, "front.rst")
        write_text(self.front, front(plan, config))
        config[CAPTIONS] = {path: about.caption for path, about in self.files.items()}

    def flagged(self, role: str, path: str) -> Any:
        """An output of a rule as the report takes it.

        Args:
            role: of the output
            path: with wildcards
        """
        from snakemake.io import report

        file = os.path.join(self.folder, f"{role}.rst")
        found = f"snakemake.config['{CAPTIONS}'].get(snakemake.output.{role}, '')"
        write_text(file, f"{{{{ {found} }}}}\n")
        pattern = path.replace("<results>", self.results)

        def about(wildcards: Any) -> Shown | None:
            return self.files.get(pattern.format(**dict(wildcards.items())))

        def category(wildcards: Any) -> str:
            one = about(wildcards)
            return one.category if one else "Others"

        def labels(wildcards: Any) -> dict[str, str]:
            one = about(wildcards)
            file = os.path.basename(pattern.format(**dict(wildcards.items())))
            return {"what": one.title if one else file, "file": file}

        return report(path, caption=file, category=category, labels=labels)


def front(plan: Plan, config: Mapping[str, Any]) -> str:
    """The first page of the report.

    Args:
        plan: of the call
        config: as Snakemake read it

    Returns:
        reStructuredText
    """
    names = [unit.label for unit in plan.of("experiment")]
    versions = {"izwi": __version__, "python": platform.python_version()}
    for unit in plan.of("experiment"):
        if is_made(unit.outputs["record"]):
            versions |= {
                k: v for k, v in read_json(unit.outputs["record"])["packages"].items() if v
            }
    said = json.dumps(portable(dict(config)), indent=2, ensure_ascii=False)
    text = "\n\n".join(
        [
            rst(f"Results of {count(len(names), 'experiment')}: {', '.join(names)}."),
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
    return text + "\n"


def rst(*texts: str) -> str:
    """Texts as paragraphs of reStructuredText, shown as they are."""
    marked = (re.sub(r"([\\*`|_<>\[\]:])", r"\\\1", text) for text in texts if text)
    return "\n\n".join(map(verbatim, marked))


def verbatim(text: str) -> str:
    """A text in which a template finds nothing to replace."""
    return re.sub(r"[{][{%#]", lambda found: "{{ '" + found[0] + "' }}", text)


def _about(unit: Unit) -> str:
    """With which data, and what came of it; the name alone before there are results."""
    if not all(is_made(unit.outputs[role]) for role in ("metrics", "record")):
        return f"Experiment {unit.label}."
    record, metrics = read(unit.outputs["record"], unit.outputs["metrics"])
    return f"Experiment {unit.label}: {captions.data(record, metrics)} {captions.figure(metrics)}"


def _about_several(unit: Unit, experiments: Mapping[str, Unit]) -> str:
    """What a grid or table shows, and with which data."""
    name = unit.spec.get("caption") or unit.label
    members = _members(unit, experiments)
    return f"{name}: {captions.data_of_several(members)}" if members else f"{name}."


def _members(unit: Unit, experiments: Mapping[str, Unit]) -> list[tuple[Record, Metrics]]:
    """experiment.json and metrics.json of what a grid or table shows, as far as it was made."""
    if "members" in unit.spec:
        names = [member["name"] for member in unit.spec["members"]]
    else:
        names = unit.spec["experiments"]
    found = []
    for name in names:
        paths = [experiments[name].outputs[role] for role in ("record", "metrics")]
        if all(map(is_made, paths)):
            found.append(read(paths[0], paths[1]))
    return found
