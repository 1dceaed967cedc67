"""What a call would find in labels, splits and their audit; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from izwi.data.scan import scan
from izwi.engine.plan import Plan, Unit
from izwi.errors import UserError
from izwi.files import is_made, read_json
from izwi.models import model_class

if TYPE_CHECKING:
    import pandas as pd

    from izwi.config.experiment.resolved import SplitSpec

# A finding of the audit that only says that no audio was read.
_UNHEARD = "no audio"
# Features, where a warning needs their number before they are extracted: those of eGeMAPS.
TYPICAL = 88


@dataclass
class Preview:
    """What was found.

    Args:
        problems: lines that would stop experiments, each behind its ini
        warnings: remarks on the data; leaks and cues among them
        tables: key of a load unit → its table
        folds: key of a split unit → number of times that a model is fitted
        trained: key of a split unit → largest number of training rows of a fit
        later: what is known only in the call
    """

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    folds: dict[str, int] = field(default_factory=dict)
    trained: dict[str, int] = field(default_factory=dict)
    later: list[str] = field(default_factory=list)


def preview(plan: Plan) -> Preview:
    """Load, split and audit all that a plan needs, in memory.

    Args:
        plan: made without writing
    """
    found = Preview()
    splits: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {}
    for unit in plan.of("load"):
        with _told(unit, found):
            _load(unit, plan, found)
    for unit in plan.of("annotate"):
        _annotate(unit, found)
    for unit in plan.of("split"):
        tables = _tables(unit, plan, found)
        if tables is not None:
            with _told(unit, found):
                _split(unit, tables, found, splits)
    for unit in plan.of("train"):
        _slow(unit, plan, found)
    for unit in plan.of("segment"):
        if not unit.done:
            found.later.append(
                f"{unit.label}: its segments are found in the call; here, rows are recordings"
            )
    for unit in plan.of("audit"):
        with _told(unit, found):
            _audit(unit, plan, found, splits)
    found.warnings = list(dict.fromkeys(found.warnings))
    found.later = list(dict.fromkeys(found.later))
    return found


@contextmanager
def _told(unit: Unit, found: Preview) -> Iterator[None]:
    """Note what is wrong with a unit, for each ini that needs it."""
    try:
        yield
    except UserError as error:
        for source in unit.sources or [""]:
            found.problems += [f"{source}: {line}" if source else line for line in error.problems]


def _load(unit: Unit, plan: Plan, found: Preview) -> None:
    import pandas as pd

    from izwi.data import databases

    if unit.done:
        # A damaged file is made again by the call, and from the labels here.
        with suppress(OSError, ValueError):
            found.tables[unit.key] = pd.read_parquet(unit.outputs["table"])
            _remarks(unit, read_json(unit.outputs["report"]), found)
            return
    spec, listing = dict(unit.spec), plan.scanned.get(unit.key)
    header = unit.inputs.get("database")
    if listing is None and header and is_made(header):
        place = read_json(header)
        spec |= place
        about = {"name": spec["name"], "options": spec["options"], **place}
        listing = scan(about, cwd=Path.cwd(), cache=Path(plan.cache), write=False)
    if listing is None:
        found.later.append(f"{unit.label}: made by the call, so its labels are read then")
        return
    found.tables[unit.key], report = databases.load_table(spec, listing)
    _remarks(unit, report, found)


def _annotate(unit: Unit, found: Preview) -> None:
    """A table with predicted columns, if it is made; else without them, if all rows stay."""
    import pandas as pd

    if unit.done:
        with suppress(OSError, ValueError):
            found.tables[unit.key] = pd.read_parquet(unit.outputs["table"])
            return
    if any(unit.spec[name] for name in ("min", "max", "filter")):
        found.later.append(f"{unit.label}: rows are left out by what is predicted in the call")
    elif unit.spec["table"] in found.tables:
        found.tables[unit.key] = found.tables[unit.spec["table"]]


def _tables(unit: Unit, plan: Plan, found: Preview) -> list[pd.DataFrame] | None:
    """The tables of a split, None if one is not known."""
    keys = [plan.maker[path].key for path in unit.inputs["tables"]]
    return [found.tables[k] for k in keys] if all(k in found.tables for k in keys) else None


def _split(
    unit: Unit,
    tables: list[pd.DataFrame],
    found: Preview,
    splits: dict[str, tuple[pd.DataFrame, dict[str, Any]]],
) -> None:
    from izwi.splits import folds, make_split

    split, report = make_split(cast("SplitSpec", unit.spec), tables)
    splits[unit.key] = split, report
    found.folds[unit.key] = max(1, report["n_folds"])
    # The first fold is as large as others, but for a few rows.
    found.trained[unit.key] = len(next(iter(folds(split)))[1])
    _remarks(unit, report, found)


def _slow(unit: Unit, plan: Plan, found: Preview) -> None:
    """Warn of a model that takes very long; see :data:`TYPICAL`."""
    maker = plan.maker.get(unit.inputs["split"])
    rows = found.trained.get(maker.key, 0) if maker else 0
    if line := model_class(unit.spec["model"]["type"]).slow(rows, TYPICAL):
        found.warnings += [f"{source}: {line}" for source in unit.sources]


def _audit(
    unit: Unit,
    plan: Plan,
    found: Preview,
    splits: dict[str, tuple[pd.DataFrame, dict[str, Any]]],
) -> None:
    from izwi.audit import audit

    if is_made(unit.outputs["report"]):
        with suppress(OSError, ValueError):
            _remarks(unit, read_json(unit.outputs["report"]), found)
            return
    made = splits.get(plan.maker[unit.inputs["split"]].key)
    tables = _tables(unit, plan, found)
    if made is None or tables is None:
        return
    split, about = made
    report = audit(unit.spec, tables, split, labels=about["labels"], recordings=None)
    _remarks(unit, report, found)
    if any(one["kind"] == _UNHEARD for one in report["findings"]) and unit.inputs["prints"]:
        found.later.append(
            f"{unit.label}: near-duplicates, sampling rate, level and silence are checked during "
            "the run, before training"
        )


def _remarks(unit: Unit, report: dict[str, Any], found: Preview) -> None:
    before = f"{unit.label}: "
    found.warnings += [
        line if line.startswith(before) else before + line for line in report.get("warnings", [])
    ]
