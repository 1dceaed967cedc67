"""The feature store: it keeps extracted features, so none is extracted twice.

A folder of Parquet parts that are only added, so readers and writers need no lock: a part gets its
final name when it is complete, and a killed run loses only rows that it had not flushed. Two
processes may add the same row, which is the same in both. One row is one piece of audio: the digest
of its file, start and end in nanoseconds (-1 for the end of the file).
"""

from __future__ import annotations

import errno
import json
import os
import time
import uuid
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

from izwi.errors import UserError
from izwi.files import CACHE, atomic, is_trusted, read_caches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import numpy as np
    import pyarrow as pa

Key = tuple[str, int, int]

KEY_COLUMNS = ["digest", "start", "end"]
FLUSH_SECONDS = 2.0
# Merge from this many parts on; leave parts of this size alone.
MANY_PARTS = 64
LARGE_PART = 64 * 2**20
ROW_GROUP = 8 * 2**20
COMPRESSION = "zstd"
# Held by the process that merges.
LOCK = ".merge.lock"
# Values of all arrays of a column, which Arrow counts in 32 bits: 37 hours at 16 kHz.
LONGEST_COLUMN = 2**31 - 2
# Temporary files of killed runs.
ABANDONED_SECONDS = 24 * 3600


class Store:
    """Feature vectors of one extractor with one set of options.

    What the caches of ``IZWI_CACHE_READ`` hold of them is read, too, and never changed.

    Args:
        folder: its folder, made when something is added
        columns: names of the features
        say: takes a line of text if a damaged part is found
    """

    def __init__(
        self, folder: Path, columns: list[str], say: Callable[[str], None] | None = None
    ) -> None:
        self.folder = folder
        self.columns = columns
        self.say = say or (lambda text: None)
        self._keys: list[Key] = []
        self._values: list[np.ndarray] = []
        self._flushed = time.monotonic()
        self._parts_added = 0
        self._said: set[str] = set()

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """The keys that the store lacks, each once, in their order."""
        wanted = dict.fromkeys(keys)
        for part in self._all_parts():
            for found in self._read(part, KEY_COLUMNS):
                for key in _keys_of(found):
                    wanted.pop(key, None)
        return list(wanted)

    def add(self, keys: Iterable[Key], values: Iterable[np.ndarray]) -> None:
        """Add vectors, and write them if the last flush was two seconds ago.

        Args:
            keys: a key for each
            values: vectors of shape (features,), all float32 or all float64
        """
        self._keys.extend(keys)
        self._values.extend(values)
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the rows added since the last flush as one part."""
        self._flushed = time.monotonic()
        if not self._keys:
            return
        import numpy as np

        table = _table(self._keys, np.stack(self._values), self.columns)
        self._write([table])
        self._keys, self._values = [], []
        self._parts_added += 1
        if self._parts_added % MANY_PARTS == 0:
            self.merge()

    def read(self, keys: list[Key]) -> tuple[np.ndarray, list[Key]]:
        """Look up rows.

        Args:
            keys: wanted keys, which may repeat

        Returns:
            array of shape (keys, features) in their order, NaN if the store has no row, and
            the missing keys
        """
        import numpy as np

        rows: dict[Key, int] = {}
        again: list[tuple[int, int]] = []
        for row, key in enumerate(keys):
            if (first := rows.setdefault(key, row)) != row:
                again.append((row, first))
        result = None
        for numbers, values in self.found(rows):
            if result is None:
                result = np.full((len(keys), len(self.columns)), np.nan, values.dtype)
            result[numbers] = values
        if result is None:
            result = np.full((len(keys), len(self.columns)), np.nan, self._dtype())
        for row, first in again:
            result[row] = result[first]
        return result, list(rows)

    def found(self, rows: dict[Key, int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Look up rows in one pass over the store.

        Args:
            rows: number of each wanted key; what is found is taken out of it

        Yields:
            some of the numbers, and their vectors
        """
        import numpy as np

        for part in self._all_parts() if rows else ():
            for group, stored in enumerate(self._read(part, KEY_COLUMNS)):
                # Most rows of the store may belong to other tables, or to other parts of this one.
                own: dict[Key, int] = {}
                for place, key in enumerate(_keys_of(stored)):
                    if key in rows:
                        own.setdefault(key, place)
                for table in self._read(part, ["values"], [group]) if own else ():
                    values = _values_of(table)[list(own.values())]
                    yield np.array([rows.pop(key) for key in own]), values
                if not rows:
                    return

    def _dtype(self) -> Any:
        """Type of the vectors; float64 if there are none."""
        import pyarrow.parquet as pq

        for part in self._all_parts():
            with suppress(OSError, ValueError):
                return pq.read_schema(part).field("values").type.value_type.to_pandas_dtype()
        return float

    def merge(self) -> None:
        """Merge many small parts into one, unless another process is at it.

        The new part exists before the old ones are deleted, so a reader misses nothing, and a
        process that is killed leaves rows twice, which the next merge drops.
        """
        if len(self._small()) <= MANY_PARTS:
            return
        with _alone(self.folder) as alone:
            # Another may have merged them in the meantime.
            if alone and len(small := self._small()) > MANY_PARTS:
                self._merge(small)

    def _small(self) -> list[Path]:
        """Parts that are worth merging."""
        return [part for part in self._parts(self.folder) if _size(part) < LARGE_PART]

    def _merge(self, small: list[Path]) -> None:
        """Write the rows of parts as one and delete them, and what killed runs have left."""
        done: list[Path] = []
        merged = self._merged(small, done)
        if (first := next(merged, None)) is not None:
            self._write(chain([first], merged))
        left_over = [path for path in self.folder.glob(".part-*") if _age(path) > ABANDONED_SECONDS]
        for path in done + left_over:
            # Another user's part may have to stay.
            with suppress(OSError):
                path.unlink()

    def _merged(self, parts: list[Path], done: list[Path]) -> Iterator[pa.Table]:
        """Tables of some megabytes with the rows of many parts, each key once."""
        import pyarrow as pa

        seen: set[Key] = set()
        waiting: list[pa.Table] = []
        for part in parts:
            tables = list(self._read(part, None))
            if tables:
                done.append(part)
            for table in tables:
                new = [key not in seen for key in _keys_of(table)]
                seen.update(_keys_of(table))
                # Two jobs may have added the same rows; Parquet has no empty row group.
                if any(new):
                    waiting.append(table.filter(pa.array(new, pa.bool_())))
            if sum(table.nbytes for table in waiting) >= ROW_GROUP:
                yield pa.concat_tables(waiting).combine_chunks()
                waiting = []
        if waiting:
            yield pa.concat_tables(waiting).combine_chunks()

    def _parts(self, folder: Path) -> list[Path]:
        """The parts of a folder that exist now, without those that must not be read."""
        parts = sorted(folder.glob("part-*.parquet"))
        trusted = [part for part in parts if is_trusted(part)]
        if len(trusted) < len(parts):
            self._once(
                f"{folder}: parts of other users are not read: {len(parts) - len(trusted)} "
                f"({CACHE} = own)"
            )
        return trusted

    def _once(self, line: str) -> None:
        """Say a line unless it was said before."""
        if line not in self._said:
            self._said.add(line)
            self.say(line)

    def _all_parts(self) -> Iterator[Path]:
        """The parts, including new ones made during reading, where a merge may move rows."""
        seen: set[Path] = set()
        folders = [self.folder, *elsewhere(self.folder)]
        while new := [p for folder in folders for p in self._parts(folder) if p not in seen]:
            seen.update(new)
            yield from new

    def _write(self, tables: Iterable[pa.Table]) -> None:
        """Write a part, a row group for each table."""
        import pyarrow.parquet as pq

        # The name sorts by time, so that the first of two equal rows wins.
        name = f"part-{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:8]}.parquet"
        writer: Any = None
        with atomic(self.folder / name) as temporary:
            for table in tables:
                writer = writer or pq.ParquetWriter(
                    temporary,
                    table.schema,
                    compression=COMPRESSION,
                    use_dictionary=False,
                    write_statistics=False,
                    write_page_checksum=True,
                )
                writer.write_table(table, row_group_size=len(table))
            writer.close()

    def _read(
        self, part: Path, columns: list[str] | None, groups: list[int] | None = None
    ) -> Iterator[pa.Table]:
        """Row groups of a part; none if it is damaged or was merged in the meantime."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(part, page_checksum_verification=True) as file:
                stored = (file.schema_arrow.metadata or {}).get(b"columns")
                if stored is None or json.loads(stored) != self.columns:
                    raise ValueError("it holds other features")
                for group in range(file.num_row_groups) if groups is None else groups:
                    yield file.read_row_group(group, columns)
        except FileNotFoundError:
            return
        except (pa.ArrowException, OSError, ValueError) as error:
            # Arrow's own errors have no errno; a temporary disk error damages nothing.
            if number := getattr(error, "errno", None):
                if number not in (errno.EACCES, errno.EPERM):
                    raise
                self._once(
                    f"{part} cannot be read ({os.strerror(number)}): its rows are extracted again; "
                    "whoever made it may give others the right to read it"
                )
                return
            reason = str(error).splitlines()[0]
            if part.parent != self.folder:
                self._once(f"{part} is damaged, its rows are extracted again ({reason})")
                return
            # Another user's part may have to stay.
            with suppress(OSError):
                part.replace(part.with_name(f"damaged-{part.name}"))
            self._once(f"{part} is damaged and set aside, its rows are extracted again ({reason})")


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other process merges there, as far as the file system can tell.

    Two that merge the same parts would both be right, but leave all rows twice.
    """
    import fcntl

    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError:
        # Another user's file.
        yield True
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except BlockingIOError:
        alone = False
    except OSError:
        alone = True
    try:
        yield alone
    finally:
        # The kernel releases the lock of a process that was killed.
        os.close(lock)


