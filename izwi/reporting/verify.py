"""Compute all figures of an archive again, and say where they differ.

The archive's predictions, splits and reports go through the same stages as in the workflow; what
these write is compared with what the archive holds.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
import tempfile
import traceback
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from izwi import __version__
from izwi.engine.job import Job
from izwi.engine.plan import Plan, Unit
from izwi.engine.stage import stages
from izwi.errors import UserError
from izwi.reporting import archive, archive_record, archive_zip
from izwi.reporting.archive_record import FRAME, Record
from izwi.reporting.record import predicted
from izwi.stages import describe
from izwi.untrusted import parse_json
from izwi.untrusted import shown as shown_name

# Another computer adds up in another order; a figure that was changed differs by more.
RELATIVE, ABSOLUTE = 1e-9, 1e-12
SHOWN = 5  # differences of a file
# Stages whose units are called as their experiment.
OF_EXPERIMENTS = ("ensemble", "member_tests", "experiment", "evaluate")


@dataclass
class Verdict:
    """What was found about one experiment or table.

    Args:
        name: of it
        differences: one line each; none where all is as it should be
        figures: how many numbers and texts were compared
    """

    name: str
    differences: list[str] = field(default_factory=list)
    figures: int = 0


@dataclass
class Found:
    """What verifying an archive gave.

    Args:
        verdicts: of experiments, splits and tables
        damaged: files that are not those that were archived, one line each
        notes: what the reader should know
        verified: files that were computed again and are the same
        unverified: files that were not, one line each
        given: files that nothing computes: predictions, splits, tables, what was asked for
    """

    verdicts: list[Verdict]
    damaged: list[str]
    notes: list[str]
    verified: list[str] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is something to verify, and nothing differs."""
        differs = any(verdict.differences for verdict in self.verdicts)
        return bool(self.verified) and not (self.damaged or self.unverified or differs)


def verify(path: str | Path) -> Found:
    """Compute all figures of an archive again.

    Args:
        path: the zip

    Raises:
        UserError: if it is no archive of izwi
    """
    files, record = _read(path)
    notes = []
    if record.version != __version__:
        notes.append(f"made by izwi {record.version}, verified by {__version__}")
    with tempfile.TemporaryDirectory(prefix="izwi-verify-") as folder:
        verdicts, same = _again(record, files, Path(folder))
    given = [name for name in files if name in record.stored().values() or FRAME.fullmatch(name)]
    found = Found(verdicts, _damaged(files), notes, same, given=given)
    found.unverified = _unverified(record, files, found)
    return found


