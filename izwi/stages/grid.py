"""The members of a grid side by side, as CSV and as Markdown."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from izwi.config import grid
from izwi.data.csv_safety import harmless
from izwi.engine.code import code_of
from izwi.engine.keys import key_of
from izwi.engine.planner import Planner
from izwi.engine.stage import Stage
from izwi.errors import UserError
from izwi.files import atomic, read_json, write_json, write_text
from izwi.reporting import escaping, numbers

if TYPE_CHECKING:
    from izwi.engine.job import Job
    from izwi.engine.plan import Unit

STAGE = Stage(
    name="grid",
    outputs={
        "table": "grids/{config}/{grid}/table.csv",
        "markdown": "grids/{config}/{grid}/table.md",
        "cells": "plans/cells/grids/{config}/{grid}.json",
    },
    scope="results",
    after=("experiment",),
    archived=True,
    several=True,
)
FIGURES = ("measure", "value", "ci_low", "ci_high", "ci_method", "sd", "runs")
COUNTS = ("n_train", "n_test", "n_evaluated", "n_speakers", "few_speakers", "transductive")
CAUTION = (
    "Each interval is that of one experiment. The best of many figures is too good by chance: "
    "confirm a choice that is made here on data that had no part in it."
)


def plan(planner: Planner) -> list[Unit]:
    """A table for each grid."""
    rows = [
        experiment for experiment in planner.experiments if experiment.grids and experiment.trains
    ]
    units = []
    for name, content in grid.tables(rows).items():
        members = [planner.planned[m["name"]].one("experiment") for m in content["members"]]
        spec = {"name": name, "config": planner.config, **content}
        unit = planner.add(
            STAGE.name,
            key_of(STAGE.name, spec, [member.key for member in members], code_of(__name__)),
            label=name,
            spec=spec,
            inputs={"metrics": [member.outputs["metrics"] for member in members]},
            config=planner.config,
            grid=name,
        )
        units.append(unit)
    return units


def run(unit: Unit, job: Job) -> None:
    """Write the table of one grid, and what its heat map shows."""
    axes = unit.spec["axes"]
    rows = [
        _row(member, read_json(path))
        for member, path in zip(unit.spec["members"], unit.inputs["metrics"], strict=True)
        if job.was_made(path)
    ]
    if not rows:
        raise UserError(f"grid {unit.spec['name']}: none of its experiments could be made")
    with (
        atomic(unit.outputs["table"]) as path,
        open(path, "w", newline="", encoding="utf-8") as stream,
    ):
        header = ["name", *axes, *FIGURES, *COUNTS, "warnings"]
        writer = csv.DictWriter(stream, header, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            cells = {**row, **row["values"]}
            writer.writerow({key: harmless(value) for key, value in cells.items()})
    write_text(unit.outputs["markdown"], _markdown(unit.spec["name"], axes, rows))
    shown = {"axes": axes, "rows": rows, "title": unit.spec["name"], "across": None}
    write_json(unit.outputs["cells"], shown)


def _row(member: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    """The row of one experiment."""
    low, high = metrics["ci"] or (None, None)
    return {
        "name": member["name"],
        "values": member["values"],
        "ci_low": low,
        "ci_high": high,
        "warnings": len(metrics["warnings"]),
        **{key: metrics[key] for key in ("measure", "value", "ci_method", "sd", "runs")},
        **{key: metrics[key] for key in COUNTS},
        **_worth(metrics),
    }


def _worth(metrics: dict[str, Any]) -> dict[str, Any]:
    """What guessing, and always saying the same, is worth."""
    measure, baseline = metrics["measure"], metrics.get("baseline") or {}
    return {
        "chance": (metrics.get("chance") or {}).get(measure),
        "baseline": baseline.get(measure),
        "baseline_kind": baseline.get("kind"),
    }


def _speakers(row: dict[str, Any]) -> str:
    """The number of speakers, with a remark if they are few."""
    if row["n_speakers"] is None:
        return "unknown"
    return f"{row['n_speakers']}, few" if row["few_speakers"] else str(row["n_speakers"])


def _markdown(name: str, axes: list[str], rows: list[dict[str, Any]]) -> str:
    """The table as Markdown."""
    header = [*axes, "measure", "value", "95 % interval", "interval by", "n"]
    header += ["speakers", "warnings"]
    lines = [header, ["---"] * len(header)]
    for row in rows:
        known = row["value"] is not None
        lines.append(
            [
                *(row["values"][axis] for axis in axes),
                row["measure"] + (" (transductive)" if row["transductive"] else ""),
                numbers.rounded(row["value"]) if known else "none",
                numbers.interval([row["ci_low"], row["ci_high"]]),
                row["ci_method"] or "",
                str(row["n_evaluated"]),
                _speakers(row),
                str(row["warnings"]),
            ]
        )
    table = "\n".join(f"| {' | '.join(map(escaping.markdown_cell, line))} |" for line in lines)
    return escaping.markdown(f"# {escaping.one_line(name)}\n\n{table}\n\n{CAUTION}\n")
