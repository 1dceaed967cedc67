"""Probabilities of speech of all recordings of a table, each heard once and kept by content."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from izwi.data import audio, channels
from izwi.features.extraction import row_keys
from izwi.features.store import Key, Store, elsewhere
from izwi.segmentation import silero

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Frames in one row of the store, 8 s; a longer recording has several rows.
WIDTH = 256
# Length of the recording in samples, their rate, and the number of frames.
ABOUT = ("samples", "rate", "frames")
COLUMNS = [*ABOUT, *(f"p{i}" for i in range(WIDTH))]
PROGRESS_SECONDS = 3.0
ATTEMPTS = 3


@dataclass(frozen=True)
class Heard:
    """What was heard in a recording or a part of it.

    Args:
        probabilities: of speech in frames of 32 ms, shape (frames,)
        samples: of a channel
        rate: sampling rate, Hz
    """

    probabilities: np.ndarray
    samples: int
    rate: int

    @property
    def length(self) -> int:
        """Nanoseconds, rounded down so that no segment ends behind the recording."""
        return self.samples * 10**9 // self.rate


def hear(
    table: pd.DataFrame,
    paths: dict[str, str],
    *,
    store: Path,
    threads: int = 1,
    say: Callable[[str], None] | None = None,
) -> tuple[list[Heard | None], dict[int, str], list[str]]:
    """Hear all rows of a table; only audio that the store lacks is read.

    Args:
        table: needs ``file``, ``start``, ``end``, ``digest``
        paths: absolute path of each file
        store: folder that keeps what was heard
        threads: workers; what they find does not depend on their number
        say: takes a line of text every few seconds

    Returns:
        what was heard in each row, None where its audio cannot be used; the reasons, by row; and
        what is odd about the channels of each row, see `izwi.data.channels`
    """
    kept, keys = Store(store, COLUMNS, say), row_keys(table)
    odd = channels.Oddities(store, elsewhere(store))
    reasons: dict[Key, str] = {}
    # A damaged part of the store is found only on reading; what it held is then heard again.
    for _ in range(ATTEMPTS):
        reasons |= _fill(kept, odd, keys, list(table["file"]), paths, threads, say)
        found = _read(kept, [key for key in dict.fromkeys(keys) if key not in reasons])
        if found is not None:
            heard = [found.get(key) for key in keys]
            bad = {row: reasons[key] for row, key in enumerate(keys) if key in reasons}
            kinds = odd.all()
            return heard, bad, [kinds.get(key, "") for key in keys]
    raise OSError(f"{store}: parts of it are damaged again and again")


def _fill(
    kept: Store,
    odd: channels.Oddities,
    keys: list[Key],
    names: list[str],
    paths: dict[str, str],
    threads: int,
    say: Callable[[str], None] | None,
) -> dict[Key, str]:
    """Hear what the store lacks; the reasons of what cannot be heard."""
    todo = set(kept.missing(keys))
    files: dict[str, list[Key]] = {}
    for key, name in zip(keys, names, strict=True):
        if key in todo:
            todo.discard(key)
            files.setdefault(paths.get(name) or "", []).append(key)
    reasons: dict[Key, str] = {}
    if not files:
        return reasons
    net = silero.Silero()
    started = said = time.monotonic()
    for number, (good, bad, kinds) in enumerate(_each(net, files, threads), start=1):
        odd.add(kinds.items())
        for key, values in good:
            rows = _rows(key, values)
            kept.add([one for one, _ in rows], [vector for _, vector in rows])
        reasons |= bad
        now = time.monotonic()
        if say and now - said > PROGRESS_SECONDS and number < len(files):
            rate = number / (now - started)
            left = (len(files) - number) / rate
            say(f"silero: {number} of {len(files)} files, {rate:.1f} a second, {left:.0f} s left")
            said = now
    kept.flush()
    kept.merge()
    return reasons


Outcome = tuple[list[tuple[Key, Heard]], dict[Key, str], dict[Key, str]]


def _each(net: silero.Silero, files: dict[str, list[Key]], threads: int) -> Iterator[Outcome]:
    """What was heard in each file, in the order in which workers finish."""
    tasks = iter(files.items())
    with ThreadPoolExecutor(max(1, threads)) as pool:
        waiting: set[Future[Outcome]] = set()
        try:
            while True:
                # Few at a time, so that memory does not grow with the database.
                while len(waiting) < 2 * threads and (task := next(tasks, None)):
                    waiting.add(pool.submit(_of_file, net, *task))
                if not waiting:
                    return
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ready)
        finally:
            pool.shutdown(cancel_futures=True)


def _of_file(net: silero.Silero, path: str, keys: list[Key]) -> Outcome:
    """Hear some parts of a file, which is opened once."""
    good: list[tuple[Key, Heard]] = []
    bad: dict[Key, str] = {}
    odd: dict[Key, str] = {}
    spans = [(start, None if end < 0 else end) for _, start, end in keys]
    try:
        for key, (signal, rate) in zip(keys, audio.read_parts(path, spans), strict=True):
            if isinstance(signal, audio.AudioError):
                bad[key] = str(signal)
            else:
                if kind := channels.oddity(signal):
                    odd[key] = kind
                good.append((key, Heard(net(signal, rate), signal.shape[1], rate)))
    except audio.AudioError as error:
        known = {key for key, _ in good} | set(bad)
        bad |= {key: str(error) for key in keys if key not in known}
    return good, bad, odd


def _rows(key: Key, heard: Heard) -> list[tuple[Key, np.ndarray]]:
    """What a recording becomes in the store; its own key comes last, so that all is there."""
    import numpy as np

    values = heard.probabilities
    rows = []
    for number in range(max(1, -(-len(values) // WIDTH))):
        vector = np.full(len(COLUMNS), np.nan)
        vector[: len(ABOUT)] = heard.samples, heard.rate, len(values)
        part = values[number * WIDTH : (number + 1) * WIDTH]
        vector[len(ABOUT) :][: len(part)] = part
        rows.append((_part(key, number), vector))
    return rows[::-1]


def _part(key: Key, number: int) -> Key:
    """Key of a further row of a recording."""
    digest, start, end = key
    return (f"{digest} {number}" if number else digest), start, end


def _read(kept: Store, keys: list[Key]) -> dict[Key, Heard] | None:
    """What the store has of recordings, None if a damaged part lacks some of it."""
    import numpy as np

    first, lost = kept.read(keys)
    if lost:
        return None
    numbers = [max(1, -(-int(row[2]) // WIDTH)) for row in first]
    more = [_part(key, i) for key, n in zip(keys, numbers, strict=True) for i in range(1, n)]
    rest, lost = kept.read(more)
    if lost:
        return None
    values, found = iter(rest), {}
    for key, row, n in zip(keys, first, numbers, strict=True):
        parts = [row, *(next(values) for _ in range(1, n))]
        probabilities = np.concatenate([part[len(ABOUT) :] for part in parts])[: int(row[2])]
        found[key] = Heard(probabilities, int(row[0]), int(row[1]))
    return found


def lengths(
    table: pd.DataFrame, paths: dict[str, str], threads: int = 1
) -> tuple[list[int | None], dict[int, str]]:
    """Length of all rows of a table, from the headers of their files.

    Args:
        table: needs ``file``, ``start``, ``end``
        paths: absolute path of each file
        threads: workers

    Returns:
        nanoseconds of each row, None where its file cannot be used; and the reasons, by row
    """
    files = sorted(set(table["file"]))

    def length(file: str) -> int | str:
        try:
            samples, rate = audio.length(paths.get(file) or "")
            return samples * 10**9 // rate
        except audio.AudioError as error:
            return str(error)

    with ThreadPoolExecutor(max(1, threads)) as pool:
        whole = dict(zip(files, pool.map(length, files), strict=True))
    found: list[int | None] = []
    reasons: dict[int, str] = {}
    for row, (file, (_, start, end)) in enumerate(zip(table["file"], row_keys(table), strict=True)):
        known = whole[file]
        if isinstance(known, int) and start < known:
            found.append((known if end < 0 else min(end, known)) - start)
            continue
        found.append(None)
        reasons[row] = str(known)
        if isinstance(known, int):
            reasons[row] = f"starts at {start / 1e9:.3f} s, the file ends at {known / 1e9:.3f} s"
    return found, reasons
