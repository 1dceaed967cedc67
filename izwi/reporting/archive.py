"""A zip from which all figures of a result set can be computed again, without its audio.

It holds what the stages after the training read, as text, and what they wrote. Two calls on the
same results give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from izwi import __version__
from izwi.config.ini import read_ini
from izwi.config.root_folders import root_file
from izwi.engine.call import Call
from izwi.engine.config_plan import Planned
from izwi.engine.plan import Plan, Unit
from izwi.engine.stage import stages
from izwi.errors import UserError
from izwi.files import atomic
from izwi.reporting import archive_record
from izwi.reporting.archive_record import (
    FORMAT,
    INDEX,
    LOCK,
    ON_THE_WAY,
    README,
    RESULTS,
    SUMS,
    TEXTUAL,
)
from izwi.untrusted import check_names

# What is computed again, and is neither a picture nor an analysis with the features.
STAGES_KEPT = tuple(n for n in stages() if n in archive_record.STAGES)
# Columns of tables that figures depend on; transcripts and the like stay at home.
COLUMNS = (
    *("database", "file", "start", "end", "speaker", "digest", "truth", "value", "part", "fold"),
    *("gender", "age", "language"),
)
MARKERS = ("", "NA", "N/A", "<missing>")
# Verify knows it to the letter: another text needs another FORMAT.
_README = """\
Results of izwi {version}, from which every figure can be computed again:

    git clone <izwi> && cd izwi && make core
    .venv/bin/izwi verify THIS.zip

