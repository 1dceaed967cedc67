"""Recordings of which little is left when their channels are averaged, as most features do.

Channels in antiphase cancel out; a silent channel makes the mean half as loud. Each recording is
looked at while it is read, by a few of its samples, and as a whole only where these are odd.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data.audio import BLOCK
from izwi.files import is_trusted
from izwi.wording import agreed, count

if TYPE_CHECKING:
    import numpy as np

    from izwi.features.store import Key

# Kind → what is said of it.
KINDS = {
    "antiphase": (
        "channels that cancel out in their mean (antiphase), so that features are of next to "
        "silence: write one channel, or the difference of the two, to a file of its own"
    ),
    "one silent": (
        "a channel without a sound, so that the mean of the channels is less loud than in other "
        "recordings: leave that channel out of the file"
    ),
    "silent": "no sound at all: leave them out by a filter, or mend them",
}
# Feature sets that hear each channel.
NOT_AVERAGED = ("signal",)
# Samples that are looked at first.
FEW = 32
# Where two channels cancel out, their mean is 20 dB below them; that of channels which have nothing
# in common is half of them. A silent channel is 60 dB below the loudest.
LIMITS = (0.01, 1e-6)
# Of the few samples, within which more is chance.
PERHAPS = (0.1, 1e-4)
COMMON = 0.1
SHOWN = 3


def oddity(signal: np.ndarray) -> str:
    """What is odd about the channels of a signal.

    Args:
        signal: shape (channels, samples), float32

    Returns:
        one of `KINDS`, or an empty text
    """
    step = max(1, signal.shape[1] // FEW)
    few = signal[:, ::step]
    if _is_plain(few) or not _kind([few], PERHAPS):
        return ""
    blocks = range(0, signal.shape[1], BLOCK)
    return _kind((signal[:, start : start + BLOCK] for start in blocks), LIMITS)


def _is_plain(few: np.ndarray) -> bool:
    """Whether few samples show that nothing is odd: in microseconds, for most recordings."""
    # Differences, since an offset is no sound.
    steps = few[:, 1:] - few[:, :-1]
    products = steps.dot(steps.T).tolist()
    if len(products) != 2:
        return len(products) == 1 and products[0][0] > 0
    (first, common), (_, second) = products
    # Channels that have this much in common neither cancel out, nor is one of them silent.
    return common > COMMON * first and common > COMMON * second


def _kind(parts: Iterable[np.ndarray], limits: tuple[float, float]) -> str:
    """Kind of a signal in parts, from the products of its channels without their offsets."""
    cancelled, silent = limits
    products: Any = 0.0
    sums: Any = 0.0
    samples = 0
    for part in parts:
        exact = part.astype("float64")
        products = products + exact @ exact.T
        sums = sums + exact.sum(axis=1)
        samples += part.shape[1]
    products = products - sums[:, None] * (sums / samples)
    energies = products.diagonal()
    loudest = float(energies.max())
    # What rounding leaves of a constant signal.
    if loudest <= 1e-12 * samples:
        return "silent"
    if float(energies.min()) <= silent * loudest:
        return "one silent"
    number = len(energies)
    # The mean of many channels without anything in common is low, too.
    limit = 2 * cancelled / number * float(energies.mean())
    return "antiphase" if float(products.sum()) / number**2 < limit else ""


class Oddities:
    """Which rows of a feature store are odd: kept beside the features, since they are heard once.

    Args:
        folder: of the store; None to keep them in memory alone
        others: the same store in other places, which are only read
    """

    def __init__(self, folder: Path | None, others: Iterable[Path] = ()) -> None:
        self.folder = folder
        self.others = list(others)
        self.found: dict[Key, str] = {}
        self._own = f"channels-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"

    def add(self, odd: Iterable[tuple[Key, str]]) -> None:
        """Keep some rows; before their features, so that these are never there without."""
        rows = [(*key, kind) for key, kind in odd]
        self.found |= {(digest, start, end): kind for digest, start, end, kind in rows}
        if rows and self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(self.folder / self._own, "a", encoding="utf-8") as stream:
                stream.writelines(f"{json.dumps(row)}\n" for row in rows)

    def all(self) -> dict[Key, str]:
        """Kind of each odd row of the store."""
        places = [] if self.folder is None else [self.folder, *self.others]
        kept = (row for place in places for row in _rows(place))
        return {**dict(kept), **self.found}


def _rows(folder: Path) -> Iterator[tuple[Key, str]]:
    for path in sorted(folder.glob("channels-*.jsonl")):
        with suppress(OSError, UnicodeDecodeError):
            lines = path.read_text(encoding="utf-8").splitlines() if is_trusted(path) else []
            for line in lines:
                # The last one of a killed run may be cut.
                with suppress(ValueError, TypeError):
                    digest, start, end, kind = json.loads(line)
                    if kind in KINDS:
                        yield (str(digest), int(start), int(end)), kind


def warnings(files: Iterable[str], kinds: Iterable[str]) -> list[str]:
    """A line for each kind of odd rows.

    Args:
        files: name of the file of each row
        kinds: kind of each row, or an empty text

    Returns:
        texts with counts and names
    """
    odd: dict[str, list[str]] = {kind: [] for kind in KINDS}
    total = 0
    for file, kind in zip(files, kinds, strict=True):
        total += 1
        if kind:
            odd[kind].append(file)
    lines = []
    for kind, names in odd.items():
        if names:
            own = list(dict.fromkeys(names))
            some = ", ".join(own[:SHOWN])
            some += f", … and {len(own) - SHOWN} more" if own[SHOWN:] else ""
            has = agreed(len(names), "has", "have")
            lines.append(
                f"{len(names)} of {count(total, 'row')} of audio {has} {KINDS[kind]} ({some})"
            )
    return lines
