"""The files that hold the labels of a database: CSV, and audformat's header and tables."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi import untrusted
from izwi.data.spelling import clean
from izwi.errors import Problems, UserError

if TYPE_CHECKING:
    import pyarrow


# The first line by which spreadsheets are told the separator.
_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


# What names an audio file, and no column.
_FILE = re.compile(r".+\.[a-z][a-z0-9]{1,3}")


# Parts of an audformat header that are read, and the kinds of what they hold.
HEADER: dict[str, dict[str, Any]] = {
    "tables": {"type": str, "columns": dict, "split_id": str},
    "misc_tables": {"levels": dict | list, "columns": dict},
    "schemes": {"dtype": str, "labels": dict | list | str},
    "splits": {"type": str},
}


MOST_PROBLEMS = 10


# Behind the last line of a CSV file.
_END = "\0end\0"


def label_path(database: Mapping[str, Any]) -> Path:
    """The label file of a CSV database, the folder of an audformat one.

    Raises:
        UserError: if it is not there
    """
    path = Path(database["path"])
    if database["type"] == "demo" and path.is_dir():
        path = path / "demo.csv"
    if database["type"] in ("csv", "demo"):
        if not path.is_file():
            raise UserError(f"[DATA] {database['name']}: no CSV file {path}")
    elif not (path / "db.yaml").is_file():
        raise UserError(
            f"[DATA] {database['name']}: no audformat database in {path} (it has no db.yaml); "
            f"for a CSV file set {database['name']}.type = csv"
        )
    return path


def read_rows(
    path: Path, name: str, short: list[int] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Read a CSV file as text, without blanks around names and cells, and without empty rows.

    Args:
        path: the file, UTF-8 with or without a byte order mark
        name: name of the database, for messages
        short: takes the lines with fewer cells than columns, to which empty ones are added

    Returns:
        header and rows; every row is as long as the header

    Raises:
        UserError: if the file is not such a table
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            records = _records(stream)
            header = [clean(cell) for cell in next(records, (0, []))[1]]
            width = len(header)
            rows, long = [], []
            for line, row in records:
                if not _holds(row):
                    continue
                if len(row) > width:
                    if _holds(row[width:]):
                        long.append(line)
                        continue
                    row = row[:width]  # separators behind the last cell
                elif len(row) < width:
                    if short is not None:
                        short.append(line)
                    row += [""] * (width - len(row))
                rows.append([cell.strip() for cell in row])
    except UnicodeDecodeError as error:
        raise UserError(f"[DATA] {name}: {path} is not UTF-8: save it as UTF-8") from error
    except csv.Error as error:
        raise UserError(f"[DATA] {name}: {path} is not a CSV file: {error}") from error
    if not header:
        raise UserError(f"[DATA] {name}: {path} is empty")
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise UserError(f"[DATA] {name}: {path} has two columns named {', '.join(twice)}")
    if long:
        # The commas are those of numbers.
        other = len(header) == 1 and ";" in header[0]
        advice = "separate cells by commas, not semicolons, and write numbers with a point"
        raise UserError(
            f"[DATA] {name}: {path} has more cells than columns in {lines_text(long)}: "
            f"{advice if other else 'quote cells that hold a comma'}"
        )
    return header, rows


def line_of(path: Path, row: int) -> int:
    """Last line of a row that :func:`read_rows` returns, counted from 0, in its file."""
    with open(path, encoding="utf-8-sig", newline="") as stream:
        records = _records(stream)
        next(records)
        return [line for line, cells in records if _holds(cells)][row]


def _holds(row: list[str]) -> bool:
    """Whether a row says anything; spreadsheets leave rows of commas behind the last one."""
    return any(map(str.strip, row))


def _records(stream: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV file, each with the number of its last line.

    Raises:
        csv.Error: if it cannot be read, or a quote is never closed
    """
    lines = iter(stream)
    first, before, delimiter = "", 0, ""
    comments: list[str] = []
    for text in lines:
        said = _SEPARATOR.fullmatch(text.strip())
        if said:
            delimiter = said[1]
        elif text.lstrip().startswith("#"):
            comments.append(text.strip().lstrip("# ") + "\n")
        elif text.strip():
            first = text
            break
        before += 1
    delimiter = delimiter or ("\t" if is_tabbed(first) else ",")
    begin = [first] if first else []
    if (header := _commented_header(comments, first, delimiter)) is not None:
        begin, before = [header, *begin], before - 1
    # In a cell that is open at the end the mark stands, else in a row of its own.
    reader = csv.reader(chain(begin, lines, [_END]), delimiter=delimiter, skipinitialspace=True)
    line = before
    for row in reader:
        if row and row[-1].endswith(_END):
            if row == [_END]:
                return
            raise csv.Error(
                f"a quote in line {line + 1} is never closed, so that all behind it is one cell: "
                "close it, or double it if it is text"
            )
        line = reader.line_num + before
        yield line, row


def is_tabbed(header: str) -> bool:
    """Whether the names of columns are separated by tabs."""
    return "\t" in header and "," not in header


