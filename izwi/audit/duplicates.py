"""Near-duplicates: one recording that was resampled, amplified, trimmed or coded again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from izwi.features.fingerprint import ANCHORS, SIZE

# Pictures of one moment are at most so far apart, in dB; those of different takes of a sentence
# by one speaker are seldom less than 1. In a word so short that it has one anchor alone, takes are
# more alike, and there is nothing else to go by.
NEAR = 0.7
NEAR_ALONE = 0.25
# Anchors that must agree, and by how much their distances in time may differ, in seconds.
AGREEING = 2
JITTER = 0.005
# Coordinates in which near pictures are looked for before they are compared as a whole.
SEARCHED = 6


def pairs(prints: pd.DataFrame) -> np.ndarray:
    """Rows that are one recording.

    Two are where two of their anchors have near pictures and are as far apart in time in the one
    as in the other; of a recording with one anchor, its picture must be nearer.

    Args:
        prints: fingerprints, a row for each recording

    Returns:
        positions of the first and the second, ascending, shape (pairs, 2)
    """
    from scipy.spatial import cKDTree

    times = prints[[f"time_{anchor}" for anchor in range(ANCHORS)]].to_numpy(float)
    columns = [f"anchor_{anchor}_{i}" for anchor in range(ANCHORS) for i in range(SIZE)]
    pictures = prints[columns].to_numpy(float).reshape(-1, ANCHORS, SIZE)
    rows, anchors = np.nonzero(~np.isnan(times))
    if len(np.unique(rows)) < 2:
        return np.empty((0, 2), dtype=int)
    times, pictures = times[rows, anchors], pictures[rows, anchors]
    telling = np.sort(np.argsort(-pictures.var(axis=0), kind="stable")[:SEARCHED])
    tree = cKDTree(pictures[:, telling], balanced_tree=False)
    first, second = tree.query_pairs(NEAR, output_type="ndarray").T
    # A query may give either order.
    first, second = np.minimum(first, second), np.maximum(first, second)
    other = rows[first] != rows[second]
    first, second = first[other], second[other]
    distance = np.linalg.norm(pictures[first] - pictures[second], axis=1)
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
