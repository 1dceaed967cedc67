"""Extraction: the features of a table's audio, each computed once and kept in the feature store."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import types
import warnings
from collections import deque
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from izwi.data import channels
from izwi.data.bad_audio import EXCLUDED
from izwi.features import batches, extractor_class
from izwi.features.base import BadFiles, BatchExtractor, TableExtractor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from izwi.augmentation.makers import MakerSpec
    from izwi.config.experiment.resolved import ComponentSpec
    from izwi.data.audio import AudioError
    from izwi.features.store import Key

    # A path and the keys of its audio.
    Task = tuple[str, list[Key]]
    # Keys with their vectors, and keys with the reason why they have none.
    Outcome = tuple[list[tuple[Key, np.ndarray]], list[tuple[Key, str]]]

INDEX = ["file", "start", "end"]
# Rows of one file that one worker takes at once: few enough to share a long recording.
ROWS_PER_TASK = 16
PROGRESS_SECONDS = 3.0
# A damaged part of the store is found only on reading; its rows are then extracted again.
ATTEMPTS = 3
# Maximum numbers of rows and values of a matrix in memory.
BLOCK_ROWS = 2**15
BLOCK_VALUES = 2**23

_worker = threading.local()


class Extraction:
    """Features of every row of a table; only audio that the store lacks is read.

    Args:
        spec: ``type``, and ``options`` by name
        table: needs ``file``, ``start``, ``end``, ``digest``
        paths: absolute path of each file
        store: folder of the feature store of this spec; unused if features are not vectors
        threads: workers; the values do not depend on their number
        progress: takes a line of text every few seconds
        makers: of copies in the table, by their keys, see `izwi.augmentation.makers`
    """

    def __init__(
        self,
        spec: ComponentSpec,
        table: pd.DataFrame,
        paths: dict[str, str],
        *,
        store: Path,
        threads: int,
        progress: Callable[[str], None] | None = None,
        makers: dict[str, MakerSpec] | None = None,
    ) -> None:
        from izwi.features.store import Memory, Store, elsewhere

        self.spec, self.paths, self.threads = spec, paths, threads
        self.makers = makers or {}
        self.say = progress or (lambda text: None)
        with _quiet():
            self.extractor = extractor_class(spec["type"])(spec["options"])
        self.rows = table[INDEX].reset_index(drop=True)
        # Where there is no audio to extract.
        self.whole: pd.DataFrame | None = None
        if isinstance(self.extractor, TableExtractor):
            self.whole = self.extractor.matrix(table.reset_index(drop=True), paths)
            return
        self.columns = [*self.extractor.columns, *self.extractor.asides]
        self.keys = row_keys(table)
        self.reasons: dict[Key, str] = {}
        self.folder = store
        self.kept = (
            Store(store, self.columns, self.say)
            if self.extractor.is_vector
            else Memory(self.columns)
        )
        stored = self.extractor.is_vector
        self.odd = channels.Oddities(store if stored else None, elsewhere(store) if stored else [])

    def run(self, *, fail_threshold: float = 0.0) -> None:
        """Extract missing features.

        Args:
            fail_threshold: share of the rows whose audio may be unusable

        Raises:
            BadFiles: if more audio than ``fail_threshold`` allows, or all of it, is unusable;
                all other rows are then in the store
            UserError: if imported features do not fit the table
        """
        if self.whole is not None:
            return
        with _quiet():
            self._fill(self.keys)
        bad, total = self.excluded, len(self.rows)
        if len(bad) > fail_threshold * total or (bad and len(bad) == total):
            rows = [(file, reason) for _, file, reason in bad]
            raise BadFiles(self.spec["type"], rows, total, fail_threshold)

    @property
    def excluded(self) -> list[tuple[int, str, str]]:
        """Row, file and reason for unusable audio; such rows have no features."""
        if self.whole is not None or not self.reasons:
            return []
        return [
            (row, file, _described(key, self.reasons[key]))
            for row, (file, key) in enumerate(zip(self.rows["file"], self.keys, strict=True))
            if key in self.reasons
        ]

    def odd_channels(self) -> list[str]:
        """A line for each way in which little is left when channels are averaged."""
        if self.whole is not None or self.spec["type"] in channels.NOT_AVERAGED:
            return []
        odd = self.odd.all()
        return channels.warnings(self.rows["file"], (odd.get(key, "") for key in self.keys))

    def blocks(
        self, warn: Callable[[str], None] | None = None, folder: Path | None = None
    ) -> Iterator[pd.DataFrame]:
        """The extracted features, some rows at a time.

        Args:
            warn: takes, at the end, a line of text about the features of all rows, such as how
                many were cut
            folder: of a temporary file with all features; absent: the system's

        Yields:
            ``file``, ``start``, ``end``, then the features, one row per row of the table in its
            order; ``attrs["excluded"]`` of each block holds row and reason of all unusable audio
        """
        import pandas as pd

        if self.whole is not None:
            yield pd.concat([self.rows, self.whole], axis=1)
            return
        excluded = [[row, reason] for row, _, reason in self.excluded]
        size = len(self.rows)
        if self.extractor.is_vector:
            size = max(1, min(BLOCK_ROWS, BLOCK_VALUES // len(self.columns)))
        read = self._read if size >= len(self.rows) else self._gathered(folder)
        remarked = []
        for first in range(0, max(1, len(self.rows)), max(1, size)):
            part = self.rows.iloc[first : first + size]
            good = [row for row in part.index if self.keys[row] not in self.reasons]
            values = read([self.keys[row] for row in good])
            block = pd.DataFrame(values, columns=self.columns, index=good)
            remarked.append(block[[*self.extractor.asides, *self.extractor.remarked]])
            if self.extractor.asides:
                block = block[self.extractor.columns]
            if len(good) < len(part):
                block = block.reindex(part.index)
            block = pd.concat([part, block], axis=1)
            if excluded:
                block.attrs[EXCLUDED] = excluded
            yield block
        if warn:
            for line in self.extractor.remarks(pd.concat(remarked)):
                warn(line)

    def write(self, path: Path, warn: Callable[[str], None] | None = None) -> list[str]:
        """Write all blocks to a Parquet file, as pandas would write the whole.

        Args:
            path: of the file
            warn: as for `blocks`

        Returns:
            names of the features
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        writer: Any = None
        for block in self.blocks(warn, path.parent):
            table = pa.Table.from_pandas(block, preserve_index=False)
            if writer is None:
                metadata = table.schema.metadata
                if block.attrs:
                    metadata = {**metadata, b"PANDAS_ATTRS": json.dumps(block.attrs).encode()}
                schema = table.schema.with_metadata(metadata)
                writer = pq.ParquetWriter(path, schema)
            writer.write_table(table.replace_schema_metadata(metadata))
        writer.close()
        return [name for name in schema.names if name not in INDEX]

    def _fill(self, keys: list[Key]) -> None:
        """Extract the keys that are missing."""
        todo = [key for key in self.kept.missing(keys) if key not in self.reasons]
        if not todo:
            # Of jobs side by side one merges at a time; some may read, but not write.
            with suppress(OSError):
                self.kept.merge()
            return
        clock = _Clock(self.spec, keys, todo, self.say)
        tasks = self._tasks(set(todo))
        del todo
        self.reasons |= _run(self, tasks, clock)

    def _tasks(self, todo: set[Key]) -> deque[Task]:
        """Rows grouped by their file, so that it is opened once."""
        files: dict[str, list[Key]] = {}
        for key, file in zip(self.keys, self.rows["file"], strict=True):
            if key in todo:
                todo.discard(key)
                files.setdefault(self.paths.get(file) or "", []).append(key)
        return deque(
            (path, sorted(keys)[first : first + ROWS_PER_TASK])
            for path, keys in files.items()
            for first in range(0, len(keys), ROWS_PER_TASK)
        )

    def _read(self, keys: list[Key]) -> np.ndarray:
        """Vectors of keys, shape (keys, columns); damaged parts are extracted again."""
        for _ in range(ATTEMPTS):
            values, lost = self.kept.read(keys)
            if not lost:
                return values
            self._again(lost)
        raise OSError(f"{self.folder}: parts of it are damaged again and again")

    def _gathered(self, folder: Path | None) -> Callable[[list[Key]], np.ndarray]:
        """As `_read`, of a file that holds the vectors of all rows in their order.

        To look up each block in the store would be a pass over all of it for each.
        """
        import tempfile

        import numpy as np

        from izwi.data.rows import Rows
        from izwi.features.store import Store

        assert isinstance(self.kept, Store), "what is no vector is not read in blocks"
        place = {key: row for row, key in enumerate(dict.fromkeys(self.keys))}
        lost = {key: row for key, row in place.items() if key not in self.reasons}
        rows: Rows | None = None
        for _ in range(ATTEMPTS):
            for numbers, values in self.kept.found(lost):
                if rows is None:
                    shape = len(place), len(self.columns)
                    rows = Rows(folder or tempfile.gettempdir(), shape, values.dtype)
                rows.put(numbers, values)
            if not lost:
                break
            self._again(list(lost))
        else:
            raise OSError(f"{self.folder}: parts of it are damaged again and again")
        found = rows if rows is not None else np.empty((0, len(self.columns)))
        return lambda keys: found[np.array([place[key] for key in keys], int)]

    def _again(self, lost: list[Key]) -> None:
        """Extract what damaged parts held."""
        with _quiet():
            self._fill(lost)
        gone = set(lost) & set(self.reasons)
        if bad := [(file, reason) for row, file, reason in self.excluded if self.keys[row] in gone]:
            raise BadFiles(self.spec["type"], bad, len(self.rows))