def _commented_header(comments: list[str], first: str, delimiter: str) -> str | None:
    """The comment that names the columns, as numpy and others write it; None if there is none.

    Args:
        comments: lines before the first other one, without their mark
        first: that line, empty if there is none
        delimiter: of its cells
    """

    def cells(line: str) -> list[str]:
        return [cell.strip(' "\n').lower() for cell in line.split(delimiter)]

    beneath = cells(first)
    if "file" in beneath:
        return None
    for comment in reversed(comments):
        if "file" in cells(comment):
            return comment
    if not any(map(_FILE.fullmatch, beneath)):
        return None
    for comment in reversed(comments):
        names = cells(comment)
        if len(names) == len(beneath) > 1 and not any(map(_FILE.fullmatch, names)):
            return comment
    return None


def rename_column(column: str, columns: Iterable[str], colnames: dict[str, str]) -> str | None:
    """The column of a file that is to be called ``column`` once ``colnames`` is applied.

    ``colnames`` is written both as ``{old: new}`` and, as in nkululeko's own documentation,
    as ``{'speaker': 'Participant ID'}``.
    """
    columns = list(columns)
    for old, new in colnames.items():
        if new == column and old in columns:
            return old
        if old == column and new in columns and old not in columns:
            return new
    return column if column in columns else None


def audformat_files(folder: Path, name: str) -> list[Path]:
    """The files that hold the header and the tables of an audformat database, by name.

    Raises:
        UserError: if a table is stored as pickle alone
    """
    tables: dict[str, set[str]] = {}
    for entry in os.listdir(folder):
        stem, _, suffix = entry.rpartition(".")
        if stem.startswith("db.") and suffix in ("csv", "parquet", "pkl"):
            tables.setdefault(stem, set()).add(suffix)
    pickled = sorted(stem for stem, kinds in tables.items() if kinds == {"pkl"})
    if pickled:
        raise UserError(
            f"[DATA] {name}: {', '.join(f'{stem}.pkl' for stem in pickled)} in {folder}: pickle "
            "can run any code and is not read; with audformat, "
            "load the database and save it with storage_format='csv'"
        )
    files = [
        folder / f"{stem}.{'parquet' if 'parquet' in kinds else 'csv'}"
        for stem, kinds in sorted(tables.items())
    ]
    return [folder / "db.yaml", *files]


def read_header(folder: Path, name: str) -> dict[str, Any]:
    """The header of an audformat database, whose parts are mappings of mappings.

    Raises:
        UserError: if ``db.yaml`` cannot be read or is no such header
    """
    path = folder / "db.yaml"
    try:
        header = untrusted.read_yaml(path)
    except UserError as error:
        raise UserError(f"[DATA] {name}: {path} is not YAML: {error}") from None
    if not isinstance(header, dict) or not isinstance(header.get("tables"), dict):
        raise UserError(f"[DATA] {name}: {path} names no tables")
    problems = Problems()
    for part, kinds in HEADER.items():
        found = _mapping(header, part, str(path), name, problems)
        for key, about in found.items():
            place = f"{path}: {part}: {untrusted.shown(key)}"
            if about is None:
                found[key] = about = {}
            if not isinstance(about, dict):
                problems.add(f"[DATA] {name}: {place}: is no mapping")
                continue
            for entry, kind in kinds.items():
                if not isinstance(about.get(entry), kind | None):
                    problems.add(f"[DATA] {name}: {place}: {entry} is of the wrong kind")
    if problems.lines:
        raise UserError(problems.lines[:MOST_PROBLEMS])
    for table, about in header["tables"].items():
        columns = _mapping(about, "columns", f"{path}: tables: {table}", name, problems)
        for column, scheme in columns.items():
            scheme = {} if scheme is None else scheme
            good = isinstance(scheme, dict) and isinstance(scheme.get("scheme_id"), str | None)
            if not isinstance(column, str) or not good:
                shown = untrusted.shown(column)
                problems.add(f"[DATA] {name}: {path}: tables: {table}: column {shown} is no column")
    if problems.lines:
        raise UserError(problems.lines[:MOST_PROBLEMS])
    return header


def _mapping(
    within: dict[str, Any], part: str, place: str, name: str, problems: Problems
) -> dict[Any, Any]:
    """A part of a header; what is absent or null is an empty one."""
    if within.get(part) is None:
        within[part] = {}
    if not isinstance(within[part], dict):
        problems.add(f"[DATA] {name}: {place}: {part} is no mapping")
        return {}
    return within[part]


def parquet_table(path: Path, name: str, columns: list[str] | None = None) -> pyarrow.Table:
    """A table of an audformat database.

    Raises:
        UserError: if it cannot be read
    """
    try:
        return untrusted.read_parquet(path, columns)
    except UserError as error:
        raise UserError(f"[DATA] {name}: {path} cannot be read: {error}") from None


def table_file(folder: Path, table: str, name: str) -> Path:
    """The file of a table of an audformat database; parquet where there are two, as audformat.

    Raises:
        UserError: if there is none, or it has no plain name
    """
    if not isinstance(table, str) or "/" in table or untrusted.not_plain(table):
        raise UserError(
            f"[DATA] {name}: {folder / 'db.yaml'}: {untrusted.shown(table)} is no plain name of a "
            "table"
        )
    for suffix in ("parquet", "csv"):
        path = folder / f"db.{table}.{suffix}"
        if path.is_file():
            return path
    raise UserError(f"[DATA] {name}: {folder} has no db.{table}.csv, which its db.yaml names")


def lines_text(numbers: list[int], word: str = "line") -> str:
    """``lines 3, 4 and 10 more``."""
    shown = ", ".join(str(number) for number in numbers[:5])
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"{word}{'s' if len(numbers) > 1 else ''} {shown}{more}"
