"""Compute all figures of an archive again, and say where they differ.

The archive's predictions, splits and reports go through the same stages as in the workflow; what
these write is compared with what the archive holds.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import json
import math
import tempfile
import traceback
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from izwi import __version__
from izwi.engine.job import Job
from izwi.engine.keys import PACKAGE
from izwi.engine.plan import Plan, Unit
from izwi.errors import UserError
from izwi.files import read_json
from izwi.reporting import archive

# Another computer adds up in another order; a figure that was changed differs by more.
RELATIVE, ABSOLUTE = 1e-9, 1e-12
SHOWN = 5  # differences of a file


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
    """

    verdicts: list[Verdict]
    damaged: list[str]
    notes: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.damaged and not any(v.differences for v in self.verdicts)


def verify(path: str | Path) -> Found:
    """Compute all figures of an archive again.

    Args:
        path: the zip

    Raises:
        UserError: if it is no archive of izwi
    """
    files = _read(path)
    index = _index(files, path)
    notes = []
    if index["izwi"] != __version__:
        notes.append(f"made by izwi {index['izwi']}, verified by {__version__}")
    with tempfile.TemporaryDirectory() as folder:
        verdicts = _again(index, files, Path(folder))
    return Found(verdicts, _damaged(files), notes)


def _read(path: str | Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as opened:
            files = {name: opened.read(name) for name in opened.namelist()}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise UserError(f"{path}: is no readable zip: {error}") from None
    for name in files:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name:
            raise UserError(f"{path}: holds a file outside of its folder: {name}")
    return files


def _index(files: dict[str, bytes], path: str | Path) -> dict[str, Any]:
    try:
        index = json.loads(files[archive.INDEX])
        known = index["format"] == archive.FORMAT
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: has no {archive.INDEX}, so it is no archive of izwi") from None
    if not known:
        raise UserError(
            f"{path}: was made by izwi {index['izwi']} in another format; verify it with that"
        )
    return index


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


def _again(index: dict[str, Any], files: dict[str, bytes], folder: Path) -> list[Verdict]:
    """Run the units of an archive in a folder, and compare what they write."""
    given, made = folder / "given", folder / "made"
    outputs = {name for unit in index["units"] for name in unit["outputs"].values()}
    plan = Plan(str(made / archive.RESULTS), str(folder / "cache"))
    verdicts: dict[str, Verdict] = {}
    lay(files, index["schemas"], given)
    for about in index["units"]:
        unit = _unit(about, lambda name: (made if name in outputs else given) / name)
        plan.units[unit.stage][unit.key] = unit
        title = unit.label if unit.stage in ("experiment", "evaluate") else _title(unit)
        verdict = verdicts.setdefault(title, Verdict(title))
        try:
            _run(unit, plan, given)
        except UserError as error:
            verdict.differences += error.problems
            continue
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            verdict.differences.append(
                f"{unit.stage} cannot be computed: {type(error).__name__}: {error} "
                f"({Path(where.filename).name}, line {where.lineno})"
            )
            continue
        if unit.stage in archive.ON_THE_WAY:
            continue
        for name in about["outputs"].values():
            shown = PurePosixPath(name).relative_to(archive.RESULTS)
            found, count = compare(name, files.get(name), (made / name).read_bytes())
            verdict.figures += count
            verdict.differences += [f"{shown}: {line}" for line in found]
    return list(verdicts.values())


def _title(unit: Unit) -> str:
    return {
        "describe": f"counts of {unit.label}",
        "summary": "summary.csv",
        "comparisons": "comparisons.csv",
    }.get(unit.stage, f"{unit.stage} {unit.label}")


def lay(files: dict[str, bytes], schemas: dict[str, Any], folder: Path) -> None:
    """Lay the files of an archive into a folder, tables as the stages read them."""
    for name, schema in schemas.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = files.get(f"{name}.csv")
        if content is None:
            continue
        try:
            archive.from_csv(content, schema).to_parquet(path, index=False)
        except (ValueError, KeyError) as error:
            raise UserError(f"{name}.csv: cannot be read: {error}") from None
    for name, content in files.items():
        if name.startswith(f"{archive.RESULTS}/") and name.removesuffix(".csv") not in schemas:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _unit(about: dict[str, Any], place: Any) -> Unit:
    def placed(names: Any) -> Any:
        return str(place(names)) if isinstance(names, str) else [str(place(n)) for n in names]

    return Unit(
        about["stage"],
        about["key"],
        about["label"],
        about["spec"],
        {role: placed(names) for role, names in about["inputs"].items()},
        {role: placed(names) for role, names in about["outputs"].items()},
    )


def _run(unit: Unit, plan: Plan, given: Path) -> None:
    """Make the outputs of a unit, by the script of its stage."""
    if unit.stage != "describe":
        _script(unit.stage).main(unit, Job(plan, 1, None))
        return
    import pandas as pd

    from izwi.files import write_json

    # Its script reads the audio; what it found there is in the archive.
    tables = [pd.read_parquet(path) for path in unit.inputs["tables"]]
    seconds = pd.read_parquet(unit.inputs["seconds"])["seconds"]
    found = _script("describe").counted(unit, tables, seconds)
    path = unit.outputs["description"]
    kept = read_json(given / Path(path).relative_to(given.parent / "made"))
    for name, about in kept["databases"].items():
        found["databases"].setdefault(name, {})["header"] = about["header"]
    write_json(path, {"key": unit.key, **found})


@cache
def _script(stage: str) -> ModuleType:
    path = PACKAGE.parent / "scripts" / f"{stage}.py"
    spec = importlib.util.spec_from_file_location(f"izwi_script_{stage}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path}: no such file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
            found, values = _leaves(json.loads(kept)), _leaves(json.loads(made))
        elif name.endswith(".csv"):
            found, values = _cells(kept), _cells(made)
        else:
            found, values = _lines(kept), _lines(made)
        found, values = dict(found), dict(values)
    except (ValueError, csv.Error) as error:
        return [f"cannot be read: {error}"], 0
    lines = []
    for place in {**found, **values}:
        there, here = found.get(place, _NOTHING), values.get(place, _NOTHING)
        if not _same(there, here):
            lines.append(f"{place} is {_shown(there)} there, but {_shown(here)} computed again")
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
        return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return type(a) is type(b) and a == b


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, own in value.items():
            yield from _leaves(own, f"{place}.{key}" if place else key)
    elif isinstance(value, list) and value:
        for i, own in enumerate(value):
            yield from _leaves(own, f"{place}[{i}]")
    else:
        yield place, value


def _cells(content: bytes) -> Iterator[tuple[str, Any]]:
    rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    header = next(rows, [])
    yield "header", ",".join(header)
    for i, row in enumerate(rows, start=2):
        for j, cell in enumerate(row):
            column = header[j] if j < len(header) else j + 1
            yield f"line {i}, {column}", _number(cell)


def _number(cell: str) -> Any:
    """A number with digits behind the point; ids such as 007 stay text."""
    if "." not in cell and "e" not in cell:
        return cell
    try:
        return float(cell)
    except ValueError:
        return cell


def _lines(content: bytes) -> Iterator[tuple[str, Any]]:
    for i, line in enumerate(content.decode("utf-8").splitlines(), start=1):
        yield f"line {i}", line