def _read(path: str | Path) -> tuple[dict[str, bytes], Record]:
    try:
        with zipfile.ZipFile(path) as opened:
            return archive_zip.read_zip(opened, os.path.getsize(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UserError as error:
        raise UserError([f"{path}: {line}" for line in error.problems]) from None
    # A zip that was made to be wrong ends the readers of its parts in many ways.
    except Exception as error:
        reason = shown_name(error) or type(error).__name__
        raise UserError(f"{path}: is no readable zip: {reason}") from None


def _unverified(record: Record, files: dict[str, bytes], found: Found) -> list[str]:
    """Files that nobody vouches for, since no unit makes or reads them or its result differs."""
    lines = []
    if not record.of("experiment"):
        lines.append(
            f"{archive_record.INDEX}: names no experiment, so there is no figure to verify"
        )
    known = {*found.verified, *found.given}
    for name in sorted(set(files) - known):
        why = "it was not computed, or differs" if name in record.made else "no unit makes it"
        lines.append(f"{name}: {why}")
    readme = files.get(archive_record.README)
    if readme is not None and readme != archive.readme(record.version):
        lines.append(f"{archive_record.README}: is not what izwi writes there")
    return lines


def _damaged(files: dict[str, bytes]) -> list[str]:
    """Files that are not those that were archived."""
    listed = {}
    for line in files.get(archive.SUMS, b"").decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    lines = [f"{name}: is missing" for name in sorted(listed.keys() - files.keys())]
    for name in sorted(files.keys() - {archive.SUMS}):
        if name not in listed:
            lines.append(f"{name}: was not in the archive when it was made")
        elif hashlib.sha256(files[name]).hexdigest() != listed[name]:
            lines.append(f"{name}: was changed after the archive was made ({archive.SUMS})")
    return lines


# ----------------------------------------------------------------- computation


def _again(
    record: Record, files: dict[str, bytes], folder: Path
) -> tuple[list[Verdict], list[str]]:
    """Run the units of an archive in a folder, and compare what they write.

    Returns:
        * what was found of each experiment and table
        * files that are the same
    """
    given, made = folder / "given", folder / "made"
    plan = Plan(str(made / archive.RESULTS), str(folder / "cache"))
    verdicts: dict[str, Verdict] = {}
    same: list[str] = []
    lay(files, record, given)
    for about in record.units:
        unit = _unit(about, lambda name: (made if name in record.made else given) / name)
        plan.units[unit.stage][unit.key] = unit
        title = unit.label if unit.stage in OF_EXPERIMENTS else _title(unit)
        verdict = verdicts.setdefault(title, Verdict(title))
        try:
            _check_there(about, record, files)
            _run(unit, plan, files.get(about.outputs.get("description", "")))
        except UserError as error:
            verdict.differences += error.problems
            continue
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            told = str(error).replace(f"{folder}{os.sep}", "")
            verdict.differences.append(
                f"{unit.stage} cannot be computed: {type(error).__name__}: {told[:500]} "
                f"({Path(where.filename).name}, line {where.lineno})"
            )
            continue
        if unit.stage in archive.ON_THE_WAY:
            continue
        for name in about.outputs.values():
            shown = PurePosixPath(name).relative_to(archive.RESULTS)
            found, count = compare(name, files.get(name), (made / name).read_bytes())
            verdict.figures += count
            verdict.differences += [f"{shown}: {line}" for line in found]
            if not found:
                same.append(name)
    return list(verdicts.values()), same


def _title(unit: Unit) -> str:
    return {
        "describe": f"counts of {unit.label}",
        "summary": "summary.csv",
        "comparisons": "comparisons.csv",
    }.get(unit.stage, f"{unit.stage} {unit.label}")


def lay(files: dict[str, bytes], record: Record, folder: Path) -> None:
    """Lay what is given into an empty folder, tables as the stages read them.

    Raises:
        UserError: if a table cannot be read
    """
    for name, stored in record.stored().items():
        content = files.get(stored)
        if content is None:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if stored == name:
            path.write_bytes(content)
            continue
        try:
            archive.from_csv(content, record.schemas[name]).to_parquet(path, index=False)
        # What a table of a stranger holds ends its readers in many ways.
        except Exception as error:
            told = shown_name(f"{type(error).__name__}: {error}")
            raise UserError(f"{stored}: cannot be read: {told}") from None


def _check_there(about: Unit, record: Record, files: dict[str, bytes]) -> None:
    """What a unit reads must be in the archive."""
    wanted = [
        archive_record.stored_as(name) for name in about.input_files() if name in record.given
    ]
    lacks = [name for name in dict.fromkeys(wanted) if not files.get(name)]
    if lacks:
        raise UserError(f"{lacks[0]}: is missing or empty, and {about.stage} needs it")
    if about.stage != "experiment":
        return
    shown = about.spec["record"]
    if shown.get("key") != about.key:
        raise UserError("experiment.json is that of something else")
    # The record that is shown is that of this experiment and of these predictions.
    evaluated = record.made[about.inputs["metrics"]][0]
    wanted = [about.label, evaluated.key]
    try:
        stages = shown["stages"]
        told = [shown["name"], stages["evaluate"]["key"]]
        # Without a model there are none.
        if "predictions" in evaluated.inputs:
            model = PurePosixPath(evaluated.inputs["predictions"]).parent.name
            wanted.append(model.rpartition("-")[2])
            told.append(predicted(shown)["key"])
    except (KeyError, TypeError):
        raise UserError("experiment.json does not say what it was made from") from None
    if told != wanted:
        raise UserError("experiment.json is that of another experiment, model or evaluation")


def _unit(about: Unit, place: Callable[[str], Path]) -> Unit:
    """A unit whose paths are those in the folder."""

    def placed(names: Any) -> Any:
        return str(place(names)) if isinstance(names, str) else [str(place(n)) for n in names]

    return Unit(
        about.stage,
        about.key,
        about.label,
        about.spec,
        {role: placed(names) for role, names in about.inputs.items()},
        {role: placed(names) for role, names in about.outputs.items()},
    )


def _run(unit: Unit, plan: Plan, kept: bytes | None) -> None:
    """Make the outputs of a unit, by its stage.

    Args:
        unit: with paths in the folder
        plan: of all units so far
        kept: description as the archive has it
    """
    if unit.stage != "describe":
        stages()[unit.stage].run(unit, Job(plan))
        return
    import pandas as pd

    from izwi.files import write_json

    # It reads the audio; what it found there is in the archive.
    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    seconds = pd.read_parquet(unit.inputs["seconds"])["seconds"]
    found = describe.counted(unit, tables, seconds)
    told = parse_json(kept or b"{}").get("databases", {})
    for name, about in found["databases"].items():
        header = told.get(name, {}).get("header", {})
        # Texts about its origin, and no figures.
        about["header"] = {
            key: str(header[key]) for key in (*describe.HEADER, "version") if key in header
        }
    write_json(unit.outputs["description"], {"key": unit.key, **found})


# ------------------------------------------------------------------ comparison


def compare(name: str, kept: bytes | None, made: bytes) -> tuple[list[str], int]:
    """Where a file of an archive differs from what was computed.

    Args:
        name: of the file; its ending says how it is compared
        kept: its content in the archive, None where it is missing
        made: its content as computed

    Returns:
        * the first differences, one line each
        * how many values were compared
    """
    if kept is None:
        return ["is missing"], 0
    try:
        if name.endswith(".json"):
            parts = [_leaves(parse_json(content)) for content in (kept, made)]
        elif name.endswith(".csv"):
            parts = [_cells(content) for content in (kept, made)]
        else:
            parts = [_lines(content) for content in (kept, made)]
        found, values = map(dict, parts)
    except (UserError, ValueError, csv.Error) as error:
        return [f"cannot be read: {shown_name(error)}"], 0
    except RecursionError:
        return ["cannot be read: it is nested too deeply"], 0
    lines = []
    for place in {**found, **values}:
        there, here = found.get(place, _NOTHING), values.get(place, _NOTHING)
        if not _same(there, here):
            lines.append(f"{place[-1]} is {_shown(there)} there, but {_shown(here)} computed again")
    more = len(lines) - SHOWN
    return lines[:SHOWN] + ([f"… and {more} more"] if more > 0 else []), len(values)


_NOTHING = object()


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "missing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text[:80]) if isinstance(value, str) else text[:80]


def _same(a: Any, b: Any) -> bool:
    if a is _NOTHING or b is _NOTHING:
        return False
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        # An integer may have more digits than a float can take.
        if isinstance(a, int) and isinstance(b, int):
            return a == b
        try:
            return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        except OverflowError:
            return False
    return type(a) is type(b) and a == b


Place = tuple[Any, ...]


def _leaves(value: Any, place: Place = (), told: str = "") -> Iterator[tuple[Place, Any]]:
    """Values by where they are; the last part of the place is how it is told."""
    if isinstance(value, dict) and value:
        for key, own in value.items():
            yield from _leaves(own, (*place[:-1], key, ""), f"{told}.{key}" if told else key)
    elif isinstance(value, list) and value:
        for i, own in enumerate(value):
            yield from _leaves(own, (*place[:-1], i, ""), f"{told}[{i}]")
    else:
        yield (*place[:-1], told), value


def _cells(content: bytes) -> Iterator[tuple[Place, Any]]:
    rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    header = next(rows, [])
    for j, name in enumerate(header):
        yield (1, j, f"line 1, column {j + 1}"), name
    for i, row in enumerate(rows, start=2):
        for j, cell in enumerate(row):
            column = header[j] if j < len(header) else j + 1
            yield (i, j, f"line {i}, {column}"), _number(cell)


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def _number(cell: str) -> Any:
    """A number with digits behind the point; ids such as 007 stay text."""
    if ("." not in cell and "e" not in cell) or not _NUMBER.fullmatch(cell):
        return cell
    return float(cell)


def _lines(content: bytes) -> Iterator[tuple[Place, Any]]:
    for i, line in enumerate(content.decode("utf-8").removesuffix("\n").split("\n"), start=1):
        yield (i, f"line {i}"), line
