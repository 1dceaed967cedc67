"""Near-duplicates: one recording that was resampled, amplified, trimmed or coded again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from izwi.audit import neighbours
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
# Candidates that are compared as a whole, and pairs that are found: more take too long, and too
# much memory.
MOST = 50_000_000
MOST_PAIRS = 10_000_000
# Pictures that are compared at once.
COMPARED = 2**15

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

        number = sum(pq.read_metadata(path).num_rows for path in paths)
        # Filled in place: to join parts would take twice the memory.
        found = cls(np.empty((number, ANCHORS)), np.empty((number, ANCHORS, SIZE), dtype=np.int16))
        begin = 0
        for path in paths:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(2**14, columns=[*TIMES, *PICTURES]):
                    part = cls.of(batch.to_pandas())
                    end = begin + len(part.times)
                    found.times[begin:end], found.pictures[begin:end] = part.times, part.pictures
                    begin = end
        return found

    def take(self, rows: np.ndarray) -> Prints:
        """Those of some rows, ascending; the same where it is all of them."""
        if len(rows) == len(self.times):
            return self
        return Prints(self.times[rows], self.pictures[rows])


@dataclass(frozen=True)
class _Moments:
    """Different moments of all files; overlapping windows have some in common.

    Args:
        row: that shows each, shape (moments,)
        anchor: of that row
        file: number of its file
        place: in its file, in units of ``SAME``
        of: moment of each anchor of each row, in the order of their times, -1 for missing ones,
            shape (rows, ``ANCHORS``)
        times: of these anchors in their row, in seconds
    """

    row: np.ndarray
    anchor: np.ndarray
    file: np.ndarray
    place: np.ndarray
    of: np.ndarray
    times: np.ndarray

    @classmethod
    def among(cls, prints: Prints, files: np.ndarray, starts: np.ndarray) -> _Moments:
        """Those of some fingerprints."""
        rows, anchors = np.nonzero(~np.isnan(prints.times))
        place = np.rint((starts[rows] + prints.times[rows, anchors]) / SAME).astype(np.int64)
        file = files[rows]
        order = np.lexsort((place, file))
        new = np.ones(len(order), bool)
        new[1:] = (np.diff(file[order]) != 0) | (np.diff(place[order]) != 0)
        moment = np.empty(len(order), np.int32)
        moment[order] = np.cumsum(new) - 1
        first = order[new]
        of = np.full(prints.times.shape, -1, np.int32)
        of[rows, anchors] = moment
        by_time = np.argsort(prints.times, axis=1, kind="stable")
        return cls(
            rows[first].astype(np.int32),
            anchors[first].astype(np.int8),
            file[first],
            place[first],
            np.take_along_axis(of, by_time, axis=1),
            np.take_along_axis(prints.times, by_time, axis=1),
        )

    def pictures(self, prints: Prints, some: np.ndarray | slice) -> np.ndarray:
        """Pictures of some moments, int16, shape (moments, ``SIZE``)."""
        return prints.pictures[self.row[some], self.anchor[some]]


@dataclass(frozen=True)
class _Doublets:
    """Different pairs of moments that one row shows.

    Args:
        first: moment of each
        second: that follows it
        gap: time between them, in units of ``SAME``, ascending
        begin: of the rows of each, and the end of those of the last
        rows: that show them, those of a doublet one after the other
        ranks: which of the anchors of these rows they are, shape (2, rows)
    """

    first: np.ndarray
    second: np.ndarray
    gap: np.ndarray
    begin: np.ndarray
    rows: np.ndarray
    ranks: np.ndarray

    @classmethod
    def among(cls, moments: _Moments) -> _Doublets:
        """All of some rows."""
        parts = []
        for i, j in combinations(range(moments.of.shape[1]), 2):
            rows = np.flatnonzero(moments.of[:, j] >= 0).astype(np.int32)
            rank = np.broadcast_to(np.array([[i], [j]], np.int8), (2, len(rows)))
            parts.append((moments.of[rows, i], moments.of[rows, j], rows, rank))
        first, second, rows = (np.concatenate([part[k] for part in parts]) for k in range(3))
        ranks = np.concatenate([part[3] for part in parts], axis=1)
        gap = (moments.place[second] - moments.place[first]).astype(np.int32)
        order = np.lexsort((rows, second, first, gap))
        first, second, gap = first[order], second[order], gap[order]
        new = np.ones(len(order), bool)
        new[1:] = (np.diff(first) != 0) | (np.diff(second) != 0)
        begin = np.append(np.flatnonzero(new), len(order))
        return cls(first[new], second[new], gap[new], begin, rows[order], ranks[:, order])


def pairs(
    prints: Prints, files: np.ndarray | None = None, starts: np.ndarray | None = None
) -> np.ndarray | None:
    """Rows that are one recording.

    Two are where two of their anchors have near pictures and are as far apart in time in the one
    as in the other; of a recording with one anchor, its picture must be nearer. Rows of one file
    are no pairs: their times tell what they have in common.

    Two anchors at once, with the time between them, are looked for in the whole: of single
    anchors very many are near by chance.

    Args:
        prints: of each row
        files: a number for the file of each row; default: each row is a file
        starts: of each row in its file, in seconds; default: 0

    Returns:
        positions of the first and the second, ascending, shape (pairs, 2); None where so many are
        alike that they cannot be compared
    """
    files = np.arange(len(prints.times)) if files is None else files
    starts = np.zeros(len(prints.times)) if starts is None else starts
    moments = _Moments.among(prints, files, starts)
    if not len(moments.file) or (moments.file == moments.file[0]).all():
        return np.empty((0, 2), dtype=int)
    found = _Found(len(prints.times))
    try:
        seen = neighbours.projected(partial(moments.pictures, prints), len(moments.row)) * STEP
        _of_two(prints, moments, seen, found)
        _of_one(prints, moments, seen, found)
        return found.pairs()
    except neighbours.TooMany:
        return None


class _Found:
    """Pairs of rows, each once.

    Args:
        rows: number of all
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.keys: list[np.ndarray] = [np.empty(0, np.int64)]
        self.held = 0

    def add(self, one: np.ndarray, two: np.ndarray) -> None:
        """Add pairs in any order."""
        low, high = np.minimum(one, two).astype(np.int64), np.maximum(one, two)
        self.keys.append(np.unique(low * self.rows + high))
        self.held += len(self.keys[-1])
        if self.held > 2 * MOST_PAIRS:
            self._join()

    def _join(self) -> None:
        self.keys = [np.unique(np.concatenate(self.keys))]
        self.held = len(self.keys[0])
        if self.held > MOST_PAIRS:
            raise neighbours.TooMany

    def pairs(self) -> np.ndarray:
        """All of them, ascending, shape (pairs, 2)."""
        self._join()
        return np.stack(np.divmod(self.keys[0], self.rows), axis=1)