def extract(
    spec: ComponentSpec,
    table: pd.DataFrame,
    paths: dict[str, str],
    *,
    store: Path,
    threads: int,
    fail_threshold: float = 0.0,
    progress: Callable[[str], None] | None = None,
    warn: Callable[[str], None] | None = None,
    makers: dict[str, MakerSpec] | None = None,
) -> pd.DataFrame:
    """Features of every row of a table at once.

    Args:
        spec: as for `Extraction`, and so are the others
        table:
        paths:
        store:
        threads:
        fail_threshold: as for `Extraction.run`
        progress:
        warn: as for `Extraction.blocks`
        makers: as for `Extraction`

    Returns:
        as the blocks of `Extraction.blocks`

    Raises:
        BadFiles: see `Extraction.run`, and so is UserError
    """
    import pandas as pd

    found = Extraction(
        spec, table, paths, store=store, threads=threads, progress=progress, makers=makers
    )
    found.run(fail_threshold=fail_threshold)
    blocks = list(found.blocks(warn))
    if len(blocks) == 1:
        return blocks[0]
    matrix = pd.concat(blocks, ignore_index=True)
    matrix.attrs = blocks[0].attrs
    return matrix


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence library warnings that do not help users."""
    with warnings.catch_warnings():
        # openSMILE marks sets as deprecated that papers use; short signals are reported below.
        warnings.filterwarnings("ignore", category=UserWarning, module="opensmile")
        # Of its own code and front ends.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.|transformers\.")
        yield


def row_keys(table: pd.DataFrame) -> list[Key]:
    """Keys of the rows in the store; a missing file has no digest."""
    import pandas as pd

    starts = table["start"].fillna(pd.Timedelta(0)).astype("timedelta64[ns]").astype("int64")
    ends = table["end"].fillna(pd.Timedelta(-1, "ns")).astype("timedelta64[ns]").astype("int64")
    lost = table["digest"].isna()
    digests = table["digest"].mask(lost, "missing " + table["file"])
    return list(zip(digests.tolist(), starts.tolist(), ends.tolist(), strict=True))


def _described(key: Key, reason: str) -> str:
    """Reason with the part of the file that it concerns, if it is a part."""
    _, start, end = key
    if start == 0 and end < 0:
        return reason
    return f"{start / 1e9:.3f} s to {'the end' if end < 0 else f'{end / 1e9:.3f} s'}: {reason}"


def _run(own: Extraction, tasks: deque[Task], clock: _Clock) -> dict[Key, str]:
    """Extract all tasks into the store.

    Returns:
        reasons of the keys that cannot be extracted
    """
    from concurrent.futures import FIRST_COMPLETED, wait

    reasons: dict[Key, str] = {}
    extractor, kept, threads = own.extractor, own.kept, own.threads

    def done(outcome: Outcome, odd: list[tuple[Key, str]]) -> None:
        good, bad = outcome
        own.odd.add(odd)
        kept.add([key for key, _ in good], [vector for _, vector in good])
        reasons.update(bad)
        clock.tick(len(good) + len(bad))

    if isinstance(extractor, BatchExtractor):
        reader = _Reader(own.makers)
        try:
            batches.run(
                extractor, tasks, reader, lambda found: done(found, reader.taken()), max(1, threads)
            )
        finally:
            kept.flush()
        kept.merge()
        clock.end()
        return reasons
    # Send several tasks per message if there are many.
    size = max(1, min(8, len(tasks) // (4 * threads)))
    chunks = iter(lambda: [tasks.popleft() for _ in range(min(size, len(tasks)))], [])
    with _pool(own, len(tasks)) as pool:
        waiting: set[Future[Any]] = set()
        try:
            while True:
                # Submit few at a time, so that memory does not grow with the database.
                while len(waiting) < 2 * threads and (chunk := next(chunks, None)):
                    waiting.add(pool.submit(_work, chunk))
                if not waiting:
                    break
                ready, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                for future in ready:
                    done(*future.result())
        finally:
            kept.flush()
            pool.shutdown(cancel_futures=True)
    kept.merge()
    clock.end()
    return reasons


@contextmanager
def _pool(own: Extraction, tasks: int) -> Iterator[Executor]:
    """Workers: threads, or processes if the extractor holds Python's global interpreter lock."""
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    workers = max(1, min(own.threads, tasks))
    start = (own.spec, own.makers)
    # A process costs a second to start.
    if own.extractor.parallel == "threads" or workers == 1 or tasks < 16:
        with ThreadPoolExecutor(workers, initializer=_start, initargs=start) as pool:
            yield pool
        return
    import multiprocessing

    with (
        _bare_main(),
        ProcessPoolExecutor(
            workers,
            # A fork of a process with threads may hang.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_process,
            initargs=start,
        ) as pool,
    ):
        yield pool


