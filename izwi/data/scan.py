"""The audio files that a database lists: where they lie and what they hold.

Runs whenever a workflow is planned, so it needs the standard library and YAML alone and hashes
only what its ``stat`` says has changed.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from izwi.data import foreign_audio
from izwi.data.label_files import (
    audformat_files,
    label_path,
    lines_text,
    parquet_table,
    read_header,
    read_rows,
    rename_column,
    table_file,
)
from izwi.data.spelling import clean
from izwi.engine.keys import version_of
from izwi.errors import UserError
from izwi.files import is_trusted, write_text

if TYPE_CHECKING:
    pass

# Layout of the cache; another number discards it.
_VERSION = 1
# A file changed this recently (ns) may change again within one tick of the clock of its stat.
_RACY = 100_000_000
_CHUNK = 64
# Bytes read at once: most recordings of an utterance are read whole.
_BLOCK = 2**18
# Seconds between two writes of the cache, and how often the time of a write may go into it.
_KEEP_SECONDS, _KEEP_SHARE = 10.0, 0.05


@dataclass
class Listing:
    """The audio of a database.

    Args:
        name: name of the database
        label_digest: hash of the content of all its label files
        files: audio files as the database writes them, sorted, each once
        paths: where each was found, ``None`` where it is missing
        digests: hash of the content of each, and of PyAV's version where that decodes it;
            ``None`` where it is missing
        audio_digest: hash of all pairs of file and digest
        tried: the places looked at for a relative file
    """

    name: str
    label_digest: str
    files: list[str]
    paths: list[str | None]
    digests: list[str | None]
    audio_digest: str
    tried: list[str] = field(default_factory=list)

    @property
    def places(self) -> dict[str, str]:
        """File as the database writes it → where it lies; of a table that was loaded, all do."""
        return dict(zip(self.files, cast(list[str], self.paths), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """The listing as plain values."""
        return asdict(self)

    def save(self, path: str | Path) -> None:
        """Write the listing as JSON."""
        _write_json(Path(path), self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> Listing:
        """Read a listing that was saved."""
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))


def scan(database: Mapping[str, Any], *, cwd: Path, cache: Path, write: bool = True) -> Listing:
    """List, find and hash the audio files of a database.

    Args:
        database: ``name``, ``type`` (``csv | demo | audformat | audb``), ``path`` (absolute;
            the CSV file or the folder with ``db.yaml``) and ``options``
        cwd: the working directory, last place for the relative files of a CSV
        cache: folder of the caches; the scan keeps its own below ``scans/``
        write: whether it may

    Returns:
        the listing; files that are not there have neither path nor digest

    Raises:
        UserError: if label files are missing or cannot be read
    """
    name, options = database["name"], database.get("options") or {}
    path = label_path(database)
    is_csv = database["type"] in ("csv", "demo")
    if is_csv:
        own = options.get("audio_path") or ""
        places = [path.parent / own, path.parent, Path(cwd) / own, Path(cwd)]
        label_files = [path]
    else:
        places = [path]
        label_files = audformat_files(path, name)
    tried = list(dict.fromkeys(os.path.normpath(place) for place in places))
    label_digest = _digest_labels(label_files, name)
    decoder = version_of("av")
    identity = json.dumps([database["type"], str(path), options.get("colnames"), tried, decoder])
    cache_file = Path(cache) / "scans" / f"{_hash(identity.encode())}.json"
    known = _read_cache(cache_file)

    if known["labels"] == label_digest:
        files = known["files"]
    elif is_csv:
        files = _csv_audio(path, name, options.get("colnames") or {})
    else:
        files = _audformat_audio(path, name)
    paths, stats = _locate(files, known, tried)
    digests = _known_digests(files, stats, known)
    todo = [i for i, digest in enumerate(digests) if digest is None and paths[i] is not None]

    fresh = {"version": _VERSION, "labels": label_digest, "files": files, "paths": paths}
    fresh |= {"stats": stats, "digests": digests, "audio_digest": known["audio_digest"]}
    if todo:
        keep = (lambda: _write_json(cache_file, fresh)) if write else None
        _hash_files(name, todo, paths, stats, digests, decoder, keep)
    changed = any(fresh[key] != known[key] for key in ("files", "paths", "digests"))
    if changed or not fresh["audio_digest"]:
        fresh["audio_digest"] = _audio_digest(files, digests)
    outdated = todo or changed or stats != known["stats"] or label_digest != known["labels"]
    if write and outdated:
        _write_json(cache_file, fresh)
    return Listing(name, label_digest, files, paths, digests, fresh["audio_digest"], tried)


def _csv_audio(path: Path, name: str, colnames: dict[str, str]) -> list[str]:
    header, rows = read_rows(path, name)
    column = rename_column("file", header, colnames)
    if column is None:
        raise UserError(
            f"[DATA] {name}: {path} has no column 'file' but {', '.join(header)}; "
            f"separate cells by commas or tabs, or name the column with {name}.colnames"
        )
    position = header.index(column)
    files = {row[position] for row in rows}
    if "" in files:
        empty = [i + 1 for i, row in enumerate(rows) if not row[position]]
        raise UserError(f"[DATA] {name}: {path} names no file in {lines_text(empty, 'row')}")
    return sorted(files)


def _audformat_audio(folder: Path, name: str) -> list[str]:
    files: set[str] = set()
    for table in read_header(folder, name)["tables"]:
        path = table_file(folder, table, name)
        if path.suffix == ".parquet":
            column = parquet_table(path, name, ["file"]).column("file")
            found = column.unique().to_pylist()
            if not all(isinstance(file, str) for file in found):
                raise UserError(f"[DATA] {name}: {path}: its column 'file' holds other than names")
            files.update(found)
        else:
            header, rows = read_rows(path, name)
            position = header.index("file") if "file" in header else 0
            files.update(row[position] for row in rows)
    return sorted(files)


def _digest_labels(files: list[Path], name: str) -> str:
    whole = hashlib.blake2b(digest_size=16)
    for path in files:
        try:
            whole.update(f"{path.suffix} {_hash(path.read_bytes())} ".encode())
        except OSError as error:
            raise UserError(f"[DATA] {name}: cannot read {path}: {error.strerror}") from error
        if len(files) > 1:
            whole.update(path.name.encode())
    return whole.hexdigest()


def _locate(
    files: list[str], known: dict[str, Any], tried: list[str]
) -> tuple[list[str | None], list[str | None]]:
    """Path of each file in the first of the places that has it, and what its stat says."""
    before = known["paths"] if files is known["files"] else [None] * len(files)
    first = os.path.join(tried[0], "")
    paths: list[str | None] = []
    stats: list[str | None] = []
    names: dict[str, dict[str, list[str]]] = {}
    for file, path in zip(files, before, strict=True):
        # Files that were in the first place need no search while they are still there.
        found = _stat(path) if path and (path.startswith(first) or path == file) else None
        if found is None:
            path, found = _find(file, tried, names)
        paths.append(path)
        stats.append(found)
    return paths, stats


def locate(files: Iterable[str], places: list[str]) -> list[str | None]:
    """Path of each file in the first of the places that has it, None where none has."""
    names: dict[str, dict[str, list[str]]] = {}
    return [_find(file, places, names)[0] for file in files]


def _find(
    file: str, places: list[str], names: dict[str, dict[str, list[str]]]
) -> tuple[str | None, str | None]:
    for place in places[:1] if os.path.isabs(file) else places:
        path = os.path.join(place, file)
        found = _stat(path)
        if found is not None:
            return path, found
    absolute = os.path.isabs(file.replace("\\", "/"))
    for place in (os.sep, *(() if os.path.isabs(file) else places)) if absolute else places:
        spelt = _spelt(place, file, names)
        found = _stat(spelt) if spelt else None
        if found is not None:
            return spelt, found
    return None, None


def _spelt(place: str, file: str, names: dict[str, dict[str, list[str]]]) -> str | None:
    """The one path that a name means, with other slashes, case, form of Unicode or unseen letters.

    Args:
        place: folder that the name is of
        file: as it is written
        names: of each folder that was looked into, folded name → names; filled in here
    """
    parts = [part for part in file.replace("\\", "/").split("/") if part not in ("", ".")]
    folder = place
    for part in parts:
        if os.path.exists(os.path.join(folder, part)):
            folder = os.path.join(folder, part)
            continue
        if folder not in names:
            names[folder] = {}
            with suppress(OSError):
                for name in os.listdir(folder):
                    names[folder].setdefault(_folded(name), []).append(name)
        close = names[folder].get(_folded(part), [])
        same = [name for name in close if clean(name) == clean(part)] or close
        if len(same) != 1:
            return None
        folder = os.path.join(folder, same[0])
    return folder if parts else None


def _folded(name: str) -> str:
    return clean(clean(name).casefold())


def _digits(name: str) -> str:
    return "".join(char for char in name if char.isdigit())


def near_match(file: str, places: Iterable[str]) -> str | None:
    """A file that a missing one may mean: one of its folder with nearly its name, or of its name.

    Args:
        file: that is missing, as it is written
        places: folders that relative files lie in
    """
    name = os.path.basename(file.replace("\\", "/"))
    stem = os.path.splitext(name)[0]
    for place in places:
        folder = os.path.join(place, os.path.dirname(file.replace("\\", "/")))
        try:
            there = os.listdir(folder)
        except OSError:
            continue
        same = sorted(other for other in there if os.path.splitext(other)[0] == stem)
        # Another number is another file.
        digits = [other for other in there if _digits(other) == _digits(name)]
        if close := same or difflib.get_close_matches(name, digits, 1, 0.8):
            return os.path.normpath(os.path.join(folder, close[0]))
    for place in places:
        for number, (folder, _, there) in enumerate(os.walk(place)):
            if name in there:
                return os.path.normpath(os.path.join(folder, name))
            if number > 1000:  # folders; a message is worth no more
                break
    return None


def _stat(path: str) -> str | None:
    """Size, times and inode of a regular file; a text, which JSON reads four times as fast."""
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(info.st_mode):
        return None
    return f"{info.st_mtime_ns} {info.st_ctime_ns} {info.st_size} {info.st_ino}"


def _known_digests(
    files: list[str], stats: list[str | None], known: dict[str, Any]
) -> list[str | None]:
    before: Iterable[tuple[str | None, str | None]]
    if files is known["files"]:
        before = zip(known["stats"], known["digests"], strict=True)
    else:
        pairs = zip(known["stats"], known["digests"], strict=True)
        by_file = dict(zip(known["files"], pairs, strict=True))
        before = (by_file.get(file, (None, None)) for file in files)
    return [
        digest if now is not None and now == then else None
        for now, (then, digest) in zip(stats, before, strict=True)
    ]


def _hash_files(
    name: str,
    todo: list[int],
    paths: list[str | None],
    stats: list[str | None],
    digests: list[str | None],
    decoder: str | None,
    keep: Callable[[], None] | None,
) -> None:
    """Fill in digests; what is done so far is kept now and then."""
    errors: list[str] = []

    def work(rows: list[int]) -> list[tuple[int, str | None]]:
        done: list[tuple[int, str | None]] = []
        for row in rows:
            path = paths[row] or ""
            try:
                done.append((row, _digest(path, decoder)))
            except OSError as error:
                errors.append(f"[DATA] {name}: cannot read {path}: {error.strerror}")
                done.append((row, None))
        return done

    started = last_said = kept = time.monotonic()
    pause = _KEEP_SECONDS
    now = time.time_ns()
    chunks = [todo[i : i + _CHUNK] for i in range(0, len(todo), _CHUNK)]
    count = 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for done in pool.map(work, chunks):
            for row, digest in done:
                digests[row] = digest
                stat = stats[row]
                if stat is not None and max(map(int, stat.split()[:2])) > now - _RACY:
                    stats[row] = None
            count += len(done)
            clock = time.monotonic()
            if clock - last_said > 2:
                last_said = clock
                print(
                    f"{name}: read {count} of {len(todo)} audio files ({clock - started:.0f} s)",
                    file=sys.stderr,
                )
            if keep and clock - kept > pause:
                keep()
                kept = time.monotonic()
                # All that is known is written each time.
                pause = max(_KEEP_SECONDS, (kept - clock) / _KEEP_SHARE)
    if errors:
        raise UserError(errors[:5])


def _digest(path: str, decoder: str | None) -> str:
    """Hash of the content of a file, and of the version of what decodes it."""
    stream = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        head = block = os.read(stream, _BLOCK)
        whole = hashlib.blake2b(block, digest_size=16)
        while block:
            # A short read is no end.
            block = os.read(stream, _BLOCK)
            whole.update(block)
    finally:
        os.close(stream)
    if foreign_audio.kind_of(path, head[: foreign_audio.HEAD]):
        return _hash(f"{whole.hexdigest()} decoded by av {decoder}".encode())
    return whole.hexdigest()


def _audio_digest(files: list[str], digests: list[str | None]) -> str:
    pairs = zip(files, digests, strict=True)
    return _hash("\n".join(f"{file}\0{digest}" for file, digest in pairs).encode())


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _read_cache(path: Path) -> dict[str, Any]:
    lists = ("files", "paths", "stats", "digests")
    try:
        known = json.loads(path.read_bytes()) if is_trusted(path) else {}
        same_length = len({len(known[key]) for key in lists}) == 1
        if known["version"] == _VERSION and same_length and known["labels"]:
            return known
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return {"labels": None, "audio_digest": None} | {key: [] for key in lists}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, separators=(",", ":")), forced=False)
