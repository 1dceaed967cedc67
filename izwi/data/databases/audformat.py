"""Audformat databases: a header and tables, read from CSV or parquet and never from pickle."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from izwi.data import DATABASE, times
from izwi.data.databases.source import (
    ALL,
    KEY,
    Source,
    as_list,
    as_text,
    count_bad_segments,
    listed,
    rename,
    segments,
)
from izwi.data.label_files import (
    label_path,
    line_of,
    parquet_table,
    read_header,
    read_rows,
    table_file,
)
from izwi.errors import Problems, UserError
from izwi.untrusted import shown
from izwi.wording import count

_PARTS = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "devel": "dev",
    "development": "dev",
    "val": "dev",
    "validation": "dev",
    "test": "test",
    "testing": "test",
}
# Columns that any experiment may use, from whichever table has them.
_COMMON = ("speaker", "gender", "sex", "age")
# Index of the frames here: file, start and end as one text, which joins faster and without NaT.
_ROW = "row"


def read(spec: dict[str, Any]) -> Source:
    """Read an audformat database.

    Rows are those of the tables with the target; the other tables add columns. A table of files
    and one of segments meet by file.

    Args:
        spec: see `izwi.data.databases.load_table`

    Raises:
        UserError: if tables are missing or contradict each other
    """
    options = spec["options"]
    database = _Database(label_path(spec), spec["name"], drop=options.get("bad_segments") == "drop")
    source = Source(pd.DataFrame())
    target = _target(database, spec)
    files_tables, target_tables, parts = _choose_tables(database, spec, target)

    explicit = any(options.get(f"{part}_tables") for part in ("train", "dev", "test"))
    frame = database.gather(
        target_tables, target, source, bool(options.get("target_tables_append"))
    )
    if explicit:
        labelled = [t for tables in parts.values() for t in tables if database.column(t, target)]
        frame = _overlay(database.gather(labelled, target, source, False), frame, target, source)
    if frame is None:
        frame = database.gather(files_tables, target, source, True)
    # Rows that are counted by database need no target.
    counted = spec["target"] == DATABASE
    if frame is None and (spec.get("unlabelled") or counted):
        frame = database.gather(list(database.tables), target, source, True)
    if frame is None:
        raise UserError(_not_found(database, spec))
    frame = _expand(database, frame, files_tables, source)
    for table in [*target_tables, *files_tables]:
        frame = database.attach(frame, table, source)
    wanted = [*_COMMON, target, *as_list(options.get("columns"))]
    wanted += [column for column, _ in options.get("filter") or []]
    wanted += [column for column in as_list(options.get("required")) if column != ALL]
    wanted += (options.get("mapping") or {}).get("columns") or {}
    for column in dict.fromkeys(wanted):
        frame = database.look_up(frame, column, source)
    for column in sorted(frame.columns, key=lambda column: column != "speaker"):
        frame = database.attributes(frame, column)
    if target not in frame and spec.get("unlabelled"):
        source.warnings.append(
            f"{spec['name']}: no table has '{target}': only predicted, not evaluated"
        )
        frame = frame.assign(**{target: None})
    if target not in frame and not counted:
        raise UserError(_not_found(database, spec))
    source.part = _assign(database, frame, parts, explicit, source)
    if source.part is not None:
        source.part = source.part.reset_index(drop=True)
    frame = frame.reset_index(drop=True)
    count_bad_segments(source, spec["name"], len(database.bad), database.bad_files)
    source.frame = rename(frame, spec, source)
    return source


class _Database:
    """Header and tables; a table is a frame of text, indexed by its rows."""

    def __init__(self, folder: Path, name: str, *, drop: bool = False) -> None:
        self.folder, self.name, self.drop = folder, name, drop
        # Segments that are left out, as table and row, and their files.
        self.bad: set[tuple[str, int]] = set()
        self.bad_files: dict[str, None] = {}
        self.header = read_header(folder, name)
        self.tables: dict[str, dict[str, Any]] = self.header["tables"]
        self.schemes: dict[str, dict[str, Any]] = self.header.get("schemes") or {}
        self.table = cache(self._table)

    def columns(self, table: str) -> dict[str, str | None]:
        """Columns of a table with their schemes."""
        columns = self.tables[table].get("columns") or {}
        return {column: (about or {}).get("scheme_id") for column, about in columns.items()}

    def column(self, table: str, wanted: str) -> str | None:
        """Column of a table by its name, else by its scheme."""
        columns = self.columns(table)
        if wanted in columns:
            return wanted
        return next((column for column, scheme in columns.items() if scheme == wanted), None)

    def is_segmented(self, table: str) -> bool:
        """Whether the rows of a table are segments."""
        return self.tables[table].get("type") == "segmented"

    def _table(self, table: str) -> pd.DataFrame:
        data = self._cells(table)
        missing = [column for column in ("file", *self.columns(table)) if column not in data]
        if missing:
            raise UserError(
                f"[DATA] {self.name}: table '{table}' lacks the columns {', '.join(missing)}, "
                "which db.yaml names"
            )
        # Of a table without rows, or of categories, the type of the column says nothing.
        files = data["file"].astype(object)
        if not all(isinstance(file, str) and file for file in files):
            raise UserError(f"[DATA] {self.name}: table '{table}' has rows that name no file")
        timed = self.is_segmented(table)
        start, end = (data.get(column) if timed else None for column in KEY[1:])
        path = table_file(self.folder, table, self.name)
        frame = segments(
            start,
            end,
            files,
            self.name,
            line=None if path.suffix == ".parquet" else lambda row: line_of(path, row),
            drop=self.drop,
        )
        if len(frame) < len(data):
            self.bad |= {(table, row) for row in set(data.index) - set(frame.index)}
            self.bad_files |= dict.fromkeys(files.drop(frame.index))
            data, frame = data.loc[frame.index].reset_index(drop=True), frame.reset_index(drop=True)
        for column, scheme in self.columns(table).items():
            values = data[column]
            if (self.schemes.get(scheme or "") or {}).get("dtype") == "time":
                where = f"[DATA] {self.name}: table '{table}'"
                values = times.parse(values, column, where).dt.total_seconds()
            elif not pd.api.types.is_numeric_dtype(values):
                values = as_text(values)
            frame[column] = values.to_numpy()
        starts, ends = (frame[key].astype("int64").astype(str) for key in KEY[1:])
        frame.index = pd.Index(frame["file"] + "\0" + starts + "\0" + ends, name=_ROW)
        return frame.drop_duplicates()

    def _cells(self, table: str) -> pd.DataFrame:
        path = table_file(self.folder, table, self.name)
        if path.suffix == ".parquet":
            return parquet_table(path, self.name).to_pandas(ignore_metadata=True)
        header, rows = read_rows(path, self.name)
        data = pd.DataFrame(rows, columns=header, dtype=object)
        return data.where(data != "", None)

    def gather(
        self, tables: list[str], target: str, source: Source, append: bool
    ) -> pd.DataFrame | None:
        """Rows of the tables that have the target, one below the other.

        Raises:
            UserError: if two tables label a row differently
        """
        frames = []
        for table in tables:
            column = self.column(table, target)
            if column or append:
                frame = self.table(table)
                frames.append(frame.rename(columns={column: target} if column else {}))
        if not frames:
            return None
        frame = pd.concat(frames)
        keys = frame.index.duplicated(keep=False)
        if append or not keys.any() or target not in frame:
            return frame.drop_duplicates()
        if (frame[keys].groupby(_ROW)[target].nunique() > 1).any():
            raise UserError(
                f"[DATA] {self.name}.target_tables: {', '.join(tables)} "
                f"give different values of '{target}' to the same file or segment"
            )
        return frame.groupby(_ROW, sort=False).first()

    def attach(
        self, frame: pd.DataFrame, table: str, source: Source, columns: list[str] | None = None
    ) -> pd.DataFrame:
        """Add columns of a table, and fill gaps in those that are there; by row, else by file."""
        other = self.table(table)
        frame = frame.copy()
        for column in columns or list(self.columns(table)):
            values = other[column].dropna()
            by_row = values[~values.index.duplicated()]
            found = frame.index.to_series().map(by_row)
            files = other.loc[other[column].notna(), ["file", column]].drop_duplicates()
            files = files[~files["file"].duplicated(keep=False)]
            # A segment gets the value of its file, a file the value of its segments if they agree.
            by_file = frame["file"].map(files.set_index("file")[column])
            if self.is_segmented(table):
                by_file = by_file.where(frame["end"].isna())
            found = found.where(found.notna(), by_file)
            if column in frame:
                both = frame[column].notna() & found.notna()
                differ = both & (as_text(frame[column]) != as_text(found))
                if differ.any():
                    source.notes.append(
                        f"{self.name}: table '{table}' has other values of '{column}' for "
                        f"{count(int(differ.sum()), 'row, which is', 'rows, which are')} not used"
                    )
                found = frame[column].where(frame[column].notna(), found)
            frame[column] = found
        return frame

    def look_up(self, frame: pd.DataFrame, wanted: str, source: Source) -> pd.DataFrame:
        """Add a column from any table that has it, unless it is there."""
        if wanted in frame:
            return frame
        for table in self.tables:
            column = self.column(table, wanted)
            if column:
                frame = self.attach(frame, table, source, [column])
                if column != wanted:
                    frame = frame.assign(**{wanted: frame[column]})
        return frame

    def attributes(self, frame: pd.DataFrame, column: str) -> pd.DataFrame:
        """Add what the scheme of a column says about its labels, such as the age of a speaker."""
        scheme = next(
            (
                self.columns(table)[name]
                for table in self.tables
                if (name := self.column(table, column)) and self.columns(table)[name]
            ),
            None,
        )
        labels = (self.schemes.get(scheme or "") or {}).get("labels")
        if isinstance(labels, str):
            labels = self._misc_table(labels)
        if not isinstance(labels, dict):
            return frame
        known = {str(label): about for label, about in labels.items() if isinstance(about, dict)}
        text = as_text(frame[column])
        for attribute in dict.fromkeys(name for about in known.values() for name in about):
            if attribute in KEY:
                continue
            found = text.map({label: about.get(attribute) for label, about in known.items()})
            if not pd.api.types.is_numeric_dtype(found):
                found = as_text(found)
            if attribute in frame:
                own = frame[attribute]
                if pd.api.types.is_numeric_dtype(own) != pd.api.types.is_numeric_dtype(found):
                    own, found = as_text(own), as_text(found)
                found = own.where(own.notna(), found)
            frame = frame.assign(**{attribute: found})
        return frame

    def _misc_table(self, table: str) -> dict[str, dict[str, Any]]:
        data = self._cells(table)
        about = (self.header.get("misc_tables") or {}).get(table) or {}
        index = next(iter(about.get("levels") or data.columns))
        if index not in data:
            raise UserError(
                f"[DATA] {self.name}: table '{table}' lacks the column {shown(index)}, which "
                "db.yaml names"
            )
        labels = as_text(data[index])
        return dict(zip(labels, data.drop(columns=index).to_dict("records"), strict=True))


def _target(database: _Database, spec: dict[str, Any]) -> str:
    """Name of the target in the database: ``label``, or before it is renamed by ``colnames``."""
    options = spec["options"]
    name = options.get("label") or spec["target"]
    names = [name]
    for old, new in (options.get("colnames") or {}).items():
        names += [old] if new == name else [new] if old == name else []
    for name in names:
        if any(database.column(table, name) for table in database.tables):
            return name
    return names[0]


def _choose_tables(
    database: _Database, spec: dict[str, Any], target: str
) -> tuple[list[str], list[str], dict[str, list[str]]]:
    """Tables with the files, with the target, and with each part of a split."""
    options, tables = spec["options"], database.tables
    problems = Problems()
    keys = ["files_tables", "target_tables", "train_tables", "dev_tables", "test_tables"]
    for key in keys:
        for table in as_list(options.get(key)):
            if table not in tables:
                problems.add(
                    f"[DATA] {spec['name']}.{key}: there is no table '{table}' "
                    f"but {', '.join(tables)}"
                )
    problems.raise_if_any()
    files_tables = as_list(options.get("files_tables")) or [
        table for table in tables if table == "files"
    ]
    below = [table for table in tables if table.startswith(f"{target}.")]
    having = [table for table in tables if database.column(table, target)]
    if options.get("target_tables"):
        target_tables = as_list(options["target_tables"])
    elif target in having:
        target_tables = [target]
    else:
        target_tables = [table for table in below if table in having] or having
    parts = {
        part: as_list(options[f"{part}_tables"])
        for part in ("train", "dev", "test")
        if options.get(f"{part}_tables")
    }
    if not parts:
        exact = [f"{target}.{part}" for part in ("train", "dev", "test")]
        usual = exact[0] in tables and exact[2] in tables
        parts = _parts_of(database, [t for t in exact if t in tables] if usual else below)
        if not parts and options.get("split_strategy") == "database":
            parts = _parts_of(database, [t for t in tables if tables[t].get("split_id")])
    return files_tables, target_tables, parts


def _parts_of(database: _Database, tables: list[str]) -> dict[str, list[str]]:
    """Which tables are train, dev or test by their split, else by a word of their name."""
    splits = database.header.get("splits") or {}
    parts: dict[str, list[str]] = {}
    for table in tables:
        split = database.tables[table].get("split_id")
        if split:
            words = {_PARTS.get((splits.get(split) or {}).get("type") or split)}
        else:
            words = {_PARTS.get(word) for word in re.split(r"[.\-_]", table.lower())} - {None}
        word = words.pop() if len(words) == 1 else None
        if word is not None:
            parts.setdefault(word, []).append(table)
    return parts


def _overlay(
    upper: pd.DataFrame | None, lower: pd.DataFrame | None, target: str, source: Source
) -> pd.DataFrame | None:
    """The rows of both; where both have a row, the upper's."""
    if upper is None or lower is None:
        return lower if upper is None else upper
    shared = upper.index.intersection(lower.index)
    old = as_text(lower[target])[~lower.index.duplicated()][shared]
    differ = int((as_text(upper[target])[~upper.index.duplicated()][shared] != old).sum())
    if differ:
        source.warnings.append(
            f"{count(differ, 'row')}: the '{target}' of the train, dev and test tables differs "
            "and is used"
        )
    return pd.concat([upper, lower[~lower.index.isin(upper.index)]])


