"""The parts of a split and its folds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

PARTS = ("train", "dev", "test")
# Of rows in folds, each of which is trained and tested on.
FOLD = "fold"


def shown(split: pd.DataFrame) -> pd.Series:
    """The part of each row: `PARTS`, `FOLD` for rows in folds, empty for unused ones."""
    return split["part"].mask(split["fold"] > 0, FOLD)


def folds(split: pd.DataFrame) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """The folds of a split, one (number 0) for hold-out.

    Yields:
        number, and the row numbers of train, dev and test, ascending int arrays
    """
    fold = split["fold"].to_numpy()
    if not fold.any():
        part = split["part"].to_numpy()
        train, dev, test = (np.flatnonzero(part == name) for name in PARTS)
        yield 0, train, dev, test
        return
    dev_folds = split["dev_folds"].str.split(",")
    for number in range(1, int(fold.max()) + 1):
        dev = dev_folds.map(lambda names, n=str(number): n in names).to_numpy(dtype=bool)
        test = fold == number
        yield (
            number,
            np.flatnonzero((fold > 0) & ~test & ~dev),
            np.flatnonzero(dev),
            np.flatnonzero(test),
        )
