"""What data hold: files, speakers and columns, found in a CSV, an audformat folder or plain audio.

For `izwi new`, which writes a first ini from it. Nothing is written here, and no audio is read.
"""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from izwi.data import scan
from izwi.data.databases import audformat
from izwi.data.databases.source import as_text
from izwi.data.label_files import is_tabbed, label_path, read_header, read_rows
from izwi.data.spelling import clean
from izwi.errors import UserError
from izwi.serving.inputs import AUDIO
from izwi.splits.speakers import like_speaker

# What columns of audio files are called, in small letters alone.
_FILES = (
    *("file", "filename", "filepath", "path", "audio", "audiofile", "audiopath", "audioname"),
    *("wav", "wavfile", "wavpath", "recording", "clip", "utterance", "name", "id", "fileid"),
)
_KNOWN = {"gender": ("gender", "sex", "geschlecht"), "age": ("age", "ageyears", "alter")}
# Share of cells with the ending of an audio file that makes a column one of files.
_MOSTLY = 0.9
# What a part of a path is that names a speaker.
_PERSON = re.compile(r"(actor|speaker|spkr?|subject|subj|sub|participant|person|id)[-_ ]?\d+", re.I)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
# Audio files below a folder that are looked at, at most.
_MOST_FILES = 1_000_000


@dataclass
class Survey:
    """A database as it is found.

    Args:
        kind: ``csv`` or ``audformat``
        path: the CSV file or the audformat folder; of plain audio its folder
        frame: a row for each file or segment, all columns as text, as izwi will call them
        colnames: column in the file → what izwi calls it
        audio_path: folder of the audio, relative to that of the CSV; empty for its own
        reasons: why izwi needs a new CSV, which `frame` is then; none if it reads this one
        parts: whether the tables of the database say what is train and test
    """

    kind: str
    path: Path
    frame: pd.DataFrame
    colnames: dict[str, str] = field(default_factory=dict)
    audio_path: str = ""
    reasons: list[str] = field(default_factory=list)
    parts: bool = False

    @property
    def folder(self) -> Path:
        """Folder that the names of files are relative to."""
        return self.path if self.path.is_dir() else self.path.parent / self.audio_path


def survey(path: Path) -> Survey:
    """Look at data.

    Args:
        path: a CSV file, an audformat folder, a folder with one CSV, or a folder of audio

    Raises:
        UserError: if there is nothing to learn from, with what was looked for
    """
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if path.is_file():
        return _of_csv(path)
    if (path / "db.yaml").is_file():
        return _of_audformat(path)
    tables = _tables(path)
    if len(tables) > 1:
        own = [table for table in tables if table.stem.lower() == path.resolve().name.lower()]
        if len(own) != 1:
            names = ", ".join(str(table) for table in tables[:5])
            raise UserError(f"{path}: has {len(tables)} tables, name one of them: {names}")
        tables = own
    return _of_csv(tables[0]) if tables else _of_folder(path)


def _tables(folder: Path) -> list[Path]:
    """The CSV files of a folder, else those in its folders."""
    for pattern in ("*", "*/*"):
        # Those of an audformat database are no tables of their own.
        found = [
            path
            for path in folder.glob(pattern)
            if path.suffix.lower() in (".csv", ".tsv") and not path.name.startswith("db.")
        ]
        if found:
            return sorted(found)
    return []


# ------------------------------------------------------------------------------- CSV


def _of_csv(path: Path) -> Survey:
    header, rows, reasons = _rows(path)
    if not rows:
        raise UserError(f"{path}: has no rows, only the columns {', '.join(header)}")
    frame = pd.DataFrame(rows, columns=header, dtype=object).map(clean)
    frame = frame.loc[:, frame.columns != ""]
    found = Survey("csv", path, frame.where(frame != "", None), reasons=reasons)
    column = _file_column(found.frame, path.parent)
    if column is None:
        raise UserError(
            f"{path}: none of the columns {', '.join(found.frame)} names audio files in "
            f"{path.parent} or below; put them there, and call the column 'file'"
        )
    if found.frame[column].isna().any():
        number = int(found.frame[column].isna().sum())
        raise UserError(f"{path}: {number} rows name no file in '{column}': take them out")
    _call(found, column, "file")
    _name_columns(found)
    _find_audio(found)
    return found


