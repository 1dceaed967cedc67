"""Who speaks, without labels: recordings grouped by their speaker embeddings."""

from __future__ import annotations

import numpy as np

# More groups than this are not looked for, unless their number is given.
MOST = 60
# Recordings that decide the number of groups: of all pairs the distance is kept.
MOST_ROWS = 5000


def groups(embeddings: np.ndarray, number: int | None = None) -> np.ndarray:
    """Divide recordings into groups of alike embeddings.

    Agglomerative clustering by Ward's criterion of embeddings of length 1, of which all
    numbers of groups follow from one tree. The number is that with the largest mean silhouette by
    cosine distance (Rousseeuw, 1987) if none is given.

    Args:
        embeddings: shape (recordings, features)
        number: of groups

    Returns:
        shape (recordings,): numbers from 0 in the order in which groups first occur
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist, squareform

    count = len(embeddings)
    if count < 3 or number == 1:
        return np.zeros(count, dtype=int)
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    tree = linkage(embeddings / np.maximum(lengths, 1e-12), "ward")
    if number is not None:
        return _numbered(fcluster(tree, min(number, count), "maxclust"))
    some = np.unique(np.linspace(0, count - 1, min(count, MOST_ROWS)).astype(int))
    cosine = squareform(pdist(embeddings[some], "cosine"))
    best, value = np.zeros(count, dtype=int), -np.inf
    for tried in range(2, min(MOST, count - 1) + 1):
        found = fcluster(tree, tried, "maxclust")
        own = silhouette(cosine, found[some])
        if own > value:
            best, value = found, own
    return _numbered(best)


def silhouette(distance: np.ndarray, found: np.ndarray) -> float:
    """Mean silhouette of groups; rows that are alone in theirs count 0.

    Args:
        distance: shape (rows, rows)
        found: group of each row
    """
    codes = np.unique(found, return_inverse=True)[1]
    sizes = np.bincount(codes)
    if len(sizes) < 2:
        return -1.0
    sums = np.stack([distance[:, codes == code].sum(axis=1) for code in range(len(sizes))], axis=1)
    rows = np.arange(len(codes))
    own = sums[rows, codes] / np.maximum(sizes[codes] - 1, 1)
    means = sums / sizes
    means[rows, codes] = np.inf
    other = means.min(axis=1)
    values = (other - own) / np.maximum(np.maximum(own, other), 1e-12)
    return float(np.where(sizes[codes] > 1, values, 0.0).mean())


def _numbered(found: np.ndarray) -> np.ndarray:
    """Groups by numbers in the order in which they occur."""
    _, first, codes = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[codes]
