"""What strangers may write, read with bounds: names, JSON, YAML and Parquet.

Each reader of a file that may come from elsewhere asks here, so each bound stands once.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from izwi.errors import UserError
from izwi.wording import count

if TYPE_CHECKING:
    import pyarrow

LONGEST_PATH, LONGEST_NAME = 1000, 255
SHOWN = 100  # characters of a wrong name in a message
# More than any header, config or table has, less than a computer has.
MOST_TEXT = 256 * 2**20
MOST_REPEATED = 1_000_000  # values of YAML that aliases stand for
DEEPEST = 100
MOST_ROWS, MOST_CELLS, MOST_COLUMNS = 10_000_000, 2 * 10**9, 100_000
MOST_BYTES = 4 * 2**30
# Rows differ at least by file or time, so a table has few cells for each byte of its file.
MOST_RATIO, FEW_CELLS = 30, 2_000_000


def check_names(names: Iterable[str]) -> None:
    """Refuse names that are not plain, or that are one on some computers.

    Raises:
        UserError: with the first such name
    """
    seen: dict[str, str] = {}
    for name in names:
        if why := not_plain(name):
            raise UserError(f"holds a file outside of its folder: {shown(name)} ({why})")
        if other := seen.get(_folded(name)):
            told = "twice" if other == name else f"beside {shown(other)}"
            raise UserError(f"holds {shown(name)} {told}; give each file a name of its own")
        seen[_folded(name)] = name
    for folded, name in seen.items():
        for parent in PurePosixPath(folded).parents:
            if other := seen.get(str(parent)):
                raise UserError(f"holds {shown(other)} as a file and, for {shown(name)}, a folder")


def not_plain(name: Any) -> str:
    """Why something is no plain relative name below a folder; empty where it is."""
    if not isinstance(name, str):
        return "no text"
    try:
        parts = [part.encode() for part in name.split("/")]
    except UnicodeEncodeError:
        return "no readable text"
    if len(name) > LONGEST_PATH or max(map(len, parts)) > LONGEST_NAME:
        return "too long"
    if not name.isprintable():
        return "holds a control character"
    if "\\" in name or ":" in name:
        return "holds \\ or :"
    if any(part in (b"", b".", b"..") for part in parts):
        return "no relative name"
    # Some computers leave these off, and have another file then.
    if any(part.endswith((b" ", b".")) for part in parts):
        return "ends with a space or a dot"
    return ""


def _folded(name: str) -> str:
    """The same for names that are one on disks which tell no upper from lower case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def shown(value: Any, most: int = SHOWN) -> str:
    """A name or a reason in a message, as short as need be."""
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"