def _rows(path: Path) -> tuple[list[str], list[list[str]], list[str]]:
    """Header and rows, and why izwi does not read the file as it is."""
    text, reasons = _decoded(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    said = first.lower().startswith(("sep=", '"sep='))
    marks = {mark: first.count(mark) for mark in ",;\t|"}
    mark = max(marks, key=lambda one: marks[one])
    if not said and mark != "," and marks[mark] and not is_tabbed(first):
        name = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}[mark]
        reasons.append(f"{path.name} separates cells by {name}")
    if not reasons:
        header, rows = read_rows(path, path.stem)
        return header, rows, []
    table = list(csv.reader(io.StringIO(text), delimiter="," if said else mark))
    table = [row for row in table if any(cell.strip() for cell in row)]
    if mark != ",":
        table = _with_points(table)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / path.name
        with open(again, "w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(table)
        header, rows = read_rows(again, path.stem)
    return header, rows, reasons


def _decoded(path: Path) -> tuple[str, list[str]]:
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16"), [f"{path.name} is UTF-16"]
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), [f"{path.name} is Windows-1252"]


def _with_points(table: list[list[str]]) -> list[list[str]]:
    """Columns of numbers with a decimal comma, with a point."""
    for number in range(len(table[0])):
        cells = [row[number] for row in table[1:] if number < len(row) and row[number].strip()]
        if any("," in cell for cell in cells) and all(
            _DECIMAL_COMMA.fullmatch(cell.strip()) for cell in cells
        ):
            for row in table[1:]:
                if number < len(row):
                    row[number] = row[number].replace(",", ".")
    return table


def _plain(column: str) -> str:
    # Without a unit, as in ``age (years)``.
    return re.sub(r"[(\[].*|[^a-zß-ÿ]", "", column.lower())


def _file_column(frame: pd.DataFrame, folder: Path) -> str | None:
    """The column that names audio files, by endings in it, its name, or the files that are there.

    Args:
        frame: all columns as text
        folder: that holds the audio, or a folder of it does
    """
    if "file" in frame:
        return "file"
    for column in frame:
        cells = frame[column].dropna().str.lower()
        if len(cells) and cells.str.endswith(AUDIO).mean() >= _MOSTLY:
            return column
    plain = {_plain(column): column for column in reversed(frame.columns)}
    if named := next((plain[name] for name in _FILES if name in plain), None):
        return named
    there = {Path(file).stem for file in _audio_below(folder)}
    for column in frame if there else ():
        cells = frame[column].dropna().unique()
        known = sum(Path(cell.replace("\\", "/")).stem in there for cell in cells)
        if known >= _MOSTLY * max(1, len(cells)):
            return str(column)
    return None


def _call(found: Survey, column: str, name: str) -> None:
    """Rename a column, if it is called otherwise and the name is free."""
    if column != name and name not in found.frame:
        found.colnames[column] = name
        found.frame = found.frame.rename(columns={column: name})


def _name_columns(found: Survey) -> None:
    """Find the columns of speaker, sex and age, whatever they are called."""
    if "speaker" not in found.frame and (column := like_speaker(found.frame)):
        _call(found, column, "speaker")
    for name, spellings in _KNOWN.items():
        # izwi knows both of these spellings itself.
        if not {name, "sex" if name == "gender" else name} & set(found.frame):
            column = next((c for c in found.frame if _plain(c) in spellings), "")
            if column:
                _call(found, column, name)


def _find_audio(found: Survey) -> None:
    """Find the audio files, if need be in another folder or with an ending added.

    Raises:
        UserError: if files are missing
    """
    files = found.frame["file"].drop_duplicates().tolist()
    folder, cwd = found.path.parent, Path.cwd()
    missing = _missing(files, [folder, cwd])
    if not missing:
        return
    there = list(_audio_below(folder))
    by_name: dict[str, list[str]] = {}
    for path in there:
        for name in {os.path.basename(path), os.path.splitext(os.path.basename(path))[0]}:
            by_name.setdefault(name, []).append(path)
    first = missing[0].replace("\\", "/")
    for path in by_name.get(os.path.basename(first), []):
        if path.endswith(f"/{first}"):
            place = path.removesuffix(first).rstrip("/")
            if not _missing(files, [folder / place, folder, cwd]):
                found.audio_path = place
                return
    places = {}
    for file in missing:
        close = by_name.get(os.path.basename(file.replace("\\", "/")), [])
        if len(close) == 1:
            places[file] = close[0]
    if len(places) < len(missing):
        lost = [file for file in missing if file not in places]
        near = scan.near_match(lost[0], [str(folder)])
        raise UserError(
            f"{found.path}: {len(lost)} of {len(files)} audio files are not there: "
            f"{', '.join(lost[:3])}{' …' if len(lost) > 3 else ''}; looked in {folder} and below"
            + (f"; there is {near}" if near else "")
            + ": put them there, or take their rows out"
        )
    found.frame = found.frame.assign(file=found.frame["file"].map(lambda f: places.get(f, f)))
    found.reasons.append(f"{found.path.name} names files without their folder or ending")


