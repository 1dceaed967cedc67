"""Near-duplicates: one recording that was resampled, amplified, trimmed or coded again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from izwi.features.fingerprint import ANCHORS, SIZE

# Largest distance (dB) of two pictures of one moment; different takes of a sentence by one
# speaker are seldom closer than 1. In a word so short that it has one anchor alone, takes are
# more alike, and there is nothing else to go by.
NEAR = 0.7
NEAR_ALONE = 0.25
# Anchors that must agree, and by how much their distances in time may differ, in seconds.
AGREEING = 2
JITTER = 0.005
# Coordinates in which near pictures are looked for before they are compared as a whole: the more,
# the longer it takes, and the fewer are left. More than so many need too much memory.
SEARCHED = (6, 9, 14, SIZE)
MOST = 20_000_000
# Pairs whose pictures are held at once.
BLOCK = 2**16


def pairs(prints: pd.DataFrame) -> np.ndarray | None:
    """Rows that are one recording.

    Two are where two of their anchors have near pictures and are as far apart in time in the one
    as in the other; of a recording with one anchor, its picture must be nearer.

    Args:
        prints: fingerprints, a row for each recording

    Returns:
        positions of the first and the second, ascending, shape (pairs, 2); None where so many are
        alike that they cannot be compared
    """
    times = prints[[f"time_{anchor}" for anchor in range(ANCHORS)]].to_numpy(float)
    columns = [f"anchor_{anchor}_{i}" for anchor in range(ANCHORS) for i in range(SIZE)]
    pictures = prints[columns].to_numpy(float).reshape(-1, ANCHORS, SIZE)
    rows, anchors = np.nonzero(~np.isnan(times))
    if len(np.unique(rows)) < 2:
        return np.empty((0, 2), dtype=int)
    times, pictures = times[rows, anchors], pictures[rows, anchors]
    candidates = _candidates(pictures)
    if candidates is None:
        return None
    first, second = candidates
    other = rows[first] != rows[second]
    first, second = first[other], second[other]
    distance = np.empty(len(first))
    for begin in range(0, len(first), BLOCK):
        part = slice(begin, begin + BLOCK)
        distance[part] = np.linalg.norm(pictures[first[part]] - pictures[second[part]], axis=1)
    near = distance <= NEAR
    number = np.bincount(rows, minlength=len(prints))
    found = pd.DataFrame(
        {
            "a": rows[first[near]],
            "b": rows[second[near]],
            "shift": times[first[near]] - times[second[near]],
            "distance": distance[near],
        }
    ).sort_values(["a", "b", "shift"], ignore_index=True)
    fewest = np.minimum(number[found["a"]], number[found["b"]])
    alone = (fewest == 1) & (found["distance"] <= NEAR_ALONE)
    same = found[["a", "b"]].eq(found[["a", "b"]].shift()).all(axis=1)
    agree = same & (found["shift"].diff() <= JITTER)
    chosen = found.loc[alone | agree, ["a", "b"]].drop_duplicates()
    return chosen.to_numpy(int)


def _candidates(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Pairs of pictures that may be near, the first before the second; None if too many."""
    from scipy.spatial import cKDTree

    telling = np.argsort(-pictures.var(axis=0), kind="stable")
    for searched in SEARCHED:
        tree = cKDTree(pictures[:, np.sort(telling[:searched])], balanced_tree=False)
        # Each pair counts twice, and each picture with itself.
        if (tree.count_neighbors(tree, NEAR) - len(pictures)) / 2 <= MOST:
            found = tree.query_pairs(NEAR, output_type="ndarray")
            # A query may give either order.
            return found.min(axis=1), found.max(axis=1)
    return None
