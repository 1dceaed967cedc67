"""Near-duplicates: one recording that was resampled, amplified, trimmed or coded again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from izwi.features.fingerprint import ANCHORS, SIZE, STEP

# Largest distance (dB) of two pictures of one moment; different takes of a sentence by one
# speaker are seldom closer than 1. In a word so short that it has one anchor alone, takes are
# more alike, and there is nothing else to go by.
NEAR = 0.7
NEAR_ALONE = 0.25
# By how much the distances in time of two anchors may differ, in seconds.
JITTER = 0.005
# Windows of one file that have an anchor in common find it at the same time, in seconds.
SAME = 0.001
# Coordinates in which near pictures are looked for before they are compared as a whole: the more,
# the longer it takes, and the fewer are left. More than so many take too long.
SEARCHED = (6, 9, 14)
MOST = 200_000_000
# Moments that are searched for at once, and the candidates that are held.
MOMENTS = 2**15
HELD = 2**21
# Rows whose pictures decide which coordinates tell most.
SAMPLE = 50_000

TIMES = [f"time_{anchor}" for anchor in range(ANCHORS)]
PICTURES = [f"anchor_{anchor}_{i}" for anchor in range(ANCHORS) for i in range(SIZE)]


@dataclass(frozen=True)
class Prints:
    """Anchors of all recordings, in as little memory as possible.

    Args:
        times: of the anchors in seconds, NaN for missing ones, shape (rows, ``ANCHORS``)
        pictures: in units of ``STEP`` dB, int16, shape (rows, ``ANCHORS``, ``SIZE``)
    """

    times: np.ndarray
    pictures: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Prints:
        """From fingerprints, a row for each recording."""
        pictures = np.rint(np.nan_to_num(frame[PICTURES].to_numpy(np.float32)) / STEP)
        shape = (len(frame), ANCHORS, SIZE)
        return cls(frame[TIMES].to_numpy(float), pictures.astype(np.int16).reshape(shape))

    @classmethod
    def read(cls, paths: Sequence[str | Path]) -> Prints:
        """From matrices of fingerprints, of which a part is in memory at a time."""
        import pyarrow.parquet as pq

        parts = []
        for path in paths:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(2**14, columns=[*TIMES, *PICTURES]):
                    parts.append(cls.of(batch.to_pandas()))
        return cls(
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.pictures for part in parts]),
        )

    def take(self, rows: np.ndarray) -> Prints:
        """Those of some rows."""
        return Prints(self.times[rows], self.pictures[rows])


def pairs(
    prints: Prints, files: np.ndarray | None = None, starts: np.ndarray | None = None
) -> np.ndarray | None:
    """Rows that are one recording.

    Two are where two of their anchors have near pictures and are as far apart in time in the one
    as in the other; of a recording with one anchor, its picture must be nearer. Rows of one file
    are no pairs: their times tell what they have in common.

    Args:
        prints: of each row
        files: a number for the file of each row; default: each row is a file
        starts: of each row in its file, in seconds; default: 0

    Returns:
        positions of the first and the second, ascending, shape (pairs, 2); None where so many are
        alike that they cannot be compared
    """
    rows, anchors = np.nonzero(~np.isnan(prints.times))
    files = np.arange(len(prints.times)) if files is None else files
    starts = np.zeros(len(prints.times)) if starts is None else starts
    if len(np.unique(files[rows])) < 2:
        return np.empty((0, 2), dtype=int)
    times = prints.times[rows, anchors]
    # A moment is an anchor of one window or more.
    place = np.rint((starts[rows] + times) / SAME).astype(np.int64)
    order = np.lexsort((place, files[rows]))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(files[rows][order]) != 0) | (np.diff(place[order]) != 0)
    begin = np.flatnonzero(new)
    first = order[begin]
    pictures = prints.pictures[rows[first], anchors[first]]
    near = _near(pictures, files[rows[first]])
    if near is None:
        return None
    windows = np.diff(np.append(begin, len(order)))
    if (windows[near[0]] * windows[near[1]]).sum() > MOST:
        return None
    number = np.bincount(rows, minlength=len(prints.times))
    found = [np.empty((0, 2), dtype=int)]
    for some in _by_files(near, files[rows[first]], windows):
        a, b, distance = _anchors(near, some, begin, windows)
        found.append(_agreeing(rows, times, number, order[a], order[b], distance))
    together = np.concatenate(found)
    return together[np.lexsort((together[:, 1], together[:, 0]))]


def _near(
    pictures: np.ndarray, files: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Moments of two files whose pictures are near.

    Args:
        pictures: int16, shape (moments, ``SIZE``)
        files: number of the file of each moment

    Returns:
        the first, the second, their distance in dB; None where too many may be near
    """
    sample = pictures[:: max(1, len(pictures) // SAMPLE)].astype(np.float32)
    telling = np.argsort(-sample.var(axis=0), kind="stable")
    for searched in SEARCHED:
        total, found = 0, []
        for first, second in _candidates(pictures[:, np.sort(telling[:searched])] * STEP):
            total += len(first)
            if total > MOST:
                break
            apart = files[first] != files[second]
            first, second = first[apart], second[apart]
            for begin in range(0, len(first), MOMENTS):
                one, two = first[begin : begin + MOMENTS], second[begin : begin + MOMENTS]
                difference = pictures[one].astype(np.float32) - pictures[two]
                distance = np.sqrt((difference**2).sum(axis=1, dtype=np.float64)) * STEP
                near = distance <= NEAR
                found.append((one[near], two[near], distance[near]))
        else:
            if not found:
                return np.empty(0, int), np.empty(0, int), np.empty(0)
            one, two, distance = (np.concatenate(part) for part in zip(*found, strict=True))
            return one, two, distance
    return None


def _candidates(points: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of points that may be near, the first before the second, some at a time."""
    from scipy.spatial import cKDTree

    tree = cKDTree(points, balanced_tree=False)
    parts = [(begin, begin + MOMENTS) for begin in range(0, len(points), MOMENTS)][::-1]
    while parts:
        begin, end = parts.pop()
        own = cKDTree(points[begin:end], balanced_tree=False)
        if end - begin > 1 and own.count_neighbors(tree, NEAR) > HELD:
            middle = (begin + min(end, len(points))) // 2
            parts += [(middle, end), (begin, middle)]
            continue
        found = own.sparse_distance_matrix(tree, NEAR, output_type="ndarray")
        first, second = found["i"] + begin, found["j"]
        later = second > first
        yield first[later], second[later]


def _by_files(
    near: tuple[np.ndarray, np.ndarray, np.ndarray], files: np.ndarray, windows: np.ndarray
) -> Iterator[np.ndarray]:
    """Positions of near moments, those of the same two files together, some pairs at a time."""
    one, two, _ = near
    order = np.lexsort((files[two], files[one]))
    # Pairs of rows up to each.
    total = np.cumsum((windows[one] * windows[two])[order])
    change = (np.diff(files[one][order]) != 0) | (np.diff(files[two][order]) != 0)
    ends = np.append(np.flatnonzero(change) + 1, len(order))
    begin = done = 0
    for end, following in zip(ends, np.append(ends[1:], 0), strict=True):
        if not following or total[following - 1] - done > HELD:
            if end > begin:
                yield order[begin:end]
            begin, done = end, total[end - 1] if end else 0


def _anchors(
    near: tuple[np.ndarray, np.ndarray, np.ndarray],
    some: np.ndarray,
    begin: np.ndarray,
    windows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every anchor of the first moments with every one of the second, and their distance."""
    one, two, distance = (part[some] for part in near)
    size = windows[one] * windows[two]
    which = np.repeat(np.arange(len(some)), size)
    within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    across, along = np.divmod(within, windows[two][which])
    return begin[one][which] + across, begin[two][which] + along, distance[which]


def _agreeing(
    rows: np.ndarray,
    times: np.ndarray,
    number: np.ndarray,
    one: np.ndarray,
    two: np.ndarray,
    distance: np.ndarray,
) -> np.ndarray:
    """Rows of which enough anchors are near, shape (pairs, 2), each pair once."""
    swap = rows[one] > rows[two]
    one, two = np.where(swap, two, one), np.where(swap, one, two)
    a, b, shift = rows[one], rows[two], times[one] - times[two]
    order = np.lexsort((shift, b, a))
    a, b, shift, distance = a[order], b[order], shift[order], distance[order]
    chosen = (np.minimum(number[a], number[b]) == 1) & (distance <= NEAR_ALONE)
    chosen[1:] |= (np.diff(a) == 0) & (np.diff(b) == 0) & (np.diff(shift) <= JITTER)
    return np.unique(np.stack([a[chosen], b[chosen]], axis=1), axis=0)