def parse_json(content: bytes) -> Any:
    """JSON in which each key stands once.

    Raises:
        UserError: if it is none
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise UserError("a key stands twice")
        return found

    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=once)
    except RecursionError:
        raise UserError("it is nested too deeply") from None
    except ValueError as error:
        raise UserError(shown(error)) from None


def read_json(path: Path) -> Any:
    """A JSON file in which each key stands once.

    Raises:
        UserError: if it is none
        OSError: if the file cannot be read
    """
    with open(path, "rb") as stream:
        content = stream.read(MOST_TEXT + 1)
    if len(content) > MOST_TEXT:
        raise UserError(f"it is larger than {MOST_TEXT / 2**20:.0f} MB")
    return parse_json(content)


def read_yaml(path: Path) -> Any:
    """The one document of a YAML file.

    Raises:
        UserError: if it is none, or one that is nested or repeated without measure
        OSError: if the file cannot be read
    """
    import yaml

    with open(path, "rb") as stream:
        content = stream.read(MOST_TEXT + 1)
    if len(content) > MOST_TEXT:
        raise UserError(f"it is larger than {MOST_TEXT / 2**20:.0f} MB")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Deep nesting ends the loader written in C and with it the process, so it is counted first.
        _measure_yaml(content, loader)
        return yaml.load(content, Loader=loader)
    except UserError:
        raise
    # Its makers of values raise what comes: AttributeError for a date that is none.
    except Exception as error:
        raise UserError(shown(" ".join(f"{error}".split()), 300)) from None


def _measure_yaml(content: bytes, loader: Any) -> None:
    """Refuse YAML that is nested too deeply, holds itself, or is small alone on the disk."""
    import yaml

    sizes: dict[str | None, int | None] = {}
    # Of each open collection: its anchor and how many values it has so far.
    opened: list[tuple[str | None, int]] = [(None, 0)]
    repeated = 0

    def add(size: int) -> None:
        anchor, before = opened.pop()
        opened.append((anchor, before + size))

    for event in yaml.parse(content, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            size = sizes.get(event.anchor, 1)
            if size is None:
                raise UserError(f"*{shown(event.anchor)} stands inside of itself")
            repeated += size
            if repeated > MOST_REPEATED:
                raise UserError(f"its aliases stand for more than {MOST_REPEATED} values")
            add(size)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(opened) > DEEPEST:
                raise UserError(f"it is nested more than {DEEPEST} deep")
            opened.append((event.anchor, 1))
            if event.anchor:
                sizes[event.anchor] = None
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = opened.pop()
            if anchor:
                sizes[anchor] = size
            add(size)
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                sizes[event.anchor] = 1
            add(1)


def read_parquet(path: Path | str, columns: Sequence[str] | None = None) -> pyarrow.Table:
    """A table of plain columns, once its metadata say that it fits into memory.

    Args:
        path: of the file
        columns: those wanted; None is all

    Raises:
        UserError: if it is no such table
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            about, schema = file.metadata, file.schema_arrow
            names = schema.names if columns is None else list(columns)
            _check_parquet(about, schema, names, Path(path).stat().st_size)
            texts = [n for n in names if _is_text(schema.field(n).type)]
        # A long text that is repeated takes its space once in the file, and here each time.
        coded = pq.read_table(path, columns=texts, read_dictionary=texts)
        length = 0
        for column in coded.columns:
            for chunk in column.chunks:
                if isinstance(chunk, pa.DictionaryArray):
                    lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
                    length += pc.sum(lengths.cast("int64")).as_py() or 0
        if length > MOST_BYTES:
            raise UserError(f"its texts would take {length / 2**20:.0f} MB, too much for memory")
        return pq.read_table(path, columns=names)
    except (UserError, MemoryError, OSError) as error:
        if isinstance(error, OSError) and error.errno is None:
            raise UserError(shown(error, 300)) from None
        raise
    # What is no Parquet ends its reader in many ways.
    except Exception as error:
        raise UserError(shown(f"{type(error).__name__}: {error}", 300)) from None


def _is_text(kind: pyarrow.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _check_parquet(about: Any, schema: pyarrow.Schema, names: list[str], size: int) -> None:
    import pyarrow as pa

    lacks = [name for name in names if name not in schema.names]
    if lacks:
        there = ", ".join(map(shown, schema.names[:10]))
        raise UserError(f"it has no column '{shown(lacks[0])}' but {there or 'none'}")
    if len(set(schema.names)) < len(schema.names):
        raise UserError("it has two columns of one name")
    for name in names:
        if pa.types.is_nested(schema.field(name).type):
            raise UserError(f"its column '{shown(name)}' holds lists or the like, no plain values")
    cells = about.num_rows * max(1, len(names))
    if (
        about.num_rows > MOST_ROWS
        or len(names) > MOST_COLUMNS
        or cells > MOST_CELLS
        or (cells > FEW_CELLS and cells > size * MOST_RATIO)
    ):
        raise UserError(
            f"it has {count(about.num_rows, 'row')} of {count(len(names), 'column')}, too many"
        )
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    if sum(group.total_byte_size for group in groups) > MOST_BYTES:
        raise UserError("it is too large for memory")