def _distance(prints: Prints, moments: _Moments, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Of moments, in dB."""
    found = np.empty(len(one))
    for begin in range(0, len(one), COMPARED):
        some = slice(begin, begin + COMPARED)
        a, b = moments.pictures(prints, one[some]), moments.pictures(prints, two[some])
        found[some] = ((a.astype(np.float32) - b) ** 2).sum(axis=1, dtype=np.float64)
    return np.sqrt(found) * STEP


def _of_two(prints: Prints, moments: _Moments, seen: np.ndarray, found: _Found) -> None:
    """Rows with two anchors that are near, as far apart in the one as in the other.

    Raises:
        TooMany: where too many are alike
    """
    doublets = _Doublets.among(moments)
    first, second = doublets.first, doublets.second
    # The places of four anchors are rounded.
    reach = round(JITTER / SAME) + 2

    def both(begin: int, end: int) -> np.ndarray:
        return np.hstack([seen[first[begin:end]], seen[second[begin:end]]])

    candidates = hits = 0
    for one, two in neighbours.pairs(both, doublets.gap, reach, NEAR):
        candidates += len(one)
        apart = moments.file[first[one]] != moments.file[first[two]]
        one, two = one[apart], two[apart]
        for which in (first, second):
            near = _distance(prints, moments, which[one], which[two]) <= NEAR
            one, two = one[near], two[near]
        for own, other in _expanded(doublets.begin, one, two):
            hits += len(own)
            a, b = doublets.rows[own], doublets.rows[other]
            shift = [
                moments.times[a, doublets.ranks[k, own]]
                - moments.times[b, doublets.ranks[k, other]]
                for k in (0, 1)
            ]
            right = np.abs(shift[0] - shift[1]) <= JITTER
            found.add(a[right], b[right])
        if candidates + hits > MOST:
            raise neighbours.TooMany


def _of_one(prints: Prints, moments: _Moments, seen: np.ndarray, found: _Found) -> None:
    """Rows of which one has one anchor alone, which must be nearer.

    Raises:
        TooMany: where too many are alike
    """
    number = (moments.of >= 0).sum(axis=1)
    alone = np.unique(moments.of[number == 1, 0])
    if not len(alone):
        return
    is_alone = np.zeros(len(moments.row), bool)
    is_alone[alone] = True
    rows, ranks = np.nonzero(moments.of >= 0)
    order = np.argsort(moments.of[rows, ranks], kind="stable")
    begin = np.searchsorted(moments.of[rows, ranks][order], np.arange(len(moments.row) + 1))
    rows = rows[order]
    candidates = hits = 0
    for one, two in neighbours.around(seen, alone, NEAR_ALONE):
        candidates += len(one)
        # Of two that are alone each finds the other.
        apart = (moments.file[one] != moments.file[two]) & ~(is_alone[two] & (two < one))
        one, two = one[apart], two[apart]
        near = _distance(prints, moments, one, two) <= NEAR_ALONE
        for own, other in _expanded(begin, one[near], two[near]):
            hits += len(own)
            a, b = rows[own], rows[other]
            right = np.minimum(number[a], number[b]) == 1
            found.add(a[right], b[right])
        if candidates + hits > MOST:
            raise neighbours.TooMany


def _expanded(
    begin: np.ndarray, one: np.ndarray, two: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every row of the first of two things with every row of the second, some at a time.

    Args:
        begin: of the rows of each thing, and the end of those of the last
        one: the first of each pair
        two: the second
    """
    across, along = (begin[which + 1] - begin[which] for which in (one, two))
    total = np.cumsum(across * along)
    if len(total) and total[-1] > MOST:
        raise neighbours.TooMany
    at = 0
    while at < len(one):
        done = total[at - 1] if at else 0
        end = max(at + 1, int(np.searchsorted(total, done + neighbours.HELD, side="right")))
        size = (across * along)[at:end]
        which = at + np.repeat(np.arange(end - at), size)
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        down, right = np.divmod(within, along[which])
        yield begin[one[which]] + down, begin[two[which]] + right
        at = end
