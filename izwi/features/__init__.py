"""Feature sets: the registry of extractors, and extraction through the feature store.

Another extractor is one file and one line in ``EXTRACTORS``; see docs/add_a_feature_extractor.md.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import types
import warnings
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from izwi.exclusion import EXCLUDED
from izwi.features import batches
from izwi.features.base import BadFiles, BatchExtractor, Extractor, TableExtractor
from izwi.features.transformer import HUB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from izwi.audio import AudioError
    from izwi.features.store import Key

    # A path and the keys whose audio lies there.
    Task = tuple[str, list[Key]]
    # Keys with their vectors, and keys with the reason why they have none.
    Outcome = tuple[list[tuple[Key, np.ndarray]], list[tuple[Key, str]]]

__all__ = [
    "EXTRACTORS",
    "INTERNAL",
    "BadFiles",
    "Extractor",
    "TableExtractor",
    "extract",
    "extractor_class",
]

EXTRACTORS = {
    "os": "izwi.features.opensmile:OpenSmile",
    "mld": "izwi.features.mld:Mld",
    "praat": "izwi.features.praat:Praat",
    "spectra": "izwi.features.spectra:Spectra",
    "signal": "izwi.features.signal:Signal",
    "trill": "izwi.features.trill:Trill",
    "import": "izwi.features.imported:Import",
    "metadata": "izwi.features.metadata:Metadata",
    "wave": "izwi.features.wave:Wave",
    **{name: f"izwi.features.transformer:{name}" for name in HUB},
}

# What no model sees.
INTERNAL = {"fingerprint": "izwi.features.fingerprint:Fingerprint"}

# Rows of one file that one worker takes at once: few enough to share a long recording.
ROWS_PER_TASK = 16
PROGRESS_SECONDS = 3.0
# A part of the store may turn out to be damaged only when it is read; then its rows come again.
ATTEMPTS = 3

_worker = threading.local()


def extractor_class(name: str) -> type[Extractor]:
    """Class of an extractor.

    Args:
        name: value of ``FEATS.type``

    Raises:
        KeyError: if there is none of that name
    """
    module, cls = (INTERNAL.get(name) or EXTRACTORS[name]).split(":")
    return getattr(import_module(module), cls)


def extract(
    spec: dict[str, Any],
    table: pd.DataFrame,
    paths: dict[str, str],
    *,
    store: Path,
    threads: int,
    fail_threshold: float = 0.0,
    progress: Callable[[str], None] | None = None,
    warn: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Features of every row of a table; only audio that the store has not seen is read.

    Args:
        spec: ``type``, and ``options`` by name
        table: needs ``file``, ``start``, ``end``, ``digest``
        paths: absolute path of each file
        store: folder of the feature store of this spec; unused where features are no vectors
        threads: workers; the values do not depend on their number
        fail_threshold: share of the rows whose audio may be unusable
        progress: takes a line of text every few seconds
        warn: takes a line of text on what holds for the features of all rows, such as how many
            were cut

    Returns:
        ``file``, ``start``, ``end``, then the features, a row for each of the table in its order;
        ``attrs["excluded"]`` holds row and reason where audio cannot be used, and such rows have no
        features

    Raises:
        BadFiles: if more audio than ``fail_threshold`` allows, or all of it, cannot be used; all
            other rows are in the store then
        UserError: if imported features do not fit the table
    """
    with warnings.catch_warnings():
        # It calls sets deprecated that papers name; a signal too short becomes a reason below.
        warnings.filterwarnings("ignore", category=UserWarning, module="opensmile")
        # Of its own code and front ends.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.|transformers\.")
        extractor = extractor_class(spec["type"])(spec["options"])
        say = progress or (lambda text: None)
        matrix, bad = _extract(spec, extractor, table, paths, store, threads, say)
        if len(bad) > fail_threshold * len(matrix) or (bad and len(bad) == len(matrix)):
            raise BadFiles(spec["type"], [(f, r) for _, f, r in bad], len(matrix), fail_threshold)
        used = matrix.drop(index=[row for row, *_ in bad])
        for line in extractor.remarks(used) if warn else ():
            warn(line)
        matrix = matrix.drop(columns=list(extractor.asides))
        if bad:
            matrix.attrs[EXCLUDED] = [[row, reason] for row, _, reason in bad]
        return matrix


