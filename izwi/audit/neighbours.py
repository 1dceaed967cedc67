"""Near points among very many, with bounded memory: products of matrices, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Pairs = tuple[np.ndarray, np.ndarray]

# Directions of which distances are made, and those by which blocks are told apart.
SEARCHED, TOLD = 8, 3
# Points that are divided into blocks at once, those of a block, and pairs of points at once.
POINTS = 2**18
BLOCK = 512
HELD = 2**21
# Points that decide which directions tell most, and points that are projected at once.
SAMPLE = 50_000
SOME = 2**15
# For the rounding of float32.
SLACK = 0.01


class TooMany(Exception):
    """So many are near that they cannot be compared."""


@dataclass(frozen=True)
class Points:
    """Some points.

    Args:
        place: of each among all
        told: coordinates by which they are told apart, shape (points, few)
        seen: coordinates of which distances are made, shape (points, many), float32
    """

    place: np.ndarray
    told: np.ndarray
    seen: np.ndarray


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
    points: Callable[[int, int], Points], keys: np.ndarray, reach: np.ndarray, radius: float
) -> Iterator[Pairs]:
    """Pairs of points that may be near, some at a time.

    Args:
        points: those from a position on, up to another
        keys: of all points, ascending: the first of the coordinates that tell
        reach: by how much each coordinate that tells may differ
        radius: largest distance of what is seen

    Yields:
        positions of the two, in any order, each pair once
    """
    for begin in range(0, len(keys), POINTS):
        end = min(begin + POINTS, len(keys))
        own = _blocks(points(begin, end), reach)
        yield from _between(own, own, reach, radius, same=True)
        last = int(np.searchsorted(keys, keys[end - 1] + reach[0], side="right"))
        for first in range(end, last, POINTS):
            others = _blocks(points(first, min(first + POINTS, last)), reach)
            yield from _between(own, others, reach, radius)


def around(seen: np.ndarray, some: np.ndarray, radius: float) -> Iterator[Pairs]:
    """Pairs of some points with any that may be near, some at a time.

    Args:
        seen: coordinates of all, shape (points, directions)
        some: positions of those whose neighbours are wanted
        radius: largest distance

    Yields:
        positions of one of some, and of another or the same
    """

    def points(which: np.ndarray) -> Points:
        return Points(which, seen[which, :TOLD], seen[which])

    reach = np.full(min(TOLD, seen.shape[1]), radius)
    order = np.argsort(seen[:, 0], kind="stable")
    some = some[np.argsort(seen[some, 0], kind="stable")]
    for begin in range(0, len(some), POINTS):
        chosen = some[begin : begin + POINTS]
        own = _blocks(points(chosen), reach)
        low, high = seen[chosen[0], 0] - radius - SLACK, seen[chosen[-1], 0] + radius + SLACK
        first = int(np.searchsorted(seen[order, 0], low))
        last = int(np.searchsorted(seen[order, 0], high, side="right"))
        for at in range(first, last, POINTS):
            others = _blocks(points(order[at : min(at + POINTS, last)]), reach)
            yield from _between(own, others, reach, radius)


@dataclass(frozen=True)
class _Blocks:
    """Points in an order in which those of a block follow each other.

    Args:
        points: in this order
        begin: of each block, and the end of the last
        low: least of each coordinate that tells, shape (blocks, few)
        high: largest
    """

    points: Points
    begin: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _blocks(points: Points, reach: np.ndarray) -> _Blocks:
    """Halves of halves, each cut where it is widest."""
    told = (points.told / reach).astype(np.float32)
    parts, waiting = [], [np.arange(len(told))]
    while waiting:
        part = waiting.pop()
        if len(part) <= BLOCK:
            parts.append(part)
            continue
        widest = int(np.argmax(np.ptp(told[part], axis=0)))
        middle = len(part) // 2
        order = np.argpartition(told[part, widest], middle)
        waiting += [part[order[:middle]], part[order[middle:]]]
    order = np.concatenate(parts)
    begin = np.cumsum([0, *map(len, parts)])
    ordered = Points(points.place[order], points.told[order], points.seen[order])
    low = np.minimum.reduceat(ordered.told, begin[:-1], axis=0)
    high = np.maximum.reduceat(ordered.told, begin[:-1], axis=0)
    return _Blocks(ordered, begin, low, high)


def _between(
    own: _Blocks, others: _Blocks, reach: np.ndarray, radius: float, *, same: bool = False
) -> Iterator[Pairs]:
    """Pairs of near points of two sets of blocks; of one set each pair once."""
    most = radius**2 + SLACK
    size = (own.points.seen**2).sum(axis=1), (others.points.seen**2).sum(axis=1)
    reach = reach + SLACK
    for block in range(len(own.begin) - 1):
        low, high = own.low[block] - reach, own.high[block] + reach
        first = block if same else 0
        close = (others.low[first:] <= high) & (others.high[first:] >= low)
        near = np.flatnonzero(close.all(axis=1)) + first
        if not len(near):
            continue
        there = np.concatenate([np.arange(others.begin[b], others.begin[b + 1]) for b in near])
        told = others.points.told[there]
        there = there[((told >= low) & (told <= high)).all(axis=1)]
        here = slice(own.begin[block], own.begin[block + 1])
        # |x - y|² as one product: x · (-2 y) + |x|² + |y|²
        left = np.column_stack(
            [own.points.seen[here], size[0][here], np.ones(here.stop - here.start, np.float32)]
        )
        for at in range(0, len(there), HELD // BLOCK):
            which = there[at : at + HELD // BLOCK]
            right = np.column_stack(
                [-2 * others.points.seen[which], np.ones(len(which), np.float32), size[1][which]]
            )
            i, j = np.nonzero(left @ right.T <= most)
            i, j = i + here.start, which[j]
            if same:
                # Blocks behind this one come with it, not again in their own turn.
                once = j > i
                i, j = i[once], j[once]
            yield own.points.place[i], others.points.place[j]
