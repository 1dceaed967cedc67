"""Extraction with models that take many rows at once.

Audio is read in the order of the database and waits in groups until a batch is full. The waiting
audio is limited, so memory does not grow with the database. Each worker thread computes whole
batches on one core, so sums do not depend on the number of cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    import numpy as np

    from izwi.data.audio import AudioError
    from izwi.features.base import BatchExtractor
    from izwi.features.extraction import Outcome, Task
    from izwi.features.store import Key

    Reader = Callable[[Task], Iterator[tuple[Key, np.ndarray | AudioError, int]]]
    # Group, key, prepared row and seconds of audio in it.
    Prepared = list[tuple[Hashable, Key, Any, float]]

# Maximum seconds of audio that wait for a full batch, 230 MB at 16 kHz.
WAITING_SECONDS = 3600.0


def run(
    extractor: BatchExtractor,
    tasks: Iterable[Task],
    read: Reader,
    done: Callable[[Outcome], None],
    threads: int,
) -> None:
    """Extract all tasks.

    Args:
        extractor: its model is loaded here, once
        tasks: paths with the keys of their audio
        read: reads one of them
        done: takes the results
        threads: workers
    """
    from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

    extractor.load()
    left = iter(tasks)
    groups = _Groups(extractor)
    reading: set[Future] = set()
    computing: set[Future] = set()
    with ThreadPoolExecutor(threads, initializer=extractor.start_thread) as pool:
        try:
            while True:
                while len(reading) + len(computing) < 2 * threads:
                    room = groups.seconds < WAITING_SECONDS
                    if batch := groups.take_full():
                        computing.add(pool.submit(_compute, extractor, *batch))
                    elif room and (task := next(left, None)):
                        reading.add(pool.submit(_prepare, extractor, read, task))
                    elif not reading and (batch := groups.take_largest()):
                        computing.add(pool.submit(_compute, extractor, *batch))
                    else:
                        break
                if not reading and not computing:
                    break
                ready, _ = wait(reading | computing, timeout=1, return_when=FIRST_COMPLETED)
                for future in ready & reading:
                    rows, bad = future.result()
                    groups.add(rows)
                    if bad:
                        done(([], bad))
                for future in ready & computing:
                    done((future.result(), []))
                reading -= ready
                computing -= ready
        finally:
            pool.shutdown(cancel_futures=True)


class _Groups:
    """Rows that wait until a batch of their group is full."""

    def __init__(self, extractor: BatchExtractor) -> None:
        self.extractor = extractor
        self.rows: dict[Hashable, list[tuple[Key, Any, float]]] = {}
        self.seconds = 0.0

    def add(self, rows: Prepared) -> None:
        for group, key, item, seconds in rows:
            self.rows.setdefault(group, []).append((key, item, seconds))
            self.seconds += seconds

    def take_full(self) -> tuple[Hashable, list[Key], list[Any]] | None:
        """A batch with no room for another row."""
        full = (g for g, rows in self.rows.items() if len(rows) >= self.extractor.capacity(g))
        group = next(full, None)
        return None if group is None else self._take(group)

    def take_largest(self) -> tuple[Hashable, list[Key], list[Any]] | None:
        """A batch of the group with the most waiting rows."""
        if not self.rows:
            return None
        return self._take(max(self.rows, key=lambda group: len(self.rows[group])))

    def _take(self, group: Hashable) -> tuple[Hashable, list[Key], list[Any]]:
        rows = self.rows.pop(group)
        size = self.extractor.capacity(group)
        if rows[size:]:
            self.rows[group] = rows[size:]
        self.seconds -= sum(seconds for _, _, seconds in rows[:size])
        return group, [key for key, _, _ in rows[:size]], [item for _, item, _ in rows[:size]]


def _prepare(
    extractor: BatchExtractor, read: Reader, task: Task
) -> tuple[Prepared, list[tuple[Key, str]]]:
    """Read a task; runs in a worker."""
    from izwi.data.audio import AudioError

    rows, bad = [], []
    for key, signal, rate in read(task):
        try:
            if isinstance(signal, AudioError):
                raise signal
            group, item = extractor.prepare(signal, rate)
            rows.append((group, key, item, signal.shape[1] / rate))
        except AudioError as error:
            bad.append((key, str(error)))
    return rows, bad


def _compute(
    extractor: BatchExtractor, group: Hashable, keys: list[Key], items: list[Any]
) -> list[tuple[Key, np.ndarray]]:
    """Extract a batch; runs in a worker."""
    return list(zip(keys, extractor.batch(group, items), strict=True))