def _extract(
    spec: dict[str, Any],
    extractor: Extractor,
    table: pd.DataFrame,
    paths: dict[str, str],
    store: Path,
    threads: int,
    say: Callable[[str], None],
) -> tuple[pd.DataFrame, list[tuple[int, str, str]]]:
    """The same with its extractor made; also row, file and reason where there are no features."""
    import pandas as pd

    from izwi.features.store import Memory, Store

    rows = table[["file", "start", "end"]].reset_index(drop=True)
    if isinstance(extractor, TableExtractor):
        matrix = extractor.matrix(table.reset_index(drop=True), paths)
        return pd.concat([rows, matrix], axis=1), []

    keys = _keys(table)
    columns = [*extractor.columns, *extractor.asides]
    kept = Store(store, columns, say) if extractor.is_vector else Memory(columns)
    reasons: dict[Key, str] = {}
    for _ in range(ATTEMPTS):
        if todo := [key for key in kept.missing(keys) if key not in reasons]:
            where = dict(zip(reversed(keys), reversed(rows["file"].tolist()), strict=True))
            tasks = _tasks(todo, {key: paths.get(where[key]) for key in todo})
            clock = _Clock(spec, keys, todo, say)
            reasons |= _run(spec, extractor, tasks, kept, threads, clock)
        good = [row for row, key in enumerate(keys) if key not in reasons]
        values, lost = kept.read([keys[row] for row in good])
        if not lost:
            break
    else:
        raise OSError(f"{store}: parts of the feature store are damaged again and again")
    bad = [
        (row, file, _described(key, reasons[key]))
        for row, (file, key) in enumerate(zip(rows["file"], keys, strict=True))
        if key in reasons
    ]
    matrix = pd.DataFrame(values, columns=columns, index=good).reindex(rows.index)
    return pd.concat([rows, matrix], axis=1), bad


def _keys(table: pd.DataFrame) -> list[Key]:
    """What names the audio of each row in the store; a missing file has no digest."""
    import pandas as pd

    starts = table["start"].fillna(pd.Timedelta(0)).astype("timedelta64[ns]").astype("int64")
    ends = table["end"].fillna(pd.Timedelta(-1, "ns")).astype("timedelta64[ns]").astype("int64")
    lost = table["digest"].isna()
    digests = table["digest"].mask(lost, "missing " + table["file"])
    return list(zip(digests.tolist(), starts.tolist(), ends.tolist(), strict=True))


def _tasks(todo: list[Key], places: dict[Key, str | None]) -> list[Task]:
    """Group the rows of one file, so that it is opened once."""
    files: dict[str, list[Key]] = {}
    for key in todo:
        files.setdefault(places[key] or "", []).append(key)
    return [
        (path, sorted(keys)[first : first + ROWS_PER_TASK])
        for path, keys in files.items()
        for first in range(0, len(keys), ROWS_PER_TASK)
    ]


def _described(key: Key, reason: str) -> str:
    """Reason with the part of the file that it is about, where it is a part."""
    _, start, end = key
    if start == 0 and end < 0:
        return reason
    return f"{start / 1e9:.3f} s to {'the end' if end < 0 else f'{end / 1e9:.3f} s'}: {reason}"