results/experiments/<name>/   figures (metrics.json), predictions, tables and texts
results/splits, results/labels which sample was where, and what is known of it
results/models                predictions as the models made them
inis, configs                 what was asked for
{lock:<29} exact versions of all packages
{sums:<29} of all files here
"""


def pack(
    asked: Planned, configs: Iterable[str], path: Path, *, again: str = "izwi run"
) -> list[str]:
    """Write the archive of a result set.

    Args:
        asked: the config and its plan
        configs: files of the config
        path: of the zip
        again: command that makes what is missing

    Returns:
        what the reader should know, one line each

    Raises:
        UserError: if results are missing or out of date
    """
    plan = asked.plan
    _check_made(plan, again)
    units = [reduced(unit) for unit in _kept(plan)]
    made = {path for unit in units for path in unit.output_files()}
    files: dict[str, bytes] = {}
    schemas: dict[str, Any] = {}
    for unit in units:
        wanted = [path for path in unit.input_files() if path not in made]
        if unit.stage not in ON_THE_WAY:
            wanted += unit.output_files()
        for source in wanted:
            name = inside(source, plan.results)
            if name in files or name in schemas:
                continue
            if source.endswith(".parquet"):
                csv, schemas[name] = as_csv(source)
                files[f"{name}.csv"] = csv
            else:
                files[name] = Path(source).read_bytes()
    files |= _asked_for(asked, configs)
    lock = installed()
    files[LOCK] = lock.encode()
    files[README] = readme()
    files[INDEX] = _json(
        {
            "format": FORMAT,
            "izwi": __version__,
            "schemas": schemas,
            "units": [_described(unit, plan.results) for unit in units],
        }
    )
    files[SUMS] = sums(files)
    # What verify would refuse is told to whom can still rename it.
    try:
        check_names(files)
        archive_record.read_record(files[INDEX], files)
    except UserError as error:
        raise UserError([f"archive: {line}" for line in error.problems]) from None
    write_zip(path, files)
    return _notes(asked, lock)


def readme(version: str = __version__) -> bytes:
    """What the archive says of itself to a reader.

    Args:
        version: of the izwi that made it
    """
    return _README.format(version=version, lock=LOCK, sums=SUMS).encode()


def inside(path: str, results: str) -> str:
    """Name of a file of the results in the archive.

    Raises:
        UserError: if it lies elsewhere
    """
    name = os.path.relpath(path, results)
    if name.startswith(".."):
        raise UserError(f"archive: {path} is not in {results}")
    return f"{RESULTS}/{Path(name).as_posix()}"


def reduced(unit: Unit) -> Unit:
    """A unit without what cannot be computed from an archive: pictures, copies of other files."""
    left = ("copies", "exports")
    inputs = {role: files for role, files in unit.inputs.items() if role not in left}
    outputs = {
        role: file
        for role, file in unit.outputs.items()
        if file.endswith(TEXTUAL) or unit.stage in ON_THE_WAY
    }
    if unit.stage == "describe":
        inputs["seconds"] = unit.outputs["seconds"]
    spec = {**unit.spec, "formats": []} if "formats" in unit.spec else unit.spec
    if unit.stage == "experiment":
        spec = {name: spec[name] for name in ("name", "control", "record")}
    return Unit(unit.stage, unit.key, unit.label, spec, inputs, outputs)


def _kept(plan: Plan) -> list[Unit]:
    return plan.of(*STAGES_KEPT)


def _check_made(plan: Plan, again: str) -> None:
    # These show the whole folder: another config may have been called since.
    aside = ("overview", "page")
    late = [unit for unit in Call(plan, lean=True).missing() if unit.stage not in aside]
    if late:
        names = list(dict.fromkeys(u.label for u in late if u.stage == "experiment"))
        told = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        # Only the tables of this call may be missing, which takes a second.
        what = told or f"the {late[0].stage} of {late[0].label}"
        raise UserError(f"archive: {what}: not made yet, or out of date; first type {again}")


def _described(unit: Unit, results: str) -> dict[str, Any]:
    def named(files: Any) -> Any:
        if isinstance(files, str):
            return inside(files, results)
        return [inside(file, results) for file in files]

    return {
        "stage": unit.stage,
        "key": unit.key,
        "label": unit.label,
        "spec": unit.spec,
        "inputs": {role: named(files) for role, files in unit.inputs.items()},
        "outputs": {role: named(file) for role, file in unit.outputs.items()},
    }


# ---------------------------------------------------------------------- tables


def as_csv(path: str) -> tuple[bytes, dict[str, list[str]]]:
    """A parquet file as CSV from which the same values come back.

    Args:
        path: of the parquet file

    Returns:
        * the CSV
        * per column its type and the text that stands for a missing value
    """
    import pandas as pd

    table = pd.read_parquet(path)
    if "truth" in table and "prediction" not in table:
        table = table[[name for name in table if name in COLUMNS]]
    schema, columns = {}, {}
    for name, column in table.items():
        kind = str(column.dtype)
        texts = column.map(str, na_action="ignore") if kind.startswith("timedelta") else column
        if pd.api.types.is_float_dtype(column.dtype):
            texts = column.map(lambda value: repr(float(value)), na_action="ignore")
        there = set(texts.dropna().map(str))
        marker = next(m for m in (*MARKERS, "<none>" * 9) if m not in there)
        columns[name] = texts.astype(object).where(column.notna(), marker)
        schema[str(name)] = [kind, marker]
    out = io.StringIO()
    pd.DataFrame(columns).to_csv(out, index=False, lineterminator="\n")
    return out.getvalue().encode(), schema


def from_csv(content: bytes, schema: dict[str, list[str]]) -> Any:
    """The table that `as_csv` wrote.

    Args:
        content: the CSV
        schema: per column its type and the text that stands for a missing value
    """
    import pandas as pd

    texts = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_filter=False)
    columns = {}
    for name, (kind, marker) in schema.items():
        column = texts[name].astype(object).where(texts[name] != marker, None)
        if kind.startswith("timedelta"):
            columns[name] = pd.to_timedelta(column).astype(kind)
        elif kind.startswith(("float", "int", "uint")):
            columns[name] = pd.to_numeric(column.map(float if kind[0] == "f" else int, "ignore"))
            columns[name] = columns[name].astype(kind)
        elif kind.startswith("bool"):
            columns[name] = column.map({"True": True, "False": False}).astype(kind)
        else:
            columns[name] = column.astype(kind)
    return pd.DataFrame(columns)


# ------------------------------------------------------------------- the frame


def _asked_for(asked: Planned, configs: Iterable[str]) -> dict[str, bytes]:
    """The config, its inis, and the root files that these or this computer name."""
    inis = [Path(ini) for ini in dict.fromkeys(experiment.ini for experiment in asked.experiments)]
    roots = [Path(root) for root in asked.config.roots]
    for ini in inis:
        root = root_file(read_ini(ini), ini.parent, Path.cwd())
        roots += [root] if root else []
    files: dict[str, bytes] = {}
    for folder, paths in (("configs", map(Path, configs)), ("inis", inis), ("roots", roots)):
        for path in dict.fromkeys(map(os.path.abspath, paths)):
            name, n = f"{folder}/{Path(path).name}", 1
            while name in files:
                n += 1
                name = f"{folder}/{Path(path).stem}-{n}{Path(path).suffix}"
            files[name] = Path(path).read_bytes()
    return files


def installed() -> str:
    """All packages of this environment with their versions, as pip takes them."""
    found = {
        distribution.metadata["Name"]: distribution.version
        for distribution in metadata.distributions()
    }
    lines = [f"{name}=={found[name]}" for name in sorted(found, key=str.lower)]
    python = ".".join(map(str, sys.version_info[:3]))
    return "\n".join([f"# Python {python}", *lines]) + "\n"


def _notes(asked: Planned, lock: str) -> list[str]:
    """Packages that changed between the results and now."""
    now = dict(line.split("==") for line in lock.splitlines() if "==" in line)
    now = {name.lower(): version for name, version in now.items()}
    lines = []
    for experiment in asked.experiments:
        record = Path(asked.config.results, "experiments", experiment.name, "experiment.json")
        for name, version in json.loads(record.read_bytes())["packages"].items():
            if version and now.get(name.lower(), version) != version:
                lines.append(
                    f"{experiment.name}: made with {name} {version}, {LOCK} has {now[name.lower()]}"
                )
    return lines


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def sums(files: dict[str, bytes]) -> bytes:
    """What ``sha256sum --check`` reads."""
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}" for name in sorted(files)]
    return ("\n".join(lines) + "\n").encode()


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """Write a zip whose bytes depend on names and contents alone."""
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(files):
            # The earliest time that a zip knows.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], compresslevel=6)