def _missing(files: Iterable[str], places: list[Path]) -> list[str]:
    files = list(files)
    paths = scan.locate(files, [os.path.normpath(place) for place in places])
    return [file for file, path in zip(files, paths, strict=True) if path is None]


def _audio_below(folder: Path) -> Iterator[str]:
    """Audio files in a folder and below, relative to it, with slashes."""
    number = 0
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            # A link leads back.
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(AUDIO) and not name.startswith("."):
                number += 1
                if number > _MOST_FILES:
                    raise UserError(f"{folder}: more than {_MOST_FILES:,} audio files: write a CSV")
                yield Path(place, name).relative_to(folder).as_posix()


# ------------------------------------------------------------------- audformat, plain audio


def _of_audformat(folder: Path) -> Survey:
    spec = {"name": folder.resolve().name, "type": "audformat", "path": str(folder)}
    label_path(spec)
    header = read_header(folder, spec["name"])
    columns = {
        (about or {}).get("scheme_id") or column
        for table in header["tables"].values()
        for column, about in (table.get("columns") or {}).items()
    }
    frames: dict[str, pd.DataFrame] = {}
    found = Survey("audformat", folder, pd.DataFrame())
    for column in sorted(columns):
        try:
            source = audformat.read({**spec, "target": column, "options": {}})
        except UserError:
            # A column of a misc table, or one of which two tables differ.
            continue
        frames[column] = source.frame.apply(as_text)
        parts = set() if source.part is None else set(source.part.dropna())
        found.parts |= {"train", "test"} <= parts
    if not frames:
        raise UserError(f"{folder}: the tables in db.yaml have no column to predict")
    # The table with the most columns has the speakers, too.
    widest = max(frames.values(), key=lambda frame: (frame.shape[1], len(frame)))
    found.frame = widest.reset_index(drop=True)
    for column, frame in frames.items():
        if column not in found.frame:
            values = frame.drop_duplicates("file").set_index("file")[column]
            found.frame[column] = found.frame["file"].map(values)
    if missing := _missing(found.frame["file"].unique(), [folder]):
        raise UserError(
            f"{folder}: {len(missing)} of {found.frame['file'].nunique()} audio files are not "
            f"there: {', '.join(missing[:3])}"
        )
    return found


def _of_folder(folder: Path) -> Survey:
    """Labels from the folders and names of audio files."""
    files = list(_audio_below(folder))
    if not files:
        raise UserError(
            f"{folder}: holds no CSV, no db.yaml and no audio; write a CSV with a row for each "
            "recording, such as file,speaker,emotion"
        )
    columns: dict[str, list[str]] = {}
    folders = [file.split("/")[:-1] for file in files]
    for number in range(min(map(len, folders))):
        columns[f"folder_{number + 1}"] = [parts[number] for parts in folders]
    stems = [re.split("[-_]+", Path(file).stem) for file in files]
    if len({len(parts) for parts in stems}) == 1 and len(stems[0]) > 1:
        for number in range(len(stems[0])):
            columns[f"part_{number + 1}"] = [parts[number] for parts in stems]
    kept: dict[str, list[str]] = {}
    for name, values in columns.items():
        if len(set(values)) > 1 and values not in kept.values():
            person = sum(bool(_PERSON.fullmatch(value)) for value in values) / len(values)
            kept["speaker" if person >= _MOSTLY and "speaker" not in kept else name] = values
    found = Survey("csv", folder, pd.DataFrame({"file": files, **kept}, dtype=object))
    source = f", so {', '.join(kept)} come from the names of the files" if kept else ""
    found.reasons.append(f"there is no CSV{source}")
    return found