def _run(
    spec: dict[str, Any],
    extractor: Extractor,
    tasks: list[Task],
    kept: Any,
    threads: int,
    clock: _Clock,
) -> dict[Key, str]:
    """Extract all tasks into the store.

    Returns:
        reasons of the keys that cannot be extracted
    """
    from concurrent.futures import FIRST_COMPLETED, wait

    reasons: dict[Key, str] = {}

    def done(outcome: Outcome) -> None:
        good, bad = outcome
        kept.add([key for key, _ in good], [vector for _, vector in good])
        reasons.update(bad)
        clock.tick(len(good) + len(bad))

    if isinstance(extractor, BatchExtractor):
        try:
            batches.run(extractor, tasks, _signals, done, max(1, threads))
        finally:
            kept.flush()
        kept.merge()
        clock.end()
        return reasons
    # Several tasks a message where there are many, one where they are few.
    size = max(1, min(8, len(tasks) // (4 * threads)))
    chunks = iter([tasks[first : first + size] for first in range(0, len(tasks), size)])
    with _pool(spec, extractor, threads, len(tasks)) as pool:
        waiting = set()
        try:
            while True:
                # Few at a time, so that memory does not grow with the database.
                while len(waiting) < 2 * threads and (chunk := next(chunks, None)):
                    waiting.add(pool.submit(_work, chunk))
                if not waiting:
                    break
                ready, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                for future in ready:
                    done(future.result())
        finally:
            kept.flush()
            pool.shutdown(cancel_futures=True)
    kept.merge()
    clock.end()
    return reasons


@contextmanager
def _pool(
    spec: dict[str, Any], extractor: Extractor, threads: int, tasks: int
) -> Iterator[Executor]:
    """Workers: threads, or processes where the extractor holds Python's global lock."""
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    workers = max(1, min(threads, tasks))
    # A process costs a second to start.
    if extractor.parallel == "threads" or workers == 1 or tasks < 16:
        with ThreadPoolExecutor(workers, initializer=_start, initargs=(spec,)) as pool:
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
            initargs=(spec,),
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


def _start(spec: dict[str, Any]) -> None:
    """Give a worker its extractor."""
    _worker.extractor = extractor_class(spec["type"])(spec["options"])


def _start_process(spec: dict[str, Any]) -> None:
    """The same in a process of its own, which ends with the one that started it."""
    import multiprocessing

    import threadpoolctl

    def follow() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    _start(spec)
    threadpoolctl.threadpool_limits(1)


def _work(tasks: list[Task]) -> Outcome:
    """Extract some tasks; runs in a worker."""
    from izwi import audio

    good, bad = [], []
    for task in tasks:
        for key, signal, rate in _signals(task):
            try:
                if isinstance(signal, audio.AudioError):
                    raise signal
                box = [signal]
                del signal
                good.append((key, _vector(box, rate)))
            except audio.AudioError as error:
                bad.append((key, str(error)))
    return good, bad


def _vector(box: list[np.ndarray], rate: int) -> np.ndarray:
    """Features of one row, and what is kept beside them."""
    import numpy as np

    aside = _worker.extractor.aside(box[0], rate)
    features = _worker.extractor.take(box, rate)
    return np.concatenate([features, np.asarray(aside, dtype=features.dtype)])


def _signals(task: Task) -> Iterator[tuple[Key, np.ndarray | AudioError, int]]:
    """Signal of each key of a task, or why there is none, and its sampling rate."""
    from izwi import audio

    path, keys = task
    left = iter(keys)
    try:
        spans = [(start, None if end < 0 else end) for _, start, end in keys]
        # A loop would keep each signal while it is worked on.
        yield from map(lambda found, key: (key, *found), audio.read_parts(path, spans), left)
    except audio.AudioError as error:
        for key in left:
            yield key, error, 0


class _Clock:
    """Tells how far the extraction is."""

    def __init__(
        self, spec: dict[str, Any], keys: list[Key], todo: list[Key], say: Callable[[str], None]
    ) -> None:
        whole = all(start == 0 and end < 0 for _, start, end in todo)
        self.what = "files" if whole else "segments"
        self.name = spec["type"]
        self.total = len(todo)
        self.known = len(set(keys)) - len(todo)
        self.done = 0
        self.say = say
        self.started = self.told = time.monotonic()

    def tick(self, count: int) -> None:
        """Count some more, and tell it now and then."""
        self.done += count
        now = time.monotonic()
        if now - self.told < PROGRESS_SECONDS or self.done == self.total:
            return
        self.told = now
        rate = self.done / (now - self.started)
        left = (self.total - self.done) / rate
        self.say(
            f"{self.name}: {self.done} of {self.total} {self.what}, {rate:.1f} a second, "
            f"{left:.0f} s left"
        )

    def end(self) -> None:
        """Tell the whole."""
        seconds = time.monotonic() - self.started
        known = f", {self.known} were in the store" if self.known else ""
        self.say(
            f"{self.name}: {self.total} {self.what} in {seconds:.1f} s "
            f"({self.total / max(seconds, 1e-9):.1f} a second){known}"
        )
