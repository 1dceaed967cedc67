"""What shows several experiments in the plan: tables, grids, the summary, the page."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from izwi.config import grid
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, script_digest, versions_of
from izwi.engine.plan import Unit
from izwi.planning.draft import Draft
from izwi.reporting.page.options import ON_PAGE

if TYPE_CHECKING:
    from izwi.config.experiment import Experiment


def add_summary(draft: Draft) -> None:
    """The table of all experiments."""
    units = draft.units("experiment")
    key = key_of("summary", [unit.key for unit in units], script_digest("summary.py"))
    wished = {"key": key, "experiments": [unit.label for unit in units]}
    unit = Unit(
        stage="summary",
        key=key,
        label="all_experiments",
        spec={},
        inputs={
            "wish": draft.wish("summary.json", wished),
            "metrics": [unit.outputs["metrics"] for unit in units],
            "records": [unit.outputs["record"] for unit in units],
        },
        outputs={"summary": draft.path("summary.csv")},
    )
    draft.add(unit)


def add_grids(draft: Draft, experiments: list[Experiment]) -> None:
    """A table and a picture for each grid.

    Args:
        draft: with the units of the experiments
        experiments: rows of grids
    """
    units = {unit.label: unit for unit in draft.units("experiment")}
    for name, content in grid.tables(experiments).items():
        members = [units[member["name"]] for member in content["members"]]
        spec = {"name": name, **content}
        key = key_of(
            "grid",
            spec,
            [unit.key for unit in members],
            code_of("izwi.plots"),
            script_digest("grid.py"),
        )
        wish = draft.wish(os.path.join("grids", f"{name}.json"), {"key": key, **spec})
        folder = draft.path("grids", name)
        unit = Unit(
            stage="grid",
            key=key,
            label=name,
            spec=spec,
            inputs={"wish": wish, "metrics": [unit.outputs["metrics"] for unit in members]},
            outputs={
                "table": os.path.join(folder, "table.csv"),
                "markdown": os.path.join(folder, "table.md"),
                **{f: os.path.join(folder, f"heat_map.{f}") for f in spec["formats"]},
            },
            group=name,
        )
        draft.add(unit)


def add_tables(draft: Draft, tables: list[dict[str, Any]], predictions: dict[str, str]) -> None:
    """The tables of the config, and the tests behind their marks.

    Args:
        draft: with the units of the experiments
        tables: see `tables.wanted.lay_out`
        predictions: name of an experiment → file
    """
    units = {unit.label: unit for unit in draft.units("experiment")}
    made = []
    for table in tables:
        shown = [cell["experiment"] for cell in table["cells"]]
        of = [cell.get("of") for cell in table["cells"]]
        names = list(dict.fromkeys(name for name in (*shown, *of) if name is not None))
        members = [units[name] for name in names]
        spec = {**table, "experiments": names}
        key = key_of(
            "table",
            spec,
            [unit.key for unit in members],
            code_of("izwi.reporting.tables.writing", "izwi.plots"),
            script_digest("table.py"),
            versions_of(("numpy", "scipy", "matplotlib")),
        )
        stem = draft.path("tables", table["name"])
        tests = os.path.join("tables", f"{table['name']}-tests.json")
        unit = Unit(
            stage="table",
            key=key,
            label=table["name"],
            spec=spec,
            inputs={
                "wish": draft.wish(os.path.join("tables", f"{table['name']}.json"), {"key": key}),
                "metrics": [unit.outputs["metrics"] for unit in members],
                "predictions": [predictions[name] for name in names],
            },
            outputs={
                **{ending: f"{stem}.{ending}" for ending in ("csv", "md", "tex")},
                **{ending: f"{stem}.{ending}" for ending in table["formats"]},
                "tests": draft.path("plans", tests),
            },
            group=table["name"],
        )
        made.append(draft.add(unit))
    if made:
        _add_comparisons(draft, made)


def _add_comparisons(draft: Draft, tables: list[Unit]) -> None:
    """The tests of all tables in one."""
    keys = [unit.key for unit in tables]
    unit = Unit(
        stage="comparisons",
        key=key_of("comparisons", keys, script_digest("comparisons.py")),
        label="comparisons",
        spec={},
        inputs={"tables": [unit.outputs["tests"] for unit in tables]},
        outputs={"comparisons": draft.path("tables", "comparisons.csv")},
    )
    draft.add(unit)


def add_page(draft: Draft, options: dict[str, Any]) -> None:
    """The page that shows all of it.

    The folders of experiments are no inputs: whenever one of them was made, the summary is
    newer, and one file tells that as well as thousands.
    """
    tables = [unit for stage in ON_PAGE for unit in draft.units(stage)]
    keys = [unit.key for unit in (*draft.units("experiment"), *tables)]
    key = key_of(
        "page",
        options,
        keys,
        code_of("izwi.reporting.page.write", "izwi.reporting.page.build"),
    )
    (summary,) = draft.units("summary")
    unit = Unit(
        stage="page",
        key=key,
        label="all_experiments",
        spec=options,
        inputs={
            "wish": draft.wish("page.json", {"key": key}),
            "summary": summary.outputs["summary"],
            "tables": [path for unit in tables for path in unit.output_files()],
        },
        outputs={"page": draft.path("index.html")},
    )
    draft.add(unit)


def add_verdict(draft: Draft) -> None:
    """The last job, which fails where an experiment could not be made."""
    stages = ("summary", *ON_PAGE, "page")
    tables = [unit for stage in stages for unit in draft.units(stage)]
    key = key_of("verdict", [unit.key for unit in (*draft.units("experiment"), *tables)])
    path = draft.path("plans", "verdicts", f"{key}.txt")
    unit = Unit(
        stage="verdict",
        key=key,
        label="all_experiments",
        spec={"failed": f"{path}.failed"},
        inputs={unit.stage + unit.label: list(unit.outputs.values()) for unit in tables},
        outputs={"verdict": path},
    )
    draft.add(unit)