def _expand(
    database: _Database, frame: pd.DataFrame, files_tables: list[str], source: Source
) -> pd.DataFrame:
    """Rows of files as rows of segments, where the tables of files list segments."""
    if frame["end"].notna().any() or not any(map(database.is_segmented, files_tables)):
        return frame
    rows = pd.concat([database.table(t)[KEY] for t in files_tables if database.is_segmented(t)])
    rows = rows[~rows.index.duplicated()].reset_index()
    source.notes.append(f"{database.name}: every segment of a file gets the labels of its file")
    return rows.merge(frame.drop(columns=KEY[1:]), on="file").set_index(_ROW)


def _assign(
    database: _Database,
    frame: pd.DataFrame,
    parts: dict[str, list[str]],
    explicit: bool,
    source: Source,
) -> pd.Series | None:
    """Part of each row by the tables in which it is."""
    result = pd.Series(None, index=frame.index, dtype=object)
    for part, tables in parts.items():
        for table in tables:
            other = database.table(table)
            inside = frame.index.isin(other.index)
            whole = frame["end"].isna() | (not database.is_segmented(table))
            inside |= (whole & frame["file"].isin(other["file"])).to_numpy()
            clash = inside & result.notna().to_numpy() & (result != part).to_numpy()
            if clash.any():
                example = listed(frame["file"][clash].unique(), 3)
                text = (
                    f"{count(int(clash.sum()), 'row is', 'rows are')} in several of train, "
                    f"dev and test: {example}"
                )
                if explicit:
                    raise UserError(f"[DATA] {database.name}.{part}_tables: {text}")
                source.notes.append(f"{database.name}: its own split is not used: {text}")
                return None
            result[inside] = part
    return result if result.notna().any() else None


def _not_found(database: _Database, spec: dict[str, Any]) -> str:
    options = spec["options"]
    name = options.get("label") or spec["target"]
    tables = "; ".join(
        f"{table} ({', '.join(database.columns(table)) or 'no columns'})"
        for table in database.tables
    )
    return (
        f"[DATA] target: no table of {spec['name']} has '{name}', name its column with "
        f"{spec['name']}.label or its tables with {spec['name']}.target_tables; there are {tables}"
    )
