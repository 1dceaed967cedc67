"""Pairs of near points among very many, without comparing all with all.

Points are halved again and again, each time where they spread most. Each half keeps those others
that may be near one of it, which takes one comparison each: only the coordinate of the cut has
changed. Where few points are left, the others are compared with their box, then with each point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Pairs = tuple[np.ndarray, np.ndarray]

# Directions of which distances are made.
SEARCHED = 8
# Points that are searched at once, those of the smallest part, and pairs of points at once.
POINTS = 2**19
PART = 256
HELD = 2**21
# Points that decide which directions tell most, points that are projected at once, and points
# that decide where a part is cut.
SAMPLE = 50_000
SOME = 2**15
FEW = 64
# For the rounding of float32, of distances and of squared ones.
SLACK = 0.01


class TooMany(Exception):
    """So many are near that they cannot be compared."""


def projected(values: Callable[[slice], np.ndarray], number: int) -> np.ndarray:
    """Points along the orthonormal directions in which they differ most, around their mean.

    A distance along these is never longer than the whole.

    Args:
        values: some points, shape (points, size)
        number: of all points

    Returns:
        shape (number, directions), float32
    """
    sample = values(slice(None, None, max(1, number // SAMPLE))).astype(np.float64)
    spread = np.atleast_2d(np.cov(sample.T, bias=True))
    directions = np.linalg.eigh(spread)[1][:, ::-1][:, :SEARCHED].astype(np.float32)
    middle = sample.mean(axis=0).astype(np.float32) @ directions
    found = np.empty((number, directions.shape[1]), np.float32)
    for begin in range(0, number, SOME):
        some = slice(begin, begin + SOME)
        found[some] = values(some).astype(np.float32) @ directions - middle
    return found


def pairs(
    seen: Callable[[int, int], np.ndarray], keys: np.ndarray, reach: int, radius: float
) -> Iterator[Pairs]:
    """Pairs of points that may be near, some at a time.

    Args:
        seen: coordinates of the points from a position on, up to another, shape (points, sets of
            ``SEARCHED``), float32
        keys: a whole number for each point, ascending
        reach: by how much the keys of near points differ at most
        radius: largest distance in each of the sets

    Yields:
        positions of the two, in any order, each pair once
    """
    for begin in range(0, len(keys), POINTS):
        end = min(begin + POINTS, len(keys))
        last = int(np.searchsorted(keys, keys[end - 1] + reach, side="right"))
        for first in range(end, max(last, end + 1), POINTS):
            stop = min(first + POINTS, last)
            place = np.concatenate([np.arange(begin, end), np.arange(first, stop)])
            # Of a wide gap only that it is one matters, so that float32 is exact.
            steps = np.minimum(np.diff(keys[place], prepend=keys[begin]), reach + 1)
            whole = np.concatenate([seen(begin, end), seen(first, stop)])
            field = _Field.of(np.cumsum(steps), reach, whole / np.float32(radius))
            for one, two in field.near(end - begin, inner=first == end):
                yield place[one], place[two]


def around(seen: np.ndarray, some: np.ndarray, radius: float) -> Iterator[Pairs]:
    """Pairs of some points with any that may be near, some at a time.

    Args:
        seen: coordinates of all, shape (points, ``SEARCHED``)
        some: positions of those whose neighbours are wanted
        radius: largest distance

    Yields:
        positions of one of some, and of another or the same
    """
    order = np.argsort(seen[:, 0], kind="stable")
    some = some[np.argsort(seen[some, 0], kind="stable")]
    margin = radius * (1 + SLACK)
    for begin in range(0, len(some), POINTS):
        chosen = some[begin : begin + POINTS]
        low, high = seen[chosen[0], 0] - margin, seen[chosen[-1], 0] + margin
        first = int(np.searchsorted(seen[order, 0], low))
        last = int(np.searchsorted(seen[order, 0], high, side="right"))
        for at in range(first, last, POINTS):
            place = np.concatenate([chosen, order[at : min(at + POINTS, last)]])
            field = _Field.of(np.zeros(len(place)), 0, seen[place] / np.float32(radius))
            for one, two in field.near(len(chosen), inner=False):
                yield place[one], place[two]


@dataclass(frozen=True)
class _Field:
    """Points, near ones of which differ by 1 at most in each set of coordinates.

    Args:
        at: key, then sets of ``SEARCHED`` coordinates, shape (1 + coordinates, points)
        reach: by how much near points differ at most in each of them
        rows: the same of each point: coordinates, their squared length, 1
    """

    at: np.ndarray
    reach: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, key: np.ndarray, reach: int, seen: np.ndarray) -> _Field:
        """From a key of all points, whole numbers, and their coordinates."""
        rows = np.empty((len(seen), seen.shape[1] + 2), np.float32)
        rows[:, :-2] = seen
        np.einsum("ij,ij->i", seen, seen, out=rows[:, -2])
        rows[:, -1] = 1
        reaches = np.array([reach + 0.5, *[1 + SLACK] * seen.shape[1]], np.float32)
        return cls(np.vstack([key.astype(np.float32), seen.T]), reaches, rows)

    def near(self, number: int, *, inner: bool) -> Iterator[Pairs]:
        """Pairs of one of the first points with one of those behind.

        Args:
            number: of the first
            inner: whether pairs among the first are wanted, too
        """
        places = np.arange(self.at.shape[1], dtype=np.int32)
        waiting = [(places[:number], places[number:])]
        while waiting:
            own, others = waiting.pop()
            if not inner and not len(others):
                continue
            if len(own) <= PART:
                yield from self._compared(own, others, inner=inner)
                continue
            axis = self._widest(own)
            line = self.at[axis]
            middle = len(own) // 2
            order = np.argpartition(line[own], middle)
            left, right = own[order[:middle]], own[order[middle:]]
            top = line[left].max() + self.reach[axis]
            bottom = line[right].min() - self.reach[axis]
            there = line[others]
            waiting.append((right, others[there >= bottom]))
            others = others[there <= top]
            if inner:
                # Those of the right half come with the left one, not again in their own turn.
                others = np.concatenate([right[line[right] <= top], others])
            waiting.append((left, others))

    def _widest(self, own: np.ndarray) -> int:
        """The coordinate in which some points spread most."""
        few = self.at[:, own[:: -(-len(own) // FEW)]]
        return int(np.argmax(few.std(axis=1) / self.reach))

    def _compared(self, own: np.ndarray, others: np.ndarray, *, inner: bool) -> Iterator[Pairs]:
        """Near pairs of few points and those that may be near."""
        limit = np.float32((len(self.at) - 1) // SEARCHED + SLACK)
        left = self.rows[own]
        if inner:
            i, j = _few(np.triu(left @ self._turned(own).T <= limit, 1))
            if len(i):
                yield own[i], own[j]
        for begin in range(0, len(others), HELD // PART):
            which = others[begin : begin + HELD // PART]
            i, j = _few(left @ self._turned(which).T <= limit)
            if len(i):
                yield own[i], which[j]

    def _turned(self, some: np.ndarray) -> np.ndarray:
        """What makes squared distances as a product: |x - y|² = x · (-2 y) + |x|² + |y|²."""
        rows = self.rows[some]
        rows[:, :-2] *= -2
        rows[:, -2:] = rows[:, :-3:-1]
        return rows


def _few(true: np.ndarray) -> Pairs:
    """Where few of a matrix are true."""
    rows = np.flatnonzero(true.any(axis=1))
    i, j = np.nonzero(true[rows])
    return rows[i], j
