"""Splits, and the description of their parts, in the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from izwi.config import pictures
from izwi.engine.code import code_of
from izwi.engine.keys import file_digest, key_of, script_digest, versions_of
from izwi.engine.plan import Unit
from izwi.errors import Problems, UserError
from izwi.files import read_json
from izwi.planning.draft import Content, Draft, slug

if TYPE_CHECKING:
    from izwi.planning.basis import Basis


def split(draft: Draft, basis: Basis, tables: list[Unit], contents: list[Content]) -> Unit:
    """Who is in train, dev and test.

    Raises:
        UserError: if pictures are to show columns that no table has, as far as tables are there
    """
    spec = basis.split
    taught = [
        (table, content)
        for table, content in zip(tables, contents, strict=True)
        if content.lineage is not None
    ]
    if taught:
        # Where the teachers of these have seen the test set is told.
        spec = {
            **spec,
            "soft": {
                "names": [table.label for table, _ in taught],
                "sources": {
                    table.label: content.audio
                    for table, content in zip(tables, contents, strict=True)
                },
                "seen": [None if c.unit else file_digest(c.lineage) for _, c in taught],
                "code": code_of("izwi.data.soft_labels"),
            },
        }
    label = "+".join(table.label for table in tables)
    key = key_of(
        "split",
        spec,
        [table.key for table in tables],
        code_of("izwi.splits"),
        versions_of(("numpy", "pandas", "scipy", "scikit-learn")),
    )
    stem = draft.path("splits", f"{slug(label)}-{key}")
    unit = Unit(
        stage="split",
        key=key,
        label=label,
        # Pictures are in no key of a split; their columns are looked for where all are.
        spec={**spec, "pictures": {}},
        inputs={
            "tables": [table.outputs["table"] for table in tables],
            "lineage": [content.lineage for _, content in taught],
        },
        outputs={"split": f"{stem}.parquet", "report": f"{stem}.json"},
        group=f"level {max(content.level for content in contents)}",
    )
    unit = draft.add(unit, basis.ini)
    if basis.columns:
        if unit.done:
            _check_columns(draft, basis, tables)
        unit.spec["pictures"][basis.ini] = [basis.target, basis.columns]
    return unit


def _check_columns(draft: Draft, basis: Basis, tables: list[Unit]) -> None:
    """Columns that pictures are to show, where the split is there and nothing checks it again.

    Raises:
        UserError: if there are none
    """
    columns = {"part", "seconds"}
    for table in tables:
        if not table.done:
            return
        if table.key not in draft.columns:
            draft.columns[table.key] = read_json(table.outputs["report"])["columns"]
        columns |= set(draft.columns[table.key])
    problems = Problems()
    for kind, name in basis.columns:
        try:
            pictures.column_of(kind, name, columns, basis.target)
        except UserError as error:
            problems.extend(error)
    problems.raise_if_any()


def describe(draft: Draft, basis: Basis, tables: list[Unit], split: Unit) -> Unit:
    """Who and what is in each part of the split."""
    key = key_of(
        "describe",
        split.key,
        code_of("izwi.data.description", "izwi.preprocessing.binning"),
        script_digest("describe.py"),
        versions_of(("pandas",)),
    )
    stem = draft.path("descriptions", f"{slug(split.label)}-{key}")
    unit = Unit(
        stage="describe",
        key=key,
        label=split.label,
        spec={
            "loads": [table.key for table in tables],
            "names": [table.label for table in tables],
        },
        inputs={
            "tables": split.inputs["tables"],
            "table_reports": [table.outputs["report"] for table in tables],
            "split": split.outputs["split"],
            "split_report": split.outputs["report"],
        },
        outputs={"description": f"{stem}.json", "seconds": f"{stem}.parquet"},
        group=split.group,
    )
    return draft.add(unit, basis.ini)
