"""What is there before anything is trained: planned once for all experiments of one basis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from izwi import features, models
from izwi.engine.code import code_of
from izwi.engine.keys import key_of, script_digest, versions_of
from izwi.engine.plan import Unit
from izwi.planning import databases, splits
from izwi.planning.draft import Content, Draft, slug
from izwi.planning.features import features_name, matrix

if TYPE_CHECKING:
    from izwi.planning.basis import Basis


@dataclass(frozen=True)
class Ground:
    """What experiments of one basis share.

    Attributes:
        contents: of each database
        tables: the table of each database
        split: of all of them
        described: the parts of the split
        rows: for each database its feature matrices
        audited: what could make the figures better than they are, None where that is ignored
    """

    contents: list[Content]
    tables: list[Unit]
    split: Unit
    described: Unit
    rows: list[list[Unit]]
    audited: Unit | None

    @property
    def matrices(self) -> list[Unit]:
        """All feature matrices."""
        return [unit for row in self.rows for unit in row]

    @property
    def matrix_keys(self) -> list[list[str]]:
        """Keys of the feature matrices, as they stand in keys of what is learned from them."""
        return [[unit.key for unit in row] for row in self.rows]


def make_ground(draft: Draft, basis: Basis) -> Ground:
    """Plan all that experiments of one basis share.

    Raises:
        UserError: if a database cannot be read, or pictures are to show what no table has
    """
    contents = [databases.content_of(draft, basis, database) for database in basis.databases]
    tables = [
        databases.load(draft, basis, database, content)
        for database, content in zip(basis.databases, contents, strict=True)
    ]
    split = splits.split(draft, basis, tables, contents)
    described = splits.describe(draft, basis, tables, split)
    rows = [
        [matrix(draft, basis, table, split, spec) for spec in basis.features] for table in tables
    ]
    audited = _audit(draft, basis, tables, rows, split)
    return Ground(contents, tables, split, described, rows, audited)


def _audit(
    draft: Draft, basis: Basis, tables: list[Unit], rows: list[list[Unit]], split: Unit
) -> Unit | None:
    """What could make the figures better than they are; nothing where that is ignored."""
    if basis.leakage == "ignore":
        return None
    classes = {spec["type"]: features.extractor_class(spec["type"]) for spec in basis.features}
    elsewhere = [
        features_name(spec)
        for spec in basis.features
        # What others trained needs the environment of the library that it was trained with.
        if classes[spec["type"]].environment != "core"
    ]
    if models.model_class(basis.model).takes_recordings:
        elsewhere.append(basis.model)
    spec = {
        "target": basis.target,
        "labels": basis.labels,
        "leakage": basis.leakage,
        "fitted": {
            "scale": "speaker" if basis.scale == "speaker" else None,
            "pretrained": elsewhere,
        },
    }
    # Audio that nothing else reads may not be there.
    hears = any(not issubclass(cls, features.TableExtractor) for cls in classes.values())
    fingerprint = {"type": "fingerprint", "options": {}}
    prints = [matrix(draft, basis, table, split, fingerprint) for table in tables if hears]
    imported = [
        unit
        for row in rows
        for unit in row
        if issubclass(classes[unit.spec["type"]], features.TableExtractor)
    ]
    key = key_of(
        "audit",
        spec,
        split.key,
        [unit.key for unit in prints],
        [unit.key for unit in imported],
        code_of("izwi.audit"),
        script_digest("audit.py"),
        versions_of(("numpy", "pandas", "scipy")),
    )
    unit = Unit(
        stage="audit",
        key=key,
        label=split.label,
        spec=spec,
        inputs={
            "tables": [table.outputs["table"] for table in tables],
            "split": split.outputs["split"],
            "split_report": split.outputs["report"],
            "prints": [unit.outputs["matrix"] for unit in prints],
            "imported": [unit.outputs["matrix"] for unit in imported],
        },
        outputs={"report": draft.path("audits", f"{slug(split.label)}-{key}.json")},
        group=split.group,
    )
    return draft.add(unit, basis.ini)
