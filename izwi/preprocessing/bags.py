"""Bags of audio words: which words of a codebook the frames of a recording are nearest to.

After Schmitt and Schuller, "openXBOW" (JMLR 18, 2017), with the calls that nkululeko makes of it.
The codebook is made of frames of the training rows alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from izwi.errors import UserError
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np

# Columns of frames are called after this, the descriptor and the frame.
CELL_NAME = "xbow"
CELL = re.compile(rf"(?:{CELL_NAME}\.)?{CELL_NAME}_(\d+)_(\d+)")
WORD = "xbow_word_"
CODEBOOKS = ("random++", "random", "kmeans++")
# Frames that a codebook is made of at most, drawn at random.
MOST_FRAMES = 50_000


class BagSpec(TypedDict):
    """How bags are made.

    Attributes:
        size: number of words
        assignments: number of nearest words that each frame counts for
        codebook: one of :data:`CODEBOOKS`
        seed: of the codebook
    """

    size: int
    assignments: int
    codebook: str
    seed: int


def has_frames(names: Sequence[str]) -> bool:
    """Whether there are frames to make bags of."""
    return any(CELL.fullmatch(name) for name in names)


class Bags:
    """Replaces the frames among some features by a bag of words, behind the other features.

    A frame is standardised by the mean and standard deviation of all frames of the training rows.
    It counts for its ``assignments`` nearest words, by Euclidean distance. A feature is
    log10(1 + n), n the number of frames that count for its word.

    Words are frames of the training rows, standardised: ``random`` draws them; ``random++``, as
    openXBOW does by default, draws each the rather the farther it is from those that are there
    (Arthur and Vassilvitskii 2007); ``kmeans++`` goes on from those with k-means.

    Args:
        names: of the features that come in
        fitted: ``mean`` and ``sd``, shape (descriptors,), and ``words``, shape (words,
            descriptors), by which a stored codebook goes on
        spec: how
    """

    def __init__(self, names: Sequence[str], spec: BagSpec, fitted: dict[str, Any] | None = None):
        self.incoming = list(names)
        cells = [CELL.fullmatch(name) for name in names]
        self.frames = [i for i, cell in enumerate(cells) if cell]
        self.others = [i for i, cell in enumerate(cells) if not cell]
        self.descriptors = 1 + max(int(cell[1]) for cell in cells if cell)
        self.spec = spec
        self.names = [names[i] for i in self.others]
        self.names += [f"{WORD}{i}" for i in range(spec["size"])]
        self.fitted: dict[str, Any] = fitted or {}

    def fit(self, X: np.ndarray) -> Bags:
        """Make the codebook.

        Args:
            X: training rows, shape (rows, features)

        Returns:
            itself

        Raises:
            UserError: if they have fewer frames than the codebook has words
        """
        import numpy as np

        size, rng = self.spec["size"], np.random.default_rng(self.spec["seed"])
        lengths, total, squares = [], np.zeros(self.descriptors), np.zeros(self.descriptors)
        for frames in self._of_rows(X):
            lengths.append(len(frames))
            total += frames.sum(axis=0)
        n = sum(lengths)
        if n < size:
            raise UserError(
                f"[FEATS] xbow.size: {count(size, 'word')} need as many frames, and the training "
                f"samples have {n}"
            )
        mean = total / n
        for frames in self._of_rows(X):
            squares += ((frames - mean) ** 2).sum(axis=0)
        sd = np.sqrt(squares / n)
        sd[sd == 0] = 1
        chosen = np.sort(rng.permutation(n)[: max(size, MOST_FRAMES)])
        drawn, first = [], 0
        for frames, length in zip(self._of_rows(X), lengths, strict=True):
            here = chosen[(chosen >= first) & (chosen < first + length)] - first
            drawn.append((frames[here] - mean) / sd)
            first += length
        words = self._words(np.concatenate(drawn))
        self.fitted = {"mean": mean, "sd": sd, "words": words}
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """The other features, and the bags behind them; shape (rows, names)."""
        import numpy as np

        mean, sd, words = (self.fitted[name] for name in ("mean", "sd", "words"))
        length, size = (words**2).sum(axis=1), len(words)
        nearest = min(self.spec["assignments"], size)
        bags = np.zeros((len(X), size))
        for bag, frames in zip(bags, self._of_rows(X), strict=True):
            distances = length - 2 * ((frames - mean) / sd) @ words.T
            near = np.argpartition(distances, nearest - 1, axis=1)[:, :nearest]
            bag[:] = np.log10(1 + np.bincount(near.ravel(), minlength=size))
        return np.concatenate([X[:, self.others], bags], axis=1)

    def _of_rows(self, X: np.ndarray) -> Iterator[np.ndarray]:
        """The frames of each row, shape (frames, descriptors)."""
        import numpy as np

        for row in X:
            cells = row[self.frames].reshape(self.descriptors, -1).T
            yield cells[~np.isnan(cells).any(axis=1)]

    def _words(self, frames: np.ndarray) -> np.ndarray:
        """A codebook of some frames, shape (size, descriptors)."""
        import numpy as np

        size, seed = self.spec["size"], self.spec["seed"]
        if self.spec["codebook"] == "random":
            return frames[np.random.default_rng(seed).permutation(len(frames))[:size]]
        from sklearn.cluster import KMeans, kmeans_plusplus

        from izwi.models.base import one_thread

        words, _ = kmeans_plusplus(frames, size, random_state=seed, n_local_trials=1)
        if self.spec["codebook"] == "kmeans++":
            with one_thread():
                found = KMeans(size, init=words, n_init=1, random_state=seed).fit(frames)
            return found.cluster_centers_
        return words
