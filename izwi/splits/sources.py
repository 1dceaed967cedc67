"""Rows of one recording stay together: its segments, and augmented copies of it.

Folds and parts within the training rows go by speakers where these are known. Where they are not,
they must still not part rows of one recording, or a model is tested on what it was fitted on.
Speakers who share recordings, as in a dialogue, go together if that leaves folds to make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    Pairs = list[tuple[np.ndarray, np.ndarray]]


def recordings(frame: pd.DataFrame) -> np.ndarray | None:
    """The recording that each row comes from, as a number in the order of their first rows.

    Args:
        frame: rows of a split, with the columns ``file`` and, of several databases, ``database``

    Returns:
        shape (rows,); None if each row is the only one of its recording
    """
    if "file" not in frame:
        return None
    names = [frame[name] for name in ("database", "file") if name in frame]
    numbers = pd.MultiIndex.from_arrays(names).factorize()[0]
    return together(numbers)


def together(sources: np.ndarray | None) -> np.ndarray | None:
    """Sources of rows, renumbered; None if no two rows share one.

    Args:
        sources: number of what each row comes from, shape (rows,), or None
    """
    if sources is None:
        return None
    codes, names = pd.factorize(sources)
    return codes if len(names) < len(codes) else None


def named(speakers: np.ndarray, sources: np.ndarray | None) -> np.ndarray:
    """Speakers, where rows of unknown speaker take one of their recording.

    So they go where the rest of the recording goes.

    Args:
        speakers: of each row as a code, -1 if unknown, shape (rows,)
        sources: as :func:`together` gives them

    Returns:
        shape (rows,); -1 where no speaker of the recording is known
    """
    if sources is None or (speakers >= 0).all():
        return speakers
    known = speakers >= 0
    lowest = np.full(sources.max() + 1, speakers.max() + 1)
    np.minimum.at(lowest, sources[known], speakers[known])
    lowest[lowest > speakers.max()] = -1
    return np.where(known, speakers, lowest[sources])


def joined(speakers: np.ndarray, sources: np.ndarray | None) -> np.ndarray:
    """Groups of speakers who share recordings, so that neither is parted.

    Args:
        speakers: of each row as a code, -1 if unknown, shape (rows,)
        sources: as :func:`together` gives them

    Returns:
        number of the group of each row, in the order of their lowest speakers, -1 if unknown,
        shape (rows,); the speakers themselves if no recording has two
    """
    if sources is None:
        return speakers
    known = speakers >= 0
    # Each pair once: there are fewer than rows.
    pairs = np.unique(np.stack([sources[known], speakers[known]]), axis=1)
    if len(np.unique(pairs[0])) == pairs.shape[1]:
        return speakers
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    number = int(speakers.max()) + 1
    size = number + int(sources.max()) + 1
    edges = coo_array((np.ones(pairs.shape[1]), (pairs[1], number + pairs[0])), (size, size))
    _, group = connected_components(edges, directed=False)
    group = pd.factorize(group[:number])[0]
    return np.where(known, group[speakers], -1)


def parted(sources: np.ndarray | None, sides: np.ndarray) -> np.ndarray:
    """Recordings that have rows on two sides.

    Args:
        sources: as :func:`together` gives them
        sides: fold or group of each row, shape (rows,)

    Returns:
        their numbers, ascending
    """
    if sources is None:
        return np.zeros(0, dtype=int)
    pairs = np.unique(np.stack([sources, sides]), axis=1)
    numbers, times = np.unique(pairs[0], return_counts=True)
    return numbers[times > 1]


def of_sources(strata: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Class of each source: of those of its rows the one that the fewest sources have.

    So a class that is always beside others is spread over the parts as well.

    Args:
        strata: class of each row as a code, shape (rows,)
        sources: number of the source of each row, 0 to n - 1, shape (rows,)

    Returns:
        shape (sources,)
    """
    there = np.zeros((sources.max() + 1, strata.max() + 1), dtype=bool)
    there[sources, strata] = True
    return np.where(there, there.sum(axis=0), len(there) + 1).argmin(axis=1)


def stratified_folds(
    strata: np.ndarray, sources: np.ndarray | None, number: int, *, seed: int | None = None
) -> Pairs:
    """Stratified folds that part no source; those of ``StratifiedKFold`` if each row is its own.

    There are fewer folds than asked for where a class would be missing in a training part.

    Args:
        strata: class of each row as a code, shape (rows,)
        sources: as in :func:`of_sources`, or None
        number: of folds, at most
        seed: of the shuffling; None to keep the order

    Returns:
        pairs of training and test positions; none if there are no two such folds
    """
    from sklearn.model_selection import StratifiedKFold

    own = strata if sources is None else of_sources(strata, sources)
    classes = len(np.unique(strata))
    counts = np.bincount(own)
    most = min(number, int(counts[counts > 0].min()))
    for n in range(most, 1, -1):
        splitter = StratifiedKFold(n, shuffle=seed is not None, random_state=seed)
        pairs = list(splitter.split(own, own))
        if sources is None:
            return pairs
        pairs = [
            (np.flatnonzero(np.isin(sources, train)), np.flatnonzero(np.isin(sources, test)))
            for train, test in pairs
        ]
        if all(len(np.unique(strata[train])) == classes for train, _ in pairs):
            return pairs
    return []