@contextmanager
def _bare_main() -> Iterator[None]:
    """Keep new processes from running the script of this one once more."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _start(spec: ComponentSpec, makers: dict[str, MakerSpec]) -> None:
    """Give a worker its extractor, and what makes copies."""
    _worker.extractor = extractor_class(spec["type"])(spec["options"])
    _worker.read = _Reader(makers)


def _start_process(spec: ComponentSpec, makers: dict[str, MakerSpec]) -> None:
    """The same in a separate process, which ends with the one that started it."""
    import multiprocessing

    import threadpoolctl

    parent = multiprocessing.parent_process()
    assert parent is not None, "called in workers alone"

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    _start(spec, makers)
    threadpoolctl.threadpool_limits(1)


def _work(tasks: list[Task]) -> tuple[Outcome, list[tuple[Key, str]]]:
    """Extract some tasks, with what is odd about their channels; runs in a worker."""
    from izwi.data import audio

    good, bad = [], []
    for task in tasks:
        for key, signal, rate in _worker.read(task):
            try:
                if isinstance(signal, audio.AudioError):
                    raise signal
                box = [signal]
                del signal
                good.append((key, _vector(box, rate)))
            except audio.AudioError as error:
                bad.append((key, str(error)))
    return (good, bad), _worker.read.taken()


def _vector(box: list[np.ndarray], rate: int) -> np.ndarray:
    """Features of one row, then its asides."""
    import numpy as np

    aside = _worker.extractor.aside(box[0], rate)
    features = _worker.extractor.take(box, rate)
    return np.concatenate([features, np.asarray(aside, dtype=features.dtype)])


def _signals(task: Task) -> Iterator[tuple[Key, np.ndarray | AudioError, int]]:
    """Signal of each key of a task, or the reason why there is none, and its sampling rate."""
    from izwi.data import audio

    path, keys = task
    left = iter(keys)
    try:
        spans = [(start, None if end < 0 else end) for _, start, end in keys]
        # A loop variable would keep each signal alive while it is processed.
        yield from map(lambda found, key: (key, *found), audio.read_parts(path, spans), left)
    except audio.AudioError as error:
        for key in left:
            yield key, error, 0


class _Reader:
    """Reads the signals of a task, those of the files or copies that are made of them.

    Args:
        makers: of copies, by their keys
    """

    def __init__(self, makers: dict[str, MakerSpec]) -> None:
        self._signals = partial(_copies, makers) if makers else _signals
        # Threads add to it.
        self._odd: deque[tuple[Key, str]] = deque()

    def __call__(self, task: Task) -> Iterator[tuple[Key, np.ndarray | AudioError, int]]:
        """As `_signals`."""
        return map(self._heard, self._signals(task))

    def _heard(
        self, found: tuple[Key, np.ndarray | AudioError, int]
    ) -> tuple[Key, np.ndarray | AudioError, int]:
        if not isinstance(found[1], Exception) and (kind := channels.oddity(found[1])):
            self._odd.append((found[0], kind))
        return found

    def taken(self) -> list[tuple[Key, str]]:
        """What was odd about the channels of signals since the last call."""
        return [self._odd.popleft() for _ in range(len(self._odd))]


def _copies(
    makers: dict[str, MakerSpec], task: Task
) -> Iterator[tuple[Key, np.ndarray | AudioError, int]]:
    """As `_signals`, with each copy made of the audio of its source."""
    from izwi.augmentation.makers import make, maker_in
    from izwi.data import audio

    for key, signal, rate in _signals(task):
        if not isinstance(signal, audio.AudioError) and (maker := maker_in(key[0])):
            try:
                yield key, make(makers[maker], key, signal, rate), rate
            except audio.AudioError as error:
                yield key, error, 0
        else:
            yield key, signal, rate


class _Clock:
    """Reports the progress of the extraction."""

    def __init__(
        self, spec: ComponentSpec, keys: list[Key], todo: list[Key], say: Callable[[str], None]
    ) -> None:
        whole = all(start == 0 and end < 0 for _, start, end in todo)
        self.what = "files" if whole else "segments"
        self.name = spec["type"]
        self.total = len(todo)
        self.known = len(set(keys)) - len(todo)
        self.done = 0
        self.say = say
        self.started = self.last_said = time.monotonic()

    def tick(self, count: int) -> None:
        """Count finished rows, and report them now and then."""
        self.done += count
        now = time.monotonic()
        if now - self.last_said < PROGRESS_SECONDS or self.done == self.total:
            return
        self.last_said = now
        rate = self.done / (now - self.started)
        left = (self.total - self.done) / rate
        self.say(
            f"{self.name}: {self.done} of {self.total} {self.what}, {rate:.1f} a second, "
            f"{left:.0f} s left"
        )

    def end(self) -> None:
        """Report the total."""
        seconds = time.monotonic() - self.started
        known = f", {self.known} were in the store" if self.known else ""
        self.say(
            f"{self.name}: {self.total} {self.what} in {seconds:.1f} s "
            f"({self.total / max(seconds, 1e-9):.1f} a second){known}"
        )