def elsewhere(folder: Path) -> list[Path]:
    """The same store in the caches that are read alone."""
    return [place / folder.parent.name / folder.name for place in read_caches()]


def keys_in(folder: Path) -> set[Key]:
    """The keys of all rows that a store holds; nothing in it is changed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: set[Key] = set()
    folders = [folder, *elsewhere(folder)]
    for part in [part for place in folders for part in sorted(place.glob("part-*.parquet"))]:
        if is_trusted(part):
            with suppress(pa.ArrowException, OSError):
                found.update(_keys_of(pq.read_table(part, columns=KEY_COLUMNS)))
    return found


class Memory:
    """Replaces the store if reading the audio is as fast as reading a store.

    Args:
        columns: names of the features
    """

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self._rows: dict[Key, np.ndarray] = {}

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """The keys that were not added; see :class:`Store`."""
        return [key for key in dict.fromkeys(keys) if key not in self._rows]

    def add(self, keys: Iterable[Key], values: Iterable[np.ndarray]) -> None:
        """Add vectors whose first value is an array; see :class:`Store`."""
        self._rows.update(zip(keys, values, strict=True))

    def flush(self) -> None:
        """Do nothing, since nothing is written."""

    def merge(self) -> None:
        """There are no parts."""

    def read(self, keys: list[Key]) -> tuple[np.ndarray, list[Key]]:
        """Look up rows, all of which must have been added; see :class:`Store`.

        Raises:
            UserError: if there are more than a file can hold
        """
        import numpy as np

        if (total := sum(len(self._rows[key][0]) for key in keys)) > LONGEST_COLUMN:
            raise UserError(
                f"[FEATS] type: {total:,} samples are more than the {LONGEST_COLUMN:,} that fit "
                "into a feature matrix: limit them by MODEL.max_duration or DATA.limit_samples"
            )
        result = np.empty((len(keys), len(self.columns)), dtype=object)
        for row, key in enumerate(keys):
            result[row] = self._rows[key]
        return result, []


def _table(keys: list[Key], values: np.ndarray, columns: list[str]) -> pa.Table:
    """An Arrow table of keys and vectors."""
    import pyarrow as pa

    digests, starts, ends = zip(*keys, strict=True)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    schema = pa.schema(
        [
            ("digest", pa.string()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("values", vectors.type),
        ],
        metadata={"columns": json.dumps(columns)},
    )
    return pa.table([list(digests), list(starts), list(ends), vectors], schema=schema)


def _keys_of(table: pa.Table) -> list[Key]:
    return list(zip(*(table[name].to_pylist() for name in KEY_COLUMNS), strict=True))


def _values_of(table: pa.Table) -> np.ndarray:
    """Vectors of a table, shape (rows, features)."""
    values = table["values"].combine_chunks()
    return values.flatten().to_numpy().reshape(len(table), values.type.list_size)


def _size(path: Path) -> int:
    """Size in bytes, infinite if the file is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return LARGE_PART


def _age(path: Path) -> float:
    """Seconds since the last change, 0 if the file is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
